"""Tables and a log that the programs of commit 35c990c left behind, taken over by these: migrated in place, read on, without drift.

And the other way: tables of a newer Weftline are refused by this one, whoever is asked.
"""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard
from kafka import KafkaProducer
from tests.e2e.commands import until, weftline
from tests.support import tables
from tests.support.stack import SWEEP, stack_at, where

from weftline.contracts.codec import FRAMING, Codec, rank_of
from weftline.contracts.paths import schemas_root
from weftline.contracts.registry import FileRegistry
from weftline.domain.fold import Record
from weftline.embedded.stack_folder import Addresses
from weftline.embedded.supervisor import Stack
from weftline.kafka_admin.topics import apply_topics
from weftline.runtime.places import open_places
from weftline.runtime.settings import load
from weftline.warehouse import backup_folder
from weftline.warehouse.client import reader
from weftline.warehouse.migrations import migrate
from weftline.warehouse.restore import check, restore
from weftline.warehouse.status import TOPICS

LEFT = Path(__file__).parents[1] / "data" / "upgrade"
ABOUT = json.loads((LEFT / "about.json").read_text("utf-8"))
OLD = ("0001_tables.sql", "0002_views.sql", "0003_dead_letters.sql", "0004_boards.sql")

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def messages() -> list[dict[str, Any]]:
    text = zstandard.ZstdDecompressor().decompress((LEFT / "messages.jsonl.zst").read_bytes()).decode()
    found = [json.loads(line) for line in text.splitlines()]
    return [{**message, "value": base64.b64decode(message["value"])} for message in found]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, messages: list[dict[str, Any]]) -> Iterator[Stack]:
    """The stack as it is started after the upgrade, on what the old one left."""
    migrations = tmp_path_factory.mktemp("migrations")
    for name in OLD:
        shutil.copy(schemas_root() / "clickhouse" / name, migrations)

    def left_behind(at: Addresses) -> None:
        settings = load(**at.settings())
        manifest = backup_folder.read(LEFT / "tables")
        assert sorted(manifest.migrations) == list(OLD)
        assert migrate(settings, migrations) == list(OLD)
        with reader(settings) as server:
            for file in manifest.tables:
                with (LEFT / "tables" / file.file).open("rb") as body:
                    server.load(file.table, body)
        apply_topics(at.kafka)
        producer = KafkaProducer(bootstrap_servers=at.kafka, linger_ms=5)
        for message in messages:
            # Without headers: nothing that is judged lies there.
            producer.send(message["topic"], value=message["value"], key=message["key"].encode(), partition=message["partition"])
        producer.flush()
        producer.close()
        with open_places(settings, TOPICS) as places:
            for name, place in manifest.places.items():
                places.set(name, place.topic, place.committed)

    with stack_at(tmp_path_factory.mktemp("stack"), ABOUT["as_of"], before=left_behind) as running:
        yield running


def test_what_the_old_programs_left_is_taken_over(stack: Stack, messages: list[dict[str, Any]]) -> None:
    at = where(stack)
    read_on = lambda: all_read(at)  # noqa: E731
    until(read_on, "the rest of the log is read", 240)
    more = {"WEFTLINE_SWEEP_SECONDS": SWEEP, "WEFTLINE_DATA": str(stack.config.folder)}
    # What README asks for when the rules have another edition than those by which the tables were made.
    rebuilt = weftline("rebuild", folder=stack.config.folder, seconds=300, WEFTLINE_SIMULATED_CLOCK=f"0,{ABOUT['as_of']},0", **more)
    assert rebuilt.returncode == 0, rebuilt.stdout + rebuilt.stderr

    codec = Codec(FileRegistry())
    records = []
    for message in messages:
        if message["sound"]:
            event: Any = codec.decode(message["topic"], message["value"])
            rank = rank_of(message["value"][FRAMING:], event.error_declaration is not None)
            records.append((next(name for name, topic in TOPICS.items() if topic == message["topic"]), Record(event, rank)))
    by_kind = tables.by_kind(records)

    def wrong() -> dict[str, str]:
        with reader(at) as warehouse:
            return {
                table: words
                for name, kind in tables.kinds().items()
                for table, words in tables.drift(
                    tables.stored(kind, warehouse), tables.expected(kind, by_kind.get(name, []), ABOUT["as_of"])
                ).items()
            }

    until(lambda: not wrong(), "every table is the fold of all records", 120)
    audited = weftline("audit", "--as-of", str(ABOUT["as_of"]), folder=stack.config.folder, seconds=300, **more)
    assert (audited.returncode, audited.stdout.splitlines()[-1]) == (0, "no drift"), audited.stdout
    with reader(at) as warehouse:
        letters = warehouse.rows("SELECT DISTINCT topic, partition, offset FROM dead_letters")
    assert len(letters) == sum(not message["sound"] for message in messages), "a dead letter of the old programs is none of the new"


def test_a_backup_of_the_old_programs_is_restored_without_the_tables_that_went(tmp_path: Path) -> None:
    said: list[str] = []
    with stack_at(tmp_path, ABOUT["as_of"], ()) as empty:
        restore(where(empty), LEFT / "tables", check(LEFT / "tables"), said.append)
        with reader(where(empty)) as server:
            there = server.rows("SELECT name FROM system.tables WHERE database = currentDatabase() AND name LIKE '%throughput_day'")
            # What stood in them is in the view, from the hours.
            (days,) = server.rows("SELECT count(), sum(requested) FROM throughput_per_day")
            facts = server.rows("SELECT uniqExact(toDate(minute), center_id), sum(requested) FROM order_facts FINAL WHERE counts")
    assert "order_throughput_day: left out; a later version than the backup's has no such table" in said
    assert (there, facts) == ([], [days])
    assert days[0] > 10


def all_read(at: Any) -> bool:
    with open_places(at, TOPICS) as places:
        return all(log.next == log.end for log in places.read())


@pytest.mark.parametrize("arguments", [("migrate",), ("orders",), ("restore", "newer")], ids=lambda arguments: arguments[0])
def test_what_is_newer_is_refused_in_one_line(
    arguments: tuple[str, ...], kafka: str, clickhouse: str, tmp_path: Path, make_newer: Callable[[Path], None]
) -> None:
    database = f"newer_{arguments[0]}"
    settings = load(kafka=kafka, clickhouse=clickhouse, clickhouse_database=database)
    apply_topics(kafka)
    migrate(settings)
    with reader(settings) as server:
        server.command("INSERT INTO schema_migrations (name, checksum) SELECT '9999_later.sql', 'x'")
    make_newer(tmp_path / "newer")
    ended = weftline(
        *arguments,
        folder=tmp_path,
        WEFTLINE_KAFKA=kafka,
        WEFTLINE_CLICKHOUSE=clickhouse,
        WEFTLINE_CLICKHOUSE_DATABASE=database,
        WEFTLINE_HTTP_PORT="0",
    )
    assert ended.returncode == 1
    last = ended.stderr.splitlines()[-1]
    assert "9999_later.sql" in last
    assert "newer" in last
    assert "Traceback" not in ended.stderr


@pytest.fixture
def make_newer() -> Callable[[Path], None]:
    """Makes a backup of a Weftline that is yet to come."""

    def make(folder: Path) -> None:
        backup_folder.create(folder)
        manifest = backup_folder.Manifest("id", "9.9.9", 1, 0, 0, {"9999_later.sql": "x"}, {}, 0, ())
        backup_folder.write_manifest(folder, manifest)

    return make
