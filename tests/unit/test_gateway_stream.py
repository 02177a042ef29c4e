"""Streams of alerts: whatever is cut off where, a resume gives what is missing, once, and to nobody what is another's."""

from __future__ import annotations

import asyncio
import json
import random
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.examples import ALERT, ORDER
from tests.support.gateway import FACTORY, OPERATOR, PARTITIONS, FakeLog, World
from tests.unit.test_gateway_publishing import problem

from weftline.contracts.partners import Partner, Role
from weftline.domain.alerts import Alert
from weftline.domain.digests import listed
from weftline.gateway import positions
from weftline.gateway.log import Message
from weftline.gateway.problems import Problem
from weftline.gateway.shared_log import SharedLog
from weftline.gateway.stream import Streams

URL = "/v1/alerts/stream"
COOPERATIVE = ORDER.cooperative_id


def alert(number: int, factory: str = "f-1", revision: int = 1, cooperative: str = COOPERATIVE) -> Alert:
    return replace(ALERT, alert_id=f"a-{number}", revision=revision, factory_id=factory, cooperative_id=cooperative)


def read(text: str) -> list[tuple[str | None, Any]]:
    """The (id, data) of a stream, as EventSource understands it; data is None where there is an id alone."""
    found = []
    for block in text.split("\n\n"):
        lines = [line.partition(": ") for line in block.splitlines() if line and not line.startswith(":")]
        fields = {name: value for name, _, value in lines}
        if fields:
            found.append((fields.get("id"), json.loads(fields["data"]) if "data" in fields else None))
    return found


def stream(world: World, who: str = "factory", last: str | None = None, query: str = "") -> list[tuple[str | None, Any]]:
    answer = world.ask(who, "GET", URL + query, headers={} if last is None else {"Last-Event-ID": last})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    return read(answer.text)


def ids(events: list[tuple[str | None, Any]]) -> list[tuple[str, int]]:
    return [(data["alert_id"], data["revision"]) for _, data in events if data is not None]


def test_a_factory_reads_its_own_partition_and_its_own_alerts() -> None:
    world = World()
    partition = world.log.put(alert(1))
    other = next(f"f-{n}" for n in range(2, 1000) if positions.partition_of(f"f-{n}".encode(), PARTITIONS) == partition)
    world.log.put(alert(2, other))
    world.log.put(alert(3))
    events = stream(world, query="?from=beginning")
    assert world.log.followed == [
        frozenset(range(PARTITIONS)),
        frozenset({partition}),
    ]  # all streams' reader, and what it must catch up
    assert ids(events) == [("a-1", 1), ("a-3", 1)]
    assert events[0] == (f"{partition}-0", None)  # the place, before anything has come
    assert events[-1][0] == f"{partition}-3"


def test_a_stream_begins_now_unless_told() -> None:
    world = World()
    partition = world.log.put(alert(1))
    first = stream(world)
    assert (ids(first), first[0][0]) == ([], f"{partition}-1")
    world.log.put(alert(2))
    assert ids(stream(world, last=first[0][0])) == [("a-2", 1)]  # cut off before the first alert, nothing is missed


def test_an_officer_and_an_operator() -> None:
    world = World()
    for number in range(20):
        world.log.put(alert(number, f"f-{number}", cooperative=COOPERATIVE if number % 2 else "elsewhere"))
    assert sorted(ids(stream(world, "officer", query="?from=beginning"))) == sorted((f"a-{n}", 1) for n in range(1, 20, 2))
    assert len(ids(stream(world, "operator", query="?from=beginning"))) == 20


def test_a_digest_shows_what_is_the_readers() -> None:
    world = World()
    parts = tuple(listed(alert(n, cooperative=COOPERATIVE if n < 2 else "elsewhere")) for n in range(3))
    world.log.put(replace(alert(9), alert_id="digest:1", listed=parts))
    ((_, found),) = stream(world, "officer", query="?from=beginning")[1:]
    assert [one["alert_id"] for one in found["listed"]] == ["a-0", "a-1"]
    ((_, found),) = stream(world, "factory", query="?from=beginning")[1:]
    assert len(found["listed"]) == 3


def test_repeats_and_older_revisions_are_left_out() -> None:
    world = World()
    for revision in (2, 2, 1, 4):
        world.log.put(alert(1, revision=revision))
    assert ids(stream(world, query="?from=beginning")) == [("a-1", 2), ("a-1", 4)]


@given(st.integers(0, 2**32), st.sampled_from(["factory", "officer", "operator"]))
def test_resuming_anywhere_gives_the_rest_without_gap_or_repeat(seed: int, who: str) -> None:
    chance = random.Random(seed)
    world = World()
    for number in range(chance.randrange(1, 30)):
        factory = chance.choice(["f-1", "f-2", "f-3", "f-4"])
        world.log.put(alert(number, factory, cooperative=chance.choice([COOPERATIVE, "elsewhere"])))
    whole = ids(stream(world, who, query="?from=beginning"))
    got: list[tuple[str, int]] = []
    last = None
    for _ in range(100):
        events = stream(world, who, last, "?from=beginning")
        cut = chance.randrange(1, len(events) + 1)  # the connection breaks off somewhere; the id of what arrived stays
        got += ids(events[:cut])
        last = events[cut - 1][0]
        if cut == len(events):
            break
    assert sorted(got) == sorted(whole)
    assert len(set(got)) == len(got)


