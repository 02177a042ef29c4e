"""Laboratory reports: why a specimen is tested, what comes out, and what becomes of the report.

A run of failures is a matter of order, and three orders are thinkable: by test, by issue, by verification. So the reports of a factory
are tested, issued and verified in one order, and a report that is withdrawn, or amended to another verdict, never lies near a run.
"""

from __future__ import annotations

from typing import Any, Final

from weftline.domain.events import InspectionEvent, LaboratoryReport, ReportStatusChange
from weftline.domain.vocabulary import InspectionKind, Payer, ReportStatus, SafetyClass, SpecimenType, TestPurpose
from weftline.embedded.simulator.answers import ReportTruth
from weftline.embedded.simulator.catalogue import Category
from weftline.embedded.simulator.measuring import FIBRE, choose_failing, measure, plan_of
from weftline.embedded.simulator.workdays import DAY, HOUR, MINUTE, later
from weftline.embedded.simulator.world import (
    BAD_FAILURE_RATE,
    RE_INSPECTION_FAILURE_RATE,
    TURNED_BAD,
    Factory,
    Process,
    World,
)

_PURPOSES: Final = (TestPurpose.FUND, TestPurpose.COMMISSIONED, TestPurpose.SPOT_CHECK)
_PAYERS: Final = {
    TestPurpose.FUND: Payer.TESTING_FUND,
    TestPurpose.COMMISSIONED: Payer.FACTORY,
    TestPurpose.SPOT_CHECK: Payer.AUTHORITY,
    # The cooperative waives the fee of the first re-inspection after rectification.
    TestPurpose.RE_INSPECTION: Payer.TESTING_FUND,
}
_KINDS: Final = (
    (SpecimenType.FINISHED_PRODUCT, "", 0.72),
    (SpecimenType.RAW_MATERIAL, "fabric", 0.18),
    (SpecimenType.AUXILIARY, "thread", 0.06),
    (SpecimenType.AUXILIARY, "label", 0.04),
)
_AMENDED: Final = 0.03
_WITHDRAWN: Final = 0.006
_AMENDED_UNVERIFIED: Final = 0.02
_KIND_SHARES: Final = [share for _, _, share in _KINDS]


def begin(world: World) -> Process:
    """A test of a random factory."""
    rng = world.rng
    factory = rng.choices(world.factories, cum_weights=world.test_weights)[0]
    purpose = rng.choices(_PURPOSES, (62, 30, 8))[0]
    # The province's laboratory takes part only where no run of failures depends on whose report came first.
    provincial = purpose is TestPurpose.SPOT_CHECK and factory.failing is None and not factory.failures
    return _Report(world, factory, purpose, provincial).live()


