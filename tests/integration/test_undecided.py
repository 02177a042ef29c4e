"""The running product beside foreign transactions: aborted is not there and not missing, open is not yet decided, and everybody says so."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from tests.e2e.commands import until, weftline
from tests.support.examples import ALERT, CODEC, ORDER
from tests.support.stack import SWEEP, stack_at, where

from weftline.contracts.topics import key_of, topic_of
from weftline.embedded.supervisor import Stack
from weftline.runtime.groups import open_groups
from weftline.sdk import Subscriber
from weftline.warehouse.client import reader
from weftline.warehouse.status import TOPICS

AS_OF = ORDER.event_time + 3_600_000


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with stack_at(tmp_path_factory.mktemp("stack"), AS_OF, ["orders"]) as running:
        yield running


def producer(stack: Stack, transaction: str | None = None) -> Producer:
    options: dict[str, Any] = {"bootstrap.servers": where(stack).kafka, "compression.type": "snappy", "log_level": 0}
    options |= {"partitioner": "murmur2_random"}
    found = Producer(options | ({"transactional.id": transaction, "transaction.timeout.ms": 600_000} if transaction else {}))
    if transaction:
        found.init_transactions(30)
    return found


def send(to: Producer, event: Any) -> None:
    to.produce(topic_of(event), CODEC.encode(event), key_of(event))
    assert to.flush(30) == 0


def order(name: str) -> Any:
    """Orders of one owner lie in one partition, so that one may wait behind the other."""
    return dataclasses.replace(ORDER, event_id=name)


def stored(stack: Stack) -> set[str]:
    with reader(where(stack)) as server:
        return {event_id for (event_id,) in server.rows("SELECT DISTINCT event_id FROM order_records")}


def say(stack: Stack, folder: Path, *command: str) -> tuple[int, str]:
    """Exit status and output of a command beside the stack."""
    assert stack.addresses is not None
    done = weftline(*command, folder=folder, WEFTLINE_SWEEP_SECONDS=SWEEP, **stack.addresses.environment())
    return done.returncode, done.stdout


def audit(stack: Stack, folder: Path) -> tuple[int, int, int, int]:
    """Exit status; records of the log, offsets that are not decided, rows that are wrong."""
    status, said = say(stack, folder, "audit", "--as-of", str(AS_OF), "--json")
    report = json.loads(said)
    return status, report["logged"], report["undecided"], report["drift_rows"]


def acknowledged(stack: Stack) -> bool:
    with open_groups(where(stack), {"orders": TOPICS["orders"]}) as groups:
        (group,) = groups.read()
    return all(position.committed == position.stable for position in group.positions if position.end)


def test_aborted_and_open_transactions_are_told_as_what_they_are(stack: Stack, tmp_path: Path) -> None:
    plain, aborting, other = producer(stack), producer(stack, "aborting"), producer(stack, "open")
    send(plain, order("plain"))
    aborting.begin_transaction()
    send(aborting, order("aborted"))
    aborting.abort_transaction(30)
    until(lambda: stored(stack) == {"plain"} and acknowledged(stack), "what is committed is stored, the rest passed")
    assert audit(stack, tmp_path) == (0, 1, 0, 0)

    other.begin_transaction()
    send(other, order("undecided"))
    send(plain, order("behind"))
    until(lambda: acknowledged(stack), "up to the open transaction")
    assert stored(stack) == {"plain"}
    assert audit(stack, tmp_path) == (3, 1, 2, 0)
    assert "not yet decided: 2 offsets" in say(stack, tmp_path, "audit", "--as-of", str(AS_OF))[1]
    assert re.search(r"2 offsets of partition \d+ wait for a publisher's transaction to end", say(stack, tmp_path, "status")[1])
    orders, *_ = json.loads(say(stack, tmp_path, "status", "--json")[1])["processors"]
    assert (orders["lag"], orders["undecided"]) == (0, 2)

    other.commit_transaction(30)
    until(
        lambda: stored(stack) == {"plain", "undecided", "behind"} and acknowledged(stack), "it is read, and what waited behind it"
    )
    assert audit(stack, tmp_path) == (0, 3, 0, 0)


def test_a_subscriber_is_told_of_what_is_committed(stack: Stack) -> None:
    def received() -> list[str]:
        with Subscriber(where(stack).kafka, "tx", follow=False) as alerts:
            return [alert.alert_id for alert in alerts]

    def alert(name: str) -> Any:
        return dataclasses.replace(ALERT, alert_id=name, factory_id="tx")

    one, two = producer(stack, "one"), producer(stack, "two")
    one.begin_transaction()
    send(one, alert("aborted"))
    one.abort_transaction(30)
    assert received() == []
    two.begin_transaction()
    send(two, alert("late"))
    assert received() == [], "not yet decided"
    two.commit_transaction(30)
    send(producer(stack), alert("plain"))
    assert received() == ["late", "plain"]
    # A tombstone is no alert, and hides none.
    plain = producer(stack)
    plain.produce(topic_of(ALERT), None, b"tx")
    plain.produce(topic_of(ALERT))
    plain.flush(30)
    send(plain, alert("behind it"))
    assert received() == ["behind it"]
    with Subscriber(where(stack).kafka, None, group="all", follow=False) as alerts:
        assert {found.alert_id for found in alerts} == {"late", "plain", "behind it"}
