"""The list of topics, keys and partitions, and what `topics apply` would do to a broker."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.partitioner import murmur2

from weftline.contracts.kinds import BY_PROCESSOR
from weftline.contracts.mapping import from_json
from weftline.contracts.paths import schemas_root
from weftline.contracts.topics import Topic, key_of, load_topics, partition_of, topic_of
from weftline.errors import DependencyDown, UserError
from weftline.kafka_admin.topics import Existing, Widening, apply_topics, plan, widenings

DAY = 86_400_000


def example(name: str) -> Any:
    return from_json(json.loads((schemas_root() / "examples" / name).read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("name", "topic", "key"),
    [
        ("sample.orders.v1-value/v1/confirmed.json", "sample.orders.v1", b"haimen-1|S2026-04417"),
        ("inspection.results.v1-value/v1/lot-inspection.json", "inspection.results.v1", b"F-0217"),
        ("logistics.events.v1-value/v1/departing.json", "logistics.events.v1", b"urn:epc:id:sscc:6901234.0000000551"),
        ("quality.alerts.v1-value/v1/safety-raised.json", "quality.alerts.v1", b"F-0217"),
    ],
)
def test_topic_and_key(name: str, topic: str, key: bytes) -> None:
    message = example(name)
    assert topic_of(message) == topic
    assert key_of(message) == key
    fields = load_topics()[topic].key.split("|")
    assert "|".join(getattr(message, field) for field in fields).encode() == key, "the list says the same"


# Hashes that Kafka's own tests expect of its Java client (UtilsTest.testMurmur2), as signed integers.
JAVA = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}


@pytest.mark.parametrize(("key", "java"), JAVA.items())
def test_partition_is_that_of_the_java_client(key: bytes, java: int) -> None:
    for partitions in (1, 7, 8, 12, 2**31 - 1):
        assert partition_of(key, partitions) == (java & 0x7FFFFFFF) % partitions


@given(st.binary(max_size=80), st.integers(1, 1_000))
def test_partition_is_that_of_the_publisher(key: bytes, partitions: int) -> None:
    assert partition_of(key, partitions) == (murmur2(key) & 0x7FFFFFFF) % partitions


# --- The file ---------------------------------------------------------------------------------------------------------------------


def test_faults_of_the_list_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "topics.yaml"
    path.write_text(
        "topics:\n"
        "  a: {doc: d, key: k, partitions: 0, retention_days: 0, colour: red}\n"
        "  b: {doc: d, partitions: 1, retention_days: -1, dead_letters: nowhere}\n"
        "  c: 7\n"
    )
    with pytest.raises(UserError) as caught:
        load_topics(path)
    keys = "doc, key, partitions, retention_days, schema, dead_letters, max_bytes"
    assert str(caught.value).splitlines() == [
        f"{path} is wrong:",
        "  line 2, column 23: topics: a: partitions: must be a whole number from 1, not 0",
        "  line 2, column 38: topics: a: retention_days: must be a whole number from 1, or -1, not 0",
        f"  line 2, column 57: topics: a: unknown key colour; known are {keys}",
        "  line 3: topics: b: key is missing; add it",
        "  line 3, column 50: topics: b: dead_letters: nowhere is no topic of the list",
        "  line 4: topics: c: must be a mapping, `key: value` on each line, not 7",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ", line 1: topics is missing; it maps each topic to what it is"),
        ("topics: 3", ", line 1: topics: must be a mapping, `key: value` on each line, not 3"),
        ("topics: [", ", line 1, column 10: is no YAML: while parsing a flow node, expected the node content"),
        ("other: {}", "\n  line 1: unknown key other; known are topics"),
    ],
)
def test_a_file_that_is_no_list(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "topics.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        load_topics(path)
    assert str(caught.value).startswith(str(path))
    assert said in str(caught.value)


# --- The plan ---------------------------------------------------------------------------------------------------------------------

TOPIC = Topic("orders", "d", "k", 8, 90)


def as_listed(**changes: str) -> Existing:
    return Existing(8, {**TOPIC.configs, "segment.bytes": "1", **{key.replace("_", "."): to for key, to in changes.items()}})


def test_nothing_to_do() -> None:
    steps = plan({"orders": TOPIC}, {"orders": as_listed(), "others": Existing(1, {})})
    assert (steps.create, steps.alter, steps.refusals, steps.lines) == ((), (), (), ())


def test_a_missing_topic_is_created_by_log_append_time() -> None:
    steps = plan({"orders": TOPIC}, {})
    assert steps.create == (TOPIC,)
    assert steps.lines == ("created orders: 8 partitions, kept 90 days",)
    assert TOPIC.configs == {
        "cleanup.policy": "delete",
        "message.timestamp.type": "LogAppendTime",
        "retention.ms": str(90 * DAY),
        "max.message.bytes": "1048588",
    }


def test_longer_retention_and_another_time_stamp_are_changed() -> None:
    steps = plan({"orders": TOPIC}, {"orders": as_listed(retention_ms=str(DAY), message_timestamp_type="CreateTime")})
    assert steps.alter == ((TOPIC, {"message.timestamp.type": "LogAppendTime", "retention.ms": str(90 * DAY)}),)
    assert steps.lines == (
        "changed orders: message.timestamp.type from CreateTime to LogAppendTime",
        "changed orders: kept 90 days instead of 1 day",
    )
    assert steps.refusals == ()


@pytest.mark.parametrize(
    ("existing", "kept"),
    [
        (as_listed(retention_ms=str(91 * DAY)), "91 days"),
        (as_listed(retention_ms=str(91 * DAY + 1)), f"{91 * DAY + 1} ms"),
        (as_listed(retention_ms="-1"), "for ever"),
        (as_listed(cleanup_policy="compact", retention_ms=str(DAY)), "for ever"),
    ],
)
def test_shorter_retention_is_refused_unless_allowed(existing: Existing, kept: str) -> None:
    steps = plan({"orders": TOPIC}, {"orders": existing})
    assert len(steps.refusals) == 1
    assert f"orders is kept {kept}, the list says 90 days" in steps.refusals[0]
    assert plan({"orders": TOPIC}, {"orders": existing}, allow_shorter_retention=True).refusals == ()


def test_keeping_for_ever_is_never_shorter() -> None:
    for_ever = Topic("orders", "d", "k", 8, -1)
    assert plan({"orders": for_ever}, {"orders": as_listed()}).refusals == ()


def test_fewer_partitions_of_events_are_left_and_told() -> None:
    """A stack that was made with fewer goes on with them; more are as well, for somebody has added them."""
    few, more, other = (Topic(name, "d", "k", 48, 90, dead_letters="x.dlq") for name in ("few", "more", "other"))
    existing = {"few": as_listed(), "other": as_listed(), "more": Existing(96, more.configs)}
    steps = plan({"few": few, "more": more, "other": other}, existing)
    assert (steps.create, steps.alter, steps.refusals, steps.lines) == ((), (), (), ())
    assert steps.left == [
        "left as they are: few, other with 8 partitions each. A new stack gets 48; `weftline topics repartition` adds the others, while "
        "everything runs"
    ]


def test_what_has_to_be_widened() -> None:
    listed = load_topics()
    growing = [name for name, topic in listed.items() if topic.grows]
    assert sorted(growing) == sorted(kind.topic for kind in BY_PROCESSOR.values())
    counts = {**dict.fromkeys(listed, 1), **dict.fromkeys(growing, 8), growing[0]: 12}
    assert widenings(listed, counts, 12) == [Widening(name, 8, 12) for name in growing[1:]]
    assert widenings(listed, dict.fromkeys(growing, 12), 12) == []
    with pytest.raises(UserError, match=rf"no partitions away, so there cannot be 9 of\n  {growing[0]} has 12$"):
        widenings(listed, counts, 9)
    with pytest.raises(UserError, match=f"no topic {growing[1]}; run `weftline topics apply`"):
        widenings(listed, {name: 8 for name in growing if name != growing[1]}, 12)


def test_partitions_of_others_are_never_changed_and_all_reasons_are_told() -> None:
    topics = {"orders": TOPIC, "more": Topic("more", "d", "k", 4, 1)}
    existing = {"orders": as_listed(retention_ms="-1"), "more": Existing(5, topics["more"].configs)}
    steps = plan(topics, existing)
    assert [reason.split(" ")[0] for reason in steps.refusals] == ["orders", "more"]
    assert "more has 5 partitions, the list says 4" in steps.refusals[1]
    assert plan(topics, existing, allow_shorter_retention=True).refusals == steps.refusals[1:]


# --- No broker --------------------------------------------------------------------------------------------------------------------


def test_nobody_answers() -> None:
    with pytest.raises(DependencyDown, match=r"^kafka: nobody answers at 127\.0\.0\.1:1 .*; 127\.0\.0\.1:2 "):
        apply_topics("127.0.0.1:1,127.0.0.1:2")


@pytest.mark.parametrize("address", ["", "kafka", "kafka:", ":9092", "kafka:port"])
def test_an_address_that_is_none(address: str) -> None:
    with pytest.raises(UserError, match="must be host:port"):
        apply_topics(address)
