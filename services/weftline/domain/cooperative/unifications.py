"""The six unifications of a quality cooperative: a row for each, of a member and of the whole cooperative."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from weftline.domain.cooperative.conditions import Facts, Found, holds
from weftline.domain.cooperative.rules import Basis, Conditional


@dataclass(frozen=True, slots=True)
class Row:
    """One of the six at a member: whether it is done, and by what that shows."""

    basis: Basis
    done: bool
    found: tuple[Found, ...]


class Share(NamedTuple):
    """One of the six in the cooperative: at how many of its members it is done."""

    basis: Basis
    done: int
    members: int


def scorecard(facts: Facts, rules: Iterable[Conditional]) -> tuple[Row, ...]:
    """The six rows of a member."""
    return tuple(_row(rule, facts) for rule in rules)


def _row(rule: Conditional, facts: Facts) -> Row:
    found = holds(rule.when, facts)
    return Row(rule.basis, all(one.met for one in found), found)


def together(scorecards: Iterable[tuple[Row, ...]]) -> tuple[Share, ...]:
    """The six rows of a cooperative, of those who are members now."""
    return tuple(Share(rows[0].basis, sum(row.done for row in rows), len(rows)) for rows in zip(*scorecards, strict=True))
