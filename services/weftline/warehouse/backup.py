"""``weftline backup``: all tables into a folder, while everything works.

**Why the tables fit together though they are read one after the other, under load.** Records are a set and everything else is made from
them, so a backup must hold at least what the processors had acknowledged at one moment, and must know which moment:

1. The processors' places in Kafka are read *first*. Whatever they have acknowledged was stored before (facts, rollups and state too).
2. Each table is one query, which sees the table as it was at one moment, later than that.
3. What is made from records is read before the records, and what is made from facts before the facts. So no row in a backup rests on
   something that the backup lacks; it may at worst know less than the records beside it, as a table does after a crash.

After a restore the groups begin at the places of 1, and what they read again touches all that might know less. Where the log is lost
as well, the owners concerned are made anew from their records: those with a record that was stored since the oldest one that was not
yet acknowledged came to Kafka (``unsettled_since``).

**All tables, and not the records alone**: see :mod:`.restore` for the figures.

Native through HTTP and not ClickHouse's own BACKUP: the same way serves the embedded engine and any server without a
configuration of its own, a backup lies where the command runs, and a newer schema takes the rows of an older one by their names. One
export per table, streamed: 1 MiB in memory here, a block there.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import weftline
from weftline.domain.fold import EDITION
from weftline.errors import UserError
from weftline.runtime.places import open_places
from weftline.runtime.settings import Settings
from weftline.warehouse import backup_folder
from weftline.warehouse.backup_folder import Manifest, Place, TableFile
from weftline.warehouse.client import Reader, reader
from weftline.warehouse.sql import identifier
from weftline.warehouse.status import TOPICS

#: Of one table: 10^8 rows are read in some minutes.
SECONDS = 3600.0
#: Which files were run is in the manifest; the table itself is made by the migrations of whoever restores.
NOT_DATA = frozenset({"schema_migrations"})
#: By so much the clocks of Kafka and of ClickHouse may differ, and a statement may have lasted.
SKEW_MS = 600_000
# What is made from what, the farthest from the records first.
_LAYERS = ("_throughput_hour", "_throughput_minute", "_state", "_facts")
# The processors' inserts shall not wait for it.
_GENTLY = "SETTINGS max_threads = 2"


def data_tables(server: Reader) -> list[str]:
    """The tables of the database in the order in which a backup reads them: records last, and before them what is made from them."""
    rows = server.rows("SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree'")
    names = {name for (name,) in rows} - NOT_DATA
    if not names:
        raise UserError("ClickHouse has no tables; run `weftline migrate`")
    return sorted(names, key=lambda name: (_layer(name), name))


def _layer(table: str) -> int:
    found = next((number for number, suffix in enumerate(_LAYERS) if table.endswith(suffix)), len(_LAYERS))
    return len(_LAYERS) + 1 if table.endswith("_records") else found


def backup(settings: Settings, folder: Path, say: Callable[[str], None]) -> Manifest:
    """Back everything up into ``folder``, which must not exist; nothing is left of a backup that fails.

    Raises DependencyDown if Kafka or ClickHouse does not answer.
    """
    began = _now()
    with open_places(settings, TOPICS) as places:
        logs = places.read()
        known = {log.group: Place(log.topic, log.topic_id, log.next) for log in logs}
        unread = places.unread_since(logs)
    unsettled = min(began, unread or began) - SKEW_MS
    with reader(settings, seconds=SECONDS) as server:
        migrations = dict(server.rows("SELECT DISTINCT name, checksum FROM schema_migrations"))
        tables = data_tables(server)
        backup_folder.create(folder)
        try:
            files = tuple(_export(server, folder, table, say) for table in tables)
            manifest = Manifest(str(uuid4()), weftline.__version__, EDITION, began, _now(), migrations, known, unsettled, files)
            backup_folder.write_manifest(folder, manifest)
        except BaseException:
            with contextlib.suppress(OSError):
                shutil.rmtree(folder)
            raise
    return manifest


def _export(server: Reader, folder: Path, table: str, say: Callable[[str], None]) -> TableFile:
    written = backup_folder.write_table(folder, table, server.export(f"SELECT * FROM {identifier(table)} {_GENTLY}"))
    say(f"{table}: {written.bytes:,} bytes")
    return written


def _now() -> int:
    return time.time_ns() // 1_000_000
