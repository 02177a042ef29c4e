"""An inbox with something else at its edge: alerts in a list, of which a statement sees those that its own scope lets it see."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from tests.support.examples import ALERT, CODEC, LOT
from tests.support.gateway import ALL, NOW, FakeTables, World
from weftline.contracts.partners import Partner, Role, checked
from weftline.contracts.standards import load_remedies, load_sampling_standard
from weftline.domain.alerts import Alert, StandingAlert
from weftline.domain.events import InspectionEvent
from weftline.domain.inspection_alerts import lot_alerts
from weftline.domain.lots import Inspected, Lot
from weftline.domain.sampling import judge
from weftline.domain.vocabulary import AlertStatus
from weftline.gateway import alerts
from weftline.gateway.app import make_app
from weftline.gateway.inbox.drawing import Pages
from weftline.gateway.inbox.refused import Rules
from weftline.gateway.inbox.routes import Desk
from weftline.gateway.inbox.session import COOKIE, Sessions
from weftline.pages.evidence import Story
from weftline.pages.links import Inbox, Links

KEY = "k" * 64
OTHER_FACTORY = checked(Partner(partner_id="other-factory", role=Role.FACTORY, factories=("f-2",)))
ORIGIN = {"Origin": "http://127.0.0.1"}


@cache
def rules() -> Rules:
    return Rules(CODEC, load_sampling_standard(), load_remedies())


def alert(number: int = 0, factory: str = "f-1", **more: Any) -> Alert:
    """An alert of a factory, as it was told; each number is another one."""
    return replace(ALERT, alert_id=f"safety-limit-failed:{number:026x}", factory_id=factory, **more)


def refused_lot(factory: str = "f-1", **units: int) -> tuple[InspectionEvent, tuple[StandingAlert, ...]]:
    """An inspection of the example's lot in which so many units were found, and its alerts."""
    assert LOT.lot_inspection is not None
    event = replace(LOT, factory_id=factory, lot_inspection=replace(LOT.lot_inspection, **units))
    assert event.lot_inspection is not None
    verdict = judge(event.lot_inspection, event.event_time, rules().sampling, utc_offset_minutes=480)
    return event, lot_alerts(Lot((Inspected(event, event.lot_inspection, verdict, True, verdict.all_marks),)))


