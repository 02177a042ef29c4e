"""Since when something has held without a break, for what is told of a member: that it fell out of the trademark, that a rule proposes it.

What held at a moment of the past is asked of the signals that are known now (:meth:`Facts.signals`), by the rules of today.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from weftline.domain.cooperative.conditions import Facts, all_met
from weftline.domain.cooperative.credit import credit_of
from weftline.domain.cooperative.rules import Condition, GradeBound


def moments_of(facts: Facts, turns: Iterable[int]) -> tuple[int, ...]:
    """The moments up to now at which anything about these signals may have become otherwise, in order."""
    begun = {time for signal in facts.signals for time in (signal.at, signal.until) if time is not None}
    return tuple(sorted(time for time in begun.union(turns) if time <= facts.as_of))


def since(holds: Callable[[Facts], bool], facts: Facts, moments: Sequence[int], begin: int) -> int:
    """The first moment, ``begin`` or later, of the stretch in which it holds and that reaches to now. It holds now."""
    found = begin
    for moment in reversed(moments):
        if moment <= begin:
            return begin
        if not holds(_then(facts, moment)):
            break
        found = moment
    return found


def all_held(when: Sequence[Condition], facts: Facts) -> bool:
    """Whether all conditions were met; the grade is looked for if one of them asks for it."""
    if any(isinstance(condition, GradeBound) for condition in when):
        facts = replace(facts, grade=credit_of(facts, facts.credit).grade)
    return all_met(when, facts)


def _then(facts: Facts, moment: int) -> Facts:
    return replace(facts, signals=tuple(signal for signal in facts.signals if signal.at <= moment), as_of=moment, grade=None)
