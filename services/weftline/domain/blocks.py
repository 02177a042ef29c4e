"""Lots that are held back, problem by problem, in the terms of Catena-X CX-0164 (blocking notifications).

A problem has a number on either side; the other side's comes with its feedback, and may come at any time. A problem may hold back many
lots, and a lot be held back by several problems: it is free when the last of them is lifted. Lifting is reversible: what was lifted can be
blocked again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from weftline.domain.answers import APPLIED, NO_EDGE
from weftline.domain.events import AlertReply
from weftline.domain.vocabulary import AlertSeverity, ReplyKind

NO_SUCH_PROBLEM = "no_such_problem"


@dataclass(frozen=True, slots=True)
class Held:
    """A lot under one problem: since when it is held back (ms), and since when it is not any more."""

    since: int
    lifted_at: int | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem that holds lots back. ``alert_ids``: because of which alerts; ``counterpart_ids``: its numbers on the other side."""

    lots: Mapping[str, Held] = field(default_factory=dict)
    alert_ids: frozenset[str] = frozenset()
    counterpart_ids: frozenset[str] = frozenset()
    severity: AlertSeverity = AlertSeverity.UNKNOWN
    target_at: int | None = None
    reason: str | None = None

    @property
    def held(self) -> frozenset[str]:
        """The lots that it holds back now."""
        return frozenset(lot for lot, held in self.lots.items() if held.lifted_at is None)

    def holds(self, lot_id: str) -> bool:
        """Whether it holds this lot back now."""
        return lot_id in self.lots and self.lots[lot_id].lifted_at is None


def advance(before: Problem | None, event: AlertReply) -> tuple[Problem | None, str]:
    """A problem after what is said of it, and how that is judged; None: nobody has begun it."""
    if event.reply is ReplyKind.BLOCK:
        problem = before or Problem()
        lots = frozenset(event.lot_ids) - problem.held
        return (_said(_hold(problem, lots, event), event), APPLIED) if lots else (before, NO_EDGE)
    if before is None:
        return None, NO_SUCH_PROBLEM
    if event.reply is ReplyKind.FEEDBACK:
        return replace(before, counterpart_ids=before.counterpart_ids | {event.counterpart_problem_id or ""}), APPLIED
    if event.reply is ReplyKind.EXTEND:
        # A problem that holds nothing back any more is begun again by BLOCK.
        return (_said(_hold(before, frozenset(event.lot_ids), event), event), APPLIED) if before.held else (before, NO_EDGE)
    lots = before.held & frozenset(event.lot_ids) if event.lot_ids else before.held
    if not lots:
        return before, NO_EDGE
    lifted = {lot: replace(before.lots[lot], lifted_at=event.event_time) for lot in lots}
    return replace(before, lots={**before.lots, **lifted}), APPLIED


def _hold(problem: Problem, lots: frozenset[str], event: AlertReply) -> Problem:
    fresh = {lot: Held(event.event_time) for lot in lots - problem.held}
    return replace(problem, lots={**problem.lots, **fresh})


def _said(problem: Problem, event: AlertReply) -> Problem:
    target = event.deadline(event.target_at)
    return replace(
        problem,
        alert_ids=problem.alert_ids | {event.alert_id} if event.alert_id else problem.alert_ids,
        counterpart_ids=problem.counterpart_ids | ({event.counterpart_problem_id} if event.counterpart_problem_id else frozenset()),
        severity=problem.severity if event.severity is AlertSeverity.UNKNOWN else event.severity,
        target_at=problem.target_at if target is None else target,
        reason=event.reason or problem.reason,
    )
