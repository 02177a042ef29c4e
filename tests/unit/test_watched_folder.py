"""A watched folder: what rests is published and moved, half a copy is not taken, and a kill at any place loses and doubles nothing."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.spreadsheets import HEADER, ORDERS, ROWS, Broker, publish, write_csv, write_xlsx

from weftline.errors import DependencyDown
from weftline.files.ledger import Ledger
from weftline.files.report import summary
from weftline.files.watching import DONE, FAILED, REPORT, Folder, Patience, Published

REST, PATIENCE = 5.0, 60.0


class Watched:
    """A folder, what is published from it, and a clock."""

    def __init__(self, path: Path, broker: Broker | None = None) -> None:
        self.path, self.now, self.said = path / "drop", 100.0, list[str]()
        self.broker = broker or Broker()
        self.ledger = path / "ledger"
        self.away = False
        self.path.mkdir(exist_ok=True)
        self.start()

    def start(self) -> None:
        self.folder = Folder(self.path, self._publish, self.said.append, Patience(REST, PATIENCE))

    def _publish(self, path: Path) -> Published:
        if self.away:
            raise DependencyDown("kafka", "is away")
        outcome, _, _ = publish(path, ORDERS, self.ledger, self.broker)
        return Published(True, (summary(outcome),))

    def after(self, seconds: float) -> int:
        self.now += seconds
        return self.folder.look(self.now)

    def names(self, where: str = "") -> set[str]:
        return {entry.name for entry in (self.path / where).iterdir() if entry.is_file()}


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


def test_a_file_is_taken_when_it_rests(watched: Watched) -> None:
    whole = write_csv(watched.path / "orders.csv.part", [HEADER, *ROWS]).read_bytes()
    assert watched.after(2 * REST) == 0, "a name of what is not finished"
    copied = watched.path / "orders.csv"
    for share in (0, 1, 2, 3):
        copied.write_bytes(whole[: len(whole) * share // 3])
        assert watched.after(REST - 1) == 1
    assert watched.broker.events == []
    assert watched.after(REST) == 0
    assert len(watched.broker.events) == len(ROWS)
    assert watched.names() == {"orders.csv.part"}
    assert watched.names(DONE) == {"orders.csv", "orders.csv" + REPORT}
    assert "3 new" in (watched.path / DONE / ("orders.csv" + REPORT)).read_text("utf-8-sig")


def test_what_is_wrong_is_named_and_nothing_of_it_is_sent(watched: Watched) -> None:
    wrong = [*ROWS[0]]
    wrong[HEADER.index("状态")] = "who knows"
    write_csv(watched.path / "orders.csv", [HEADER, *ROWS, wrong])
    watched.after(0)
    assert watched.after(REST) == 0
    assert (watched.broker.got, watched.names(), watched.folder.failed) == ([], set(), 1)
    report = (watched.path / FAILED / ("orders.csv" + REPORT)).read_text("utf-8-sig")
    assert "F5" in report
    assert "who knows" in report
    assert "请按下列说明修改" in report


def test_files_of_one_name_are_all_kept(watched: Watched) -> None:
    for quantity in (1, 2, 2):
        rows = [list(ROWS[0])]
        rows[0][-1] = quantity
        write_csv(watched.path / "orders.csv", [HEADER, *rows])
        watched.after(0)
        assert watched.after(REST) == 0
    found = sorted(name for name in watched.names(DONE) if not name.endswith(REPORT))
    assert found == ["orders (2).csv", "orders (3).csv", "orders.csv"]
    assert len(watched.names(DONE)) == 6
    assert (len(watched.broker.events), len(watched.broker.declared)) == (2, 1), "an edit, and then nothing new"


def test_half_a_workbook_is_given_time(watched: Watched) -> None:
    whole = write_xlsx(watched.path.parent / "orders.xlsx", [HEADER, *ROWS]).read_bytes()
    half = watched.path / "orders.xlsx"
    half.write_bytes(whole[: len(whole) // 2])
    watched.after(0)
    assert watched.after(PATIENCE - 1) == 1, "it may be on its way over a slow line"
    half.write_bytes(whole)
    watched.after(0)
    assert watched.after(REST) == 0
    assert watched.names(DONE) == {"orders.xlsx", "orders.xlsx" + REPORT}

    (watched.path / "cut.xlsx").write_bytes(whole[: len(whole) // 2])
    (watched.path / "empty.csv").touch()
    watched.after(0)
    assert watched.after(PATIENCE + 1) == 0
    assert {"cut.xlsx", "empty.csv"} <= watched.names(FAILED)


def test_what_is_not_its_fault_leaves_a_file_where_it_is(watched: Watched) -> None:
    write_csv(watched.path / "orders.csv", [HEADER, *ROWS])
    watched.away = True
    watched.after(0)
    for seconds in (REST, 5.0, 10.0, 20.0):  # twice as long each time
        said = len(watched.said)
        assert watched.after(seconds - 0.5) == 1
        assert len(watched.said) == said
        assert watched.after(0.5) == 1
        assert len(watched.said) == said + 1
    watched.away = False
    with Ledger(watched.ledger):
        assert watched.after(40) == 1, "somebody else is at work with the ledger"
    assert watched.after(80) == 0
    assert watched.names(DONE) == {"orders.csv", "orders.csv" + REPORT}


def test_a_file_that_somebody_takes_away_is_no_fault(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_csv(watched.path / "orders.csv", [HEADER, *ROWS])
    first = watched.broker.flush

    def flush() -> int:
        path.unlink(missing_ok=True)
        return first()

    monkeypatch.setattr(watched.broker, "flush", flush)
    watched.after(0)
    assert watched.after(REST) == 1
    assert watched.after(REST) == 0
    assert (watched.names(DONE), watched.names(FAILED)) == (set(), set())


def test_a_file_that_grows_while_it_is_published_is_taken_again(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_csv(watched.path / "orders.csv", [HEADER, *ROWS[:1]])
    first = watched.broker.flush

    def flush() -> int:
        if path.exists():
            write_csv(path, [HEADER, *ROWS])
            monkeypatch.setattr(watched.broker, "flush", first)
        return first()

    monkeypatch.setattr(watched.broker, "flush", flush)
    watched.after(0)
    assert watched.after(REST) == 1
    assert watched.names(DONE) == set()
    watched.after(0)
    assert watched.after(REST) == 0
    assert len(watched.broker.stands) == len(ROWS)


class Killed(BaseException):
    """As by SIGKILL: nobody catches it."""


@contextmanager
def killed_at(calls: int) -> Iterator[None]:
    """Dies at the so many-th time that something is written into the folders or moved."""
    with pytest.MonkeyPatch.context() as patch:
        left = calls

        def dying(name: str) -> None:
            real = getattr(Path, name)

            def call(self: Path, *given: object, **more: object) -> object:
                nonlocal left
                left -= 1
                if left < 0:
                    raise Killed
                return real(self, *given, **more)

            patch.setattr(Path, name, call)

        for name in ("rename", "replace", "write_text"):
            dying(name)
        yield


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9)), min_size=1, max_size=3), min_size=1, max_size=4),
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 6)), max_size=4),
)
def test_kills_lose_and_double_nothing(files: list[list[tuple[int, int]]], kills: list[tuple[int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        stands = [_played(Path(folder) / name, files, deaths) for name, deaths in (("calm", []), ("stormy", kills))]
    assert stands[0] == stands[1]


def _played(path: Path, files: list[list[tuple[int, int]]], kills: list[tuple[int, int]]) -> set[str]:
    """What stands after the files were dropped one after the other, while whoever watches is killed again and again."""
    path.mkdir()
    watched = Watched(path)
    kills = list(kills)
    for number, rows in enumerate(files):
        lines = [[*ROWS[0][:2], f"O-{order}", *ROWS[0][3:-1], quantity] for order, quantity in dict(rows).items()]
        write_csv(watched.path / f"{number}.csv", [HEADER, *lines])
        while watched.names():
            events, writes = kills.pop() if kills else (None, 1_000)
            watched.broker.killed_after = None if events is None else len(watched.broker.got) + events
            try:
                with killed_at(writes):
                    watched.after(0)
                    watched.after(REST)
            except (Killed, KeyboardInterrupt):
                watched.start()
    assert {name for name in watched.names(DONE) if not name.startswith(".")} == {
        f"{number}.csv{suffix}" for number in range(len(files)) for suffix in ("", REPORT)
    }
    assert watched.names(FAILED) == set()
    shutil.rmtree(watched.path)
    return watched.broker.stands
