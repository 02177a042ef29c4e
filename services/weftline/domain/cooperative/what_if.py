"""What would follow if something had not been: two judgements of a member, and what parts them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from weftline.domain.cooperative.credit import Point
from weftline.domain.cooperative.member import Judgement
from weftline.domain.cooperative.rules import Grade
from weftline.domain.vocabulary import QualityList


@dataclass(frozen=True, slots=True)
class Difference:
    """Before and after. ``gone`` and ``come``: lines of the score that only one of them has; conditions of the mark by their rules."""

    score: tuple[Decimal, Decimal]
    grade: tuple[Grade, Grade]
    lists: tuple[frozenset[QualityList], frozenset[QualityList]]
    proposed: tuple[frozenset[str], frozenset[str]]
    failing: tuple[frozenset[str], frozenset[str]]
    gone: tuple[Point, ...]
    come: tuple[Point, ...]

    @property
    def nothing(self) -> bool:
        """Whether it would be all the same."""
        same = all(before == after for before, after in (self.score, self.grade, self.lists, self.proposed, self.failing))
        return same and not self.gone and not self.come


def difference(before: Judgement, after: Judgement) -> Difference:
    """What parts two judgements of a member."""
    return Difference(
        score=(before.credit.score, after.credit.score),
        grade=(before.credit.grade, after.credit.grade),
        lists=(_lists(before), _lists(after)),
        proposed=(_rules(before), _rules(after)),
        failing=(_failing(before), _failing(after)),
        gone=_only(before.credit.points, after.credit.points),
        come=_only(after.credit.points, before.credit.points),
    )


def _lists(judged: Judgement) -> frozenset[QualityList]:
    return frozenset(entry.list for entry in judged.listed)


def _rules(judged: Judgement) -> frozenset[str]:
    return frozenset(proposal.basis.rule for proposal in judged.proposals)


def _failing(judged: Judgement) -> frozenset[str]:
    return frozenset(gate.basis.rule for gate in judged.eligibility.failing)


def _only(these: Iterable[Point], those: Iterable[Point]) -> tuple[Point, ...]:
    known = set(those)
    return tuple(point for point in these if point not in known)
