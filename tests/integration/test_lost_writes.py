"""A disk that is full by and by, and has room again, under the engine alone: whatever it acknowledged is there, and it starts again."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from random import Random

import pytest
from tests.support.port import Port
from tests.support.small_disk import filled, small_disk

from weftline.embedded.children import Running, engine_child
from weftline.embedded.engine_chdb import EngineConfig
from weftline.embedded.passwords import read_passwords
from weftline.embedded.ports import free_ports

DISK_MB = 96
WRITERS = 4
#: So often shall it have lost a write; each fill has a chance of some one in four.
DEATHS = 3
FILLS = 200

pytestmark = pytest.mark.timeout(600)


class Engine:
    """One that is started again whenever it died."""

    def __init__(self, folder: Path, log: Path) -> None:
        self._config, self._log = EngineConfig(folder, free_ports(1)[0], 1024), log
        self.deaths = 0
        self.start()

    def start(self) -> None:
        self._running = Running(engine_child(self._config), self._log)
        self._running.wait_ready()
        passwords = read_passwords(self._config.folder)
        assert passwords is not None
        self.port = Port(self._config.url, {"weftline": passwords.weftline}, self._config.folder, [], "")

    def revive(self) -> None:
        if not self._running.alive:
            assert "writes failed, the disk is full" in self._running.last_words()
            self.deaths += 1
            self.start()

    def again(self) -> None:
        self._running.kill()
        self.start()

    def close(self) -> None:
        self._running.kill()

    def ask(self, statement: str) -> tuple[int, str]:
        """Status and text; 0 where there is no answer."""
        with suppress(OSError, http.client.HTTPException):
            answer = self.port.ask("weftline", statement, seconds=60)
            return answer.status, answer.text
        return 0, ""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "disk").mkdir()
    with small_disk(tmp_path / "disk", DISK_MB) as found:
        if isinstance(found, str):
            pytest.skip(found)
        yield found


@pytest.fixture
def engine(disk: Path, tmp_path: Path) -> Iterator[Engine]:
    engine = Engine(disk / "clickhouse", tmp_path / "engine.log")
    yield engine
    engine.close()


def test_what_was_acknowledged_is_there(engine: Engine, disk: Path) -> None:
    stop, random = threading.Event(), Random(1)
    acknowledged: list[set[int]] = [set() for _ in range(WRITERS)]
    for table in range(WRITERS):
        made = engine.ask(
            f"CREATE TABLE t{table} (month Date, id UInt64, text String, version UInt8) ENGINE = ReplacingMergeTree(version) "
            "PARTITION BY toYYYYMM(month) ORDER BY id"
        )
        assert made == (200, "")

    def write(table: int) -> None:
        number = 0
        while not stop.is_set():
            rows = range(number, number + 1 + number % 40)
            values = ", ".join(f"('2026-01-01', {row}, '{row * 7919}', 0)" for row in rows)
            if engine.ask(f"INSERT INTO t{table} VALUES {values}")[0] == 200:
                acknowledged[table].update(rows)
                number = rows.stop
            else:
                time.sleep(0.01)

    with ExitStack() as writers:
        threads = [threading.Thread(target=write, args=(table,)) for table in range(WRITERS)]
        for thread in threads:
            thread.start()
            writers.callback(thread.join)
        writers.callback(stop.set)
        for _ in range(FILLS):
            before = sum(map(len, acknowledged))
            deadline = time.monotonic() + 30
            while sum(map(len, acknowledged)) < before + 100:
                engine.revive()
                assert time.monotonic() < deadline, "it does not write again"
                time.sleep(0.01)
            with filled(disk, left=random.choice((0, 0, 4096, 16_384, 65_536, 262_144))):
                time.sleep(random.random() / 2)  # not a condition: it is the fault
            if engine.deaths >= DEATHS:
                break
    engine.revive()
    engine.again()
    assert engine.deaths >= DEATHS, "no write was lost: this test shows nothing"
    for table in range(WRITERS):
        status, text = engine.ask(f"SELECT id FROM t{table} FINAL WHERE text = toString(id * 7919) FORMAT TSV")
        assert status == 200, text
        assert acknowledged[table] <= {int(line) for line in text.split()}


def test_a_definition_without_room_is_refused_and_the_next_start_goes_on(engine: Engine, disk: Path) -> None:
    assert engine.ask("CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a") == (200, "")
    assert engine.ask("CREATE TABLE gone (a UInt8) ENGINE = MergeTree ORDER BY a") == (200, "")
    assert engine.ask("INSERT INTO t VALUES (7)") == (200, "")
    with filled(disk):
        for statement in (
            "ALTER TABLE t ADD COLUMN b UInt8",
            "CREATE TABLE more (a UInt8) ENGINE = MergeTree ORDER BY a",
            "CREATE VIEW seen AS SELECT a FROM t",
            "RENAME TABLE t TO u",
        ):
            status, text = engine.ask(statement)
            assert status == 500
            assert text.startswith("Code: 243. DB::Exception: Cannot reserve 1 MiB, not enough space")
        assert engine.ask("DROP TABLE gone SYNC") == (200, "")
    engine.again()
    assert engine.ask("ALTER TABLE t ADD COLUMN b UInt8") == (200, "")
    assert engine.ask("SELECT a, b FROM t FORMAT TSV") == (200, "7\t0\n")
