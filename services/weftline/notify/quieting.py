"""What a person needs to read, and when. Pure. A program (a webhook) is sent every revision at once and needs none of this.

- Of a safety alert (CRITICAL, and what this version has no word for) every revision is a message of its own, at once.
- Of any other alert the last revision is told: what it said before and nobody had read is left out. It is not told when it says nothing
  that the reader has not read (other evidence of the same values), and its withdrawal is not when the alert never went out.
- What is told of one cause within a window is one message. The first waits for a moment, in which a burst shows itself; what comes
  after a message waits until the window is over. The cause: a rule at a factory; for a promise, a rule at a center, whose lorry is late
  for all that it carries.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from weftline.domain.alert_rules import RULES, Rests
from weftline.domain.alerts import ListedAlert
from weftline.domain.vocabulary import AlertSeverity, AlertStatus

#: Until a burst shows itself. A lot that was not accepted ten minutes ago can wait for a third of one.
SETTLE_SECONDS: Final = 20.0

Key = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A revision that waits to be told to one receiver. ``attempts``: that may have arrived though no answer came."""

    alert: ListedAlert
    arrived_at: float
    next_at: float
    attempts: int = 0

    @property
    def key(self) -> Key:
        return self.alert.alert_id, self.alert.revision

    @property
    def cause(self) -> str:
        return cause_of(self.alert)


@dataclass(frozen=True, slots=True)
class Told:
    """The last revision of an alert that may have been read; ``surely``: the receiver said so."""

    alert: ListedAlert
    surely: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What is told now, each a message, the most urgent first; what is not told at all, and why; and when to look again."""

    now: tuple[tuple[Waiting, ...], ...] = ()
    superseded: tuple[tuple[Key, str], ...] = ()
    at: float | None = None


def urgent(alert: ListedAlert) -> bool:
    """Whether it is never held, never left out and never put together with others."""
    return alert.severity in (AlertSeverity.CRITICAL, AlertSeverity.UNKNOWN)


def cause_of(alert: ListedAlert) -> str:
    """What many alerts may have in common; no identifier contains U+001F."""
    rule = RULES.get(alert.rule)
    whose = alert.center_id if rule and rule.rests is Rests.A_PROMISE else alert.factory_id
    return f"{alert.rule}\x1f{alert.center_id}\x1f{whose}{'!' if urgent(alert) else ''}"


def as_read(alert: ListedAlert) -> tuple[object, ...]:
    """What a reader makes of a revision; two that are equal here are the same news."""
    return (
        alert.status is AlertStatus.WITHDRAWN,
        alert.severity,
        alert.text_zh,
        alert.text_en,
        alert.lot_ids,
        alert.order_id,
        alert.shipment_id,
        alert.replaces,
        tuple((evidence.indicator, evidence.value, evidence.limit, evidence.clause) for evidence in alert.evidence),
    )


def plan(rows: Sequence[Waiting], told: Mapping[str, Told], last: Mapping[str, float], window: float, now: float) -> Plan:
    """``rows``: all that waits for one receiver, in the order of their arrival; ``told``: what was told of these alerts before;
    ``last``: when of each cause the last message went out."""
    superseded: list[tuple[Key, str]] = []
    heads: list[Waiting] = []
    for of_one in _by_alert(rows):
        head, leaves = _of_one(of_one, told.get(of_one[0].alert.alert_id))
        superseded += leaves
        if head is not None:
            heads.append(head)
    replaced: dict[str | None, Key] = {row.alert.replaces: row.key for row in rows if row.alert.replaces}
    messages: list[tuple[float, tuple[Waiting, ...]]] = [(row.next_at, (row,)) for row in heads if urgent(row.alert)]
    quiet = sorted((row for row in heads if not urgent(row.alert)), key=lambda row: row.cause)
    for cause, group in groupby(quiet, key=lambda row: row.cause):
        together = tuple(group)
        messages.append((_due(together, last.get(cause), window), together))
    ready: list[tuple[Waiting, ...]] = []
    later: list[float] = []
    for due, message in sorted(messages, key=lambda pair: (not urgent(pair[1][0].alert), pair[0])):
        if due > now:
            later.append(due)
        elif free := _after_their_successors(message, replaced):
            ready.append(free)
    return Plan(tuple(ready), tuple(superseded), min(later, default=None))


def _by_alert(rows: Iterable[Waiting]) -> Iterable[list[Waiting]]:
    found: dict[str, list[Waiting]] = {}
    for row in rows:
        found.setdefault(row.alert.alert_id, []).append(row)
    for of_one in found.values():
        yield sorted(of_one, key=lambda row: row.alert.revision)


def _of_one(rows: list[Waiting], told: Told | None) -> tuple[Waiting | None, list[tuple[Key, str]]]:
    """Of the revisions of one alert: which is next, and which are left out."""
    grave = next((number for number, row in enumerate(rows) if urgent(row.alert)), None)
    *earlier, last = rows if grave is None else rows[: grave + 1]
    leaves = [(row.key, "a later revision came before it was told") for row in earlier]
    if grave is not None:
        return last, leaves
    if last.attempts:
        return last, leaves
    if told is None and last.alert.status is AlertStatus.WITHDRAWN:
        return None, [*leaves, (last.key, "the alert was never told, so its end is not either")]
    if told is not None and told.surely and as_read(told.alert) == as_read(last.alert):
        return None, [*leaves, (last.key, "it says nothing that was not told before")]
    return last, leaves


def _due(rows: Sequence[Waiting], last: float | None, window: float) -> float:
    tried = [row.next_at for row in rows if row.attempts]
    fresh = [row.arrived_at + SETTLE_SECONDS for row in rows if not row.attempts]
    if tried:  # its message goes again, with whatever else there is by then
        return min(tried)
    return max(min(fresh), 0.0 if last is None else last + window)


def _after_their_successors(message: tuple[Waiting, ...], replaced: Mapping[str | None, Key]) -> tuple[Waiting, ...]:
    """Without the ends of alerts whose successor waits elsewhere: who reads of the end first believes that all is well."""
    here = {row.key for row in message}
    return tuple(
        row
        for row in message
        if row.alert.status is not AlertStatus.WITHDRAWN or (by := replaced.get(row.alert.alert_id)) is None or by in here
    )
