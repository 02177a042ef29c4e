"""Histories of members as files: a short way to write events and judged reports, for tests/data/cooperative."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_type_hints

import yaml

from weftline.contracts.standards import load_cooperative_rules, load_standards
from weftline.domain.canonical import in_order, moments
from weftline.domain.cooperative.events import BODIES, CooperativeEvent
from weftline.domain.cooperative.history import History, Inspection
from weftline.domain.cooperative.rules import Rulebook
from weftline.domain.fold import Record
from weftline.domain.laboratory import VerdictKind
from weftline.domain.rows.inspections import ReportKey
from weftline.domain.vocabulary import CooperativeKind, Payer, Precision, TestPurpose

DATA = Path(__file__).parents[1] / "data" / "cooperative"
ZONE = "+08:00"
_HINTS = get_type_hints(CooperativeEvent)
#: The class of each kind's body; the other part of the union is None.
_BODY = {kind: get_args(_HINTS[field])[0] for kind, field in BODIES.items()}


@cache
def rulebook() -> Rulebook:
    """The rules that are installed."""
    return load_cooperative_rules(load_standards())


def midnight(day: datetime.date) -> int:
    """The first moment of a day in China, ms since the epoch."""
    return (
        int(datetime.datetime(day.year, day.month, day.day, tzinfo=datetime.timezone(datetime.timedelta(hours=8))).timestamp())
        * 1000
    )


def last_of(day: datetime.date) -> int:
    """The last moment of a day in China."""
    return midnight(day + datetime.timedelta(days=1)) - 1


def key_of(report: str) -> ReportKey:
    """``a/1``: laboratory and number."""
    return ReportKey(*report.split("/"))


def event(written: Mapping[str, Any]) -> CooperativeEvent:
    """``{id, at, <kind>: {…}}``; days stand for their midnight, and ``report`` for laboratory and number."""
    (kind,) = (kind for kind, field in BODIES.items() if field in written)
    field = BODIES[kind]
    return CooperativeEvent(
        source="test",
        event_id=written["id"],
        event_time=midnight(written["at"]),
        event_time_zone_offset=ZONE,
        precision=Precision.DAY,
        cooperative_id="haimen",
        center_id="station",
        factory_id="f-1",
        kind=kind,
        **{field: _body(kind, written[field])},
    )


def _body(kind: CooperativeKind, written: Mapping[str, Any]) -> Any:
    said = dict(written)
    if "report" in said:
        said["laboratory_id"], said["report_number"] = said.pop("report").split("/")
    hints = get_type_hints(_BODY[kind])
    return _BODY[kind](**{name: _value(hints[name], value) for name, value in said.items()})


def _value(hint: Any, value: Any) -> Any:
    if isinstance(value, datetime.date):
        return midnight(value)
    if isinstance(value, list):
        return tuple(value)
    return hint(value) if isinstance(value, str) and isinstance(hint, type) else value


def inspection(written: Mapping[str, Any]) -> Inspection:
    """``{report, tested, verified, verdict, …}``; ``original`` is a number of the same laboratory."""
    key = key_of(written["report"])
    return Inspection(
        report=key,
        tested_at=midnight(written["tested"]),
        counted_at=midnight(written["verified"]),
        withdrawn_at=midnight(written["withdrawn"]) if "withdrawn" in written else None,
        verdict=VerdictKind(written["verdict"]),
        passing=tuple(written.get("passing", ())),
        failing=tuple(written.get("failing", ())),
        safety=tuple(written.get("safety", ())),
        purpose=TestPurpose(written["purpose"]),
        payer=Payer(written["payer"]),
        original=ReportKey(key.laboratory_id, written["original"]) if "original" in written else None,
    )


def in_canonical_order(found: Iterable[CooperativeEvent]) -> tuple[CooperativeEvent, ...]:
    """As the fold hands them to the rules."""
    records = [Record(one, 1) for one in found]
    return tuple(record.event for moment in moments(records) for record in in_order(moment))


def history(story: Mapping[str, Any]) -> History:
    """The history that a file tells."""
    return History.of(in_canonical_order(map(event, story["events"])), map(inspection, story["inspections"]))


def story(name: str) -> dict[str, Any]:
    """A file of tests/data/cooperative."""
    found: dict[str, Any] = yaml.safe_load((DATA / name).read_text("utf-8"))
    return found


STORIES = sorted(path.name for path in DATA.glob("[0-9]*.yaml"))
