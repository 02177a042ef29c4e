"""A universe per test: a database of its own, with all tables."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest
from structlog.testing import capture_logs

from tests.crash.universe import Universe
from tests.support.tables import kinds
from weftline.contracts.codec import Codec
from weftline.contracts.registry import FileRegistry
from weftline.processors import store
from weftline.runtime.settings import load
from weftline.warehouse.client import reader
from weftline.warehouse.migrations import migrate

_numbers = count(1)


@pytest.fixture
def universe(clickhouse: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Universe]:
    # Here an insert ends before the next statement begins, so a sweep that looks back no further must find all the same.
    monkeypatch.setattr(store, "OVERLAP_SECONDS", 0)
    where = load(clickhouse=clickhouse, clickhouse_database=f"crash_{next(_numbers)}", digest_days=1, digest_seconds=0)
    migrate(where)
    with reader(where) as tables, capture_logs():
        yield Universe(where, kinds(), Codec(FileRegistry()), tables)
