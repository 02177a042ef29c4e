"""Who may publish for whom, on a stack that binds publishers: real Kafka, real ClickHouse, the real processors and commands.

The attack first: whoever may publish withdraws another center's alert. Then each way in which a record can be wrong, grants that come
late, a rotation and a stolen key; the audit sees all of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from kafka import KafkaProducer
from tests.e2e.commands import until as until_found
from tests.e2e.commands import weftline
from tests.support.stack import SWEEP, stack_at

from weftline.contracts.codec import Codec
from weftline.contracts.envelope import cloudevents_headers
from weftline.contracts.publishers import Grant
from weftline.contracts.reference import Reference
from weftline.contracts.registry import open_registry
from weftline.contracts.signing import SigningKey
from weftline.contracts.topics import key_of, topic_of
from weftline.domain.events import OrderEvent
from weftline.embedded.ports import HOST, free_ports
from weftline.embedded.supervisor import Stack
from weftline.runtime.settings import load
from weftline.sdk import Publisher, Subscriber
from weftline.warehouse.client import Reader, reader
from weftline.warehouse.reference import load as load_reference

#: As `until`, for a machine on which much else runs.
until = partial(until_found, seconds=240)
NOW = datetime.now(UTC)
#: Long before and after what happens here.
START, END = NOW.date() - timedelta(days=30), NOW.date() + timedelta(days=30)


@dataclass
class World:
    """A bound stack with the processors of orders and inspections."""

    stack: Stack
    folder: Path
    port: int
    tables: Reader
    sent: dict[str, OrderEvent] = field(default_factory=dict)
    keys: dict[str, Path] = field(default_factory=dict)

    @property
    def kafka(self) -> str:
        assert self.stack.addresses is not None
        return self.stack.addresses.kafka

    def key(self, name: str) -> Path:
        """A private key, made when it is first asked for."""
        if name not in self.keys:
            self.keys[name] = self.folder / f"{name}.pem"
            SigningKey.new().save(self.keys[name])
        return self.keys[name]

    def grant(self, name: str, key: str | None = None, **more: Any) -> None:
        """Let the key of ``name`` speak for source and center ``name``."""
        own: dict[str, Any] = {
            "publisher_id": name,
            "public_key": SigningKey.load(self.key(key or name)).public,
            "valid_from": START,
            "sources": (f"urn:{name}",),
            "centers": (name,),
            "cooperatives": ("haimen",),
            "laboratories": (f"lab-{name}",),
            "source": "test",
        }
        load_reference(self.tables, Reference(publishers=(Grant(**{**own, **more}),)))

    @contextmanager
    def center(self, name: str, key: str | None) -> Iterator[Publisher]:
        """A publisher of source and center ``name`` that signs with a key, or not at all."""
        with Publisher(
            self.kafka,
            source=f"urn:{name}",
            cooperative_id="haimen",
            center_id=name,
            private_key=None if key is None else self.key(key),
        ) as publisher:
            yield publisher

    def order(self, name: str, key: str | None, event_time: datetime = NOW - timedelta(hours=3)) -> str:
        """Publish an order; its number."""
        order = f"o-{len(self.sent) + 1}"
        with self.center(name, key) as center:
            sent = center.order(
                factory_id="f-1", order_id=order, status="CONFIRMED", product_category="sheet", event_time=event_time
            )
        self.sent[order] = sent.event
        return order

    def take_back(self, name: str, key: str, event: OrderEvent) -> None:
        """Declare an order's event erroneous, and wait until it counts no more."""
        with self.center(name, key) as center:
            center.declare_erroneous(event, "did_not_occur", declaration_time=NOW)
        counts = "SELECT count() FROM order_facts FINAL WHERE order_id = {order:String} AND counts"
        until(lambda: self.tables.rows(counts, {"order": event.order_id}) == [(0,)], "it counts no more")

    def stored(self, order: str) -> bool:
        """Whether the order is in the tables."""
        return bool(self.tables.rows("SELECT 1 FROM order_state FINAL WHERE order_id = {order:String}", {"order": order}))

    def why(self, order: str) -> list[str]:
        """The fields for which the order's records were refused and are open."""
        rows = self.tables.rows(
            "SELECT n.field FROM not_allowed AS n JOIN dead_letters AS d ON n.topic = d.topic AND n.partition = d.partition "
            "AND n.offset = d.offset WHERE n.status = 'open' AND endsWith(d.key, {order:String})",
            {"order": f"|{order}"},
        )
        return [row[0] for row in rows]

    def metric(self, reason: str) -> float:
        """Dead letters that the processor of inspections counted."""
        with urlopen(f"http://{HOST}:{self.port}/metrics", timeout=5) as answer:
            (found,) = re.findall(
                rf'^weftline_dead_letters_total{{reason="{reason}"}} (\S+)$', answer.read().decode(), re.MULTILINE
            )
        return float(found)

    def run(self, *arguments: str) -> Any:
        """A command of weftline."""
        assert self.stack.addresses is not None
        return weftline(
            *arguments,
            folder=self.folder,
            seconds=200,
            WEFTLINE_KAFKA=self.kafka,
            WEFTLINE_CLICKHOUSE=self.stack.addresses.clickhouse,
            WEFTLINE_PUBLISHERS="bound",
            WEFTLINE_SIMULATED_CLOCK=f"0,{int(NOW.timestamp() * 1000)},0",
            WEFTLINE_SWEEP_SECONDS=SWEEP,
        )

    def audit(self) -> Sequence[str]:
        """What the audit says, without its first line and its own words for the whole."""
        done = self.run("audit", "--patience", "30")
        assert done.returncode in (0, 1), done.stdout + done.stderr
        assert done.stdout.splitlines()[-1].startswith("no drift") == (done.returncode == 0)
        return [re.sub(r"DRIFT: .*", "DRIFT", line) for line in done.stdout.splitlines()[1:]]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("bound")
    (port,) = free_ports(1)
    as_of = int(NOW.timestamp() * 1000)
    ports = {"inspections": port}
    with stack_at(folder / "stack", as_of, ["orders", "inspections"], ports=ports, WEFTLINE_PUBLISHERS="bound") as stack:
        assert stack.addresses is not None
        with reader(load(kafka=stack.addresses.kafka, clickhouse=stack.addresses.clickhouse)) as tables:
            yield World(stack, folder, port, tables)


