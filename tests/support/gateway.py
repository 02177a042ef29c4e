"""A gateway with something else at its edge: tables that answer what they are told, a log in a list. All else is the real one."""

from __future__ import annotations

import asyncio
import tempfile
import weakref
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from tests.support.examples import CODEC, ORDER, SHIPMENT
from weftline.contracts.codec import FRAMING, rank_of
from weftline.contracts.kinds import BY_CLASS
from weftline.contracts.partners import Partner, Role, Token, checked, new_token
from weftline.contracts.topics import partition_of
from weftline.contracts.webhooks import Secrets
from weftline.domain.alerts import Alert
from weftline.errors import DependencyDown
from weftline.gateway import answers
from weftline.gateway.app import Gateway, make_app
from weftline.gateway.door import Door
from weftline.gateway.log import Message
from weftline.gateway.outbox import At, Record
from weftline.gateway.positions import Places
from weftline.gateway.publishing import Publishing
from weftline.gateway.webhooks import Webhooks
from weftline.warehouse import mappings
from weftline.warehouse import partners as tables
from weftline.warehouse import webhooks as webhook_tables

NOW = 1_800_000_000_000
PARTITIONS = 8
KEY = "a key of these tests, which is long enough"

CENTER = checked(
    Partner(
        partner_id="center",
        role=Role.CENTER,
        sources=(ORDER.source,),
        centers=(ORDER.center_id,),
        cooperatives=(ORDER.cooperative_id,),
    )
)
OTHER_CENTER = checked(
    Partner(partner_id="other", role=Role.CENTER, sources=("urn:other",), centers=("o-1",), cooperatives=("other",))
)
FACTORY = checked(Partner(partner_id="factory", role=Role.FACTORY, factories=("f-1",)))
OFFICER = checked(Partner(partner_id="officer", role=Role.OFFICER, cooperatives=(ORDER.cooperative_id,)))
OPERATOR = checked(Partner(partner_id="operator", role=Role.OPERATOR))
ALL = (CENTER, OTHER_CENTER, FACTORY, OFFICER, OPERATOR)


