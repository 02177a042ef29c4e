"""The alerts of a factory's inspection results, each with its evidence, its subject and its words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from weftline.domain import texts
from weftline.domain.alert_rules import severity_of
from weftline.domain.alerts import Evidence, StandingAlert, alert_id
from weftline.domain.events import InspectionEvent
from weftline.domain.laboratory import ItemVerdict, Standards, value_text_zh
from weftline.domain.lots import Inspected, Lot, Series, Switch
from weftline.domain.reports import Content, Report, Result
from weftline.domain.runs import Failed
from weftline.domain.sampling import MARK_WORDS, ClassVerdict, Due, Mark
from weftline.domain.sampling.acceptance import numbers_text
from weftline.domain.vocabulary import AlertRule, NonconformityClass


def _names(indicator: str, standards: Standards) -> tuple[str, str]:
    known = standards.indicators.get(indicator)
    return (known.zh, known.en) if known else (indicator, indicator)


def _report_number(content: Content) -> str:
    report = content.event.laboratory_report
    return report.report_number if report else ""


def _laboratory_evidence(content: Content, item: ItemVerdict | None, indicator: str) -> Evidence:
    event = content.event
    return Evidence(
        source=event.source,
        event_id=event.event_id,
        event_time=event.event_time,
        subject=_report_number(content),
        indicator=indicator,
        value=item.value_text if item else None,
        limit=item.limit_text if item else None,
        clause=item.clause_text if item else None,
    )


def safety_alerts(report: Report, standards: Standards) -> tuple[StandingAlert, ...]:
    """One per indicator of a verified report that fails a clause which protects people."""
    content = report.counted
    if content is None or (body := content.event.laboratory_report) is None:
        return ()
    failures: dict[str, list[ItemVerdict]] = {}
    for item in content.verdict.safety_failures:
        failures.setdefault(item.indicator, []).append(item)
    alerts = []
    for indicator, items in failures.items():
        event, first = content.event, items[0]
        text_zh, text_en = texts.safety_failed(
            body.report_number,
            event.style_number,
            _names(indicator, standards),
            (value_text_zh(first.measurement, standards), first.value_text),
            (first.limit_text_zh or "", first.limit_text or ""),
            first.clause_text or "",
        )
        alerts.append(
            StandingAlert(
                alert_id=alert_id(
                    AlertRule.SAFETY_LIMIT_FAILED, event.factory_id, body.laboratory_id, body.report_number, indicator
                ),
                rule=AlertRule.SAFETY_LIMIT_FAILED,
                severity=severity_of(AlertRule.SAFETY_LIMIT_FAILED),
                occurred_at=report.counted_at,
                cooperative_id=event.cooperative_id,
                center_id=event.center_id,
                factory_id=event.factory_id,
                product_category=event.product_category,
                style_number=event.style_number,
                lot_ids=event.lot_ids,
                order_id=event.order_id,
                subject=f"report {body.laboratory_id}/{body.report_number} {indicator}",
                evidence=tuple(_laboratory_evidence(content, item, indicator) for item in items),
                text_zh=text_zh,
                text_en=text_en,
            )
        )
    return tuple(alerts)


def failed_of(indicator: str, result: Result) -> Failed:
    """What an alert tells of a failed result."""
    content = result.content
    event = content.event
    return Failed(
        laboratory_id=result.key.laboratory_id,
        report_number=result.key.report_number,
        counted_at=result.counted_at,
        cooperative_id=event.cooperative_id,
        center_id=event.center_id,
        product_category=event.product_category,
        style_number=event.style_number,
        lot_ids=event.lot_ids,
        order_id=event.order_id,
        evidence=_laboratory_evidence(content, content.verdict.deciding(indicator), indicator),
    )


def run_alert(factory: str, indicator: str, first_three: Sequence[Failed], standards: Standards) -> StandingAlert:
    """That of a run of three or more, named after its first result; the evidence is the first three, however long the run grows."""
    first, last = first_three[0], first_three[-1]
    zh, en = _names(indicator, standards)
    text_zh, text_en = texts.three_failures(zh, en, [failed.report_number for failed in first_three])
    return StandingAlert(
        alert_id=alert_id(AlertRule.THREE_FAILURES_IN_A_ROW, factory, indicator, first.laboratory_id, first.report_number),
        rule=AlertRule.THREE_FAILURES_IN_A_ROW,
        severity=severity_of(AlertRule.THREE_FAILURES_IN_A_ROW),
        occurred_at=max(failed.counted_at for failed in first_three),
        cooperative_id=last.cooperative_id,
        center_id=last.center_id,
        factory_id=factory,
        product_category=last.product_category,
        style_number=last.style_number,
        lot_ids=tuple(sorted({lot for failed in first_three for lot in failed.lot_ids})),
        order_id=last.order_id,
        subject=f"{indicator} from report {first.laboratory_id}/{first.report_number}",
        evidence=tuple(failed.evidence for failed in first_three),
        text_zh=text_zh,
        text_en=text_en,
    )


class Words(NamedTuple):
    """One thing said in both languages."""

    zh: str
    en: str


def lot_remarks(seen: Inspected) -> list[Words]:
    """What is odd about an inspection, in words, with the figures of both plans where the one in hand was not the standard's."""
    said = []
    for mark in seen.marks:
        zh, en = MARK_WORDS[mark]
        classes = [of for of in seen.verdict.classes if mark in of.marks]
        if mark is Mark.PLAN_MISMATCH:
            said += [
                Words(
                    f"{zh}（{texts.CLASS_ZH[of.nonconformity_class]}：所用 {numbers_text(of.plan)}，标准 {numbers_text(of.expected)}）",
                    f"{en} ({of.nonconformity_class.lower()}: in hand {numbers_text(of.plan)}, "
                    f"the standard's {numbers_text(of.expected)})",
                )
                for of in classes
            ]
        elif mark is Mark.SAMPLE_DIFFERS:
            inspected = seen.inspection.sample_size
            sizes = dict.fromkeys(of.deciding.sample_size for of in classes if of.deciding is not None)
            said += [Words(f"{zh}（检验 {inspected}，n {size}）", f"{en} ({inspected} inspected, n {size})") for size in sizes]
        else:
            said.append(Words(zh, en))
    return said


