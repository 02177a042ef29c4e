"""Fibre content: the measured share against the label (GB/T 29862-2013, clause 7)."""

from __future__ import annotations

from decimal import Decimal

from weftline.domain.events import LaboratoryReport, Measurement
from weftline.domain.laboratory.checks import NOT_DETECTED, NUMBER, Check, reader
from weftline.domain.laboratory.findings import WITHOUT_LIMIT, Finding, Findings, Reason
from weftline.domain.laboratory.standards import Band, Indicator, LabelShare
from weftline.domain.laboratory.texts import number_text
from weftline.domain.vocabulary import SpecimenType

_HUNDRED = Decimal(100)
_FILLING = "filling"


def check_label_share(indicator: Indicator, limit: LabelShare, filling: bool, specimen: SpecimenType) -> Check:
    """One fibre of a blend. ``filling``: the specimen is a filling, as far as a component does not name another part.

    "Not detected" is a measured share of 0: the fibre is not there. A fibre that the label leaves out is given with a labelled
    share of 0. The label's share being absent is no zero: then nothing can be compared.
    """
    read = reader(indicator)
    bands = {False: _prepared(limit.textile), True: _prepared(limit.filling)}
    pure, pure_findings = _prepared((limit.pure,))[0]
    total = number_text(limit.trace_total)
    trace = Findings(limit.trace, f"≤ {total} % left out of the label", f"未标注纤维合计 ≤ {total} %")
    no_label = trace.not_judged[Reason.LABEL_MISSING]
    if specimen not in limit.label_needed:
        no_label = WITHOUT_LIMIT[Reason.NO_LIMIT]

    def check(measurement: Measurement, report: LaboratoryReport) -> Finding:
        measured = _measured(measurement)
        if isinstance(measured, Reason):
            return trace.not_judged[measured]
        if measurement.labelled_value is None:
            return no_label
        labelled = read(measurement, measurement.labelled_value)
        if isinstance(labelled, Reason):
            return trace.not_judged[labelled]
        share, label = _decimal(measured), _decimal(labelled)
        if label == 0:
            return trace.passes if _left_out(report) <= limit.trace_total else trace.fails
        if label == _HUNDRED:
            if _HUNDRED - share <= limit.trace_total:
                return trace.passes
            return pure_findings.passes if _HUNDRED - share <= pure.tolerance else pure_findings.fails
        part, slash, _ = (measurement.component or "").partition("/")
        # The last band goes up to 100 % (checked at loading), and so does what `read` lets pass.
        band, findings = next(pair for pair in bands[part == _FILLING if slash else filling] if label <= pair[0].up_to)
        absent = share == 0 and band.never_zero_up_to is not None and label <= band.never_zero_up_to
        return findings.passes if abs(share - label) <= band.tolerance and not absent else findings.fails

    def _measured(measurement: Measurement) -> float | Reason:
        if measurement.kind is NUMBER:
            return read(measurement, measurement.value)
        return 0.0 if measurement.kind is NOT_DETECTED else Reason.KIND_DOES_NOT_FIT

    def _left_out(report: LaboratoryReport) -> Decimal:
        """What the fibres that the label leaves out amount to together."""
        total = Decimal(0)
        for other in report.measurements:
            if other.indicator == indicator.code and other.labelled_value == 0:
                share = _measured(other)
                total += _decimal(share) if isinstance(share, float) else 0
        return total

    return check


def _decimal(value: float) -> Decimal:
    return Decimal(repr(value))


def _prepared(bands: tuple[Band, ...]) -> tuple[tuple[Band, Findings], ...]:
    return tuple((band, Findings(band.clause, *_band_texts(band))) for band in bands)


def _band_texts(band: Band) -> tuple[str, str]:
    tolerance = number_text(band.tolerance)
    en, zh = f"label ± {tolerance} percentage points", f"标注值 ± {tolerance} 个百分点"
    return (en, zh) if band.never_zero_up_to is None else (f"{en}, not 0", f"{zh}，不得为 0")