class _Report:
    """One report and what is true of it."""

    def __init__(
        self, world: World, factory: Factory, purpose: TestPurpose, provincial: bool, original: _Report | None = None
    ) -> None:
        self.world, self.rng, self.factory, self.purpose, self.original = world, world.rng, factory, purpose, original
        rng = world.rng
        self.provincial = provincial
        if provincial:
            world.provincial_reports += 1
            self.source, self.laboratory_id, number = world.provincial, world.provincial_id, world.provincial_reports
        else:
            center = factory.center
            center.reports += 1
            self.source, self.laboratory_id, number = center.laboratory, center.laboratory_id, center.reports
        self.number = f"R{world.tag}-{number:07d}"
        if original is not None:
            self.category: Category = original.category
            self.specimen: SpecimenType = original.specimen
            self.kind: str = original.kind
            self.fibres: tuple[tuple[str, int], ...] = original.fibres
            self.plan: tuple[str, ...] = original.plan
            self.style: str = original.style
        else:
            self.category = factory.category(rng, world.now)
            self.specimen, self.kind, _ = rng.choices(_KINDS, _KIND_SHARES)[0]
            if factory.failing is not None:
                self.specimen, self.kind = SpecimenType.FINISHED_PRODUCT, ""
            blends = [f for f in self.category.fibres if len(f) > 1]
            self.fibres = rng.choice(blends if factory.failing == FIBRE and blends else self.category.fibres)
            self.plan = plan_of(
                self.category,
                fabric=self.specimen is SpecimenType.RAW_MATERIAL,
                auxiliary=self.specimen is SpecimenType.AUXILIARY,
            )
            self.style = factory.style()
        self.amendment = self.tested = self.sampled = 0
        # Without an order the standard says what is required: of a finished product for adults, all of the plan but fibre content.
        self.ordered = self.specimen is not SpecimenType.FINISHED_PRODUCT or self.category.safety_class is SafetyClass.A
        self.ordered = self.ordered or rng.random() < 0.85

    def decide(self) -> tuple[frozenset[str], frozenset[str]]:
        """(failing, left out): what the specimen is like, and what the laboratory forgot to test."""
        rng, factory = self.rng, self.factory
        if factory.failing is not None:
            fails = factory.failing in self.plan and rng.random() < BAD_FAILURE_RATE
            return (frozenset({factory.failing}) if fails else frozenset()), frozenset()
        rate = self.world.failure_rate if self.original is None else RE_INSPECTION_FAILURE_RATE
        if not factory.spotless and rng.random() < rate:
            factory.failures += 1
            return choose_failing(rng, self.plan, len(self.fibres) > 1), frozenset()
        if not factory.failures and rng.random() < 0.006:
            return frozenset(), frozenset({rng.choice([name for name in self.plan if name != FIBRE])})
        return frozenset(), frozenset()

    def issue(self, failing: frozenset[str], left_out: frozenset[str], at: int) -> tuple[int, int, str, frozenset[str]]:
        """Emit the content; (time, sequence, event id) and what was not detected."""
        rng, category = self.rng, self.category
        read = measure(rng, category.safety_class, self.fibres, self.plan, failing, left_out)
        if not self.amendment:
            self.tested = max(at - rng.randrange(2 * HOUR, 20 * HOUR), self.factory.tested_at + 1)
            self.sampled = self.tested - rng.randrange(DAY, 4 * DAY)
            self.factory.tested_at = self.tested
        finished = self.specimen is SpecimenType.FINISHED_PRODUCT
        traits = [name for name, has in (("filled", category.filled), ("hanging_decoration", category.hanging)) if has and finished]
        event = self._event(
            at,
            InspectionKind.LABORATORY_REPORT,
            laboratory_report=LaboratoryReport(
                laboratory_id=self.laboratory_id,
                report_number=self.number,
                amendment=self.amendment,
                specimen=self.specimen,
                specimen_kind=self.kind or ("filled" if category.filled else "unfilled"),
                traits=tuple(traits),
                purpose=self.purpose,
                payer=_PAYERS[self.purpose],
                original_report_number=None if self.original is None else self.original.number,
                safety_class=category.safety_class,
                age_group=category.age_group,
                sampled_at=self.source.written(self.sampled),
                tested_at=self.source.written(self.tested),
                reported_at=self.source.written(at),
                test_plan=self.plan if self.ordered else (),
                measurements=read.measurements,
            ),
        )
        return event.event_time, event.sequence or 0, event.event_id, read.not_detected

    def status(self, status: ReportStatus, at: int, reason: str | None = None) -> None:
        """Emit a step in the life of the report."""
        self._event(
            at,
            InspectionKind.REPORT_STATUS,
            report_status=ReportStatusChange(
                laboratory_id=self.laboratory_id,
                report_number=self.number,
                amendment=self.amendment,
                status=status,
                verified_by="authorised-signatory" if status is ReportStatus.VERIFIED else None,
                reason=reason,
            ),
        )

    def _event(self, at: int, kind: InspectionKind, **body: Any) -> InspectionEvent:
        factory = self.factory
        event = InspectionEvent(
            kind=kind,
            **self.source.head(at),
            cooperative_id=factory.cooperative_id,
            center_id=factory.center.center_id,
            factory_id=factory.factory_id,
            product_category=self.category.code,
            style_number=self.style,
            order_id=factory.last_order if self.purpose is TestPurpose.COMMISSIONED else None,
            lot_ids=tuple(factory.stock[-1:]),
            **body,
        )
        self.world.emit(event)
        return event

    def live(self) -> Process:
        """Issued, verified, published; perhaps amended or withdrawn; perhaps followed by a re-inspection."""
        world, rng, factory = self.world, self.rng, self.factory
        failing, left_out = self.decide()
        time, sequence, event_id, not_detected = self.issue(failing, left_out, world.now)
        truth = ReportTruth(
            self.laboratory_id,
            self.number,
            factory.factory_id,
            self.category.code,
            (time, sequence, event_id),
            self.plan,
            failing,
            not_detected,
            left_out,
        )
        world.ledger.reports.append(truth)
        factory.verified_at = max(later(world.now, rng.uniform(2, 14) * HOUR), factory.verified_at + MINUTE)
        yield factory.verified_at
        self.status(ReportStatus.VERIFIED, world.now)
        truth.verified = True
        yield later(world.now, rng.uniform(1, 10) * HOUR)
        self.status(ReportStatus.PUBLISHED, world.now)
        luck = rng.random()
        if luck < _AMENDED:
            yield later(world.now, rng.uniform(5, 40) * HOUR)
            self.amend(truth, rng.random() < (0.5 if failing else TURNED_BAD / _AMENDED))
        elif luck < _AMENDED + _WITHDRAWN:
            yield later(world.now, rng.uniform(5, 60) * HOUR)
            if self.lonely(truth):
                factory.spotless = True
                self.status(ReportStatus.WITHDRAWN, world.now, "specimen was mixed up")
                truth.withdrawn = True
        elif luck < _AMENDED + _WITHDRAWN + _AMENDED_UNVERIFIED:
            yield later(world.now, rng.uniform(5, 40) * HOUR)
            # Says something else, and nobody ever verifies it: nothing changes.
            self.amendment += 1
            self.issue(frozenset() if failing else choose_failing(rng, self.plan, len(self.fibres) > 1), frozenset(), world.now)
        if truth.failing and not truth.withdrawn and self.purpose is not TestPurpose.RE_INSPECTION:
            # Order No. 18 of SAMR gives 75 days; the cooperative is quicker.
            world.spawn(self.again(), world.now + rng.randrange(5 * DAY, 16 * DAY))

    def lonely(self, truth: ReportTruth) -> bool:
        """Whether the factory has no other failure, so that this report's verdict may change."""
        factory = self.factory
        return factory.failing is None and not factory.spotless and factory.failures == bool(truth.failing)

    def amend(self, truth: ReportTruth, turn: bool) -> None:
        """Issue the content again, with another verdict if ``turn`` and the factory's runs allow it, and verify it at once."""
        factory, now = self.factory, self.world.now
        failing = truth.failing
        if turn and self.lonely(truth):
            factory.spotless = True
            failing = frozenset() if failing else choose_failing(self.rng, self.plan, len(self.fibres) > 1)
        self.amendment += 1
        *_, truth.not_detected = self.issue(failing, frozenset(), now - MINUTE)
        self.status(ReportStatus.VERIFIED, now)
        truth.failing, truth.left_out = failing, frozenset()

    def again(self) -> Process:
        """The re-inspection after rectification."""
        yield from _Report(self.world, self.factory, TestPurpose.RE_INSPECTION, self.provincial, self).live()
