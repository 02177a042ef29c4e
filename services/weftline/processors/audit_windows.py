"""Windows of a rollup: what they say, what the stored facts add up to, and which of them to doubt. For audit and rebuild."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from weftline.processors import audit_tables as tables_of
from weftline.processors.audit_tables import Row, Sums
from weftline.processors.kinds import GRAINS, Kind
from weftline.warehouse import cuts
from weftline.warehouse.client import Reader

Window = tuple[str, int, str]  # grain, start in seconds, center


class Rolled(NamedTuple):
    """A row of a rollup; or what facts add up to, whose version is the sum of theirs. No ``amounts``: all are zero, or no row."""

    version: int
    amounts: Row | None


def touched(sums: Sums) -> list[Window]:
    """All windows of these sums per minute."""
    return [(grain, *window) for grain, seconds in GRAINS.items() for window in tables_of.windows(sums, seconds)]


def suspected(kind: Kind, reader: Reader, sums: Sums, weights: dict[tuple[int, str], int]) -> list[Window]:
    """Windows of all grains that differ from these sums per minute, or have a greater version than these weights explain."""
    found: list[Window] = []
    for grain, seconds in GRAINS.items():
        ought = tables_of.windows(sums, seconds)
        have, versions = tables_of.stored_windows(kind, grain, reader)
        most: dict[Row, int] = {}
        for (minute, center_id), weight in weights.items():
            window = (minute // seconds * seconds, center_id)
            most[window] = most.get(window, 0) + weight
        doubted = [window for window in {**ought, **have} if ought.get(window) != have.get(window)]
        doubted += [window for window, version in versions.items() if version > most.get(window, 0)]
        found += [(grain, *window) for window in dict.fromkeys(doubted)]
    return found


def facts_of(kind: Kind, reader: Reader, windows: Iterable[Window]) -> dict[Window, Row]:
    """What the stored facts of these windows add up to: the sum of their versions, and the measures."""
    sums = ", ".join("countIf(counts)" if name == "events" else f"sumIf({name}, counts)" for name in kind.measures)
    wanted = {window: (0,) * (1 + len(kind.measures)) for window in windows}
    found: dict[Window, Row] = {}
    for grain, starts in _by_grain(wanted):
        start = _start(grain, "minute")
        rows = reader.rows(
            f"SELECT {start} AS window, center_id, sum(toUInt256(rev)), {sums} FROM {kind.facts} FINAL "
            f"PREWHERE minute >= {{first:DateTime('UTC')}} AND minute < {{end:DateTime('UTC')}} "
            f"AND {start} IN {{windows:Array(DateTime('UTC'))}} GROUP BY window, center_id",
            {"windows": starts, "first": starts[0], "end": starts[-1] + GRAINS[grain]},
        )
        found |= {(grain, row[0], row[1]): tuple(row[2:]) for row in rows}
    return {window: found.get(window, nothing) for window, nothing in wanted.items()}


def rollups_of(kind: Kind, reader: Reader, windows: Iterable[Window]) -> dict[Window, Rolled]:
    """What the rollups say of these windows."""
    names = ", ".join(kind.measures)
    found: dict[Window, Rolled] = {}
    for grain, starts in _by_grain(windows):
        rows = reader.rows(
            f"SELECT {grain}, center_id, version, {names} FROM {tables_of.rollup(kind, grain)} FINAL "
            f"PREWHERE {grain} IN {{windows:Array(DateTime('UTC'))}}",
            {"windows": starts},
        )
        found |= {(grain, row[0], row[1]): Rolled(row[2], tuple(row[3:]) if any(row[3:]) else None) for row in rows}
    return found


def _start(grain: str, column: str) -> str:
    return f"toStartOf{grain.title()}({column}, 'UTC')"


def _by_grain(windows: Iterable[Window]) -> Iterator[tuple[str, list[int]]]:
    """The starts of the windows of each grain, in order, some thousands at a time."""
    starts: dict[str, set[int]] = {}
    for grain, start, _ in windows:
        starts.setdefault(grain, set()).add(start)
    for grain, own in starts.items():
        for part in cuts.windows(own):
            yield grain, part