@dataclass
class InboxTables(FakeTables):
    """Answers what an inbox asks. ``waiting``: alerts that stand; ``records``: inspections that were published."""

    waiting: list[Alert | StandingAlert] = field(default_factory=list)
    withdrawn: list[Alert] = field(default_factory=list)
    over: bool = False
    seen: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    answer: str = ""
    moved_at: int = 0
    replies: list[tuple[Any, ...]] = field(default_factory=list)
    #: Lots of f-1: (lot, problems that hold it back, their numbers on the other side, problems that did); and what the facts say of them.
    blocks: list[tuple[str, list[str], list[str], list[str]]] = field(default_factory=list)
    held: dict[str, int] = field(default_factory=dict)
    inspections: list[InspectionEvent] = field(default_factory=list)

    async def rows(self, statement: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        asked = parameters or {}
        known = await super().rows(statement, parameters)
        self.seen.append((statement, asked))
        if "FROM open_alerts WHERE NOT" in statement:
            seen = self._seen(statement, asked, self.waiting)
            grave = ["MINOR", "MAJOR", "CRITICAL"]
            seen.sort(key=lambda one: (-grave.index(one.severity), -one.occurred_at, one.alert_id))
            page = seen[asked["skipped"] : asked["skipped"] + asked["most"]]
            return [
                (
                    one.alert_id,
                    one.rule.value,
                    one.severity.value,
                    one.occurred_at,
                    one.text_zh,
                    one.text_en,
                    self.answer,
                    one.factory_id,
                    len(seen),
                )
                for one in page
            ]
        if "FROM alerts FINAL" in statement and "AS occurred" in statement:  # as the API asks, and whoever replies
            every = [one for one in self._seen(statement, asked, self.waiting) if one.alert_id == asked["id"]]
            return [self._told(one) for one in every]
        if "FROM alerts FINAL" in statement:
            every = [*self.waiting, *self.withdrawn]
            return [self._row(one) for one in self._seen(statement, asked, every) if one.alert_id == asked["id"]]
        if "FROM answers" in statement:
            return [("f-1", self.answer, 0, "", "", None, self.moved_at, None, None, "", "", "", "", [])] if self.answer else []
        if "FROM blocks" in statement and "problem" in asked:  # whoever replies
            name = asked["problem"]
            return [(lot, name in held) for lot, held, _, lifted in self.blocks if name in (*held, *lifted)]
        if "FROM blocks" in statement and "lots" in asked:
            return [(name,) for name in sorted({name for _, held, _, lifted in self.blocks for name in (*held, *lifted)})]
        if "FROM blocks" in statement:
            return [row for row in self.blocks if {*row[1], *row[3]} & {*asked["problems"]}]
        if "sum(lots_blocked)" in statement:
            return list(self.held.items())
        if "FROM reply_facts" in statement:
            return self.replies
        if "FROM inspection_records" in statement:
            return [
                (CODEC.encode(event).hex(),)
                for event in self.inspections
                if (event.owner, event.event_time, event.event_id) == (asked["factory"], asked["at"], asked["id"])
            ]
        if "FROM lots" in statement:
            return [("ACCEPTED", 1) if self.over else ("NOT_ACCEPTED", 0)]
        if "FROM switching" in statement:
            return [("MAJOR", "TIGHTENED"), ("MINOR", "NORMAL")]
        if "FROM measurements" in statement:
            return []
        return known

    @staticmethod
    def _seen(statement: str, asked: Mapping[str, Any], alerts: Sequence[Any]) -> list[Any]:
        scopes = [name for name in ("factory_id", "cooperative_id") if f"{name} IN {{mine:Array(String)}}" in statement]
        return [one for one in alerts if all(getattr(one, name) in asked["mine"] for name in scopes)]

    @staticmethod
    def _told(one: Any) -> tuple[Any, ...]:
        named = [str(getattr(one, name, "") or "") for name in alerts._COLUMNS]
        content = {"lot_ids": list(one.lot_ids), "evidence": []}
        return (*named, one.occurred_at, "[]", "RAISED", 1, 0, json.dumps(content), 1)

    def _row(self, one: Alert | StandingAlert) -> tuple[Any, ...]:
        content = {name: getattr(one, name) for name in ("style_number", "lot_ids", "order_id", "shipment_id")}
        status = AlertStatus.WITHDRAWN if one in self.withdrawn else AlertStatus.RAISED
        named = {
            **{name: getattr(one, name, "") for name in Story.COLUMNS},
            **{"status": str(status), "rule": str(one.rule), "severity": str(one.severity), "late_hours": 0},
            "content": json.dumps({**content, "evidence": [asdict(piece) for piece in one.evidence]}),
        }
        return (*(named[name] for name in Story.COLUMNS), int(one in self.waiting and not self.over))


class InboxWorld(World):
    """A gateway with an inbox, and a browser that keeps its cookies."""

    def __init__(self, *, key: str | None = KEY) -> None:
        super().__init__(partners=(*ALL, OTHER_FACTORY))
        self.now = NOW
        self.inboxes = InboxTables(self.tables.partners, self.tables.tokens)
        self.door._source = self.inboxes
        sessions = Sessions(self.door, key, lambda: self.now)
        zone = ZoneInfo("Asia/Shanghai")
        desk = Desk(self.door, self.inboxes, self.log, sessions, Pages(zone), rules(), self.publishing)
        self.app = make_app(self.gateway, desk=desk)
        self.cookies: dict[str, str] = {}

    def link(self, alert_id: str = "", factory: str = "f-1", *, key: str = KEY, hours: int = 24) -> str:
        """The path of a link that was just made."""
        made = Inbox("http://127.0.0.1", Links(key), factory, hours).href(alert_id, self.now / 1000, "zh")
        return made.removeprefix("http://127.0.0.1")

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self._browse("GET", path, **more)

    def post(
        self, path: str, form: Mapping[str, str | list[str]] | None = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        return self._browse("POST", path, data=dict(form or {}), headers=ORIGIN if headers is None else headers)

    def sign_in(self, who: str = "factory") -> None:
        """With a token, as its owner does."""
        answer = self.post("/inbox/session", {"token": self.tokens[who]})
        assert (answer.status_code, answer.headers["location"]) == (303, "/inbox")
        assert COOKIE in self.cookies

    def _browse(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {**more.pop("headers", {})}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer: httpx.Response = self.ask(None, method, path, headers=headers, **more)
        for name, value in answer.cookies.items():
            self.cookies[name] = value
        return answer
