"""A report or a lot from a file, judged as the processors judge it: what ``weftline judge`` does, without any server."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from weftline.contracts.mapping import from_json
from weftline.contracts.standards import load_sampling_standard, load_standards
from weftline.contracts.text_reading import json_value
from weftline.domain.days import offset_minutes
from weftline.domain.events import InspectionEvent, LotInspection
from weftline.domain.laboratory import judge, verdict_as_json, verdict_as_text
from weftline.domain.lots import result_word
from weftline.domain.sampling import MARK_WORDS, LotVerdict, Mark
from weftline.domain.sampling import judge as judge_lot
from weftline.domain.sampling.acceptance import numbers_text
from weftline.errors import ContractError, UserError


class Judged(NamedTuple):
    """A verdict for people and for programs."""

    as_text: str
    as_json: dict[str, Any]


#: What an event must say and no verdict depends on.
_NOBODY = dict.fromkeys(("source", "event_id", "cooperative_id", "center_id", "factory_id", "product_category"), "-")
_BODIES = {"laboratory_report": ("LABORATORY_REPORT", "measurements"), "lot_inspection": ("LOT_INSPECTION", "lot_size")}


def judge_file(text: str, name: str, now: int) -> Judged:
    """Judge the report or lot in ``text``: the JSON of an inspection event, or of its ``laboratory_report`` or ``lot_inspection``.

    What takes no part in a verdict may be left out; without an event time it is judged as of ``now`` (ms). ``name`` is said in errors.
    """
    try:
        fields = json_value(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{name}: is no JSON ({error})") from None
    if not isinstance(fields, dict):
        raise UserError(f"{name}: holds no JSON object but a {type(fields).__name__}; give one inspection event")
    if fields.get("type", "inspection") != "inspection":
        raise UserError(f"{name}: neither a laboratory report nor a lot inspection; those are what can be judged")
    try:
        event = from_json(_completed(fields, now))
    except ContractError as error:
        raise UserError(f"{name}: {error}") from None
    judged = judge_event(event)
    if judged is None:
        raise UserError(f"{name}: neither a laboratory report nor a lot inspection; those are what can be judged")
    return judged


def judge_event(event: object) -> Judged | None:
    """The verdict on a report or a lot; None for any other event."""
    if isinstance(event, InspectionEvent) and event.laboratory_report is not None:
        standards = _standards()
        verdict = judge(event.laboratory_report, event.event_time, standards, event.product_category)
        return Judged(verdict_as_text(verdict, standards), verdict_as_json(verdict, standards))
    if isinstance(event, InspectionEvent) and event.lot_inspection is not None:
        minutes = offset_minutes(event.event_time_zone_offset)
        judged = judge_lot(event.lot_inspection, event.event_time, _sampling_standard(), utc_offset_minutes=minutes)
        return Judged(_lot_text(event.lot_inspection, judged), _lot_json(event.lot_inspection, judged))
    return None


# Read once, whatever a file holds.
_standards = cache(load_standards)
_sampling_standard = cache(load_sampling_standard)


def _completed(fields: dict[str, Any], now: int) -> dict[str, Any]:
    for body, (kind, sign) in _BODIES.items():
        if body not in fields and sign in fields:
            fields = {body: fields}
        if fields.get(body) is not None:
            fields = {"kind": kind, **fields}
    return {"type": "inspection", "event_time": now, "event_time_zone_offset": "+08:00", **_NOBODY, **fields}


def _lot_text(lot: LotInspection, judged: LotVerdict) -> str:
    lines = [f"{result_word(judged.accepted)}  lot {lot.lot_id}, {lot.sample_size} of {lot.lot_size} units inspected"]
    for of in judged.classes:
        plan = of.plan
        used = "no plan" if plan is None else f"{plan.standard} {plan.edition}, level {plan.level}, {plan.severity.lower()}"
        lines.append(
            f"  {of.nonconformity_class.value:<9} {result_word(of.accepted):<13} {of.units} units, {numbers_text(of.deciding)} ({used})"
        )
        if plan is not None and Mark.PLAN_MISMATCH in of.marks:
            lines.append(f"            the plan in hand has {numbers_text(plan)}, the standard's {numbers_text(of.expected)}")
        lines.extend(f"            {MARK_WORDS[mark][1]}" for mark in of.marks)
    lines.extend(f"  {MARK_WORDS[mark][1]}" for mark in judged.marks)
    return "\n".join(lines)


def _lot_json(lot: LotInspection, judged: LotVerdict) -> dict[str, Any]:
    return {
        "verdict": result_word(judged.accepted),
        "lot_id": lot.lot_id,
        "lot_size": lot.lot_size,
        "part_id": lot.part_id,
        "sample_size": lot.sample_size,
        "by_agreement": judged.by_agreement,
        "marks": [str(mark) for mark in judged.marks],
        "remarks": [{"code": str(mark), "text": MARK_WORDS[mark][1], "text_zh": MARK_WORDS[mark][0]} for mark in judged.all_marks],
        "classes": [
            {
                "class": of.nonconformity_class.value,
                "verdict": result_word(of.accepted),
                "units": of.units,
                "sample_size": of.deciding.sample_size if of.deciding else None,
                "accept": of.deciding.accept if of.deciding else None,
                "reject": of.deciding.reject if of.deciding else None,
                "standard": of.plan.standard if of.plan else None,
                "edition": of.plan.edition if of.plan else None,
                "plan_used": None
                if of.plan is None
                else {"sample_size": of.plan.sample_size, "accept": of.plan.accept, "reject": of.plan.reject},
                "severity_used": of.severity_used.value if of.severity_used else None,
                "expected": None
                if of.expected is None
                else {
                    "code_letter": of.expected.code_letter,
                    "sample_size": of.expected.sample_size,
                    "accept": of.expected.accept,
                    "reject": of.expected.reject,
                },
                "marks": [str(mark) for mark in of.marks],
            }
            for of in judged.classes
        ],
    }