def test_another_centers_alert_is_not_withdrawn(world: World) -> None:
    """The attacker is a publisher like any other, with a key and rights of its own."""
    entry = weftline("publisher", "key", "new", "attacker.pem", "--id", "attacker", folder=world.folder)
    assert entry.returncode == 0, entry.stderr
    world.keys["attacker"] = world.folder / "attacker.pem"
    filled = entry.stdout.replace("sources: []", "sources: [urn:attacker]").replace("centers: []", "centers: [attacker]")
    (world.folder / "attacker.yaml").write_text(filled.replace("cooperatives: []", "cooperatives: [haimen]"), "utf-8")
    loaded = world.run("reference", "apply", "attacker.yaml")
    assert "1 new, 0 changed" in loaded.stdout, loaded.stdout + loaded.stderr
    world.grant("victim")
    shown = world.run("reference", "show").stdout
    assert "what publishers may speak for: 2" in shown
    assert "sources urn:attacker, cooperatives haimen, centers attacker" in shown

    with world.center("victim", "victim") as center:
        report = center.laboratory_report(
            factory_id="vt-1",
            product_category="sheet",
            style_number="ST-9",
            event_time=NOW - timedelta(hours=2),
            laboratory_id="lab-victim",
            report_number="R-1",
            specimen="FINISHED_PRODUCT",
            specimen_kind="fabric",
            purpose="FUND",
            safety_class="B",
            test_plan=["formaldehyde"],
            measurements=[{"indicator": "formaldehyde", "kind": "NUMBER", "value": 296.0, "unit": "mg/kg"}],
        )
        center.report_status(
            factory_id="vt-1",
            product_category="sheet",
            event_time=NOW - timedelta(hours=1),
            laboratory_id="lab-victim",
            report_number="R-1",
            status="VERIFIED",
        )
    with Subscriber(world.kafka, "vt-1") as alerts:
        raised = next(iter(alerts))
    assert raised.status == "RAISED"

    before = world.metric("not_allowed")
    with world.center("attacker", "attacker") as attacker:
        attacker.declare_erroneous(report.event, "incorrect_data", declaration_time=NOW)
    until(lambda: world.metric("not_allowed") == before + 1, "the forged declaration is refused")
    ((said, status, key),) = world.tables.rows("SELECT detail, status, public_key FROM not_allowed WHERE field = 'source'")
    assert "attacker" in said
    assert "may not speak for 'urn:victim'" in said
    assert (status, key) == ("open", SigningKey.load(world.key("attacker")).public)
    assert world.tables.rows("SELECT alert_id FROM standing_alerts WHERE factory_id = 'vt-1'") == [(raised.alert_id,)]
    assert world.tables.rows("SELECT countIf(rank >= bitShiftLeft(toUInt64(1), 63)) FROM inspection_records") == [(0,)]
    with Subscriber(world.kafka, "vt-1", follow=False, group="weftline-subscriber-again") as alerts:
        assert [alert.status for alert in alerts] == ["RAISED"]

    with world.center("victim", "victim") as center:  # who has the right to an event has the right to declare it erroneous
        center.declare_erroneous(report.event, "incorrect_data", declaration_time=NOW)
    until(lambda: world.tables.rows("SELECT count() FROM standing_alerts WHERE factory_id = 'vt-1'") == [(0,)], "withdrawn")


