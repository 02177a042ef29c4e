"""What is odd about a report and decides nothing: said, with its figures, in both languages."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from weftline.domain.events import LaboratoryReport
from weftline.domain.laboratory.label_shares import sums_away_from_100
from weftline.domain.laboratory.profiles import Profile
from weftline.domain.laboratory.standards import SAFETY_CLASSES, Category, Standards
from weftline.domain.laboratory.texts import number_text


class RemarkCode(StrEnum):
    """The closed list of remarks."""

    CLASS_BELOW_USUAL_USE = "CLASS_BELOW_USUAL_USE"  # judged as declared, but such a product is usually of a stricter class
    FIBRE_SHARES_NOT_100 = "FIBRE_SHARES_NOT_100"  # the shares of one part are not 100 % together


class Remark(NamedTuple):
    """One remark in words."""

    code: RemarkCode
    en: str
    zh: str


def remarks_on(report: LaboratoryReport, profile: Profile, category: Category | None, standards: Standards) -> tuple[Remark, ...]:
    """All remarks on a report that is judged by ``profile``."""
    return (*_on_class(profile, category), *_on_fibres(report, standards))


def _on_class(profile: Profile, category: Category | None) -> Iterator[Remark]:
    judged, usual = profile.safety_class, category.usual_class if category else None
    if category is None or usual is None or judged not in SAFETY_CLASSES or judged <= usual:
        return  # A, the strictest, is the smallest
    yield Remark(
        RemarkCode.CLASS_BELOW_USUAL_USE,
        f"judged as class {judged}, as declared; {category.en.lower()} is usually class {usual} by its use (GB 18401-2010)",
        f"按申报的 {judged} 类判定；{category.zh}按用途通常为 {usual} 类（GB 18401-2010）",
    )


def _on_fibres(report: LaboratoryReport, standards: Standards) -> Iterator[Remark]:
    for indicator, limit in standards.label_shares:
        if any(measurement.indicator == indicator for measurement in report.measurements):
            for part, total in sums_away_from_100(report, standards.indicators[indicator], limit.sum_tolerance):
                en, zh = (f" of {part}", f"{part} 的") if part else ("", "")
                share = number_text(float(total))
                yield Remark(
                    RemarkCode.FIBRE_SHARES_NOT_100,
                    f"the fibre shares{en} are {share} % together, not 100 %",
                    f"{zh}纤维含量合计 {share} %，不是 100 %",
                )
