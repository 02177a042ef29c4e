"""Dead letters from the first look to the last, with a real processor: what is mended is replayed and counts once."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from tests.e2e.commands import until, weftline
from tests.support import tables
from tests.support.examples import CODEC, ORDER, REGISTRY
from tests.support.stack import FEW, stack_at

from weftline.contracts.codec import FRAMING, Codec, rank_of
from weftline.contracts.envelope import cloudevents_headers
from weftline.contracts.registry import HttpRegistry
from weftline.contracts.topics import key_of, partition_of
from weftline.domain.fold import Record
from weftline.embedded.supervisor import Stack
from weftline.runtime.settings import load
from weftline.warehouse.client import reader
from weftline.warehouse.dead_letters import Address, DeadLetters, Selection
from weftline.warehouse.replay import REPLAY_HEADER, replay

TOPIC = "sample.orders.v1"
PARTITIONS = FEW
LATE_ID = 77
AS_OF = ORDER.event_time + 3_600_000


class _Registry(BaseHTTPRequestHandler):
    """Confluent's answers out of schemas/; the late id is ours as well, once somebody has registered it."""

    registered = False

    def do_GET(self) -> None:
        number = int(self.path.rsplit("/", 1)[1])
        known = 1 if number == LATE_ID and _Registry.registered else number
        self._answer({"schema": json.dumps(REGISTRY.schema(known))} if known in REGISTRY.ids else None)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer({"id": REGISTRY.latest(self.path.rsplit("/", 1)[1])})

    def _answer(self, body: dict[str, Any] | None) -> None:
        text = json.dumps(body or {}).encode()
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def registry() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Registry)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, registry: str) -> Iterator[Stack]:
    with stack_at(tmp_path_factory.mktemp("stack"), AS_OF, ["orders"], WEFTLINE_SCHEMA_REGISTRY=registry) as running:
        yield running


class Sent(NamedTuple):
    """A record as it was published, and where it came to lie."""

    event: Any
    value: bytes
    address: Address


