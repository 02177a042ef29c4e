"""The spool: what it has said is kept, it keeps, and it sends on in order."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from tests.e2e.commands import until
from tests.support.examples import ORDER
from tests.support.small_disk import filled, small_disk

from weftline.contracts.kinds import AnyEvent
from weftline.contracts.topics import topic_of
from weftline.errors import ContractError, DependencyDown, UserError
from weftline.sdk.delivery import DeliveryError, Sent, Undelivered
from weftline.sdk.spool import Spool, SpoolFull
from weftline.sdk.spooling import SpoolTransport


def event(number: int) -> AnyEvent:
    return replace(ORDER, event_id=f"e-{number}", sequence=number)


def ids(spool: Spool) -> list[str]:
    return [one.event.event_id for one in spool.waiting(1_000_000)]


def fill(append: Callable[[AnyEvent], object]) -> tuple[int, str]:
    """Append until there is no room; how many came in, and what is said then."""
    for number in range(100_000):
        try:
            append(event(number))
        except SpoolFull as error:
            return number, str(error)
    raise AssertionError("it is never full")


@contextmanager
def opened(folder: Path, max_bytes: int = 1 << 24) -> Iterator[Spool]:
    spool = Spool(folder, max_bytes)
    try:
        yield spool
    finally:
        spool.close()


class Line:
    """A transport that is away, refuses some, or takes all; ``got`` is what came, in order."""

    def __init__(self) -> None:
        self.away = False
        self.refuses: set[str] = set()
        self.got: list[AnyEvent] = []
        self.on_its_way: list[AnyEvent] = []
        self.connected = 0
        self.closed = 0

    def connect(self) -> Line:
        if self.away:
            raise DependencyDown("kafka", "nobody answers")
        self.connected += 1
        return self

    def hand_over(self, event: AnyEvent) -> Sent:
        self.on_its_way.append(event)
        return Sent(event, topic_of(event), 0)

    def flush(self, timeout: float | None = None) -> int:
        events, self.on_its_way = self.on_its_way, []
        if self.away:
            raise DeliveryError("nowhere", tuple(Undelivered(one, "t", "gone") for one in events), 0, len(events))
        self.got += [one for one in events if one.event_id not in self.refuses]
        refused = tuple(Undelivered(one, "t", "too large", True) for one in events if one.event_id in self.refuses)
        if refused:
            raise DeliveryError("nowhere", refused, 0, len(events))
        return len(events)

    def close(self, timeout: float | None = None) -> None:
        self.closed += 1

    def together(self) -> AbstractContextManager[None]:
        return nullcontext()


def test_what_waits_is_what_was_given_in_order(tmp_path: Path) -> None:
    with opened(tmp_path) as spool:
        for number in range(5):
            spool.append(event(number))
        assert [one.event for one in spool.waiting(3)] == [event(0), event(1), event(2)]
        spool.arrived([one.seq for one in spool.waiting(2)])
    with opened(tmp_path) as again:
        assert ids(again) == ["e-2", "e-3", "e-4"]
        status = again.status()
        assert (status.waiting, status.refused, status.bound) == (3, 0, 1 << 24)
        assert status.oldest is not None


def test_what_belongs_together_is_kept_together_or_not_at_all(tmp_path: Path) -> None:
    with opened(tmp_path) as spool:
        with suppress(KeyboardInterrupt), spool.together():
            spool.append(event(1))
            raise KeyboardInterrupt
        assert ids(spool) == []
        with spool.together():
            spool.append(event(1))
            spool.append(event(2))
        assert ids(spool) == ["e-1", "e-2"]


def test_wherever_the_last_write_is_torn_all_before_it_is_there(tmp_path: Path) -> None:
    """A file as it lies on the disk of a machine that has stopped, cut at many places behind the last but one commit."""
    whole = tmp_path / "whole"
    with opened(whole) as spool:
        for number in range(3):
            spool.append(event(number))
        log = whole / "spool.db-wal"
        begin = log.stat().st_size
        spool.append(event(3))
        end = log.stat().st_size
        shutil.copytree(whole, tmp_path / "copy")
    assert end > begin
    for place in sorted({begin, begin + 1, end - 1, *range(begin, end, 997)}):
        torn = tmp_path / f"torn-{place}"
        torn.mkdir()
        shutil.copy(tmp_path / "copy" / "spool.db", torn)
        (torn / "spool.db-wal").write_bytes((tmp_path / "copy" / "spool.db-wal").read_bytes()[:place])
        with opened(torn) as left:
            assert ids(left) == ["e-0", "e-1", "e-2"], place
            left.append(event(4))
            assert ids(left) == ["e-0", "e-1", "e-2", "e-4"], place


def test_what_rots_on_the_disk_is_put_aside_and_told(tmp_path: Path) -> None:
    with opened(tmp_path) as spool:
        for number in range(3):
            spool.append(event(number))
    with sqlite3.connect(tmp_path / "spool.db") as base:
        base.execute("UPDATE events SET body = CAST(replace(CAST(body AS TEXT), 'e-1', 'e-7') AS BLOB) WHERE seq = 2")
    base.close()
    with opened(tmp_path) as spool:
        assert ids(spool) == ["e-0", "e-2"]
        (refused,) = spool.refused(10)
        assert "damaged" in refused.reason
        assert spool.status().refused == 1


def test_a_file_that_is_no_spool_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "spool.db").write_bytes(b"something else" * 1000)
    with pytest.raises(UserError, match="is it ours"):
        Spool(tmp_path)


def test_it_is_bounded_and_says_so(tmp_path: Path) -> None:
    with opened(tmp_path, 200_000) as spool:
        kept, why = fill(spool.append)
        assert "is full: 0.2 MB wait to be sent" in why
        assert 100 < kept == spool.status().waiting
        spool.arrived([one.seq for one in spool.waiting(50)])
        spool.append(event(kept))
        assert ids(spool)[-1] == f"e-{kept}"


def test_a_full_disk_is_said_so_and_loses_nothing(tmp_path: Path) -> None:
    place = tmp_path / "disk"
    place.mkdir()
    with small_disk(place, 8) as disk:
        if isinstance(disk, str):
            pytest.skip(disk)
        line = Line()
        line.away = True
        way = SpoolTransport(disk / "spool", line.connect, 30.0)
        with filled(disk):
            kept, why = fill(way.hand_over)
            assert "the disk of spool" in why
            assert "nothing of this was kept; make room" in why
            line.away = False  # the line is back, the disk is as full as before
            until(lambda: len(line.got) >= kept, "all is sent on")
        way.hand_over(event(kept))
        way.close()
        with opened(disk / "spool") as spool:
            assert spool.status().waiting == 0
    assert list(dict.fromkeys(one.event_id for one in line.got)) == [f"e-{number}" for number in range(kept + 1)]


# -- Sending on


def test_events_wait_while_the_line_is_away_and_go_on_in_order(tmp_path: Path) -> None:
    line = Line()
    line.away = True
    way = SpoolTransport(tmp_path, line.connect, 30.0)
    for number in range(5):
        way.hand_over(event(number))
    assert way.flush() == 5  # the disk has them
    way.close()
    assert line.got == []
    line.away = False
    second = SpoolTransport(tmp_path, line.connect, 30.0)
    second.hand_over(event(5))
    second.close()
    assert [one.event_id for one in line.got] == [f"e-{number}" for number in range(6)]
    assert (line.connected, line.closed) == (1, 1)


def test_a_line_that_breaks_is_opened_again_and_nothing_overtakes(tmp_path: Path) -> None:
    line = Line()
    way = SpoolTransport(tmp_path, line.connect, 30.0)
    way.hand_over(event(0))
    until(lambda: len(line.got) == 1, "the first is sent")
    line.away = True
    way.hand_over(event(1))
    until(lambda: line.closed == 1, "what broke is let go of")
    way.hand_over(event(2))
    line.away = False
    until(lambda: len(line.got) == 3, "the others are sent")
    way.close()
    assert [one.event_id for one in line.got] == ["e-0", "e-1", "e-2"]


def test_one_that_is_refused_holds_up_nobody(tmp_path: Path) -> None:
    line = Line()
    line.refuses = {"e-1"}
    way = SpoolTransport(tmp_path, line.connect, 30.0)
    with way.together():
        for number in range(3):
            way.hand_over(event(number))
    way.close()
    assert [one.event_id for one in line.got] == ["e-0", "e-2"]
    line.refuses = set()
    with opened(tmp_path) as spool:
        assert [one.reason for one in spool.refused(10)] == ["too large"]
        assert spool.again() == 1
    SpoolTransport(tmp_path, line.connect, 30.0).close()
    assert [one.event_id for one in line.got] == ["e-0", "e-2", "e-1"]


def test_what_breaks_its_contract_is_told_to_whoever_publishes(tmp_path: Path) -> None:
    way = SpoolTransport(tmp_path, Line().connect, 30.0)
    with pytest.raises(ContractError, match="factory_id"):
        way.hand_over(replace(ORDER, factory_id=""))
    assert way.status().waiting == 0
    way.close()


def test_one_process_sends_and_another_takes_over(tmp_path: Path) -> None:
    first, second = Spool(tmp_path), Spool(tmp_path)
    try:
        with first.sending() as ours:
            assert ours
            with second.sending() as theirs:
                assert not theirs
        with second.sending() as theirs:
            assert theirs
    finally:
        first.close()
        second.close()


def test_several_threads_may_publish(tmp_path: Path) -> None:
    line = Line()
    way = SpoolTransport(tmp_path, line.connect, 30.0)

    def publish(thread: int) -> None:
        for number in range(20):
            way.hand_over(event(thread * 100 + number))

    threads = [threading.Thread(target=publish, args=(thread,)) for thread in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    way.close()
    numbers = [int(one.event_id[2:]) for one in line.got]
    assert len(numbers) == 80
    for thread_number in range(4):
        own = [number for number in numbers if number // 100 == thread_number]
        assert own == sorted(own)
