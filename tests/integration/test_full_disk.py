"""A full disk under the whole data folder of a stack: everything waits, nothing gives up, and all returns when there is room again."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from tests.crash.publishing import Publishing
from tests.e2e.commands import until, weftline
from tests.support import tables
from tests.support.hostile import Played
from tests.support.small_disk import filled, small_disk
from tests.support.stack import stack_at, where

from weftline.embedded import room
from weftline.embedded.stack_folder import find_running
from weftline.errors import WeftlineError
from weftline.runtime.places import open_places
from weftline.warehouse.client import reader
from weftline.warehouse.status import TOPICS

DISK_MB = 512
START = 1_767_225_600_000  # 2026-01-01

pytestmark = [
    pytest.mark.timeout(900),
    # kafka-python leaves the sockets of refused connections to the garbage collector, which warns. They are collected here, and not in
    # somebody else's test: one that kills no broker must stand last.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore:unclosed:ResourceWarning"),
]


@pytest.fixture(autouse=True)
def _collect_sockets() -> None:
    gc.collect()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system, which one can fill."""
    with small_disk(tmp_path, DISK_MB) as found:
        if isinstance(found, str):
            pytest.skip(found)
        yield found


def test_up_on_a_full_disk_is_one_line(disk: Path) -> None:
    with filled(disk):
        for folder in (disk, disk / "new"):
            ended = weftline("up", "--data", str(folder), folder=Path("/"))
            assert ended.returncode == 1
            assert ended.stderr.count("\n") == 1
            assert f"the disk of {folder} is full" in ended.stderr
            assert not (disk / "new").exists()


def test_a_full_disk_is_waited_out(disk: Path) -> None:
    played = Played(17, START, 10, 600)
    folder = disk / "stack"
    said: list[str] = []
    with stack_at(folder, played.answers["as_of"], say=said.append) as stack:
        at = where(stack)
        with Publishing(at.kafka, played.messages, 17) as publishing:
            publishing.upto(0.3)
            until(lambda: stored(stack) > 0, "something is stored", 120)
            with filled(disk) as fill:
                publishing.upto(0.6)
                until(lambda: any("is full" in line for line in said), "the supervisor notices")
                until(lambda: any(line.startswith("kafka ended") for line in said), "Kafka ends itself", 120)
                (folder / "stack.json").unlink()
                fill()
                stack._write_state()
                assert find_running(folder) is None
            until(lambda: any("has room again" in line for line in said), "the supervisor notices")
            until(lambda: find_running(folder) is not None, "the file that could not be written is there", 120)
            publishing.upto(1.0)
        until(lambda: is_the_fold(stack, played), "all that was published is in the tables", 300)
        assert not [line for line in said if "going on without" in line or "times in a row" in line]


def stored(stack: object) -> int:
    try:
        with reader(where(stack)) as warehouse:  # type: ignore[arg-type]
            return int(warehouse.rows("SELECT count() FROM order_records")[0][0])
    except WeftlineError:
        return 0


def is_the_fold(stack: object, played: Played) -> bool:
    """Whether all is read, and every table is what the published records give."""
    at = where(stack)  # type: ignore[arg-type]
    try:
        with open_places(at, TOPICS) as places:
            if any(log.next != log.end for log in places.read()):
                return False
        with reader(at) as warehouse:
            stored = {name: tables.stored(kind, warehouse) for name, kind in tables.kinds().items()}
    except WeftlineError:
        return False
    return not any(tables.drift(stored[name], ought(played, name)) for name in stored)


@cache
def ought(played: Played, name: str) -> tables.Tables:
    return tables.expected(tables.kinds()[name], played.records[name], played.answers["as_of"])


def test_room_is_that_of_the_disk_on_which_a_folder_will_lie(disk: Path) -> None:
    assert room.free_mb(disk / "not" / "yet") == room.free_mb(disk) <= DISK_MB
