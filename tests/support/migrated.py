"""Data of an engine with all tables and nothing in them, to begin with: making them takes 270 statements and 4 s of CPU.

What the migrations do to an empty database is tested where they are the subject (test_warehouse, test_tables, test_upgrade) and by
whatever starts the stack as a user does; every other stack begins with a copy.
"""

from __future__ import annotations

import shutil
import tempfile
from functools import cache
from pathlib import Path

from weftline.embedded.children import Running, engine_child
from weftline.embedded.engine_chdb import EngineConfig
from weftline.embedded.passwords import ensure_passwords
from weftline.embedded.ports import free_ports
from weftline.runtime.settings import load
from weftline.warehouse.migrations import migrate

_MEMORY_MB = 2048


@cache
def _made() -> tempfile.TemporaryDirectory[str]:
    """Goes with the process that asks, which is one of the suite's few workers."""
    folder = tempfile.TemporaryDirectory(prefix="weftline-migrated-")
    place = Path(folder.name)
    password = ensure_passwords(place, load().clickhouse_password.get_secret_value()).weftline
    config = EngineConfig(place / "clickhouse", free_ports(1)[0], _MEMORY_MB, passwords=place)
    engine = Running(engine_child(config), place / "clickhouse.log")
    try:
        engine.wait_ready()
        migrate(load(clickhouse=config.url, clickhouse_password=password))
    finally:
        engine.stop()
    return folder


def begin_migrated(folder: Path) -> None:
    """Lay the data into a stack's ``folder`` that has none yet."""
    if not (data := folder / "clickhouse" / "data").exists():
        shutil.copytree(Path(_made().name) / "clickhouse" / "data", data, symlinks=True)
