"""Nothing is lost, doubled or too large, however much there is and however it is spread."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weftline.contracts.mapping import TimeRange
from weftline.warehouse import cuts

MONTHS, ROWS, BYTES, WINDOWS, TEXT = 3, 7, 50, 5, 40
seconds = st.integers(TimeRange().earliest // 1000, TimeRange().latest // 1000 - 1)
words = st.text(max_size=60)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "MONTHS": MONTHS,
        "BLOCK_ROWS": ROWS,
        "BLOCK_BYTES": BYTES,
        "WINDOWS": WINDOWS,
        "TEXT_BYTES": TEXT,
    }.items():
        monkeypatch.setattr(cuts, name, value)


def month(second: int) -> tuple[int, int]:
    when = datetime.fromtimestamp(second, UTC)
    return when.year, when.month


@given(st.lists(st.tuples(seconds, words, st.lists(words, max_size=3), st.integers()), max_size=40), st.booleans())
def test_blocks(rows: list[tuple[int, str, list[str], int]], parted: bool) -> None:
    columns: Any = list(zip(*rows, strict=True)) if rows else [(), (), (), ()]
    types = ["DateTime('UTC')", "String", "Array(LowCardinality(String))", "UInt256"]
    found = [
        list(zip(*block, strict=True)) for block in cuts.blocks(columns, types, [s * 1000 for s in columns[0]] if parted else None)
    ]
    assert sorted(map(repr, (row for block in found for row in block))) == sorted(map(repr, rows))
    for block in found:
        assert 0 < len(block) <= ROWS
        assert len(block) == 1 or sum(len(text) + sum(map(len, many)) for _, text, many, _ in block) <= BYTES
        assert not parted or len({month(row[0]) for row in block}) <= MONTHS


@given(st.lists(seconds, max_size=60))
def test_windows(starts: list[int]) -> None:
    found = [*cuts.windows(starts)]
    assert [start for part in found for start in part] == sorted(set(starts))
    assert all(len(part) <= WINDOWS for part in found)
    assert all(len({month(start) for start in part}) <= MONTHS for part in found)


@given(st.lists(words, max_size=40))
def test_texts(names: list[str]) -> None:
    found = [*cuts.texts(names, 6)]
    assert [name for part in found for name in part] == names
    assert all(len(part) <= 6 and (len(part) == 1 or sum(map(len, part)) <= TEXT) for part in found)
