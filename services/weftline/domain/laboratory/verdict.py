"""The verdict on a laboratory report: PASS, FAIL or INCOMPLETE, and which clause decided.

In this order:

1. FAIL if a confirmed limit is missed by any measurement.
2. INCOMPLETE if something that is required has no result. Required is what the test plan orders, else what the standards require of
   such a specimen; a specimen of which no standard says what it needs, tested without a plan, is INCOMPLETE too.
3. INCOMPLETE if no indicator passed by a confirmed limit: a report of which nothing could be judged proves nothing.
4. PASS otherwise. An indicator that was tested, but has no confirmed limit, is shown as not judged and does not stand in the way.

Values are compared as reported: the laboratory rounds (GB/T 8170), we do not. A report is judged by the editions valid when it
was tested (``tested_at``, else the event time), so the verdict is a function of the event alone.

Cost: 15 µs for a finished product with 12 measurements, 21 µs when the safety class is unknown (three limits each); one shared core,
Python 3.11, limits looked up before.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from weftline.domain.events import LaboratoryReport, Measurement
from weftline.domain.laboratory.checks import check_unknown_indicator
from weftline.domain.laboratory.findings import Finding, Flags, Outcome, Reason
from weftline.domain.laboratory.profiles import profile_of
from weftline.domain.laboratory.standards import Clause, Standards
from weftline.domain.laboratory.texts import value_text
from weftline.domain.vocabulary import MeasurementKind, SafetyClass

_NOT_DETECTED = MeasurementKind.NOT_DETECTED
_UNKNOWN_INDICATOR = (check_unknown_indicator,)

# Plain integers: an operation on two IntFlags takes 0.36 µs, on two integers 0.012 µs.
_TESTED, _PASSED, _FAILED, _UNUSABLE = int(Flags.TESTED), int(Flags.PASSED), int(Flags.FAILED), int(Flags.UNUSABLE)
_ND, _SAFETY, _REQUIRED, _INCOMPLETE = (
    int(Flags.NOT_DETECTED),
    int(Flags.SAFETY_FAILED),
    int(Flags.REQUIRED),
    int(Flags.INCOMPLETE),
)
_OPEN = int(Flags.OPEN)


class VerdictKind(StrEnum):
    """Of a report."""

    PASS = "PASS"
    FAIL = "FAIL"
    INCOMPLETE = "INCOMPLETE"


class Gap(StrEnum):
    """Why a report is INCOMPLETE."""

    REQUIRED_NOT_TESTED = "REQUIRED_NOT_TESTED"
    REQUIREMENTS_UNKNOWN = "REQUIREMENTS_UNKNOWN"
    NOTHING_JUDGED = "NOTHING_JUDGED"


class ItemVerdict(NamedTuple):
    """One measurement by one limit; a measurement to which several limits apply has several items.

    ``indication`` is what a limit that does not decide would have said.
    """

    measurement: Measurement
    finding: Finding

    @property
    def indicator(self) -> str:
        """Code of the indicator."""
        return self.measurement.indicator

    @property
    def component(self) -> str | None:
        """Part of the specimen or of the blend."""
        return self.measurement.component

    @property
    def outcome(self) -> Outcome:
        """PASS, FAIL or NOT_JUDGED."""
        return self.finding.outcome

    @property
    def reason(self) -> Reason | None:
        """Why it was not judged."""
        return self.finding.reason

    @property
    def indication(self) -> Outcome | None:
        """What an unconfirmed limit would have said."""
        return self.finding.indication

    @property
    def clause(self) -> Clause | None:
        """The clause that decided, with its confidence and its source."""
        return self.finding.clause

    @property
    def safety(self) -> bool:
        """Whether the clause protects people."""
        return self.finding.clause is not None and self.finding.clause.safety

    @property
    def not_detected(self) -> bool:
        """Whether the laboratory reports "not detected"."""
        return self.measurement.kind is _NOT_DETECTED

    @property
    def value_text(self) -> str:
        """What was measured, as people write it; numbers in the unit of the report."""
        return value_text(self.measurement)

    @property
    def limit_text(self) -> str | None:
        """The limit, as people write it."""
        return self.finding.limit

    @property
    def limit_text_zh(self) -> str | None:
        """The limit in Chinese."""
        return self.finding.limit_zh

    @property
    def clause_text(self) -> str | None:
        """``GB 18401-2010, table 1``."""
        return self.finding.clause.text if self.finding.clause else None


class IndicatorVerdict(NamedTuple):
    """All measurements of one indicator together; the unit of counting. ``flags`` are bits of :class:`Flags`.

    What is tested is exactly one of ``passed``, ``failed`` and ``not_judged``; what is not tested may be ``incomplete``.
    """

    indicator: str
    flags: int

    @property
    def required(self) -> bool:
        """By the test plan, else by the standards."""
        return bool(self.flags & _REQUIRED)

    @property
    def tested(self) -> bool:
        """There is a result."""
        return bool(self.flags & _TESTED)

    @property
    def passed(self) -> bool:
        """Every reading passes by a confirmed limit."""
        return bool(self.flags & _PASSED)

    @property
    def failed(self) -> bool:
        """A reading fails a confirmed limit."""
        return bool(self.flags & _FAILED)

    @property
    def not_judged(self) -> bool:
        """There is a result, but a reading of it has no confirmed limit, and none fails."""
        return self.flags & (_TESTED | _PASSED | _FAILED) == _TESTED

    @property
    def incomplete(self) -> bool:
        """Required, and without a result."""
        return bool(self.flags & _INCOMPLETE)

    @property
    def not_detected(self) -> bool:
        """At least one reading is "not detected"."""
        return bool(self.flags & _ND)

    @property
    def safety_failed(self) -> bool:
        """It fails a clause that protects people: raises the safety alert."""
        return bool(self.flags & _SAFETY)


@dataclass(frozen=True, slots=True)
class Verdict:
    """On one report. ``items`` in the order of the measurements; ``indicators`` in the order of their first one, then the missing.

    ``missing``: required, and without a result. ``gaps``: why INCOMPLETE (also filled beside a FAIL). ``safety_class``: by which it
    was judged; an infant's product is judged by class A, whatever was declared. ``editions``: those in force at ``judged_at`` (ms UTC)
    that have limits for such a specimen.
    """

    verdict: VerdictKind
    safety_class: SafetyClass
    items: tuple[ItemVerdict, ...]
    indicators: tuple[IndicatorVerdict, ...]
    missing: tuple[str, ...]
    gaps: tuple[Gap, ...]
    editions: tuple[str, ...]
    judged_at: int

    @property
    def safety_failures(self) -> tuple[ItemVerdict, ...]:
        """The items that raise the safety alert."""
        return tuple(item for item in self.items if item.finding.flags & _SAFETY)

    def deciding(self, indicator: str) -> ItemVerdict | None:
        """The item that decides ``indicator``: the first that fails, else the first that passes, else none."""
        items = [item for item in self.items if item.measurement.indicator == indicator]
        for outcome in (Outcome.FAIL, Outcome.PASS):
            for item in items:
                if item.outcome is outcome:
                    return item
        return None


def judge(report: LaboratoryReport, event_time: int, standards: Standards) -> Verdict:
    """Judge ``report`` by the editions valid when it was tested; ``event_time`` (ms UTC) where it does not say when.

    Never raises: what cannot be read is an item that is not judged, with its reason.
    """
    time = event_time if report.tested_at is None else report.tested_at
    profile = profile_of(report, time, standards)
    checks = profile.checks
    items: list[ItemVerdict] = []
    flags: dict[str, int] = {}
    for measurement in report.measurements:
        indicator = measurement.indicator
        found = 0
        for check in checks.get(indicator, _UNKNOWN_INDICATOR):
            finding = check(measurement, report)
            found |= finding.flags
            items.append(ItemVerdict(measurement, finding))
        if not found & (_PASSED | _FAILED):
            found |= _OPEN
        if measurement.kind is _NOT_DETECTED:
            found |= _ND
        flags[indicator] = flags.get(indicator, 0) | found

    required = report.test_plan or profile.required
    missing: list[str] = []
    for indicator in required or ():
        found = flags.get(indicator, 0)
        if found & _INCOMPLETE:
            continue  # ordered twice
        if not found or (found & _UNUSABLE and not found & _FAILED):
            missing.append(indicator)
            found |= _INCOMPLETE
        flags[indicator] = found | _REQUIRED

    everything = 0
    indicators: list[IndicatorVerdict] = []
    for indicator, found in flags.items():
        if found & _FAILED:
            found &= ~(_PASSED | _UNUSABLE)
        elif found & _UNUSABLE:
            found &= ~(_TESTED | _PASSED | _ND)
        elif found & _OPEN:
            found &= ~_PASSED
        everything |= found
        indicators.append(IndicatorVerdict(indicator, found))

    gaps: tuple[Gap, ...] = ()
    if missing:
        gaps = (Gap.REQUIRED_NOT_TESTED,)
    if required is None:
        gaps = (*gaps, Gap.REQUIREMENTS_UNKNOWN)
    if not everything & (_PASSED | _FAILED):
        gaps = (*gaps, Gap.NOTHING_JUDGED)
    kind = VerdictKind.FAIL if everything & _FAILED else VerdictKind.INCOMPLETE if gaps else VerdictKind.PASS
    return Verdict(kind, profile.safety_class, tuple(items), tuple(indicators), tuple(missing), gaps, profile.editions, time)