@dataclass
class FakeTables:
    """Answers by what a statement reads; ``down`` is the dependency that is away."""

    partners: list[Partner] = field(default_factory=list)
    tokens: list[Token] = field(default_factory=list)
    records: list[tuple[Any, ...]] = field(default_factory=list)  # (kind, event, stored_at)
    facts: dict[str, tuple[int, str]] = field(default_factory=dict)  # by event id
    letters: dict[tuple[str, int, int], tuple[str, str, str]] = field(default_factory=dict)
    alerts: list[tuple[Any, ...]] = field(default_factory=list)
    notifications: list[tuple[Any, ...]] = field(default_factory=list)
    replies: list[tuple[Any, ...]] = field(default_factory=list)
    lots: list[tuple[str, bool]] = field(default_factory=list)
    deliveries: list[tuple[Any, ...]] = field(default_factory=list)
    down: bool = False
    asked: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    inserted: list[tuple[str, list[Any]]] = field(default_factory=list)

    async def rows(self, statement: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        await asyncio.sleep(0)
        if self.down:
            raise DependencyDown("clickhouse", "secret-host:8123 refused")
        asked = parameters or {}
        self.asked.append((statement, asked))
        if statement == tables.PARTNERS:
            return [tuple(getattr(one, name) for name in tables._PARTNER) for one in self.partners]
        if statement in (mappings.ONE, mappings.ALL):
            return self._mappings(statement == mappings.ONE, asked)
        if statement in (webhook_tables.ALL, webhook_tables.OF_PARTNER):
            return self._webhooks(asked.get("partner"))
        if statement == webhook_tables.DELIVERIES:
            wanted = (one for one in self.deliveries if one[0] == asked["webhook"] and asked["state"] in ("", one[3]))
            return list(wanted)[: asked["most"]]
        if statement == webhook_tables.ENDS:
            return [(one.partner_id, one.token_id, one.expires_at, one.revoked_at) for one in self.tokens]
        if statement == tables.TOKENS:
            return [tuple(getattr(one, name) for name in tables._TOKEN) for one in self.tokens]
        answered = {answers.NOTIFICATIONS: self.notifications, answers.REPLIES: self.replies, answers.LOTS: self.lots}
        if statement in answered:
            return answered[statement]
        if "SELECT DISTINCT source, event_id, owner" in statement:
            return [
                (event.source, event.event_id, event.owner, event.event_time, self.rank(event))
                for event, _ in self.records
                if BY_CLASS[type(event)].records == asked["table"]
                and event.event_id in asked["ids"]
                and event.source in asked["sources"]
                and event.owner in asked["owners"]
            ]
        if "min(stored_at)" in statement:
            return [
                (int(event.error_declaration is not None), CODEC.encode(event).hex(), at)
                for event, at in self.records
                if BY_CLASS[type(event)].records == asked["table"]
                and event.event_id == asked["id"]
                and asked["source"] in ("", event.source)
            ]
        if "counts, judgement" in statement:
            return [self.facts[asked["id"]]] if asked["id"] in self.facts else []
        if "dead_letters" in statement:
            place = (asked["topic"], asked["partition"], asked["offset"])
            return [self.letters[place]] if place in self.letters else []
        return self.alerts

    def _mappings(self, one: bool, asked: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        kept = {}
        for table, columns in self.inserted:
            if table == mappings.TABLE:
                for partner, name, *said in zip(*columns, strict=True):
                    kept[partner, name] = said
        if one:
            return [tuple(kept[key])] if (key := (asked["partner"], asked["name"])) in kept else []
        return sorted((name, *said[1:]) for (partner, name), said in kept.items() if partner == asked["partner"])

    def _webhooks(self, partner: str | None) -> list[tuple[Any, ...]]:
        kept = {}
        for table, columns in self.inserted:
            if table == webhook_tables.TABLE:
                for row in zip(*columns, strict=True):
                    said = webhook_tables.webhook_of(row)
                    if (
                        said.webhook_id not in kept
                        or webhook_tables.webhook_of(kept[said.webhook_id]).changed_at <= said.changed_at
                    ):
                        kept[said.webhook_id] = row
        standing = [row for row in kept.values() if not webhook_tables.webhook_of(row).removed]
        wanted = [row for row in standing if partner in (None, webhook_tables.webhook_of(row).partner_id)]
        return sorted(wanted, key=lambda row: (webhook_tables.webhook_of(row).made_at, webhook_tables.webhook_of(row).webhook_id))

    @staticmethod
    def rank(event: Any) -> int:
        return rank_of(CODEC.encode(event)[FRAMING:], event.error_declaration is not None)

    async def insert(self, table: str, columns: Sequence[Sequence[Any]], types: Mapping[str, str]) -> None:
        self.inserted.append((table, [list(column) for column in columns]))

    async def close(self) -> None:
        """There is nothing to let go of."""


@dataclass
class FakeOutbox:
    """A log of events in a list."""

    sent: list[Record] = field(default_factory=list)
    down: bool = False

    async def send(self, records: Sequence[Record]) -> list[At]:
        await asyncio.sleep(0)
        if self.down:
            raise DependencyDown("kafka", "secret-broker:9092 refused")
        begin = len(self.sent)
        self.sent += records
        return [At(partition_of(one.key, 48), begin + n) for n, one in enumerate(records)]

    async def healthy(self) -> None:
        if self.down:
            raise DependencyDown("kafka", "away")


@dataclass
class FakeLog:
    """The log of alerts: partitions that grow, from which a beginning may be gone."""

    messages: dict[int, list[Message]] = field(default_factory=lambda: {n: [] for n in range(PARTITIONS)})
    begins: dict[int, int] = field(default_factory=lambda: dict.fromkeys(range(PARTITIONS), 0))
    ends_when_read: bool = True
    followed: list[frozenset[int]] = field(default_factory=list)
    open: int = 0

    def put(self, alert: Alert, at: int = NOW) -> int:
        """Publish; gives the partition."""
        partition = partition_of(alert.factory_id.encode(), PARTITIONS)
        of = self.messages[partition]
        of.append(Message(partition, len(of), at, alert))
        return partition

    async def partitions(self) -> int:
        return PARTITIONS

    @asynccontextmanager
    async def follow(self, partitions: Collection[int]) -> AsyncIterator[_Following]:
        self.followed.append(frozenset(partitions))
        self.open += 1
        try:
            yield _Following(self, frozenset(partitions))
        finally:
            self.open -= 1


class _Following:
    def __init__(self, log: FakeLog, partitions: frozenset[int]) -> None:
        self._log = log
        self._partitions = partitions
        self._at: dict[int, int] = {}

    async def bounds(self) -> tuple[Places, Places]:
        return (
            {number: self._log.begins[number] for number in self._partitions},
            {number: len(self._log.messages[number]) for number in self._partitions},
        )

    async def since(self, moment: int) -> Places:
        return (await self.bounds())[0]

    def seek(self, places: Places) -> None:
        self._at.update(places)

    async def places(self) -> Places:
        await asyncio.sleep(0)  # others come in between, as they may with a consumer
        return dict(self._at)

    async def next(self, seconds: float) -> list[Message]:
        await asyncio.sleep(0)
        found = [one for number in sorted(self._partitions) for one in self._log.messages[number][self._at[number] :]]
        for one in found:
            self._at[one.partition] = one.offset + 1
        if not found and self._log.ends_when_read:
            raise DependencyDown("kafka", "the end of the test")
        return found


class World:
    """A gateway with all partners, its edges, and a client that speaks as any of them."""

    def __init__(
        self,
        *,
        heartbeat: float = 1000.0,
        partners: Sequence[Partner] = ALL,
        clock: Callable[[], float] | None = None,
        webhooks: str = "public",
    ) -> None:
        made = {one.partner_id: new_token(one.partner_id, NOW, None) for one in partners}
        self.tokens = {name: one.text for name, one in made.items()}
        self.tables = FakeTables(list(partners), [one.token for one in made.values()])
        self.outbox = FakeOutbox()
        self.log = FakeLog()
        self.folder = tempfile.TemporaryDirectory(prefix="weftline-gateway-")
        self.seconds = 0.0
        self.door = Door(self.tables, now=lambda: NOW, clock=clock or (lambda: self.seconds))
        self.publishing = Publishing(self.door, self.tables, self.outbox, CODEC, now=lambda: NOW)
        self.gateway = Gateway(self.door, self.tables, self.publishing, self.log, Path(self.folder.name), heartbeat=heartbeat)
        secrets = None if webhooks == "off" else Secrets(KEY)
        kept = Webhooks(self.tables, secrets, allow_private=webhooks == "private", now=lambda: NOW + int(self.seconds * 1000))
        self.app: FastAPI = make_app(self.gateway, webhooks=kept)
        self.runner = asyncio.Runner()
        weakref.finalize(self, self.runner.close)
        weakref.finalize(self, self.folder.cleanup)

    def ask(self, who: str | None, method: str, path: str, **more: Any) -> Any:
        """The answer to a request of a partner; None: of somebody without a token."""
        headers = dict(more.pop("headers", {}))
        if who is not None:
            headers.setdefault("Authorization", f"Bearer {self.tokens[who]}")

        async def ask() -> httpx.Response:
            async with self.client() as client:
                return await client.request(method, path, headers=headers, **more)

        return self.runner.run(ask())

    def client(self) -> httpx.AsyncClient:
        """A client of this application alone."""
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")

    def later(self, seconds: float) -> None:
        """Time passes."""
        self.seconds += seconds


def mine(event: Any, **more: Any) -> Any:
    """An event as the center of these tests may publish it."""
    own = {"source": ORDER.source, "center_id": ORDER.center_id, "cooperative_id": ORDER.cooperative_id}
    return replace(event, **{**own, **more})


MY_SHIPMENT = mine(SHIPMENT)