@pytest.mark.parametrize(
    ("center", "key", "days", "field"),
    [
        ("victim", None, 0, "signature"),
        ("victim", "nobody", 0, "signature"),
        ("victim", "attacker", 0, "source"),
        ("left", "left", 0, "event_time"),
        ("gone", "gone", 0, "signature"),
        ("left", "left", 20, None),
        ("victim", "victim", 0, None),
    ],
    ids=["unsigned", "unknown key", "another center", "expired", "revoked", "expired, but happened before", "right key"],
)
def test_a_record_is_let_in_or_refused(world: World, center: str, key: str | None, days: int, field: str | None) -> None:
    world.grant("attacker", centers=("attacker",), sources=("urn:attacker",))
    world.grant("victim")
    world.grant("left", valid_until=NOW.date() - timedelta(days=5))
    world.grant("gone", revoked_from=int((NOW - timedelta(days=1)).timestamp() * 1000))
    order = world.order(center, key, NOW - timedelta(days=days, hours=3))
    if field is None:
        until(lambda: world.stored(order), "the order is stored")
        assert world.why(order) == []
    else:
        until(lambda: world.why(order) == [field], "the order is refused")
        assert not world.stored(order)


def test_a_signature_of_other_bytes_is_none(world: World) -> None:
    world.grant("victim")
    codec = Codec(open_registry(None))
    with world.center("victim", "victim") as center:
        sent = center.order(factory_id="f-1", order_id="o-true", status="CONFIRMED", product_category="sheet", event_time=NOW)
    changed = replace(sent.event, order_id="o-forged", event_id="forged")
    topic, value = topic_of(sent.event), codec.encode(changed)
    header = SigningKey.load(world.key("victim")).header(topic, key_of(sent.event), codec.encode(sent.event))
    with closing(KafkaProducer(bootstrap_servers=world.kafka)) as producer:
        producer.send(topic, value, key_of(changed), [*cloudevents_headers(changed), header]).get(30)
    until(lambda: world.why("o-forged") == ["signature"], "the changed record is refused")
    until(lambda: world.stored("o-true"), "the true one is stored")


