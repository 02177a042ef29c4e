"""The SDK against a real Kafka: what lies on the wire, what is delivered, and what is said when it is not."""

from __future__ import annotations

import gc
import io
import json
import logging
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from weftline.contracts.codec import Codec
from weftline.contracts.envelope import cloudevents_headers, read_envelope
from weftline.contracts.registry import FileRegistry
from weftline.contracts.topics import key_of, partition_of, topic_of
from weftline.domain.alerts import Alert, Evidence
from weftline.domain.digests import listed as as_listed
from weftline.domain.vocabulary import AlertRule, AlertSeverity, AlertStatus
from weftline.errors import ContractError, UserError
from weftline.kafka_admin.topics import apply_topics
from weftline.sdk import DeliveryError, EpcisDefaults, Problem, Progress, Publisher, Subscriber, kafka_transport, publish_file
from weftline.sdk import subscriber as subscriber_module

CODEC = Codec(FileRegistry())
ALERTS = "quality.alerts.v1"
AT = datetime(2026, 5, 6, 9, 30, tzinfo=timezone(timedelta(hours=8)))
DATA = Path(__file__).parents[1] / "data" / "epcis"


@pytest.fixture(scope="module")
def broker(kafka: str) -> str:
    apply_topics(kafka)
    return kafka


@pytest.fixture
def name() -> str:
    """A name of the test's own: the broker is shared."""
    return f"sdk-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def center(broker: str, name: str) -> Iterator[Publisher]:
    with Publisher(broker, source=f"urn:{name}", cooperative_id="nantong", center_id="c-1") as publisher:
        yield publisher


# kafka-python leaves the socket of a failed connection to the garbage collector, and log records hold on to it until a test is over.
# They are collected here, where it is known, and not in somebody else's test; a test that kills no broker must stand last.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


@pytest.fixture(autouse=True)
def _collect_sockets() -> None:
    gc.collect()


def order(center: Publisher, number: str, **changes: Any) -> Any:
    said: dict[str, Any] = {
        "order_id": number,
        "status": "CONFIRMED",
        "product_category": "quilt",
        "factory_id": "f",
        "event_time": AT,
    }
    return center.order(**{**said, **changes})


def records(broker: str, topic: str, source: str, count: int) -> list[Any]:
    """The first ``count`` records of ``source``, read without the SDK; fails when there are not so many."""
    consumer = KafkaConsumer(bootstrap_servers=broker)
    try:
        partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        ends = consumer.end_offsets(partitions)
        found = []
        while any(consumer.position(partition) < end for partition, end in ends.items()):
            for batch in consumer.poll(timeout_ms=1000).values():
                found += [record for record in batch if dict(record.headers).get("ce_source") == source.encode()]
    finally:
        consumer.close()
    assert len(found) == count
    return found


# -- Publisher


def test_what_lies_on_the_wire(broker: str, center: Publisher, name: str) -> None:
    sent = [order(center, f"A-{number}") for number in range(40)]
    assert center.flush() == 40
    assert center.flush() == 0
    found = {record.value: record for record in records(broker, "sample.orders.v1", f"urn:{name}", 40)}
    for event, topic, partition in sent:
        record = found[CODEC.encode(event)]
        assert (record.topic, record.partition, record.key) == (topic, partition, f"c-1|{event.order_id}".encode())
        assert record.value[:5] == b"\0\0\0\0\1"
        assert CODEC.decode(topic, record.value) == event
        envelope = read_envelope(record.headers)
        assert envelope is not None
        assert (envelope.id, envelope.source, envelope.time) == (event.event_id, f"urn:{name}", "2026-05-06T01:30:00.000Z")
    assert len({record.partition for record in found.values()}) > 1


def test_kafkas_own_partitioner_agrees(broker: str, center: Publisher) -> None:
    """Whoever publishes with another client, by key alone, reaches the same partition."""
    producer = KafkaProducer(bootstrap_servers=broker)
    try:
        for number in range(20):
            event, topic, partition = order(center, f"工单-{number}")
            assert producer.send(topic, CODEC.encode(event), key_of(event)).get(10).partition == partition
    finally:
        producer.close()


