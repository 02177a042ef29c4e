"""Lots: inspected by ISO 2859-1, switched between normal and tightened, reworked, shipped.

Plans and switching are written down here a second time, from plans in which the arrows are already followed: the tables to be checked
are built from the standard's diagonals, and two roads to one number are worth more than one.
"""

from __future__ import annotations

from bisect import bisect_right
from random import Random
from typing import Final

from weftline.domain.events import CorrectiveAction, InspectionEvent, LotInspection, PlanUsed
from weftline.domain.vocabulary import InspectionKind, InspectionStage, NonconformityClass, Severity, Submission
from weftline.embedded.simulator.answers import LotTruth
from weftline.embedded.simulator.catalogue import Category
from weftline.embedded.simulator.logistics import bulk
from weftline.embedded.simulator.workdays import DAY, HOUR
from weftline.embedded.simulator.world import Factory, Process, Switching, World

MAJOR, MINOR, CRITICAL = NonconformityClass.MAJOR, NonconformityClass.MINOR, NonconformityClass.CRITICAL
NORMAL, TIGHTENED, DISCONTINUED = "NORMAL", "TIGHTENED", "DISCONTINUED"

# Level II, lots from 151 to 35,000: the six ranges in which one sample serves all of these AQLs (AQLSchemes, arrows followed).
_RANGES: Final = (151, 281, 501, 1_201, 3_201, 10_001)
_SAMPLE_SIZES: Final = (32, 50, 80, 125, 200, 315)
_ACCEPT: Final = {
    (NORMAL, 1.5): (1, 2, 3, 5, 7, 10),
    (NORMAL, 2.5): (2, 3, 5, 7, 10, 14),
    (NORMAL, 4.0): (3, 5, 7, 10, 14, 21),
    # At 1.5 the smallest range would lead to a sample of 50, at 1.5 tightened the second too; nobody orders it there.
    (TIGHTENED, 1.5): (-1, 1, 2, 3, 5, 8),
    (TIGHTENED, 2.5): (1, 2, 3, 5, 8, 12),
    (TIGHTENED, 4.0): (2, 3, 5, 8, 12, 18),
}
_EDITION_2026_FROM: Final = 1_769_011_200_000  # 2026-01-22, local midnight at UTC+8 is 8 h earlier; nobody inspects then
_CRITICAL_SHARE: Final = 0.00004
_IN_PARTS: Final = 0.05
_LOT_SIZES: Final = (160, 240, 300, 480, 520, 800, 1_000, 1_150, 1_300, 2_000, 3_000, 3_500, 6_000, 12_000)
_LOT_WEIGHTS: Final = (4, 5, 6, 8, 10, 14, 14, 8, 9, 9, 5, 4, 3, 1)


def begin(world: World) -> Process:
    """A lot of a random factory."""
    factory = world.rng.choices(world.factories, cum_weights=world.lot_weights)[0]
    return _Lot(world, factory).live()


def units_nonconforming(rng: Random, sample: int, share: float) -> int:
    """A binomial draw by inversion; a handful of steps, since samples are small and shares smaller."""
    probability = (1 - share) ** sample
    luck, units, odds = rng.random(), 0, share / (1 - share)
    while luck > probability and units < sample:
        luck -= probability
        probability *= odds * (sample - units) / (units + 1)
        units += 1
    return units


def switch(state: Switching, accepted: bool) -> str | None:
    """Count an original lot; the severity that inspection switches to, if it does (ISO 2859-1, clause 9)."""
    if state.severity == NORMAL:
        state.recent = [*state.recent[-4:], accepted]
        if state.recent.count(False) < 2:
            return None
        state.severity = TIGHTENED
    elif accepted:
        state.recent = [*state.recent, True]
        if len(state.recent) < 5:
            return None
        state.severity = NORMAL
    else:
        state.recent = []
        state.rejected += 1
        if state.rejected < 5:
            return None
        state.severity = DISCONTINUED
    state.recent, state.rejected = [], 0
    return state.severity


