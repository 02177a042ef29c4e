"""What a publisher is told at once: an event that keeps its contract, and of which something will most likely come to nothing.

Such an event is accepted by everybody behind: a category that nobody knows is shown as it comes, a unit that nobody knows makes a result
INCOMPLETE days later, a second content under one identity stands or falls by a hash. Whoever publishes hears of it now, or with
``strict`` is refused. What needs the tables (centers, factories, what was published before) is asked by
:mod:`weftline.warehouse.advice`, where there is somebody to ask.

Measured: 6 µs for an order, 13 for a report of two measurements; 0.1 s once, when the standards are read.
"""

from __future__ import annotations

import difflib
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from weftline.contracts.advice import Advice, declared_before, points_elsewhere, said_before
from weftline.contracts.kinds import AnyEvent
from weftline.contracts.rules import iso, nearest, shown
from weftline.contracts.standards import load_standards
from weftline.domain.events import InspectionEvent, LaboratoryReport, Measurement, OrderEvent
from weftline.domain.laboratory.checks import reader
from weftline.domain.laboratory.findings import Reason
from weftline.domain.laboratory.spelling import key
from weftline.domain.laboratory.standards import Indicator
from weftline.domain.vocabulary import MeasurementKind

CLOCKS_MS = 5 * 60 * 1000
"""So far may two clocks be apart until an event counts as one of the future."""

REMEMBERED = 100_000
"""Identities of a publisher's own events that are remembered: 44 MB."""


class _Published(NamedTuple):
    owner: str
    event_time: int
    content: int
    declared: bool


class Adviser:
    """Advice on events, in the order in which they are published. For one thread at a time."""

    def __init__(self) -> None:
        self._standards = load_standards()
        self._category = lru_cache(4096)(self._of_category)
        self._readers = {code: reader(indicator) for code, indicator in self._standards.indicators.items()}
        self._published: OrderedDict[tuple[type, str, str], _Published] = OrderedDict()

    def advise(self, event: AnyEvent, now: int) -> tuple[Advice, ...]:
        """What is odd about ``event``; ``now`` in ms since the epoch."""
        return (*self._said(event, now), *self._identity(event))

    def remember(self, event: AnyEvent) -> None:
        """It is published."""
        name, this = _named(event), _published(event)
        known = self._published.get(name)
        if known is None or known.content == this.content or this.declared:
            self._published[name] = this
            self._published.move_to_end(name)
            if len(self._published) > REMEMBERED:
                self._published.popitem(last=False)

    def knows(self, event: AnyEvent) -> bool:
        """Whether the event that a declaration is about was published here, just so."""
        known = self._published.get(_named(event))
        return known is not None and not known.declared and (known.owner, known.event_time) == (event.owner, event.event_time)

    # -- What an event says
    def _said(self, event: AnyEvent, now: int) -> Iterator[Advice]:
        if event.event_time > now + CLOCKS_MS:
            yield Advice("event_time", f"{iso(event.event_time)} is {_ahead(event.event_time - now)} in the future")
        if isinstance(event, OrderEvent | InspectionEvent) and (problem := self._category(event.product_category)):
            yield Advice("product_category", problem)
        if isinstance(event, InspectionEvent) and event.laboratory_report is not None:
            yield from self._report(event.laboratory_report, now)

    def _of_category(self, name: str) -> str | None:
        categories = self._standards.categories
        if key(name) in categories:
            return None
        near = difflib.get_close_matches(key(name), list(categories), n=1, cutoff=0.6)
        hint = f" (did you mean {categories[near[0]].code}?)" if near else ""
        return f"{shown(name)} is no category that a rule knows{hint}; `weftline categories` prints them"

    def _report(self, report: LaboratoryReport, now: int) -> Iterator[Advice]:
        for field in ("sampled_at", "tested_at", "reported_at"):
            at = getattr(report, field)
            if at is not None and at > now + CLOCKS_MS:
                yield Advice(f"laboratory_report.{field}", f"{iso(at)} is {_ahead(at - now)} in the future")
        for place, code in enumerate(report.test_plan):
            if code not in self._standards.indicators:
                yield Advice(f"laboratory_report.test_plan[{place}]", self._unknown(code))
        for place, measurement in enumerate(report.measurements):
            at_field = f"laboratory_report.measurements[{place}]"
            indicator = self._standards.indicators.get(measurement.indicator)
            if indicator is None:
                yield Advice(f"{at_field}.indicator", self._unknown(measurement.indicator))
            else:
                found = self._measured(indicator, measurement)
                if found is not None:
                    yield Advice(f"{at_field}.{found.field}", found.problem)

    def _unknown(self, code: str) -> str:
        hint = nearest(code, self._standards.indicators)
        return f"{shown(code)} is no indicator that a limit knows{hint}; `weftline indicators` prints them"

    def _measured(self, indicator: Indicator, measurement: Measurement) -> Advice | None:
        kind = measurement.kind
        if kind not in indicator.accepts:
            return Advice("kind", f"{kind} is not how {indicator.code} is given: {' or '.join(sorted(indicator.accepts))}")
        units = ", ".join(filter(None, (indicator.unit, *indicator.units)))
        if kind is MeasurementKind.QUALITATIVE:
            text = measurement.text or ""
            if indicator.codes and indicator.spellings.code(text) not in indicator.codes:
                return Advice("text", f"{shown(text)} is no result of {indicator.code}: {', '.join(indicator.codes)}")
        number = measurement.detection_limit if kind is MeasurementKind.NOT_DETECTED else measurement.value
        if kind not in (MeasurementKind.NUMBER, MeasurementKind.NOT_DETECTED) or number is None or indicator.codes:
            return None
        read = self._readers[indicator.code](measurement, number)
        field = "detection_limit" if kind is MeasurementKind.NOT_DETECTED else "value"
        if read is Reason.UNIT_MISSING:
            return Advice("unit", f"is missing, so {number:g} is no result; {indicator.code} is measured in {units}")
        if read is Reason.UNKNOWN_UNIT:
            unit = measurement.unit or ""
            hint = nearest(unit, [indicator.unit or "", *indicator.units])
            return Advice("unit", f"{shown(unit)} is no unit of {indicator.code}{hint}: {units or 'it has none'}")
        if read is Reason.IMPOSSIBLE_VALUE:
            given = f"{number:g} {measurement.unit or ''}".rstrip()
            bounds = f"{indicator.least} to {indicator.most} {indicator.unit or ''}".rstrip()
            return Advice(field, f"{given} is not possible for {indicator.code}: {bounds}")
        return None

    # -- What was said before
    def _identity(self, event: AnyEvent) -> Iterator[Advice]:
        known = self._published.get(_named(event))
        if known is None:
            return
        this = _published(event)
        if this.declared:
            if not known.declared and (known.owner, known.event_time) != (this.owner, this.event_time):
                yield points_elsewhere(event, known.owner, known.event_time)
        elif known.content != this.content:
            yield said_before(event, "published here")
        elif known.declared:
            yield declared_before(event)


def _named(event: AnyEvent) -> tuple[type, str, str]:
    return (type(event), event.source, event.event_id)


def _published(event: AnyEvent) -> _Published:
    content = hash(event if event.error_declaration is None else replace(event, error_declaration=None))
    return _Published(event.owner, event.event_time, content, event.error_declaration is not None)


def _ahead(milliseconds: int) -> str:
    for unit, length in (("days", 86_400_000), ("hours", 3_600_000)):
        if milliseconds >= 2 * length:
            return f"{milliseconds // length} {unit}"
    return f"{milliseconds // 60_000} minutes"
