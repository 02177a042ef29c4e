"""A report or a lot from a file, judged as the processors judge it: what ``weftline judge`` does, without any server."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from weftline.contracts.mapping import from_json
from weftline.contracts.standards import load_sampling_standard, load_standards
from weftline.domain.events import InspectionEvent, LotInspection
from weftline.domain.laboratory import judge, verdict_as_json, verdict_as_text
from weftline.domain.lots import result_word
from weftline.domain.sampling import LotVerdict, Plan
from weftline.domain.sampling import judge as judge_lot
from weftline.domain.texts import offset_minutes
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
        fields = json.loads(text)
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
    if isinstance(event, InspectionEvent) and event.laboratory_report is not None:
        standards = load_standards()
        verdict = judge(event.laboratory_report, event.event_time, standards)
        return Judged(verdict_as_text(verdict, standards), verdict_as_json(verdict, standards))
    if isinstance(event, InspectionEvent) and event.lot_inspection is not None:
        minutes = offset_minutes(event.event_time_zone_offset)
        judged = judge_lot(event.lot_inspection, event.event_time, load_sampling_standard(), utc_offset_minutes=minutes)
        return Judged(_lot_text(event.lot_inspection, judged), _lot_json(event.lot_inspection, judged))
    raise UserError(f"{name}: neither a laboratory report nor a lot inspection; those are what can be judged")


def _completed(fields: dict[str, Any], now: int) -> dict[str, Any]:
    for body, (kind, sign) in _BODIES.items():
        if body not in fields and sign in fields:
            fields = {body: fields}
        if fields.get(body) is not None:
            fields = {"kind": kind, **fields}
    return {"type": "inspection", "event_time": now, "event_time_zone_offset": "+08:00", **_NOBODY, **fields}


def _plan_text(plan: Plan | None) -> str:
    return "" if plan is None else f"n {plan.sample_size}, Ac {plan.accept}, Re {plan.reject}"


def _lot_text(lot: LotInspection, judged: LotVerdict) -> str:
    lines = [f"{result_word(judged.accepted)}  lot {lot.lot_id}, {lot.sample_size} of {lot.lot_size} units inspected"]
    for of in judged.classes:
        plan = of.plan
        used = "no plan" if plan is None else f"{plan.standard} {plan.edition}, level {plan.level}, {plan.severity.lower()}"
        lines.append(
            f"  {of.nonconformity_class.value:<9} {result_word(of.accepted):<13} {of.units} units, Ac {of.accept}, Re {of.reject} ({used})"
        )
        if of.expected is not None and "plan_mismatch" in of.marks:
            lines.append(f"            the standard gives {_plan_text(of.expected)}")
        lines.extend(f"            {mark}" for mark in of.marks)
    lines.extend(f"  {mark}" for mark in judged.marks)
    return "\n".join(lines)


def _lot_json(lot: LotInspection, judged: LotVerdict) -> dict[str, Any]:
    return {
        "verdict": result_word(judged.accepted),
        "lot_id": lot.lot_id,
        "lot_size": lot.lot_size,
        "sample_size": lot.sample_size,
        "marks": [str(mark) for mark in judged.marks],
        "classes": [
            {
                "class": of.nonconformity_class.value,
                "verdict": result_word(of.accepted),
                "units": of.units,
                "accept": of.accept,
                "reject": of.reject,
                "standard": of.plan.standard if of.plan else None,
                "edition": of.plan.edition if of.plan else None,
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
