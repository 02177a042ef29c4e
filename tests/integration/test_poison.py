"""Records that a broker takes and that once stopped a processor for good: each is a dead letter, its neighbours are stored."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from kafka import KafkaProducer
from tests.e2e.commands import until, weftline
from tests.support import tables
from tests.support.examples import CODEC, ORDER
from tests.support.poison import BOMB, LARGEST, POISON, of, packed
from tests.support.raw_batches import produce
from tests.support.stack import FEW, stack_at, where

from weftline.contracts.codec import FRAMING, rank_of
from weftline.contracts.topics import key_of, partition_of
from weftline.domain.fold import Record
from weftline.embedded.supervisor import Stack
from weftline.runtime.caution import CONFIRMED
from weftline.runtime.settings import Settings
from weftline.runtime.unpacking import KEPT_BYTES
from weftline.warehouse.client import reader

TOPIC = "sample.orders.v1"
PARTITIONS = FEW
AS_OF = ORDER.event_time + 3_600_000
DEADLY = "the one to die of"


def order(name: str) -> Any:
    return dataclasses.replace(ORDER, order_id=name, event_id=f"{name}-confirmed")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with stack_at(tmp_path_factory.mktemp("stack"), AS_OF, ["orders"]) as running:
        yield running


def asked(at: Settings) -> dict[str, str]:
    """Where a command finds the stack, and its password."""
    password = at.clickhouse_password.get_secret_value()
    named = {"WEFTLINE_CLICKHOUSE_USERNAME": at.clickhouse_username, "WEFTLINE_CLICKHOUSE_PASSWORD": password}
    return {"WEFTLINE_KAFKA": at.kafka, "WEFTLINE_CLICKHOUSE": at.clickhouse, **named}


def drift(stack: Stack, events: list[Any]) -> dict[str, str]:
    kind = tables.kinds()["orders"]
    values = [(event, CODEC.encode(event)) for event in events]
    records = [Record(event, rank_of(value[FRAMING:], declared=False)) for event, value in values]
    with reader(where(stack)) as server:
        return tables.drift(tables.stored(kind, server), tables.expected(kind, records, AS_OF))


def letters(stack: Stack) -> list[dict[str, Any]]:
    names = ("partition", "offset", "reason", "detail", "kept", "cut", "size", "sha256", "hashed")
    columns = "partition, offset, reason, detail, length(value), cut, size, sha256, hashed"
    with reader(where(stack)) as server:
        rows = server.rows(f"SELECT {columns} FROM dead_letters FINAL ORDER BY stored_at")
    return [dict(zip(names, row, strict=True)) for row in rows]


@pytest.mark.timeout(600)
def test_whatever_the_broker_takes_is_buried_or_stored(stack: Stack) -> None:
    at, pid = where(stack), stack.pid("orders")
    events: list[Any] = []
    dead = 0
    places: dict[str, tuple[int, int]] = {}
    for name, (codec, sent) in POISON.items():
        good = order(f"among {name}")
        key = key_of(good)
        # Its own sound order lies in the same batch (twice: a repeat), another one behind it.
        records = packed(*(of(good) if one is None else one for one in sent), codec=codec)
        error, offset = produce(at.kafka, TOPIC, partition_of(key, PARTITIONS), records)
        assert error == 0, f"{name}: the broker refuses it ({error})"
        places[name] = partition_of(key, PARTITIONS), offset
        dead += len(sent) - sent.count(None)
        events += [good] if None in sent else []
        behind = order(f"behind {name}")
        assert produce(at.kafka, TOPIC, partition_of(key_of(behind), PARTITIONS), packed(of(behind)))[0] == 0
        events.append(behind)
    until(lambda: len(letters(stack)) >= dead and not drift(stack, events), "every one is a dead letter or stored", seconds=120)
    found = letters(stack)
    assert len(found) == dead
    assert stack.pid("orders") == pid, "no crash, no restart"

    by_place = {(letter["partition"], letter["offset"]): letter for letter in found}
    largest = by_place[places["as large as the broker takes"]]
    assert (largest["cut"], largest["kept"], largest["size"]) == ("", LARGEST - 81, LARGEST - 81)
    for name in ("a bomb", "a bomb in zstd"):
        partition, offset = places[name]
        bomb = by_place[partition, offset + 1]
        assert (bomb["kept"], bomb["size"], bomb["hashed"]) == (KEPT_BYTES, BOMB, BOMB)
        assert bomb["sha256"] == hashlib.sha256(bytes(BOMB)).hexdigest()

    environment = asked(at)
    partition, offset = places["a bomb"]
    shown = weftline("dlq", "show", f"{TOPIC}/{partition}/{offset + 1}", folder=stack.config.folder, **environment)
    assert shown.returncode == 0, shown.stderr
    assert f"{BOMB:,} bytes came, the letter keeps {KEPT_BYTES:,}" in shown.stdout
    assert f"are not fetched; they lie at {TOPIC}/{partition}/{offset + 1}" in shown.stdout
    replayed = weftline("dlq", "replay", "--all", "--json", folder=stack.config.folder, **environment)
    assert json.loads(replayed.stdout)["published"] == 0
    assert json.loads(replayed.stdout)["left"] == dead


@pytest.mark.timeout(600)
def test_a_letter_that_was_cut_is_replayed_from_its_topic(stack: Stack) -> None:
    """What was wrong lay in the headers alone, which are over what is kept; the event is sound."""
    at = where(stack)
    event = order("among headers")
    partition = partition_of(key_of(event), PARTITIONS)
    records = packed(of(event, (b"h", bytes(3 << 20))), codec=1)
    error, offset = produce(at.kafka, TOPIC, partition, records)
    assert error == 0
    place = f"{TOPIC}/{partition}/{offset}"

    def buried() -> bool:
        return any((letter["partition"], letter["offset"]) == (partition, offset) for letter in letters(stack))

    until(buried, "it is a dead letter")
    environment = asked(at)
    shown = weftline("dlq", "show", place, folder=stack.config.folder, **environment)
    assert f"the original was fetched from {place}" in shown.stdout, shown.stdout + shown.stderr
    assert weftline("dlq", "replay", place, folder=stack.config.folder, **environment).returncode == 0

    def stored() -> bool:
        with reader(at) as server:
            return bool(server.rows("SELECT 1 FROM order_records WHERE event_id = 'among headers-confirmed'"))

    until(stored, "replayed with all of its bytes, it counts")


@pytest.mark.timeout(900)
def test_a_processor_that_dies_of_a_record_is_rid_of_it(tmp_path: Any) -> None:
    """A real process that SIGKILLs itself whenever it steps this record; its supervisor has not given up before."""
    with stack_at(tmp_path, AS_OF, ["orders"], WEFTLINE_DIES_OF=DEADLY) as stack:
        at = where(stack)
        producer = KafkaProducer(bootstrap_servers=at.kafka, linger_ms=50)
        events = [order(f"order {number}") for number in range(200)]
        deadly = dataclasses.replace(order("deadly"), event_id=DEADLY)
        for number, event in enumerate([*events[:100], deadly, *events[100:]]):
            producer.send(TOPIC, CODEC.encode(event), key_of(event), partition=number % PARTITIONS if event is deadly else None)
        producer.flush()
        producer.close()
        until(lambda: len(letters(stack)) == 1, "the record that kills is a dead letter", seconds=240)
        until(lambda: not drift(stack, events), "everything else is in the tables", seconds=240)
        (letter,) = letters(stack)
        assert letter["reason"] == "processing_failed"
        assert (
            letter["detail"] == f"DiedOf: {CONFIRMED} workers in a row ended while they stepped this record, without an exception"
        )
        said = (tmp_path / "logs" / "orders.log").read_text()
        # Twice the whole of what was tried (once more a piece, if it was more than 16), then the record.
        assert said.count("a worker ended while it tried these") - CONFIRMED in (2, 3)

        def closed() -> bool:
            with reader(at) as server:
                return server.rows("SELECT sum(times) FROM processing_attempts FINAL") == [(0,)]

        until(closed, "what was tried is noted to be through")