class World:
    """The stack, its registry, and what was published."""

    def __init__(self, stack: Stack, registry: str, folder: Path) -> None:
        assert stack.addresses is not None
        self.settings = load(kafka=stack.addresses.kafka, clickhouse=stack.addresses.clickhouse, schema_registry=registry)
        self.folder = folder
        self.sent: list[Sent] = []
        self._producer = KafkaProducer(bootstrap_servers=self.settings.kafka)

    def close(self) -> None:
        self._producer.close()

    def publish(self, change: Callable[[bytes], bytes] = bytes, *, strange_key: bool = False) -> Sent:
        """An order of its own, with its bytes changed on the way."""
        name = f"order-{len(self.sent)}"
        event = dataclasses.replace(ORDER, order_id=name, event_id=f"{name}-confirmed")
        value = change(CODEC.encode(event))
        key = key_of(event)
        partition = partition_of(key, PARTITIONS)
        if strange_key:
            key = b"somebody else"
        found = self._producer.send(TOPIC, value, key, cloudevents_headers(event), partition).get(30)
        self.sent.append(Sent(event, value, Address(TOPIC, found.partition, found.offset)))
        return self.sent[-1]

    def dlq(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        settings = self.settings
        return weftline(
            "dlq",
            *arguments,
            folder=self.folder,
            WEFTLINE_KAFKA=settings.kafka,
            WEFTLINE_CLICKHOUSE=settings.clickhouse,
            WEFTLINE_SCHEMA_REGISTRY=settings.schema_registry or "",
        )

    def says(self, *arguments: str, status: int = 0) -> Any:
        """The JSON that a command prints."""
        done = self.dlq(*arguments, "--json")
        assert done.returncode == status, done.stderr + done.stdout
        return json.loads(done.stdout)

    def open(self) -> dict[tuple[str, str], int]:
        return {(group["reason"], group["field"]): group["records"] for group in self.says("list")["groups"]}

    def letters(self) -> list[tuple[str, bytes]]:
        """Addresses and bytes of all dead letters, whatever was done about them."""
        with reader(self.settings) as server:
            rows = server.rows("SELECT topic, partition, offset, value FROM dead_letters FINAL", binary=("value",))
        return sorted((str(Address(*row[:3])), row[3]) for row in rows)

    def published(self) -> list[tuple[bytes, bytes, list[tuple[str, bytes]], int]]:
        """Everything in the topic: key, value, headers, partition."""
        consumer = KafkaConsumer(bootstrap_servers=self.settings.kafka, consumer_timeout_ms=2000, auto_offset_reset="earliest")
        with closing(consumer):
            consumer.assign([TopicPartition(TOPIC, partition) for partition in range(PARTITIONS)])
            return [(record.key, record.value, list(record.headers), record.partition) for record in consumer]

    def drift(self, events: Sequence[Any]) -> dict[str, str]:
        """The tables against the fold of these events, each once."""
        kind = tables.kinds()["orders"]
        ought = tables.expected(kind, [Record(event, rank_of(CODEC.encode(event)[FRAMING:], False)) for event in events], AS_OF)
        with reader(self.settings) as server:
            return tables.drift(tables.stored(kind, server), ought)


@pytest.fixture(scope="module")
def world(stack: Stack, registry: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(stack, registry, tmp_path_factory.mktemp("cwd"))
    yield world
    world.close()


class Crash(Exception):
    """The program died between publishing and taking note of it."""


class Dying(DeadLetters):
    def act(self, *_: Any) -> None:
        raise Crash


def test_what_was_mended_counts_once_however_often_it_is_replayed(world: World) -> None:
    def late(value: bytes) -> bytes:
        return b"\0" + LATE_ID.to_bytes(4, "big") + value[FRAMING:]

    good = [world.publish() for _ in range(3)]
    unregistered = [world.publish(late) for _ in range(4)]
    cut = [world.publish(lambda value: value[:-20]) for _ in range(2)]
    strange = world.publish(strange_key=True)
    letters = [*unregistered, *cut, strange]
    expected = sorted((str(sent.address), sent.value) for sent in letters)
    until(lambda: world.letters() == expected, "the bad records are dead letters")
    assert world.open() == {("undecodable", "schema_id"): 4, ("undecodable", "value"): 2, ("contract", "key"): 1}
    until(lambda: not world.drift([sent.event for sent in good]), "the good ones among them are in the tables")

    # Looked at.
    shown = world.says("show", str(unregistered[0].address))
    assert shown["value"] == unregistered[0].value.hex()
    assert dict(shown["headers"])["ce_id"] == unregistered[0].event.event_id
    assert f"{LATE_ID} is unknown" in shown["would_fail_again"]
    shown = world.says("show", str(cut[0].address))
    assert shown["read"]["fields"]["event_id"] == cut[0].event.event_id
    assert shown["read"]["stopped_at"] in {field["name"] for field in REGISTRY.schema(1)["fields"]}
    text = world.dlq("show", str(cut[0].address)).stdout
    assert "would" not in text
    assert cut[0].value[:8].hex(" ") in text
    assert world.dlq("show", f"{TOPIC}/0/999999").returncode == 1
    assert world.dlq("replay").returncode == 2, "replaying everything must be asked for"

    # Before it is mended, a replay changes nothing.
    assert world.says("replay", "--reason", "undecodable", status=1)["published"] == 0
    assert len(world.published()) == len(world.sent)

    # Mended. Replayed by a program that dies before it can note it, and then again.
    _Registry.registered = True
    one = unregistered[0].address
    assert world.says("show", str(one))["would_fail_again"] is None
    with reader(world.settings) as server, pytest.raises(Crash):
        replay(Dying(server), Selection(one), world.settings, Codec(HttpRegistry(world.settings.schema_registry or "")))
    assert world.says("replay", str(one)) == {"published": 1, "left": 0, "examples": []}
    assert world.says("replay", str(one))["published"] == 0, "it is no longer open"
    done = world.says("replay", "--all", status=1)
    assert (done["published"], done["left"]) == (3, 3)
    assert {address for address, _ in done["examples"]} == {str(sent.address) for sent in [*cut, strange]}
    until(lambda: not world.drift([sent.event for sent in [*good, *unregistered]]), "what was replayed is in the tables, once")

    # Byte for byte, where it was before, and it says so.
    replayed = [(key, value, dict(headers), at) for key, value, headers, at in world.published() if REPLAY_HEADER in dict(headers)]
    assert len(replayed) == 5
    by_address = {str(sent.address): sent for sent in unregistered}
    for key, value, headers, partition in replayed:
        sent = by_address[headers[REPLAY_HEADER].decode()]
        assert (key, value, partition) == (key_of(sent.event), sent.value, sent.address.partition)
        assert headers["ce_id"].decode() == sent.event.event_id

    # The rest is dropped with a reason; nothing is deleted.
    assert world.open() == {("undecodable", "value"): 2, ("contract", "key"): 1}
    assert world.dlq("drop", "--all", "--because", " ").returncode == 2
    assert world.says("drop", "--topic", TOPIC, "--because", "cut off by the line's old gateway") == {"dropped": 3}
    assert world.open() == {}
    assert world.letters() == expected
    handled = world.says("list", "--handled", "--records", "20")["records"]
    assert {(one["record"], one["status"]) for one in handled} == {
        *((str(sent.address), "replayed") for sent in unregistered),
        *((str(sent.address), "dropped") for sent in [*cut, strange]),
    }
    (action,) = world.says("show", str(strange.address))["actions"]
    assert (action["action"], action["note"]) == ("dropped", "cut off by the line's old gateway")
    # A time in the past selects none of today's.
    assert world.says("list", "--handled", "--until", "2020-01-01")["groups"] == []
    assert sum(group["records"] for group in world.says("list", "--handled", "--since", "2020-01-01")["groups"]) == len(letters)
