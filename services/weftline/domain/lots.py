"""Rules of lot inspections: acceptance by the plan used, and switching per (product category, class of nonconformity)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from weftline.domain.events import InspectionEvent, LotInspection
from weftline.domain.sampling import ClassVerdict, Due, LotOutcome, LotVerdict, Switching
from weftline.domain.vocabulary import NonconformityClass, Submission

APPLIED = "applied"
NOT_ORIGINAL = "not_original"
NOT_DISCONTINUED = "not_discontinued"

#: (product category, class of nonconformity)
SwitchingKey = tuple[str, NonconformityClass]


class LotRef(NamedTuple):
    """A lot inspection as evidence of a switch."""

    event: InspectionEvent
    verdict: ClassVerdict


class Inspected(NamedTuple):
    """One inspection of a lot."""

    event: InspectionEvent
    inspection: LotInspection
    verdict: LotVerdict
    original: bool


@dataclass(frozen=True, slots=True)
class Lot:
    """State of a lot: its inspections in order."""

    inspections: tuple[Inspected, ...] = ()

    def original(self, stage: str) -> Inspected | None:
        """The original inspection at a stage."""
        return next((seen for seen in self.inspections if seen.original and seen.inspection.stage == stage), None)


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
        """The series after one more inspected lot; one that could not be judged says nothing."""
        if ref.verdict.accepted is None:
            return self
        switching = self.switching.after(LotOutcome(ref, ref.verdict.accepted, original, ref.verdict.severity_used))
        counted = switching.step is not None and switching.step.uncounted is None
        return self._moved(switching, ref.event.event_time, self.lots + counted)

    def resumed(self, time: int) -> Series:
        """The series after an accepted corrective action."""
        return self._moved(self.switching.corrective_action_accepted(), time, self.lots)

    def _moved(self, switching: Switching[LotRef], time: int, lots: int) -> Series:
        step = switching.step
        switches = self.switches
        if step is not None and step.switched:
            switches = (*switches, Switch(step.after, time, step.evidence))
        return replace(self, switching=switching, switches=switches, lots=lots)


def is_original(lot: Lot, inspection: LotInspection) -> bool:
    """Whether an inspection is the original one of its lot and stage; a second one is not, whatever it calls itself."""
    return inspection.submission is not Submission.RESUBMITTED and lot.original(inspection.stage) is None


def result_word(accepted: bool | None) -> str:
    """ACCEPTED, NOT_ACCEPTED or NOT_JUDGED."""
    return "NOT_JUDGED" if accepted is None else "ACCEPTED" if accepted else "NOT_ACCEPTED"