def plan_words(judged: ClassVerdict) -> Words:
    """The plan in hand: standard and edition, level, AQL and n."""
    plan = judged.plan
    if plan is None or judged.deciding is None:
        return Words("无抽样方案", "no plan")
    aql = "" if plan.aql is None else f", AQL {plan.aql:g}"
    # ISO writes the year behind a colon, China's standards behind a dash.
    between = ":" if plan.standard.startswith("ISO") else "-"
    standard, rest = f"{plan.standard}{between}{plan.edition}", f"{plan.level}{aql}, n {judged.deciding.sample_size}"
    return Words(f"{standard}，检验水平 {rest}".replace(", ", "，"), f"{standard}, level {rest}")


def _lot_evidence(event: InspectionEvent, lot_id: str, judged: ClassVerdict) -> Evidence:
    return Evidence(
        source=event.source,
        event_id=event.event_id,
        event_time=event.event_time,
        subject=lot_id,
        indicator=judged.nonconformity_class.value,
        value=f"{judged.units} units",
        limit="" if judged.deciding is None else f"Ac {judged.deciding.accept}",
        clause=plan_words(judged).en,
    )


def lot_alerts(lot: Lot) -> tuple[StandingAlert, ...]:
    """One per class for which the lot was not accepted, frozen at the first such inspection."""
    first: dict[NonconformityClass, tuple[Inspected, ClassVerdict]] = {}
    for seen in lot.inspections:
        for judged in seen.verdict.classes:
            if judged.accepted is False:
                first.setdefault(judged.nonconformity_class, (seen, judged))
    alerts = []
    for of, (seen, judged) in first.items():
        event, lot_id = seen.event, seen.inspection.lot_id
        text_zh, text_en = texts.lot_not_accepted(
            lot_id,
            event.style_number,
            of,
            judged.units,
            judged.deciding.accept if judged.deciding else 0,
            plan_words(judged),
            seen.inspection.part_id,
            lot_remarks(seen),
        )
        alerts.append(
            StandingAlert(
                alert_id=alert_id(AlertRule.LOT_NOT_ACCEPTED, event.factory_id, lot_id, of.value),
                rule=AlertRule.LOT_NOT_ACCEPTED,
                severity=severity_of(AlertRule.LOT_NOT_ACCEPTED, of),
                occurred_at=event.event_time,
                cooperative_id=event.cooperative_id,
                center_id=event.center_id,
                factory_id=event.factory_id,
                product_category=event.product_category,
                style_number=event.style_number,
                lot_ids=tuple(dict.fromkeys((lot_id, *event.lot_ids))),
                order_id=event.order_id,
                subject=f"lot {lot_id} {of.value}",
                evidence=(_lot_evidence(event, lot_id, judged),),
                text_zh=text_zh,
                text_en=text_en,
            )
        )
    return tuple(alerts)


def switching_alerts(category: str, of: NonconformityClass, series: Series, standards: Standards) -> tuple[StandingAlert, ...]:
    """One per switch to tightened that lots made true, and per discontinuation. Resuming after a corrective action is no alarm."""
    return tuple(
        _switched(category, of, switch, standards)
        for switch in series.switches
        if switch.evidence and switch.due in (Due.TIGHTENED, Due.DISCONTINUED)
    )


def _switched(category: str, of: NonconformityClass, switch: Switch, standards: Standards) -> StandingAlert:
    rule = AlertRule.SWITCHED_TO_TIGHTENED if switch.due is Due.TIGHTENED else AlertRule.INSPECTION_DISCONTINUED
    lots = [
        (ref.event, ref.event.lot_inspection.lot_id if ref.event.lot_inspection else "", ref.verdict) for ref in switch.evidence
    ]
    event, last_lot, _ = lots[-1]
    stage = event.lot_inspection.stage.value if event.lot_inspection else ""
    lot_ids = tuple(dict.fromkeys(lot_id for _, lot_id, _ in lots))
    part = event.lot_inspection.part_id if event.lot_inspection else None
    known = standards.category(category)
    names = (known.zh, known.en) if known else (category, category)
    text_zh, text_en = texts.switched(names, of, switch.due.value, lot_ids)
    return StandingAlert(
        alert_id=alert_id(rule, event.factory_id, category, of.value, last_lot, stage, *(() if part is None else (part,))),
        rule=rule,
        severity=severity_of(rule),
        occurred_at=switch.time,
        cooperative_id=event.cooperative_id,
        center_id=event.center_id,
        factory_id=event.factory_id,
        product_category=category,
        style_number=event.style_number,
        lot_ids=lot_ids,
        order_id=event.order_id,
        subject=f"{category} {of.value} at lot {last_lot}",
        evidence=tuple(_lot_evidence(event, lot_id, judged) for event, lot_id, judged in lots),
        text_zh=text_zh,
        text_en=text_en,
    )
