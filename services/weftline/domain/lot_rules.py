"""Rules of a factory's lots: acceptance, switching, and their alerts.

A lot's acceptance and ``severity_due`` depend on earlier events only and stand at the lot's own event.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

from weftline.domain.days import offset_minutes
from weftline.domain.events import LOTS, InspectionEvent
from weftline.domain.fold import StateRow, Subject
from weftline.domain.inspection_alerts import lot_alerts, lot_remarks, switching_alerts
from weftline.domain.inspection_amounts import amounts_of
from weftline.domain.laboratory import Standards
from weftline.domain.lots import (
    APPLIED,
    NOT_DISCONTINUED,
    SECOND_ORIGINAL,
    Inspected,
    Lot,
    LotRef,
    Series,
    SwitchingKey,
    is_original,
    lot_amounts,
    result_word,
)
from weftline.domain.rows.columns import MODULUS
from weftline.domain.rows.inspections import InspectionAmounts, LotKey, LotRow, SeriesKey, StrandKey, StrandRow, SwitchingRow
from weftline.domain.sampling import Due, LotVerdict, Mark, SamplingStandard, Switching
from weftline.domain.sampling import judge as judge_lot
from weftline.domain.undo import UndoLog
from weftline.domain.vocabulary import NonconformityClass

K = TypeVar("K")
V = TypeVar("V")

UNKNOWN_KIND = "unknown_kind"

# Critical nonconformities take no part in switching.
_SWITCHING_CLASSES = (NonconformityClass.MAJOR, NonconformityClass.MINOR)


class LotRules:
    """Rules of all lots of a factory (see :class:`weftline.domain.fold.StrandRules`), and of what is no report otherwise."""

    def __init__(self, standards: Standards, sampling: SamplingStandard) -> None:
        self._standards = standards
        self._sampling = sampling
        self._log = UndoLog()
        # By rank. They follow from the content alone, and are a third of what judging an event again would cost.
        self._verdicts: dict[int, LotVerdict] = {}
        self._lots: dict[str, Lot] = {}
        self._series: dict[SwitchingKey, Series] = {}
        # What was ever said of a lot, standing or not: decides which rows a further word could affect.
        self._seen: dict[str, InspectionEvent] = {}
        self._series_of_lot: dict[str, tuple[SwitchingKey, ...]] = {}
        self._ranks = {LOTS: 0}  # of all records

    def mark(self) -> int:
        """The lots as they are."""
        return self._log.mark()

    def rewind(self, mark: int) -> None:
        """The lots as they were."""
        self._log.rewind(mark)

    def forget(self) -> None:
        """Nobody will return to a mark, nor judge an event again."""
        self._log.forget()
        self._verdicts.clear()

    def note(self, event: InspectionEvent, rank: int) -> None:
        """Remembers which subjects there are."""
        self._log.put(self._ranks, LOTS, (self._ranks[LOTS] + rank) % MODULUS)
        if (lot := event.lot_inspection) is None:
            return
        self._log.put(self._seen, lot.lot_id, event)
        known = self._series_of_lot.get(lot.lot_id, ())
        every = tuple(dict.fromkeys((*known, *((event.product_category, of) for of in _SWITCHING_CLASSES))))
        if every != known:
            self._log.put(self._series_of_lot, lot.lot_id, every)

    def subjects(self, event: InspectionEvent) -> Iterable[Subject]:
        """A lot with its series; the series of a corrective action."""
        yield ("strand_state", *StrandKey(LOTS))
        if event.lot_inspection is not None:
            yield ("lot_state", *LotKey(event.lot_inspection.lot_id))
            for category, of in self._series_of_lot[event.lot_inspection.lot_id]:
                yield ("switching_state", *SeriesKey(product_category=category, nonconformity_class=of.value))
        if event.corrective_action is not None:
            of = event.corrective_action.nonconformity_class
            yield ("switching_state", *SeriesKey(product_category=event.product_category, nonconformity_class=of.value))

    def void(self, event: InspectionEvent) -> InspectionAmounts:
        """Amounts of an event that counts zero."""
        return amounts_of(event)

    def apply(self, event: InspectionEvent, rank: int) -> tuple[int, str, InspectionAmounts]:
        """Judge the next event of the factory that is no report's."""
        if event.lot_inspection is not None:
            return self._apply_lot(event, rank)
        if event.corrective_action is not None:
            return self._apply_action(event)
        return 0, UNKNOWN_KIND, self.void(event)

    def row(self, subject: Subject, as_of: int) -> StateRow:
        """The state row of a lot, or of a series of lots."""
        table, *key = subject
        if table == "strand_state":
            return StateRow("strand_state", StrandKey(LOTS), StrandRow(ranks=self._ranks[LOTS]))
        if table == "lot_state":
            return self._lot_row(key[0])
        series = SeriesKey(*key)
        return self._switching_row((series.product_category, NonconformityClass(series.nonconformity_class)))

    def _apply_lot(self, event: InspectionEvent, rank: int) -> tuple[int, str, InspectionAmounts]:
        inspection = event.lot_inspection
        if inspection is None:
            raise ValueError("a lot inspection without a lot")
        minutes = offset_minutes(event.event_time_zone_offset)
        verdict = self._verdicts.get(rank) or judge_lot(inspection, event.event_time, self._sampling, utc_offset_minutes=minutes)
        self._verdicts[rank] = verdict
        lot = self._lots.get(inspection.lot_id, Lot())
        original = is_original(inspection)
        before = lot.standing(inspection.part_id, inspection.stage) if original else None
        second = (Mark.SECOND_ORIGINAL,) if before is not None else ()
        due: dict[NonconformityClass, Due] = {}
        moved: dict[SwitchingKey, Series] = {}
        for judged in verdict.classes:
            of = judged.nonconformity_class
            if of in _SWITCHING_CLASSES:
                series = self._series_of((event.product_category, of))
                due[of] = series.switching.due
                ref = LotRef(event, judged)
                stood = None if before is None else before.verdict.of(of)
                moved[event.product_category, of] = (
                    series.after(ref, original)
                    if before is None
                    else series.after_second(ref, None if stood is None else LotRef(before.event, stood))
                )
        counts = lot_amounts(before, verdict, original)
        amounts = amounts_of(event, verdict=result_word(verdict.accepted))._replace(
            lots=counts.lots,
            lots_accepted=counts.accepted,
            lots_not_accepted=counts.not_accepted,
            lots_resubmitted=counts.resubmitted,
            lots_resubmitted_accepted=counts.resubmitted_accepted,
            lots_not_judged=counts.not_judged,
            lots_by_agreement=counts.by_agreement,
            lots_by_agreement_accepted=counts.by_agreement_accepted,
            units_inspected=inspection.sample_size,
            units_critical=inspection.critical_units,
            units_major=inspection.major_units,
            units_minor=inspection.minor_units,
            class_name=[judged.nonconformity_class.value for judged in verdict.classes],
            class_accepted=[_yes_or_no(judged.accepted) for judged in verdict.classes],
            class_severity_used=[judged.severity_used.value if judged.severity_used else "" for judged in verdict.classes],
            class_severity_due=[due[of].value if (of := judged.nonconformity_class) in due else "" for judged in verdict.classes],
            class_marks=[",".join((*second, *verdict.marks, *judged.marks)) for judged in verdict.classes],
        )
        seen = Inspected(event, inspection, verdict, original, (*second, *verdict.all_marks))
        self._log.put(self._lots, inspection.lot_id, replace(lot, inspections=(*lot.inspections, seen)))
        for series_key, moved_on in moved.items():
            self._log.put(self._series, series_key, moved_on)
        return 1, SECOND_ORIGINAL if second else APPLIED, amounts

    def _apply_action(self, event: InspectionEvent) -> tuple[int, str, InspectionAmounts]:
        action = event.corrective_action
        if action is None:
            raise ValueError("a corrective action without a body")
        key = (event.product_category, action.nonconformity_class)
        before = self._series_of(key)
        discontinued = before.switching.due is Due.DISCONTINUED
        if discontinued:
            self._log.put(self._series, key, before.resumed(event.event_time))
        return 1, APPLIED if discontinued else NOT_DISCONTINUED, self.void(event)

    def _series_of(self, key: SwitchingKey) -> Series:
        return self._series.get(key) or Series(Switching(self._sampling.switching))

    def _lot_row(self, lot_id: str) -> StateRow:
        lot = self._lots.get(lot_id, Lot())
        last = lot.inspections[-1] if lot.inspections else None
        shown = last.event if last else self._seen[lot_id]
        refused = {
            judged.nonconformity_class.value: None
            for seen in lot.inspections
            for judged in seen.verdict.classes
            if judged.accepted is False
        }
        said = list(dict.fromkeys(words for seen in lot.inspections for words in lot_remarks(seen)))
        values = LotRow(
            center_id=shown.center_id,
            cooperative_id=shown.cooperative_id,
            product_category=shown.product_category,
            style_number=shown.style_number or "",
            order_id=shown.order_id or "",
            lot_size=last.inspection.lot_size if last else 0,
            stage=last.inspection.stage.value if last else "",
            original_result=result_word(lot.original_result) if any(seen.original for seen in lot.inspections) else "",
            last_result=result_word(last.verdict.accepted) if last else "",
            inspections=len(lot.inspections),
            resubmissions=sum(not seen.original for seen in lot.inspections),
            not_accepted_classes=list(refused),
            part_ids=list(
                dict.fromkeys(seen.inspection.part_id for seen in lot.inspections if seen.inspection.part_id is not None)
            ),
            by_agreement=int(any(seen.verdict.by_agreement for seen in lot.inspections)),
            marks=list(dict.fromkeys(mark.value for seen in lot.inspections for mark in seen.marks)),
            remarks_zh=[words.zh for words in said],
            remarks_en=[words.en for words in said],
            last_inspected_at=last.event.event_time if last else None,
        )
        return StateRow("lot_state", LotKey(lot_id), values, lot_alerts(lot))

    def _switching_row(self, key: SwitchingKey) -> StateRow:
        series = self._series_of(key)
        switching = series.switching
        values = SwitchingRow(
            severity_due=switching.due.value,
            since=series.switches[-1].time if series.switches else None,
            lots=series.lots,
            switches=len(series.switches),
            recent_accepted=[int(accepted) for _, accepted in switching.recent],
            not_accepted_on_tightened=len(switching.failed),
        )
        category, of = key
        named = SeriesKey(product_category=category, nonconformity_class=of.value)
        return StateRow("switching_state", named, values, switching_alerts(category, of, series, self._standards))


def _yes_or_no(accepted: bool | None) -> str:
    return "not_judged" if accepted is None else "yes" if accepted else "no"
