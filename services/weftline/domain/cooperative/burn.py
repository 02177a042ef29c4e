"""How far the year's budget of a cooperative is used and reserved, which threshold of its rules that reaches, and when it ends.

A budget is used by all members, so this is made of a :class:`Pool`, and in the tables by the view ``fund_burn``; no fold sees two owners,
and no alert rests on it (deploy/design.md, 4.7).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from weftline.domain.cooperative.fund import rules_of, year_span
from weftline.domain.cooperative.pool import Pool
from weftline.domain.cooperative.rules import Basis, Editions
from weftline.domain.cooperative.work import Desk, Item, Task
from weftline.domain.days import DAY


class Reached(NamedTuple):
    """A threshold that is reached, and since when (ms): the step by which it was, as far as all steps are known now."""

    basis: Basis
    share: Decimal
    since: int


@dataclass(frozen=True, slots=True)
class Outlook:
    """See the module. ``share``: used and reserved of the budget, from 0 to 1 and beyond; None without a budget, or of one of nothing.

    ``reached``: the greatest threshold. ``pace``: by which rule, and of how many days; None: the cooperative has none. ``lately_minor``:
    hundredths spent within these days, and within the year. ``ends_at`` (ms): when the budget ends at that pace, if it does within its
    year; None as well where nothing is left, or nothing was spent lately.
    """

    share: Decimal | None
    reached: Reached | None = None
    pace: tuple[Basis, int] | None = None
    lately_minor: int = 0
    ends_at: int | None = None
    over: bool = False

    @property
    def rules(self) -> tuple[Basis, ...]:
        """The rules that say something here."""
        return (*((self.reached.basis,) if self.reached else ()), *((self.pace[0],) if self.pace else ()))


def outlook(pool: Pool, book: Editions, as_of: int) -> Outlook:
    """How the budget of ``pool`` burns down. ``pool`` is of what had happened at ``as_of`` (ms)."""
    rules = rules_of(pool.year, as_of, book)
    begins, ends = year_span(pool.year, rules)
    burn, budget, used = rules.fund.burn, pool.budget_minor, pool.spent_minor + pool.committed_minor
    share = Decimal(used) / budget if budget else None
    if burn is None or budget is None:
        return Outlook(share, over=as_of >= ends)
    reached = None
    for threshold in burn.thresholds:
        since = next((paid.at for paid, so_far in pool.running if so_far and so_far >= threshold.share * budget), None)
        if since is not None:
            reached = Reached(threshold.basis, threshold.share, since)
    window = max(as_of - burn.pace.days * DAY, begins)
    lately = sum(paid.price_minor for paid in pool.payments if paid.done and window < paid.at <= as_of)
    left = budget - used
    # A day at the least: an hour of the new year is no pace.
    span = max(as_of - window, DAY)
    ends_at = as_of + left * span // lately if left > 0 and lately > 0 else None
    if ends_at is not None and ends_at >= ends:
        ends_at = None
    return Outlook(share, reached, (burn.pace.basis, burn.pace.days), lately, ends_at, as_of >= ends)


def work_of_pool(year: int, found: Outlook) -> Item | None:
    """What an officer has to decide because of it: nothing of a year that is over, or before a threshold is reached."""
    if found.reached is None or found.over:
        return None
    return Item(Task.BUDGET, Desk.OFFICER, f"{year} {found.reached.basis.rule}", found.reached.since, None, ())