class _Lot:
    """One lot and what is true of it."""

    __slots__ = ("category", "factory", "lot_id", "part", "size", "stage", "style", "world")

    def __init__(self, world: World, factory: Factory) -> None:
        self.world, self.factory = world, factory
        rng = world.rng
        self.category: Category = factory.category(rng, world.now)
        factory.lots += 1
        self.lot_id = f"L{world.tag}{factory.factory_id[-4:]}-{factory.lots:05d}"
        self.size = rng.choices(_LOT_SIZES, _LOT_WEIGHTS)[0] + rng.randrange(40)
        self.stage = rng.choices((InspectionStage.FINAL, InspectionStage.IN_PROCESS, InspectionStage.INCOMING), (80, 14, 6))[0]
        self.style = factory.style()
        # Now and then only a part of a lot is presented, which is inspected, reworked and inspected again as a lot is.
        self.part = "container-1" if rng.random() < _IN_PARTS else None

    def live(self) -> Process:
        """Inspected; reworked and inspected again if need be; shipped in the end."""
        world, rng, factory = self.world, self.world.rng, self.factory
        accepted = self.inspect(Submission.ORIGINAL)
        if accepted is None:
            return
        if not accepted:
            yield world.now + rng.randrange(2 * DAY, 6 * DAY)
            accepted = self.inspect(Submission.RESUBMITTED)
            if not accepted:
                return
        if self.stage is not InspectionStage.FINAL:
            return
        factory.stock.append(self.lot_id)
        if rng.random() < 0.72:
            yield world.now + rng.randrange(8 * HOUR, 3 * DAY)
            lots, factory.stock = tuple(factory.stock[-4:]), factory.stock[-1:]
            world.spawn(bulk(world, factory, self.category, lots, self.size))

    def state(self, of: NonconformityClass) -> Switching:
        return self.factory.switching.setdefault((self.category.code, of), Switching())

    def inspect(self, submission: Submission) -> bool | None:
        """Inspect by the plans that are due; None while inspection of a class is discontinued: the lot stays where it is."""
        world, rng, factory = self.world, self.world.rng, self.factory
        severities = {of: self.state(of).severity for of in (MAJOR, MINOR)}
        if DISCONTINUED in severities.values():
            return None
        place = bisect_right(_RANGES, self.size) - 1
        sample = _SAMPLE_SIZES[place]
        original = submission is Submission.ORIGINAL
        strict = place >= 2 and factory.exemplary
        aqls = {MAJOR: 1.5 if strict else 2.5, MINOR: 2.5 if strict else 4.0}
        accepts = {of: _ACCEPT[severities[of], aqls[of]][place] for of in (MAJOR, MINOR)}
        care = 1.0 if original else 0.3  # after rework
        units = {
            CRITICAL: units_nonconforming(rng, sample, _CRITICAL_SHARE * care),
            MAJOR: units_nonconforming(rng, sample, factory.major * care),
            MINOR: units_nonconforming(rng, sample, factory.minor * care),
        }
        mismatch = False
        if factory.exemplary:
            units = {CRITICAL: 0, **{of: min(units[of], accepts[of]) for of in (MAJOR, MINOR)}}
            # An inspector with an outdated table in hand, where the lot is accepted either way: so switching is not in doubt.
            mismatch = rng.random() < 0.02
        used = {of: accepts[of] + mismatch for of in (MAJOR, MINOR)} | {CRITICAL: 0}
        accepted = {of: units[of] <= used[of] for of in (CRITICAL, MAJOR, MINOR)}
        self.emit(submission, sample, units, used, severities, aqls)
        world.ledger.lots.append(
            LotTruth(
                factory.factory_id,
                self.category.code,
                self.lot_id,
                original,
                {of.value: accepted[of] for of in accepted},
                {of.value: units[of] for of in units},
                mismatch,
            )
        )
        if original:
            for of in (MAJOR, MINOR):
                if to := switch(self.state(of), accepted[of]):
                    world.ledger.switches.append((factory.factory_id, self.category.code, of.value, to, self.lot_id))
                    if to == DISCONTINUED:
                        world.spawn(self.correct(of), world.now + rng.randrange(4 * DAY, 9 * DAY))
        return all(accepted.values())

    def emit(
        self,
        submission: Submission,
        sample: int,
        units: dict[NonconformityClass, int],
        used: dict[NonconformityClass, int],
        severities: dict[NonconformityClass, str],
        aqls: dict[NonconformityClass, float],
    ) -> None:
        chinese = self.factory.center.cooperative == 0
        edition = "2012" if chinese else "2026" if self.world.now >= _EDITION_2026_FROM else "1999"
        plans = tuple(
            PlanUsed(
                nonconformity_class=of,
                standard="GB/T 2828.1" if chinese else "ISO 2859-1",
                edition=edition,
                level="II",
                aql=aqls.get(of),
                severity=Severity(severities.get(of, NORMAL)),
                sample_size=sample,
                accept=accept,
                reject=accept + 1,
            )
            for of, accept in used.items()
        )
        self._event(
            InspectionKind.LOT_INSPECTION,
            lot_inspection=LotInspection(
                lot_id=self.lot_id,
                part_id=self.part,
                lot_size=self.size,
                stage=self.stage,
                submission=submission,
                sample_size=sample,
                critical_units=units[CRITICAL],
                major_units=units[MAJOR],
                minor_units=units[MINOR],
                plans=plans,
            ),
        )

    def correct(self, of: NonconformityClass) -> Process:
        """The corrective action is accepted: better quality, and inspection resumes on tightened."""
        factory, state = self.factory, self.state(of)
        self._event(
            InspectionKind.CORRECTIVE_ACTION,
            corrective_action=CorrectiveAction(
                nonconformity_class=of, accepted_by="chief-quality-officer", action="sewing line retrained, needles exchanged daily"
            ),
        )
        self.world.ledger.corrective_actions += 1
        state.severity = TIGHTENED
        factory.major, factory.minor = min(factory.major, 0.02), min(factory.minor, 0.03)
        yield from ()

    def _event(self, kind: InspectionKind, **body: LotInspection | CorrectiveAction) -> None:
        factory = self.factory
        self.world.emit(
            InspectionEvent(
                kind=kind,
                **factory.center.source.head(self.world.now),
                cooperative_id=factory.cooperative_id,
                center_id=factory.center.center_id,
                factory_id=factory.factory_id,
                product_category=self.category.code,
                style_number=self.style,
                lot_ids=(self.lot_id,) if kind is InspectionKind.LOT_INSPECTION else (),
                **body,  # type: ignore[arg-type]
            )
        )
