"""Fibre content: the measured share against the label (GB/T 29862-2013, clause 7).

A component names the fibre; what stands before it, each behind a slash, is its part, its colour, its replicate: ``shell/cotton``,
``shell/red/2/cotton``. Where one fibre of one part comes several times, with whatever in brackets behind it, each reading is of a replicate
or a colour of its own. Shares of different parts,
colours or replicates have nothing to do with each other, and are never added.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from decimal import Decimal

from weftline.domain.events import LaboratoryReport, Measurement
from weftline.domain.laboratory.checks import NOT_DETECTED, NUMBER, Check, kind_of_result, reader
from weftline.domain.laboratory.findings import WITHOUT_LIMIT, Finding, Findings, Reason
from weftline.domain.laboratory.spelling import folded, key
from weftline.domain.laboratory.standards import Band, Indicator, LabelShare
from weftline.domain.laboratory.texts import number_text
from weftline.domain.vocabulary import SpecimenType

_HUNDRED = Decimal(100)

_QUALIFIER = re.compile(r"\s*(?:[(\[#].*|\d+)$", re.DOTALL)

#: Part, colour and so on as one text (empty without any), and which reading of the same component it is.
Specimen = tuple[str, int]


def part_and_fibre(component: str | None) -> tuple[str, str]:
    """(what stands before the fibre, the fibre) of a component, folded; what is in brackets or numbered behind a fibre is dropped."""
    part, _, fibre = folded(component or "").replace("：", "/").replace("\\", "/").rpartition("/")
    return "/".join(one.strip() for one in part.split("/")), _QUALIFIER.sub("", fibre).strip()


def specimens(measurements: Sequence[Measurement], indicator: str) -> list[Specimen]:
    """Of each measurement, which readings it belongs together with; of those of other indicators, nothing that means anything."""
    seen: Counter[tuple[str, str]] = Counter()
    found: list[Specimen] = []
    for measurement in measurements:
        if measurement.indicator != indicator:
            found.append(("", -1))
            continue
        part, fibre = part_and_fibre(measurement.component)
        # Without a name nobody can tell a second fibre from a second replicate: taken for a second fibre, which is the stricter.
        found.append((part, seen[part, fibre] if fibre else 0))
        seen[part, fibre] += 1
    return found


def check_label_share(indicator: Indicator, limit: LabelShare, filling: bool, specimen: SpecimenType) -> Check:
    """One fibre of a blend. ``filling``: the specimen is a filling, as far as a component does not name another part.

    "Not detected" is a measured share of 0: the fibre is not there. A fibre that the label leaves out is given with a labelled
    share of 0. The label's share being absent is no zero: then nothing can be compared.
    """
    read = reader(indicator)
    bands = {False: _prepared(limit.textile), True: _prepared(limit.filling)}
    pure, pure_findings, _ = _prepared((limit.pure,))[0]
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
            return trace.passes if _left_out(measurement, report) <= limit.trace_total else trace.fails
        if label == _HUNDRED:
            if _HUNDRED - share <= limit.trace_total:
                return trace.passes
            return pure_findings.passes if _HUNDRED - share <= pure.tolerance else pure_findings.fails
        part = part_and_fibre(measurement.component)[0].strip("/").partition("/")[0]
        of_filling = key(part) in limit.filling_parts if "/" in folded(measurement.component or "") else filling
        # The last band goes up to 100 % (checked at loading), and so does what `read` lets pass.
        band, plain, not_zero = next(entry for entry in bands[of_filling] if label <= entry[0].up_to)
        never_zero = band.never_zero_up_to is not None and label <= band.never_zero_up_to
        findings = not_zero if never_zero else plain
        return findings.passes if abs(share - label) <= band.tolerance and not (never_zero and share == 0) else findings.fails

    def _measured(measurement: Measurement) -> float | Reason:
        kind = kind_of_result(measurement)
        if kind is NUMBER:
            return read(measurement, measurement.value)
        if isinstance(kind, Reason):
            return kind
        return 0.0 if kind is NOT_DETECTED else Reason.KIND_DOES_NOT_FIT

    def _left_out(measurement: Measurement, report: LaboratoryReport) -> Decimal:
        """What the fibres that the label leaves out amount to together, of the same part, colour and replicate."""
        belongs = specimens(report.measurements, indicator.code)
        here = next(of for of, other in zip(belongs, report.measurements, strict=True) if other is measurement)
        total = Decimal(0)
        for of, other in zip(belongs, report.measurements, strict=True):
            if of == here and other.indicator == indicator.code and other.labelled_value == 0:
                share = _measured(other)
                total += _decimal(share) if isinstance(share, float) else 0
        return total

    return check


def sums_away_from_100(report: LaboratoryReport, indicator: Indicator, tolerance: Decimal) -> list[tuple[str, Decimal]]:
    """(part, sum) of each part, colour and replicate whose measured shares are not 100 % together, by more than ``tolerance``."""
    read = reader(indicator)
    sums: defaultdict[Specimen, Decimal] = defaultdict(Decimal)
    for of, measurement in zip(specimens(report.measurements, indicator.code), report.measurements, strict=True):
        if measurement.indicator == indicator.code and measurement.kind is NUMBER:
            share = read(measurement, measurement.value)
            if isinstance(share, float):
                sums[of] += _decimal(share)
    return [(part.strip("/"), total) for (part, _), total in sums.items() if abs(total - _HUNDRED) > tolerance]


def _decimal(value: float) -> Decimal:
    return Decimal(repr(value))


def _prepared(bands: tuple[Band, ...]) -> tuple[tuple[Band, Findings, Findings], ...]:
    """Each band with what it says of a label, and of a label so small that the fibre must be there at all."""
    return tuple(
        (band, Findings(band.clause, *_band_texts(band, False)), Findings(band.clause, *_band_texts(band, True))) for band in bands
    )


def _band_texts(band: Band, never_zero: bool) -> tuple[str, str]:
    tolerance = number_text(band.tolerance)
    en, zh = f"label ± {tolerance} percentage points", f"标注值 ± {tolerance} 个百分点"
    return (f"{en}, not 0", f"{zh}，不得为 0") if never_zero else (en, zh)
