"""Rules of lot inspections: what of a lot counts, and switching per (product category, class of nonconformity).

A lot may be presented in parts, each with a name. Each part has one original inspection at each stage. A second one that says it is
original is a contradiction and no resubmission: it is marked, and the **worse** of the two stands, until one is declared erroneous. What
the first counted for is taken back at the address of the second, by signed amounts, and so is its acceptance in switching, as far as it
is still remembered there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from weftline.domain.events import InspectionEvent, LotInspection
from weftline.domain.sampling import ClassVerdict, Due, LotOutcome, LotVerdict, Mark, Switching
from weftline.domain.vocabulary import NonconformityClass, Submission

APPLIED = "applied"
SECOND_ORIGINAL = "second_original"
NOT_DISCONTINUED = "not_discontinued"

#: (product category, class of nonconformity)
SwitchingKey = tuple[str, NonconformityClass]


class LotRef(NamedTuple):
    """A lot inspection as evidence of a switch."""

    event: InspectionEvent
    verdict: ClassVerdict


class Inspected(NamedTuple):
    """One inspection of a lot or part; ``original``: it says so, or does not say that it is a resubmission.

    ``marks``: what is odd about it, that it is a second original included.
    """

    event: InspectionEvent
    inspection: LotInspection
    verdict: LotVerdict
    original: bool
    marks: tuple[Mark, ...] = ()

    @property
    def place(self) -> tuple[str | None, str]:
        """(part, stage): where there is one original inspection."""
        return self.inspection.part_id, self.inspection.stage


@dataclass(frozen=True, slots=True)
class Lot:
    """State of a lot: its inspections in order."""

    inspections: tuple[Inspected, ...] = ()

    def standing(self, part: str | None, stage: str) -> Inspected | None:
        """The original inspection of a part at a stage that stands: of several the worst, of equals the first."""
        originals = [seen for seen in self.inspections if seen.original and seen.place == (part, stage)]
        return max(originals, key=lambda seen: _badness(seen.verdict.accepted), default=None)

    @property
    def original_result(self) -> bool | None:
        """The worst of what its original inspections say; only where there are any."""
        return max((seen.verdict.accepted for seen in self.inspections if seen.original), key=_badness)


class LotCounts(NamedTuple):
    """Signed amounts. ``lots``: original ones judged by the standard's plan; ``resubmitted`` likewise. Apart from both: what could not
    be judged, and what was judged by a buyer's own plan, original or not."""

    lots: int = 0
    accepted: int = 0
    not_accepted: int = 0
    resubmitted: int = 0
    resubmitted_accepted: int = 0
    not_judged: int = 0
    by_agreement: int = 0
    by_agreement_accepted: int = 0


def _badness(accepted: bool | None) -> int:
    return 1 if accepted is None else 0 if accepted else 2


def lot_counts(verdict: LotVerdict, original: bool) -> LotCounts:
    """What one inspection counts for, taken by itself."""
    accepted = int(verdict.accepted is True)
    if verdict.accepted is None:
        return LotCounts(not_judged=1)
    if verdict.by_agreement:
        return LotCounts(by_agreement=1, by_agreement_accepted=accepted)
    if original:
        return LotCounts(lots=1, accepted=accepted, not_accepted=1 - accepted)
    return LotCounts(resubmitted=1, resubmitted_accepted=accepted)


def lot_amounts(before: Inspected | None, verdict: LotVerdict, original: bool) -> LotCounts:
    """The signed amounts of an inspection. ``before``: the original that stood for its part and stage, if it says it is one too."""
    counts = lot_counts(verdict, original)
    if before is None or not original:
        return counts
    if _badness(verdict.accepted) <= _badness(before.verdict.accepted):
        return LotCounts()
    return LotCounts(*(new - old for new, old in zip(counts, lot_counts(before.verdict, True), strict=True)))


class Switch(NamedTuple):
    """A switch of severity that happened, with the lots that made it true."""

    due: Due
    time: int
    evidence: tuple[LotRef, ...]


@dataclass(frozen=True, slots=True)
class Series:
    """Switching of one product category and class. ``lots``: original lots that counted."""

    switching: Switching[LotRef]
    switches: tuple[Switch, ...] = ()
    lots: int = 0

    def after(self, ref: LotRef, original: bool) -> Series:
        """The series after one more inspected lot; one that could not be judged, or by a buyer's own plan, says nothing."""
        if ref.verdict.accepted is None or ref.verdict.by_agreement:
            return self
        switching = self.switching.after(LotOutcome(ref, ref.verdict.accepted, original, ref.verdict.severity_used))
        counted = switching.step is not None and switching.step.uncounted is None
        return self._moved(switching, ref.event.event_time, self.lots + counted)

    def after_second(self, ref: LotRef, before: LotRef | None) -> Series:
        """The series after a second original inspection; ``before``: what stood for the same class. Only a worse one changes anything."""
        if before is None:
            return self.after(ref, True)
        if _badness(ref.verdict.accepted) <= _badness(before.verdict.accepted):
            return self
        switching = self.switching.without(before)
        forgotten = len(self.switching.recent) - len(switching.recent)
        return replace(self, switching=switching, lots=self.lots - forgotten).after(ref, True)

    def resumed(self, time: int) -> Series:
        """The series after an accepted corrective action."""
        return self._moved(self.switching.corrective_action_accepted(), time, self.lots)

    def _moved(self, switching: Switching[LotRef], time: int, lots: int) -> Series:
        step = switching.step
        switches = self.switches
        if step is not None and step.switched:
            switches = (*switches, Switch(step.after, time, step.evidence))
        return replace(self, switching=switching, switches=switches, lots=lots)


def is_original(inspection: LotInspection) -> bool:
    """Whether it counts as an original inspection: all that does not say that it is a resubmission."""
    return inspection.submission is not Submission.RESUBMITTED


def result_word(accepted: bool | None) -> str:
    """ACCEPTED, NOT_ACCEPTED or NOT_JUDGED."""
    return "NOT_JUDGED" if accepted is None else "ACCEPTED" if accepted else "NOT_ACCEPTED"
