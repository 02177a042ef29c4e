"""A rolling upgrade to a release with one schema version more: old and new publishers and processors at once, and nothing is lost.

The old processor cannot read the new schema: what comes to it so is a dead letter. When all are new, a replay brings it in, and every
table is the fold of every event that was published.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import Any

import pytest
from kafka import KafkaProducer
from tests.e2e.commands import until, weftline
from tests.support import tables
from tests.support.apicurio import apicurio
from tests.support.examples import CODEC, MEMBER, ORDER, SHIPMENT, verified_report
from tests.support.next_release import FIELD, NEWS, FormerRelease, NextRelease
from tests.support.spellings import PLAINLY, Writer
from tests.support.stack import FEW, SWEEP, stack_at, where

from weftline.contracts.codec import FRAMING, rank_of
from weftline.contracts.envelope import cloudevents_headers
from weftline.contracts.kinds import BY_PROCESSOR, KINDS
from weftline.contracts.mapping import to_avro, to_json
from weftline.contracts.registry import local_schema
from weftline.contracts.topics import key_of, partition_of
from weftline.domain.events import Measurement
from weftline.domain.vocabulary import MeasurementKind, MembershipStep
from weftline.embedded.children import Running, processor_child
from weftline.embedded.ports import free_ports
from weftline.embedded.supervisor import Stack
from weftline.runtime.groups import open_groups
from weftline.warehouse.client import reader
from weftline.warehouse.status import TOPICS

AS_OF = ORDER.event_time + 3_600_000
OWNERS = 24
CLOCK = {"WEFTLINE_SIMULATED_CLOCK": f"0,{AS_OF},0", "WEFTLINE_SWEEP_SECONDS": SWEEP}

pytestmark = pytest.mark.timeout(900)


def events(name: str, owner: str) -> list[Any]:
    """What is said of one owner."""
    if name == "orders":
        event = dataclasses.replace(ORDER, order_id=owner, event_id=f"{owner}-1")
        return [event, dataclasses.replace(event, event_id=f"{owner}-2", event_time=event.event_time + 1000, quantity=7)]
    if name == "inspections":
        measured = (Measurement(indicator="formaldehyde", kind=MeasurementKind.NUMBER, value=400.0, unit="mg/kg"),)
        return list(verified_report(owner, f"{owner}-r", ORDER.event_time, measured))
    if name == "cooperative":
        event = dataclasses.replace(MEMBER, factory_id=owner, event_id=f"{owner}-1")
        pledge = dataclasses.replace(event.membership, step=MembershipStep.PLEDGE_SIGNED)
        return [event, dataclasses.replace(event, event_id=f"{owner}-2", event_time=event.event_time + 1000, membership=pledge)]
    event = dataclasses.replace(SHIPMENT, shipment_id=owner, event_id=f"{owner}-1")
    return [event, dataclasses.replace(event, event_id=f"{owner}-2", event_time=event.event_time + 1000, carrier_id="other")]


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> NextRelease:
    return NextRelease(tmp_path_factory.mktemp("next"))


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with stack_at(tmp_path_factory.mktemp("stack"), AS_OF, []) as running:
        yield running


class Upgrade:
    """One processor while it is upgraded, and what was published meanwhile."""

    def __init__(self, name: str, stack: Stack, release: NextRelease, folder: Path) -> None:
        assert stack.addresses is not None
        self.name, self.release, self.folder = name, release, folder
        self.kind, self.settings = BY_PROCESSOR[name], where(stack)
        self.servers = stack.addresses.environment()
        self.identities: set[tuple[str, str, int]] = set()  # source, event id and rank of every content
        self._running: list[Running] = []
        self._producer = KafkaProducer(bootstrap_servers=self.settings.kafka)

    def close(self) -> None:
        self._producer.close()
        for worker in self._running:
            worker.kill()

    def start(self, what: str, **more: str) -> Running:
        (port,) = free_ports(1)
        child = processor_child(self.name, {**self.servers, **CLOCK, **more}, port)
        self._running.append(Running(child, self.folder / f"{what}.log"))
        self._running[-1].wait_ready()
        return self._running[-1]

    def run(self, *arguments: str, env: Mapping[str, str] = MappingProxyType({})) -> subprocess.CompletedProcess[str]:
        """A command of the next release, which shares with this one all that is not new."""
        return weftline(*arguments, folder=self.folder, seconds=300, **self.servers, **CLOCK, **env, **self.release.environment)

    def send(self, event: Any, value: bytes) -> None:
        partition = partition_of(key_of(event), FEW)
        self._producer.send(self.kind.topic, value, key_of(event), cloudevents_headers(event), partition)
        self._producer.flush()

    def publish_as_old(self, event: Any) -> None:
        value = CODEC.encode(event)
        self.identities.add((event.source, event.event_id, CODEC.rank(event, value)))
        self.send(event, value)

    def written_as_new(self, event: Any, chosen: Random) -> bytes:
        framing = b"\0" + self.release.schema_id(self.kind).to_bytes(4, "big")
        return framing + Writer(self.release.schema(self.kind), chosen).write(to_avro(event))

    def written_as_old(self, event: Any, chosen: Random) -> bytes:
        return CODEC.encode(event)[:FRAMING] + Writer(CODEC.schema_for(event), chosen).write(to_avro(event))

    def news_of(self, event: Any, **more: str) -> dict[str, Any]:
        """The event as JSON of the new release, with its new symbol, which no older one can say, and ``more``."""
        said, body = to_json(event), to_avro(event)
        for form in (said, body):
            form |= more
            place: Any = form
            for step in NEWS[self.name].path[:-1]:
                place = place[step]
            place[NEWS[self.name].path[-1]] = NEWS[self.name].symbol
        value = Writer(self.release.schema(self.kind), PLAINLY).write(body)
        self.identities.add((event.source, event.event_id, rank_of(value, declared=False)))
        return said

    def held(self) -> list[int]:
        """How many partitions each worker of the group holds."""
        with open_groups(self.settings, {self.name: TOPICS[self.name]}) as groups:
            (group,) = groups.read()
            return [len(member.partitions) for member in group.members or ()] if group.state == "Stable" else []

    def all_read(self) -> bool:
        with open_groups(self.settings, {self.name: TOPICS[self.name]}) as groups:
            return groups.read()[0].lag == 0

    def stored(self) -> set[tuple[str, str, int]]:
        with reader(self.settings) as server:
            return {tuple(row) for row in server.rows(f"SELECT source, event_id, rank FROM {self.kind.records}")}

    def letters(self) -> list[str]:
        with reader(self.settings) as server:
            asked = {"topic": self.kind.topic}
            return [row[0] for row in server.rows("SELECT field FROM dead_letters WHERE topic = {topic:String}", asked)]


@pytest.mark.parametrize("name", NEWS)
def test_old_and_new_at_once_lose_nothing(name: str, stack: Stack, release: NextRelease, tmp_path: Path) -> None:
    with closing(Upgrade(name, stack, release, tmp_path)) as upgrade:
        old = upgrade.start("old")
        first = [event for number in range(OWNERS) for event in events(name, f"{name}-{number}")]
        for event in first:
            upgrade.publish_as_old(event)
        until(upgrade.all_read, "the old processor reads all that is old", 120)

        upgrade.start("new", **release.environment)
        partitions = FEW
        until(lambda: len(upgrade.held()) == 2 and sum(upgrade.held()) == partitions, "both are at work", 120)
        assert min(upgrade.held()) > 0

        # A publisher of the new release says new things, one of the old goes on, and a client of its own, which spells as it likes, sends
        # everything once more in the newest schema and in the oldest.
        later = [event for number in range(OWNERS) for event in events(name, f"{name}-later-{number}")]
        file = tmp_path / "events.jsonl"
        more = ({FIELD: "high"}, {})
        news = [upgrade.news_of(event, **more[index % 2]) for index, event in enumerate(later[::2])]
        file.write_text("".join(json.dumps(said) + "\n" for said in news), "utf-8")
        chosen = Random(1)
        for index, event in enumerate(later[1::2]):
            upgrade.publish_as_old(event)
            upgrade.send(first[index], upgrade.written_as_new(first[index], chosen))
            upgrade.send(first[index], upgrade.written_as_old(first[index], chosen))
            if index == OWNERS // 2:
                published = upgrade.run("publish", str(file))
                assert published.returncode == 0, published.stdout + published.stderr
        until(upgrade.all_read, "both read all that came", 120)
        lacking = upgrade.identities - upgrade.stored()
        assert 0 < len(lacking) < OWNERS, "the old processor has read none of what is new, and the new one all"
        assert set(upgrade.letters()) == {"schema_id"}
        assert len(upgrade.letters()) >= len(lacking)

        assert old.stop()
        until(lambda: upgrade.held() == [partitions], "the new processor has it all", 120)
        replayed = upgrade.run("dlq", "replay", "--topic", upgrade.kind.topic)
        assert replayed.returncode == 0, replayed.stdout + replayed.stderr
        until(lambda: upgrade.all_read() and upgrade.stored() >= upgrade.identities, "what was dead is in", 120)

        assert upgrade.stored() == upgrade.identities, "one content is one record, whoever wrote it"
        audited = upgrade.run("audit", "--as-of", str(AS_OF))
        assert (audited.returncode, audited.stdout.splitlines()[-1]) == (0, "no drift"), audited.stdout + audited.stderr
        with reader(upgrade.settings) as server:
            assert server.rows("SELECT count() FROM identity_conflicts") == [(0,)]
            assert tables.stored(tables.kinds()[name], server)[upgrade.kind.facts]


def test_what_a_former_release_stored_as_it_came_keeps_its_rank(stack: Stack, release: NextRelease, tmp_path: Path) -> None:
    """It is no drift, it counts once, and what comes later of its owner is folded with it."""
    former = FormerRelease(tmp_path / "former")
    with closing(Upgrade("logistics", stack, release, tmp_path)) as upgrade:
        event, second = events("logistics", "stored-as-it-came")
        value = upgrade.written_as_old(event, Random(5))
        rank = rank_of(value[FRAMING:], declared=False)
        assert rank != CODEC.rank(event, CODEC.encode(event))
        worker = upgrade.start("former", **former.environment)
        upgrade.send(event, value)
        until(upgrade.all_read, "the former release reads it", 120)
        assert worker.stop()

        upgrade.start("this")
        upgrade.publish_as_old(second)
        until(upgrade.all_read, "this release reads on", 120)
        stored = {row for row in upgrade.stored() if row[1].startswith("stored-as-it-came")}
        assert stored == {(event.source, event.event_id, rank), *upgrade.identities}
        audited = upgrade.run("audit", "--as-of", str(AS_OF))
        assert (audited.returncode, audited.stdout.splitlines()[-1]) == (0, "no drift"), audited.stdout + audited.stderr


def test_an_old_processor_that_a_registry_helps_judges_by_what_it_sees(release: NextRelease, tmp_path: Path) -> None:
    """It stores the record whole all the same. After the upgrade the audit names what was judged without the news, a rebuild mends it."""
    with (
        apicurio(tmp_path) as registry,
        stack_at(tmp_path / "stack", AS_OF, []) as own,  # the registry's ids say nothing of records that came by ours
        closing(Upgrade("orders", own, release, tmp_path)) as upgrade,
    ):
        for kind in KINDS:
            for version in range(1, kind.version + 1):
                registry.register(kind.subject, json.dumps(local_schema(kind.subject, version)))
        number = registry.register(upgrade.kind.subject, json.dumps(release.schema(upgrade.kind)))
        asked = {"WEFTLINE_SCHEMA_REGISTRY": registry.url}
        old = upgrade.start("old", **asked)
        event, _ = events("orders", "helped")
        upgrade.news_of(event)
        body = to_avro(event) | {"sample_type": NEWS["orders"].symbol}
        written = Writer(release.schema(upgrade.kind), Random(3)).write(body)
        upgrade.send(event, b"\0" + number.to_bytes(4, "big") + written)
        until(upgrade.all_read, "the old processor reads it", 120)
        stored = {row for row in upgrade.stored() if row[1].startswith("helped")}
        assert stored == upgrade.identities, "by the rank that the next release gives it"

        def seen() -> list[tuple[str]]:
            with reader(upgrade.settings) as server:
                found: list[tuple[str]] = server.rows("SELECT sample_type FROM orders WHERE order_id = 'helped'")
                return found

        until(lambda: seen() == [("UNKNOWN",)], "what it cannot see is unknown to it", 60)
        assert old.stop()
        upgrade.start("new", **asked, **release.environment)
        audited = upgrade.run("audit", "--as-of", str(AS_OF), env=asked)
        assert (audited.returncode, NEWS["orders"].symbol in audited.stdout) == (1, True), audited.stdout + audited.stderr
        rebuilt = upgrade.run("rebuild", env=asked)
        assert rebuilt.returncode == 0, rebuilt.stdout + rebuilt.stderr
        until(lambda: seen() == [(NEWS["orders"].symbol,)], "the next release sees it", 60)
        audited = upgrade.run("audit", "--as-of", str(AS_OF), env=asked)
        assert (audited.returncode, audited.stdout.splitlines()[-1]) == (0, "no drift"), audited.stdout + audited.stderr
