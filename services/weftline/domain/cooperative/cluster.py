"""What all members may see of one another: percentiles of groups, and where one stands oneself; nothing of anybody else.

A *cell* is a group of members of whom one figure is known: all of them, those of a size class, those who sell online. It is published if it
has at least :data:`LEAST` members, and if no arithmetic on what is published gives away a group of fewer. That is more than to leave out
the small cells: two cells that overlap give away what parts them, and several may together give away what none does alone
(complementary suppression).

Members who are in exactly the same cells are one *atom*; nothing that is published can tell them apart. Counts and sums of a group are
linear in the atoms. So a group is given away exactly if its atoms, as a vector of ones and zeros, lie in the span of the published cells'
vectors, and a cell is taken only if no group of one to four members lies in the span with it. Whoever looks is taken to know which atoms
are empty. Cells are tried from the widest on, so the narrow ones are left out first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from itertools import combinations
from typing import Final, NamedTuple

from weftline.domain.cooperative.monthly import Line

LEAST: Final = 5
#: Which percentiles are published; no least and no greatest, which are somebody's own.
PERCENTILES: Final = (25, 50, 75)
#: A prime. Determinants of matrices of ones and zeros for some fifty atoms are below it (Hadamard), so what lies in a span over the
#: rational numbers also does modulo it: nothing that is given away can be missed.
_PRIME: Final = (1 << 127) - 1


class Measure(StrEnum):
    """A figure of a member."""

    SCORE = "SCORE"  # of the cooperative's own credit
    PASS_SHARE = "PASS_SHARE"  # of the tests of twelve months, in per cent
    QUOTA_USE = "QUOTA_USE"  # of the year's free batches, in per cent


class Profile(NamedTuple):
    """A member as the view sees it: dimension → value, and its figures; a figure that it has not is missing."""

    factory_id: str
    groups: Mapping[str, str]
    figures: Mapping[Measure, Decimal]


@dataclass(frozen=True, slots=True)
class Cell:
    """A figure of a group. ``group``: (dimension, value), empty for all; ``members``: of whom the figure is known."""

    measure: Measure
    group: tuple[tuple[str, str], ...]
    members: frozenset[str]


@dataclass(frozen=True, slots=True)
class Shown:
    """A cell as a member sees it: percentiles in whole points, its own figure, and what part of the others is below it, in per cent.

    ``own`` and ``below`` are None for whom it is no cell of.
    """

    measure: Measure
    group: tuple[tuple[str, str], ...]
    members: int
    percentiles: tuple[int, ...]
    own: int | None
    below: int | None


def profile(line: Line) -> Profile:
    """A member at the end of a month."""
    figures = {Measure.SCORE: line.judged.credit.score}
    if line.year.judged:
        figures[Measure.PASS_SHARE] = Decimal(100 * line.year.passed) / line.year.judged
    if line.quota:
        figures[Measure.QUOTA_USE] = Decimal(100 * line.used) / line.quota
    online = {True: "YES", False: "NO", None: "UNKNOWN"}[line.sells_online]
    return Profile(line.factory_id, {"size": line.size or "UNKNOWN", "online": online}, figures)


def view(profiles: Sequence[Profile], factory_id: str) -> tuple[Shown, ...]:
    """What a member sees. What is published is the same for all of them."""
    figures = {one.factory_id: one.figures for one in profiles}
    return tuple(_shown(cell, figures, factory_id) for cell in published(candidates(profiles)))


def candidates(profiles: Sequence[Profile]) -> tuple[Cell, ...]:
    """All cells that one might want, the widest first: everybody, by each dimension, by all of them together."""
    names = sorted({name for one in profiles for name in one.groups})
    wanted = dict.fromkeys([(), *((name,) for name in names), tuple(names)])
    return tuple(cell for dimensions in wanted for measure in Measure for cell in _cells(profiles, measure, dimensions))


def published(cells: Sequence[Cell], least: int = LEAST) -> tuple[Cell, ...]:
    """Those of the cells that give nobody away, not even together. ``cells``: in the order in which they are wanted."""
    atoms = _atoms(cells)
    sizes = list(atoms.values())
    span = _Span(_small(sizes, least))
    vectors = ((cell, [int(number in signature) for signature in atoms]) for number, cell in enumerate(cells))
    return tuple(cell for cell, vector in vectors if len(cell.members) >= least and span.take(vector))


class _Span:
    """What follows from the vectors that were taken; ``guarded``: those that must never follow."""

    def __init__(self, guarded: Iterable[list[int]]) -> None:
        self._guarded = list(guarded)  # what is left of each when the taken ones are taken out of it; never nothing
        self._rows: list[tuple[int, list[int]]] = []  # (where it has its 1 and all later ones have 0, the vector)

    def take(self, vector: list[int]) -> bool:
        """Take one more, unless a guarded one would follow."""
        for pivot, row in self._rows:
            vector = _without(vector, pivot, row)
        first = next((at for at, value in enumerate(vector) if value), None)
        if first is None:
            return True  # it follows already, so it says nothing new
        scale = pow(vector[first], -1, _PRIME)
        row = [value * scale % _PRIME for value in vector]
        left = [_without(one, first, row) for one in self._guarded]
        if not all(map(any, left)):
            return False
        self._guarded = left
        self._rows.append((first, row))
        return True


def _without(vector: list[int], pivot: int, row: list[int]) -> list[int]:
    factor = vector[pivot]
    return [(value - factor * other) % _PRIME for value, other in zip(vector, row, strict=True)] if factor else vector


def _atoms(cells: Sequence[Cell]) -> Mapping[frozenset[int], int]:
    """How many members are in exactly these cells."""
    within: dict[str, set[int]] = {}
    for number, cell in enumerate(cells):
        for member in cell.members:
            within.setdefault(member, set()).add(number)
    sizes: dict[frozenset[int], int] = {}
    for member in sorted(within):
        signature = frozenset(within[member])
        sizes[signature] = sizes.get(signature, 0) + 1
    return sizes


def _small(sizes: Sequence[int], least: int) -> Iterator[list[int]]:
    """Every group of whole atoms that has members, and fewer than ``least``."""
    few = [at for at, size in enumerate(sizes) if size < least]
    for count in range(1, least):
        for group in combinations(few, count):
            if sum(sizes[at] for at in group) < least:
                yield [int(at in group) for at in range(len(sizes))]


def _cells(profiles: Iterable[Profile], measure: Measure, dimensions: tuple[str, ...]) -> Iterator[Cell]:
    groups: dict[tuple[tuple[str, str], ...], set[str]] = {}
    for one in profiles:
        if measure in one.figures:
            groups.setdefault(tuple((name, one.groups[name]) for name in dimensions), set()).add(one.factory_id)
    for group, members in sorted(groups.items()):
        yield Cell(measure, group, frozenset(members))


def _shown(cell: Cell, figures: Mapping[str, Mapping[Measure, Decimal]], factory_id: str) -> Shown:
    values = sorted(figures[member][cell.measure] for member in cell.members)
    own = figures[factory_id][cell.measure] if factory_id in cell.members else None
    return Shown(
        measure=cell.measure,
        group=cell.group,
        members=len(values),
        percentiles=tuple(_whole(_percentile(values, percent)) for percent in PERCENTILES),
        own=None if own is None else _whole(own),
        below=None if own is None else _whole(_below(values, own)),
    )


def _percentile(values: Sequence[Decimal], percent: int) -> Decimal:
    """Between the two values around its place, as far as its place is between theirs."""
    place = Decimal(percent * (len(values) - 1)) / 100
    low = int(place)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (place - low)


def _below(values: Sequence[Decimal], own: Decimal) -> Decimal:
    """What part of the others has less, in per cent; of those who have the same, one half."""
    less, same = sum(value < own for value in values), sum(value == own for value in values) - 1
    return Decimal(100 * less + 50 * same) / (len(values) - 1)


def _whole(value: Decimal) -> int:
    return int(value.quantize(Decimal(1), ROUND_HALF_EVEN))
