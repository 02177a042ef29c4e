"""A rolling upgrade to a release that tells more of an alert, and by a rule more: old and new processors and readers at once.

The new processor dies between storing its alerts and telling them, and the old one has all partitions again for a while. It goes on with
what is its own and leaves alone what it cannot read. An old reader reads all that is said as before, and stops, or passes over, where
something new is said; the new one goes on there. At the end everybody was told what stands.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer
from tests.e2e.commands import until, weftline
from tests.support.examples import CODEC, ORDER
from tests.support.next_release import BY_NEW_RULE, FIELD, RULE, SAYS_MORE, NextAlerts
from tests.support.stack import SWEEP, stack_at, where

from weftline.contracts.envelope import cloudevents_headers
from weftline.contracts.topics import key_of, topic_of
from weftline.domain.alerts import Alert
from weftline.domain.vocabulary import OrderStatus
from weftline.embedded.children import Running, processor_child
from weftline.embedded.ports import free_ports
from weftline.embedded.supervisor import Stack
from weftline.errors import UserError
from weftline.runtime.groups import open_groups
from weftline.sdk import Subscriber
from weftline.warehouse.client import reader
from weftline.warehouse.status import TOPICS

AS_OF = ORDER.event_time + 3_600_000
CLOCK = {"WEFTLINE_SIMULATED_CLOCK": f"0,{AS_OF},0", "WEFTLINE_SWEEP_SECONDS": SWEEP, "WEFTLINE_DIGEST_SECONDS": "1"}
#: Orders of each sort, for one round of publishing.
NUMBER = 12
SORTS = ("plain", BY_NEW_RULE, SAYS_MORE)

pytestmark = pytest.mark.timeout(600)


class World:
    """The servers, and what is asked of them."""

    def __init__(self, stack: Stack, release: NextAlerts, folder: Path) -> None:
        assert stack.addresses is not None
        self.settings, self.release, self.folder = where(stack), release, folder
        self.servers = stack.addresses.environment()

    @contextmanager
    def worker(self, name: str, **more: str) -> Iterator[Running]:
        (port,) = free_ports(1)
        worker = Running(processor_child("orders", {**self.servers, **CLOCK, **more}, port), self.folder / f"{name}.log")
        try:
            worker.wait_ready()
            yield worker
        finally:
            worker.kill()

    def run_new(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return weftline(*arguments, folder=self.folder, **self.servers, **CLOCK, **self.release.environment)

    def publish(self, round_: str, *sorts: str) -> None:
        """Orders that are overdue when they come."""
        producer = KafkaProducer(bootstrap_servers=self.settings.kafka)
        for sort in sorts or SORTS:
            for number in range(NUMBER):
                name = f"{sort}-{round_}-{number}"
                change = {"order_id": name, "event_id": name, "status": OrderStatus.CONFIRMED}
                event = dataclasses.replace(ORDER, promised_at=ORDER.event_time + 60_000, **change)
                producer.send(topic_of(event), CODEC.encode(event), key_of(event), cloudevents_headers(event))
        producer.flush()
        producer.close()

    def held(self) -> list[int]:
        with open_groups(self.settings, TOPICS) as groups:
            return sorted(len(member.partitions) for member in groups.read()[0].members or ())

    def all_read(self) -> bool:
        with open_groups(self.settings, TOPICS) as groups:
            return groups.read()[0].lag == 0

    def rows(self, query: str) -> list[Any]:
        with reader(self.settings) as server:
            return list(server.rows(query))

    def waiting(self) -> set[str]:
        """Orders of which an alert is stored and nobody was told."""
        return {
            order for (order,) in self.rows("SELECT JSONExtractString(content, 'order_id') FROM alerts FINAL WHERE NOT published")
        }


def orders(round_: str, *sorts: str) -> set[str]:
    return {f"{sort}-{round_}-{number}" for sort in sorts for number in range(NUMBER)}


def read_by_old(world: World, group: str, *, skip: bool) -> tuple[list[Alert], str]:
    """What a reader of this release is told since it read last, and why it stopped."""
    told: list[Alert] = []
    with Subscriber(world.settings.kafka, None, group=group, follow=False, skip_unreadable=skip) as subscriber:
        try:
            told.extend(subscriber)
        except UserError as error:
            return told, str(error)
    return told, ""


def read_by_new(world: World, group: str) -> list[dict[str, Any]]:
    read = world.run_new("alerts", "--json", "--group", group)
    assert read.returncode == 0, read.stdout + read.stderr
    return [json.loads(line) for line in read.stdout.splitlines()]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    release = NextAlerts(tmp_path / "next")
    with stack_at(tmp_path / "stack", AS_OF, []) as stack:
        yield World(stack, release, tmp_path)


def test_old_and_new_at_once(world: World) -> None:
    with world.worker("old") as old:
        world.publish("first")
        until(lambda: world.all_read() and not world.waiting(), "the old processor tells everything", 120)
        told, why = read_by_old(world, "strict", skip=False)
        assert {alert.order_id for alert in told} == orders("first", *SORTS)
        assert why == ""
        assert {alert.order_id for alert in read_by_old(world, "lenient", skip=True)[0]} == orders("first", *SORTS)

        with world.worker("new", **world.release.environment):
            until(lambda: len(world.held()) == 2 and min(world.held()) > 0, "both are at work", 120)
            world.publish("second")
            until(lambda: world.all_read() and not world.waiting(), "both tell everything", 120)
        with world.worker("dying", **world.release.environment, WEFTLINE_FAILPOINTS="alerts=1") as dying:
            until(lambda: len(world.held()) == 2 and min(world.held()) > 0, "a new one is at work again", 120)
            world.publish("third", BY_NEW_RULE, SAYS_MORE)  # else its first step may have what the old one knows as well, and tells
            until(lambda: not dying.alive, "it dies when it has stored alerts", 120)
            world.publish("third", "plain")
        until(lambda: len(world.held()) == 1 and world.all_read(), "the old one has all partitions", 120)
        world.publish("fourth")
        until(lambda: world.all_read() and not world.waiting() & orders("fourth", *SORTS), "it goes on with its own", 120)
        newer = (
            "SELECT JSONExtractString(content, 'order_id') FROM alerts FINAL WHERE rule = '{}' OR position(content, '\"high\"') > 0"
        )
        news = {order for (order,) in world.rows(newer.format(RULE))}
        left = world.waiting()
        assert left, "what the new one stored and did not tell"
        assert left <= news & orders("third", BY_NEW_RULE, SAYS_MORE), "all else is told"
        assert old.alive, old.log.read_text("utf-8")[-4000:]

        # What is new was said in the new version, all else as before.
        told, why = read_by_old(world, "strict", skip=False)
        assert "a newer version of weftline may" in why
        passed_by, why = read_by_old(world, "lenient", skip=True)
        assert why == ""
        seen = {alert.order_id for alert in passed_by}
        every = orders("second", *SORTS) | orders("third", *SORTS) | orders("fourth", *SORTS)
        assert every - news <= seen <= every
        assert news - left - seen, "the new one told of some"

        with world.worker("newest", **world.release.environment):
            assert old.stop()
            until(lambda: len(world.held()) == 1 and not world.waiting(), "the new one tells what was left", 120)
            rebuilt = world.run_new("rebuild")
            assert rebuilt.returncode == 0, rebuilt.stdout + rebuilt.stderr
            until(lambda: not world.waiting(), "it tells what its rules say of what the old one judged", 120)
            audited = world.run_new("audit", "--as-of", str(AS_OF))
            assert (audited.returncode, audited.stdout.splitlines()[-1]) == (0, "no drift"), audited.stdout + audited.stderr

        # The reader that stopped goes on where it stopped, in the new release; one that reads everything was told what stands.
        rest = {alert["order_id"] for alert in read_by_new(world, "strict")}
        assert rest | {alert.order_id for alert in told} == {
            o for r in ("first", "second", "third", "fourth") for o in orders(r, *SORTS)
        }
        last: dict[str, dict[str, Any]] = {}
        for alert in read_by_new(world, "everything"):
            if alert["revision"] >= last.get(alert["alert_id"], {"revision": 0})["revision"]:
                last[alert["alert_id"]] = alert
        assert len(last) == 4 * len(SORTS) * NUMBER
        for alert in last.values():
            assert alert["rule"] == (RULE if alert["order_id"].startswith(BY_NEW_RULE) else "ORDER_OVERDUE")
            assert alert.get(FIELD) == ("high" if alert["order_id"].startswith(SAYS_MORE) else None)