def test_what_came_before_its_grant_is_brought_in(world: World) -> None:
    """With the signature that it came with; the audit tells of it until then, and of nothing afterwards."""
    assert world.run("dlq", "drop", "--reason", "not_allowed", "--because", "of the tests before").returncode == 0
    assert world.audit() == ["no drift"]
    orders = [world.order("late", "late"), world.order("late", "late"), world.order("late", None)]
    until(lambda: all(world.why(order) for order in orders), "refused for want of a grant")
    assert world.audit() == ["no drift"]
    assert "0 records sent again, 3 left open" in world.run("dlq", "replay", "--reason", "not_allowed").stdout

    world.grant("late")
    said = world.audit()
    assert said[0] == "not_allowed: 0 missing, 2 extra, 0 different"
    assert said[-1] == "DRIFT"
    (world.folder / "same.yaml").write_text(
        f"source: test\npublishers:\n- {{id: late, public_key: {SigningKey.load(world.key('late')).public}, valid_from: {START}, "
        "sources: [urn:late], centers: [late], cooperatives: [haimen], laboratories: [lab-late]}\n",
        "utf-8",
    )
    assert "3 records were refused for want of a grant; `weftline dlq replay" in world.run("reference", "apply", "same.yaml").stdout
    assert "2 records sent again, 1 left open" in world.run("dlq", "replay", "--reason", "not_allowed").stdout
    until(lambda: all(world.stored(order) for order in orders[:2]), "the signed ones are stored")
    assert not world.stored(orders[2])
    assert world.audit() == ["no drift"]


def test_a_grant_holds_at_once(world: World) -> None:
    """No record is refused by grants older than itself."""
    for number in range(3):
        world.grant(f"quick-{number}")
        order = world.order(f"quick-{number}", f"quick-{number}")
        until(lambda order=order: world.stored(order) or world.why(order), "decided")  # type: ignore[misc]
        assert world.stored(order)


def test_a_rotation_with_overlap(world: World) -> None:
    world.grant("turn", key="turn-old")
    world.grant("turn", key="turn-new")
    orders = [world.order("turn", "turn-old"), world.order("turn", "turn-new")]
    until(lambda: all(world.stored(order) for order in orders), "both keys speak")
    world.grant("turn", key="turn-old", revoked_from=int(datetime.now(UTC).timestamp() * 1000))
    late = world.order("turn", "turn-new", NOW - timedelta(days=20))  # before the rotation, told after it
    until(lambda: world.stored(late), "the new key speaks for all days")

    slipped: list[str] = []  # let in by grants read before the revocation: until they are taken back, the audit tells of them

    def noticed() -> bool:
        order = world.order("turn", "turn-old")
        until(lambda: world.stored(order) or world.why(order), "decided")
        if world.stored(order):
            slipped.append(order)
        return not world.stored(order)

    until(noticed, "the old key is revoked, without a restart")
    for order in slipped:
        world.take_back("turn", "turn-new", world.sent[order])


def test_what_a_stolen_key_signed_is_found_and_taken_back(world: World) -> None:
    world.grant("robbed")
    with world.center("robbed", "robbed") as thief:
        forged = thief.order(factory_id="f-1", order_id="o-thief", status="CONFIRMED", product_category="sheet", event_time=NOW)
    until(lambda: world.stored("o-thief"), "nobody knows yet")
    world.run("dlq", "drop", "--reason", "not_allowed", "--because", "of the tests before")
    world.grant("robbed", revoked_from=int((NOW - timedelta(days=1)).timestamp() * 1000))
    world.grant("robbed", key="robbed-new")
    said = world.audit()
    assert said[0] == "not_allowed: 1 missing, 0 extra, 0 different", said
    assert said[-1] == "DRIFT"
    world.take_back("robbed", "robbed-new", forged.event)
    assert world.audit() == ["no drift"]