def test_a_place_that_is_not_kept_is_refused() -> None:
    world = World()
    partition = world.log.put(alert(1))
    world.log.put(alert(2))
    world.log.begins[partition] = 1
    problem(world.ask("factory", "GET", URL, headers={"Last-Event-ID": f"{partition}-0"}), 410, "gone")
    assert ids(stream(world, last=f"{partition}-1")) == [("a-2", 1)]
    problem(world.ask("factory", "GET", URL, headers={"Last-Event-ID": f"{partition}-3"}), 410, "gone")  # the topic was made anew
    assert world.gateway.streams.open == 0


@pytest.mark.parametrize("last", ["x", "1", "1-", "-1", "0-0.0-0", "99999999-0", "1-2.", "0x1-2", "1-" + "9" * 40, "１-２"])
def test_an_id_that_is_none(last: str) -> None:
    answer = World().ask("factory", "GET", URL, headers={"Last-Event-ID": last.encode()})
    assert problem(answer, 422, "contract") == ["Last-Event-ID"]


def test_an_id_of_other_partitions_is_refused() -> None:
    world = World()
    world.log.put(alert(1))
    last = stream(world, "operator")[0][0]
    assert problem(world.ask("factory", "GET", URL, headers={"Last-Event-ID": str(last)}), 422, "contract") == ["Last-Event-ID"]
    assert problem(world.ask("factory", "GET", f"{URL}?from=yesterday"), 422, "contract") == ["from"]


@given(st.dictionaries(st.integers(0, 500), st.integers(0, 2**50), min_size=1))
def test_an_id_comes_back_as_it_was(places: dict[int, int]) -> None:
    assert positions.read(positions.written(places), places) == places


def test_which_partitions_a_partner_reads() -> None:
    assert positions.partitions_for(OPERATOR, 8) == frozenset(range(8))
    assert len(positions.partitions_for(FACTORY, 8)) == 1
    assert positions.partitions_for(Partner(partner_id="w", role=Role.FACTORY, factories=("f-1", "g*")), 8) == frozenset(range(8))


def heartbeats(world: World, end: Any) -> str:
    """What a stream says while nothing comes, until it ends."""
    world.log.ends_when_read = False

    async def beat() -> str:
        from weftline.gateway.stream import Stream

        caller = await world.door.enter(f"Bearer {world.tokens['factory']}", "127.0.0.1")
        opened = await Stream.open(
            caller,
            world.gateway.followed,
            world.gateway.streams,
            world.door.still,
            last_id=None,
            from_beginning=False,
            heartbeat=0.01,
        )
        parts = []
        async for part in opened.events():
            parts.append(part.decode())
            if len(parts) == 4:
                end()
            assert len(parts) < 10
        return "".join(parts)

    return world.runner.run(beat())


def test_heartbeats_keep_the_place_and_a_partner_who_is_out_is_cut_off() -> None:
    world = World()

    def disable() -> None:
        world.tables.partners = [replace(one, disabled=True) for one in world.tables.partners]
        world.later(60)

    text = heartbeats(world, disable)
    assert text.count(": heartbeat") == 3
    partition = positions.partition_of(b"f-1", PARTITIONS)
    assert {place for place, _ in read(text)} == {f"{partition}-0"}
    assert "data:" not in text  # no event is made of it
    assert world.gateway.streams.open == 0


def test_rights_that_change_end_a_stream() -> None:
    world = World()

    def narrow() -> None:
        world.tables.partners = [
            replace(one, factories=("f-2",)) if one.partner_id == "factory" else one for one in world.tables.partners
        ]
        world.later(60)

    assert heartbeats(world, narrow).count(": heartbeat") == 3


@given(st.integers(0, 2**32))
def test_all_streams_share_a_reader_and_none_misses_or_repeats_what_it_keeps_for_them(seed: int) -> None:
    """Followers that begin anywhere, come when they like and stay away while more arrives than is kept."""
    chance = random.Random(seed)
    log = FakeLog(ends_when_read=False)

    async def play() -> None:
        shared = SharedLog(log, kept=chance.randrange(1, 4))
        async with AsyncExitStack() as held:
            following: list[tuple[dict[int, int], Any, list[Message]]] = []
            for number in range(chance.randrange(10, 60)):
                if not following or chance.random() < 0.1:
                    partitions = chance.sample(range(PARTITIONS), chance.randrange(1, PARTITIONS))
                    one = await held.enter_async_context(shared.follow(partitions))
                    _, ends = await one.bounds()
                    begin = {partition: chance.randrange(end + 1) for partition, end in ends.items()}
                    one.seek(begin)
                    following.append((begin, one, []))
                log.put(alert(number, f"f-{chance.randrange(4)}"))
                for _ in range(chance.randrange(8)):
                    await asyncio.sleep(0)
                for _, one, got in chance.sample(following, chance.randrange(len(following) + 1)):
                    got += await one.next(0)
            for begin, one, got in following:
                ends = {partition: len(log.messages[partition]) for partition in begin}
                for _ in range(1_000):
                    if await one.places() == ends:
                        break
                    got += await one.next(0.001)
                for partition, offset in begin.items():
                    assert [m.offset for m in got if m.partition == partition] == list(range(offset, ends[partition]))
        assert log.open == 0  # with the last follower the reader goes, and every one that had to catch up

    with asyncio.Runner() as runner:
        runner.run(play())


def test_there_is_room_for_so_many() -> None:
    streams = Streams(most=3, of_one=2)
    streams.enter("a")
    streams.enter("a")
    with pytest.raises(Problem) as refused:
        streams.enter("a")
    assert refused.value.kind.status == 429
    streams.enter("b")
    with pytest.raises(Problem) as refused:
        streams.enter("c")
    assert refused.value.kind.status == 503
    assert "Retry-After" in refused.value.headers
    streams.leave("a")
    streams.enter("c")
    assert streams.open == 3
