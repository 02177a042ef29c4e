"""Switching between normal, tightened and discontinued inspection (ISO 2859-1 clause 9).

One state stands for one (factory, product category, class of nonconformity), class major or minor; critical nonconformities take no
part. The numbers are data (``switching`` in the standard's file). Three readings of the rules:

- Counting starts anew after every switch, so a lot is evidence of one switch at most. With it the long-run share of accepted
  lots is that of the published two-state formula (``tests/unit/test_switching.py`` computes both exactly).
- Lots inspected while discontinued do not count: inspection resumes only by an accepted corrective action, on tightened.
- An accepted lot that was inspected more leniently than was due does not count, if the caller says which severity was used: it
  would be a way back to normal inspection without a single tightened one. A lot that fails such a plan counts all the more.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, Generic, TypeVar

from weftline.domain.vocabulary import Severity

Ref = TypeVar("Ref")


class Due(StrEnum):
    """The severity that is due for the next lot."""

    NORMAL = "NORMAL"
    TIGHTENED = "TIGHTENED"
    DISCONTINUED = "DISCONTINUED"


class Uncounted(StrEnum):
    """Why a step changed nothing."""

    RESUBMITTED = "resubmitted"  # only original inspections count
    DISCONTINUED = "discontinued"  # inspected although inspection was discontinued
    LENIENT = "lenient"  # accepted under a more lenient severity than was due
    NOT_DISCONTINUED = "not_discontinued"  # a corrective action was accepted while nothing was discontinued


# A severity that a newer publisher uses and that is unknown here is not held against the lot.
_STRICTNESS: Final = {Severity.REDUCED: 0, Severity.NORMAL: 1, Severity.TIGHTENED: 2, Severity.UNKNOWN: 2}


@dataclass(frozen=True, slots=True)
class SwitchingRules:
    """The numbers of the rules, in lots."""

    window: int
    not_accepted: int
    accepted: int
    discontinue_after: int | None


@dataclass(frozen=True, slots=True)
class LotOutcome(Generic[Ref]):
    """The result of one lot for one class; ``ref`` is handed back as evidence and never looked into."""

    ref: Ref
    accepted: bool
    original: bool = True
    severity_used: Severity | None = None


@dataclass(frozen=True, slots=True)
class Step(Generic[Ref]):
    """What the last lot or corrective action did.

    ``before`` is what was due for this very lot. ``evidence``, oldest first, holds the lots that made a switch true (on resuming:
    the corrective action, if it was named); it is empty without a switch.
    """

    before: Due
    after: Due
    uncounted: Uncounted | None = None
    evidence: tuple[Ref, ...] = ()

    @property
    def switched(self) -> bool:
        """Whether another severity is due from here on."""
        return self.before is not self.after


@dataclass(frozen=True, slots=True)
class Switching(Generic[Ref]):
    """State of the rules; at most ``window - 1`` or ``accepted + discontinue_after - 2`` lots are remembered.

    ``recent``: on normal the last lots with their acceptance, on tightened the present run of accepted ones. ``failed``: the lots
    not accepted since tightened inspection began. ``step`` reports and takes no part in comparison: two states are equal when they
    will treat every future alike.

    Begin with ``state: Switching[str] = Switching(rules)``. (Python 3.11 cannot call ``Switching[str](rules)`` on a class that is
    generic, frozen and slotted at once.)
    """

    rules: SwitchingRules
    due: Due = Due.NORMAL
    recent: tuple[tuple[Ref, bool], ...] = ()
    failed: tuple[Ref, ...] = ()
    step: Step[Ref] | None = field(default=None, compare=False)

    def after(self, lot: LotOutcome[Ref]) -> Switching[Ref]:
        """The state after one more lot, in the order of inspection."""
        if not lot.original:
            return self._unchanged(Uncounted.RESUBMITTED)
        if self.due is Due.DISCONTINUED:
            return self._unchanged(Uncounted.DISCONTINUED)
        if lot.accepted and lot.severity_used and _STRICTNESS[lot.severity_used] < _STRICTNESS[Severity(self.due)]:
            return self._unchanged(Uncounted.LENIENT)
        return self._on_normal(lot) if self.due is Due.NORMAL else self._on_tightened(lot)

    def without(self, ref: Ref) -> Switching[Ref]:
        """The state without an accepted lot, as far as it is remembered: something else turned out to be true of it."""
        return replace(self, recent=tuple(entry for entry in self.recent if entry[0] != ref), step=None)

    def corrective_action_accepted(self, ref: Ref | None = None) -> Switching[Ref]:
        """Discontinued inspection resumes on tightened, with an empty count; otherwise nothing changes."""
        if self.due is not Due.DISCONTINUED:
            return self._unchanged(Uncounted.NOT_DISCONTINUED)
        return self._switch(Due.TIGHTENED, () if ref is None else (ref,))

    def _on_normal(self, lot: LotOutcome[Ref]) -> Switching[Ref]:
        seen = (*self.recent, (lot.ref, lot.accepted))
        failures = tuple(ref for ref, accepted in seen if not accepted)
        if len(failures) >= self.rules.not_accepted:
            return self._switch(Due.TIGHTENED, failures)
        return self._stay(seen[1:] if len(seen) == self.rules.window else seen, ())

    def _on_tightened(self, lot: LotOutcome[Ref]) -> Switching[Ref]:
        if lot.accepted:
            run = (*self.recent, (lot.ref, True))
            if len(run) == self.rules.accepted:
                return self._switch(Due.NORMAL, tuple(ref for ref, _ in run))
            return self._stay(run, self.failed)
        if self.rules.discontinue_after is None:
            return self._stay((), ())
        failed = (*self.failed, lot.ref)
        if len(failed) == self.rules.discontinue_after:
            return self._switch(Due.DISCONTINUED, failed)
        return self._stay((), failed)

    def _switch(self, due: Due, evidence: tuple[Ref, ...]) -> Switching[Ref]:
        return Switching(self.rules, due, step=Step(self.due, due, evidence=evidence))

    def _stay(self, recent: tuple[tuple[Ref, bool], ...], failed: tuple[Ref, ...]) -> Switching[Ref]:
        return Switching(self.rules, self.due, recent, failed, Step(self.due, self.due))

    def _unchanged(self, why: Uncounted) -> Switching[Ref]:
        return replace(self, step=Step(self.due, self.due, why))