def test_a_declaration_lies_beside_its_event(broker: str, center: Publisher, name: str) -> None:
    first = order(center, "A-1")
    again = center.declare_erroneous(first.event, "INCORRECT_DATA", declaration_time=AT)
    center.flush()
    found = records(broker, topic_of(first.event), f"urn:{name}", 2)
    assert again.partition == first.partition
    assert [CODEC.decode(first.topic, record.value) for record in found] == [first.event, again.event]


def test_what_breaks_the_contract_is_not_sent(broker: str, center: Publisher, name: str) -> None:
    with pytest.raises(ContractError, match="round: "):
        order(center, "A-1", round=0)
    order(center, "A-2")
    assert center.flush() == 1
    records(broker, "sample.orders.v1", f"urn:{name}", 1)


def test_a_closed_publisher_says_so(broker: str) -> None:
    publisher = Publisher(broker)
    publisher.close()
    publisher.close()
    with pytest.raises(UserError, match="closed"):
        order(publisher, "A-1", source="s", cooperative_id="n", center_id="c")


def test_what_a_dead_broker_did_not_take_is_told_and_can_be_sent_again(
    start_kafka: Callable[[], Any], name: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_transport, "METADATA_SECONDS", 0.5)
    server = start_kafka()
    with pytest.raises(UserError, match="weftline topics apply"), Publisher(server.address, source="s") as early:
        order(early, "A-1", cooperative_id="n", center_id="c")
    apply_topics(server.address)

    publisher = Publisher(server.address, source=f"urn:{name}", cooperative_id="n", center_id="c-1", delivery_timeout=2)
    for _ in range(2):
        order(publisher, "A-0")
        assert publisher.flush() == 1
        publisher._transport._producer._transaction_manager.reset_producer_id()  # as when a batch is given up that was sent before
    server.kill()
    lost = [order(publisher, f"A-{number}").event for number in range(1, 4)]
    with pytest.raises(DeliveryError, match="3 of 3 events are not acknowledged yet") as raised:
        publisher.flush(timeout=0.2)
    assert (raised.value.undelivered, raised.value.unknown) == ((), 3)
    with pytest.raises(DeliveryError, match="3 of 3 events were not delivered") as raised:
        publisher.flush()
    assert sorted(found.event.event_id for found in raised.value.undelivered) == sorted(event.event_id for event in lost)
    assert publisher.flush() == 0  # told once

    server.start()
    for event in lost:
        publisher.publish(event)
    while True:  # the first tries may be given up while the client finds its way back
        try:
            publisher.flush()
            break
        except DeliveryError as error:
            for again in error.undelivered:
                publisher.publish(again.event)
    assert {
        CODEC.decode("sample.orders.v1", record.value) for record in records(server.address, "sample.orders.v1", f"urn:{name}", 5)
    } >= {*lost}

    # A publisher that is dropped without close() does not lose events in silence.
    server.kill()
    order(publisher, "A-9")
    with caplog.at_level(logging.ERROR, "weftline.sdk.publisher"):
        del publisher, raised
        gc.collect()
    assert "dropped without close()" in caplog.text


# -- Files


def test_a_file_of_json_lines(broker: str, center: Publisher, name: str, tmp_path: Path) -> None:
    good = {"type": "order", "order_id": "A-1", "status": "CONFIRMED", "product_category": "quilt", "factory_id": "f"}
    lines: list[Any] = [
        good | {"event_id": "e-1", "event_time": "2026-05-06T09:30:00+08:00"},
        "",
        good | {"event_id": "e-2", "event_time": "2026-05-06T09:30:00+08:00", "status": "CONFIRMD"},
        '{"type": "order"',
        good | {"event_time": 1_778_031_000_000, "event_time_zone_offset": "+08:00"},
        good | {"event_id": "e-3", "event_time": "2026-05-06T09:30:00+08:00", "orderid": "A-1"},
        {"type": "alert", "alert_id": "a"},
        "[]",
        '{"quantity": NaN}',
        "\udcff",
    ]
    path = tmp_path / "orders.jsonl"
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    path.write_bytes(b"\xef\xbb\xbf" + text.encode(errors="surrogateescape") + b"\r\n")
    told: list[Problem] = []
    seen: list[Progress] = []
    summary = publish_file(path, center, on_problem=told.append, progress=seen.append)
    assert (summary.published, summary.skipped, summary.bad, summary.undelivered, summary.exit_status) == (2, 0, 6, 0, 1)
    assert summary.problems == tuple(told)
    assert [problem.line for problem in told] == [3, 4, 6, 7, 9, 10]
    for problem, part in zip(
        told, ["status: ", "no JSON", "did you mean order_id", "", "NaN is no JSON number", "UTF-8"], strict=True
    ):
        assert part in str(problem)
    assert seen[-1] == Progress(path.stat().st_size, path.stat().st_size, 2, 6)
    found = records(broker, "sample.orders.v1", f"urn:{name}", 2)
    assert {dict(record.headers)["ce_id"][:8] for record in found} == {b"e-1", b"content:"}


def test_an_epcis_document_and_the_same_as_json_lines(
    broker: str, center: Publisher, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = EpcisDefaults(cooperative_id="nantong", center_id="c-1", factory_id="f", source=f"urn:{name}")
    with pytest.raises(UserError, match="this is EPCIS"):
        publish_file(DATA / "shipment.jsonld", center)
    summary = publish_file(DATA / "shipment.jsonld", center, epcis=mine)
    assert (summary.published, summary.skipped, summary.bad, summary.exit_status) == (3, 1, 0, 0)
    assert str(summary.problems[0]).startswith("line 1, event 3: urn:uuid:")

    documents = [json.loads((DATA / file).read_text("utf-8")) for file in ("shipment.jsonld", "query.jsonld")]
    lines = "".join(f"{json.dumps(document)}\n" for document in documents)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(lines.encode())))
    assert publish_file("-", center, epcis=mine).published == 4
    found = records(broker, "logistics.events.v1", f"urn:{name}", 7)
    assert len({record.value for record in found}) == 3  # said three times, it is the same


def test_a_file_that_cannot_be_read_is_a_users_error(center: Publisher, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file"):
        publish_file(tmp_path / "nothing.jsonl", center)
    (tmp_path / "events.xml").write_text('<?xml version="1.0"?><epcis:EPCISDocument/>')
    with pytest.raises(UserError, match="XML"):
        publish_file(tmp_path / "events.xml", center)


@pytest.mark.parametrize("content", ["", "\n\n", " \r\n"])
def test_an_empty_file_is_no_fault(center: Publisher, tmp_path: Path, content: str) -> None:
    (tmp_path / "empty").write_text(content)
    summary = publish_file(tmp_path / "empty", center)
    assert (summary.published, summary.bad, summary.exit_status) == (0, 0, 0)


def test_one_event_over_several_lines_and_a_list_of_events(broker: str, center: Publisher, name: str, tmp_path: Path) -> None:
    event = {"type": "order", "order_id": "A-1", "status": "CONFIRMED", "product_category": "quilt", "factory_id": "f", "round": 1}
    event |= {"event_time": "2026-05-06T09:30:00+08:00"}
    (tmp_path / "one.json").write_text(json.dumps(event, indent=2))
    assert publish_file(tmp_path / "one.json", center).published == 1
    (tmp_path / "list.json").write_text(json.dumps([event | {"round": 2}, event | {"round": 0}, 7], indent=2))
    summary = publish_file(tmp_path / "list.json", center)
    assert (summary.published, [problem.event for problem in summary.problems]) == (1, [1, 2])
    records(broker, "sample.orders.v1", f"urn:{name}", 2)


# -- Subscriber


def alert(factory: str, subject: str, revision: int = 2) -> Alert:
    return Alert(
        alert_id=f"order-overdue:{factory}:{subject}",
        revision=revision,
        status=AlertStatus.RAISED,
        rule=AlertRule.ORDER_OVERDUE,
        severity=AlertSeverity.MINOR,
        occurred_at=1_778_031_000_000,
        cooperative_id="nantong",
        center_id="c-1",
        factory_id=factory,
        product_category="quilt",
        style_number=None,
        lot_ids=(),
        order_id=subject,
        shipment_id=None,
        subject=subject,
        evidence=(Evidence(source="s", event_id="e", event_time=1_778_031_000_000),),
        text_zh="逾期",
        text_en="overdue",
    )


def raise_alerts(broker: str, *alerts: Alert) -> None:
    producer = KafkaProducer(bootstrap_servers=broker)
    try:
        count = len(producer.partitions_for(ALERTS))
        for found in alerts:
            key = key_of(found)
            producer.send(ALERTS, CODEC.encode(found), key, cloudevents_headers(found), partition_of(key, count)).get(10)
    finally:
        producer.close()


def neighbour(factory: str) -> str:
    """Another factory whose alerts lie in the same partition."""
    wanted = partition_of(factory.encode(), 8)
    return next(other for other in (f"{factory}-{number}" for number in range(1000)) if partition_of(other.encode(), 8) == wanted)


def read_all(broker: str, factory: str | None, **options: Any) -> list[str]:
    """Subjects of the alerts that are there now, all acknowledged."""
    with Subscriber(broker, factory, follow=False, **options) as alerts:
        return [found.subject for found in alerts]


def test_alerts_of_one_factory_go_on_where_it_left_off(broker: str, name: str) -> None:
    raise_alerts(broker, alert(name, "a"), alert(neighbour(name), "x"), alert(name, "b"))
    assert read_all(broker, name) == ["a", "b"]
    assert read_all(broker, name) == []
    raise_alerts(broker, alert(neighbour(name), "y"), alert(name, "c"))
    assert read_all(broker, name) == ["c"]
    assert read_all(broker, name, group=f"{name}-other") == ["a", "b", "c"]
    assert read_all(broker, neighbour(name)) == ["x", "y"]
    everybody = read_all(broker, None, group=f"{name}-all")
    assert {"a", "b", "c", "x", "y"} <= set(everybody)


def test_a_new_group_may_start_at_the_end_and_keeps_that_place(broker: str, name: str) -> None:
    raise_alerts(broker, alert(name, "before"))
    assert read_all(broker, name, from_beginning=False) == []
    raise_alerts(broker, alert(name, "after"))
    assert read_all(broker, name, from_beginning=False) == ["after"]


def test_what_the_handler_did_not_finish_comes_again(broker: str, name: str) -> None:
    raise_alerts(broker, alert(name, "a"), alert(name, "b"), alert(name, "c"))
    handled: list[str] = []

    def handler(found: Alert) -> None:
        if found.subject == "b" and handled.count("b?") < 2:
            handled.append("b?")
            raise RuntimeError("the factory's system is down")
        handled.append(found.subject)

    with Subscriber(broker, name, follow=False) as alerts:
        for _ in range(2):
            with pytest.raises(RuntimeError, match="system is down"):
                alerts.run(handler)
    assert handled == ["a", "b?", "b?"]
    with Subscriber(broker, name, follow=False) as alerts:
        alerts.run(handler)
    assert handled == ["a", "b?", "b?", "b", "c"]
    assert read_all(broker, name) == []


def test_an_alert_left_in_the_middle_of_a_loop_comes_again(broker: str, name: str) -> None:
    raise_alerts(broker, alert(name, "a"), alert(name, "b"))
    with Subscriber(broker, name) as alerts:
        iterator = iter(alerts)
        assert next(iterator).subject == "a"
        assert next(iterator).subject == "b"  # asking for it acknowledges the one before
    assert read_all(broker, name) == ["b"]


def test_repeats_and_older_revisions_are_left_out(broker: str, name: str) -> None:
    raise_alerts(
        broker,
        alert(name, "a", 4),
        alert(name, "a", 4),
        alert(name, "a", 2),
        alert(name, "b", 2),
        alert(name, "a", 6),
        alert(name, "a", 4),
    )
    with Subscriber(broker, name, follow=False) as alerts:
        assert [(found.subject, found.revision) for found in alerts] == [("a", 4), ("b", 2), ("a", 6)]


def test_neither_does_a_digest_bring_them(broker: str, name: str) -> None:
    def digest(*listed: Alert) -> Alert:
        return replace(alert(name, "digest", 9), alert_id=f"digest:{len(listed)}", listed=tuple(map(as_listed, listed)))

    a, b, c = alert(name, "a", 4), alert(name, "b", 4), alert(name, "c", 4)
    raise_alerts(broker, a, digest(replace(a, revision=2), b, c), b, digest(a, b), replace(c, revision=6))
    with Subscriber(broker, name, follow=False) as alerts:
        heard = [[(one.subject, one.revision) for one in found.each] for found in alerts]
    assert heard == [[("a", 4)], [("b", 4), ("c", 4)], [("c", 6)]]


def test_following_ends_when_it_is_told_from_another_thread(broker: str, name: str) -> None:
    arrived: list[str] = []
    got = threading.Event()

    def handler(found: Alert) -> None:
        arrived.append(found.subject)
        got.set()

    alerts = Subscriber(broker, name)
    thread = threading.Thread(target=alerts.run, args=(handler,))
    thread.start()
    raise_alerts(broker, alert(name, "a"))
    assert got.wait(30)
    alerts.stop()
    thread.join(30)
    assert not thread.is_alive()
    alerts.close()
    assert arrived == ["a"]
    assert read_all(broker, name) == []


def test_closing_from_another_thread_ends_the_loop(broker: str, name: str) -> None:
    alerts = Subscriber(broker, name)
    thread = threading.Thread(target=alerts.run, args=(print,))
    thread.start()
    alerts.close()
    alerts.close()
    thread.join(30)
    assert not thread.is_alive()


def test_an_alert_that_cannot_be_read_is_not_passed_over_unless_told(
    broker: str, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    raise_alerts(broker, alert(name, "a"))
    producer = KafkaProducer(bootstrap_servers=broker)
    try:
        partition = partition_of(name.encode(), len(producer.partitions_for(ALERTS)))
        producer.send(ALERTS, b"\0\0\0\x03\xe7", name.encode(), None, partition).get(10)
    finally:
        producer.close()
    raise_alerts(broker, alert(name, "b"))
    with Subscriber(broker, name, follow=False) as alerts:
        iterator = iter(alerts)
        assert next(iterator).subject == "a"
        with pytest.raises(UserError, match=r"quality\.alerts\.v1, partition \d, offset \d+: schema_id: "):
            next(iterator)
    assert read_all(broker, name, skip_unreadable=True) == ["b"]
    assert "cannot be read and is skipped" in caplog.text


def test_a_broker_that_dies_is_waited_for(start_kafka: Callable[[], Any], name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriber_module, "COMMIT_TIMEOUT_SECONDS", 1.0)
    server = start_kafka()
    with pytest.raises(UserError, match="weftline topics apply"):
        Subscriber(server.address, name)
    apply_topics(server.address)
    raise_alerts(server.address, alert(name, "a"))
    with Subscriber(server.address, name) as alerts:
        iterator = iter(alerts)
        assert next(iterator).subject == "a"
        server.kill()
        answers: list[Alert] = []
        thread = threading.Thread(target=lambda: answers.append(next(iterator)))
        thread.start()
        server.start()
        raise_alerts(server.address, alert(name, "b"))
        thread.join(60)
        assert [found.subject for found in answers] == ["b"]
    assert read_all(server.address, name) in (["b"], ["a", "b"])  # at least once


def test_factories_of_any_name_have_groups_of_their_own(broker: str, name: str) -> None:
    names = [f"{name}/1", f"{name}:1", f"{name}_1", f"{name}厂"]
    groups = set()
    for factory in names:
        raise_alerts(broker, alert(factory, "a"))
        with Subscriber(broker, factory, follow=False) as alerts:
            assert [found.factory_id for found in alerts] == [factory]
            groups.add(alerts.group)
    assert len(groups) == len(names)
    assert all(group.isascii() for group in groups)


def test_what_will_come_to_nothing_is_told_and_strictly_refused(broker: str, name: str, caplog: pytest.LogCaptureFixture) -> None:
    who = {"source": f"urn:{name}", "cooperative_id": "nantong", "center_id": "c-1"}
    with Publisher(broker, **who) as center, caplog.at_level("WARNING", "weftline.sdk"):
        for number in range(3):
            order(center, f"A-{number}", product_category="shet")
    told = [record.getMessage() for record in caplog.records if "shet" in record.getMessage()]
    assert len(told) == 1
    assert "(did you mean sheet?)" in told[0]
    heard: list[tuple[str, str]] = []
    with Publisher(broker, **who, on_advice=lambda event, one: heard.append((event.event_id, one.field))) as center:
        sent = order(center, "A-9", product_category="shet")
    assert heard == [(sent.event.event_id, "product_category")]
    with (
        Publisher(broker, **who, strict=True) as center,
        pytest.raises(ContractError, match="product_category: 'shet' is no category"),
    ):
        order(center, "A-10", product_category="shet")
    assert len(records(broker, "sample.orders.v1", f"urn:{name}", 4)) == 4
