"""Rules of what a factory says to its alerts and of its lots: judged facts, the answer to each alert, and what holds each lot back.

All of it is one strand, for a problem connects alerts and lots: a factory says some of this in a day, not thousands.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from weftline.domain import blocks
from weftline.domain.answers import APPLIED, UNKNOWN_REPLY, Answer, AnswerState, forwarded, moved
from weftline.domain.blocks import Problem
from weftline.domain.events import AlertReply
from weftline.domain.fold import StateRow, Subject
from weftline.domain.rows.replies import AnswerKey, AnswerRow, BlockKey, BlockRow, ReplyAmounts
from weftline.domain.undo import UndoLog
from weftline.domain.vocabulary import AlertSeverity, ReplyKind

_ANSWERS: Final = "answer_state"
_BLOCKS: Final = "block_state"
_ABOUT_LOTS: Final = frozenset({ReplyKind.BLOCK, ReplyKind.EXTEND, ReplyKind.LIFT, ReplyKind.FEEDBACK})
_GRAVE: Final = tuple(AlertSeverity)


class ReplyRules:
    """Rules of one factory, which is its only strand (see :class:`weftline.domain.fold.StrandRules`)."""

    def __init__(self) -> None:
        self._log = UndoLog()
        self._answers: dict[AnswerKey, Answer] = {}
        self._problems: dict[str, Problem] = {}
        self._problems_of_alert: dict[str, frozenset[str]] = {}
        self._problems_of_lot: dict[str, frozenset[str]] = {}
        # What was ever said, standing or not: decides which rows a further word could affect, and names them if nothing stands.
        self._seen: dict[Subject, AlertReply] = {}
        self._of_alert: dict[str, tuple[Subject, ...]] = {}
        self._of_problem: dict[str, tuple[Subject, ...]] = {}

    def strand(self, name: str) -> ReplyRules:
        """A factory is judged as one."""
        return self

    def mark(self) -> int:
        """All as it is."""
        return self._log.mark()

    def rewind(self, mark: int) -> None:
        """All as it was."""
        self._log.rewind(mark)

    def forget(self) -> None:
        """Nobody will return to a mark."""
        self._log.forget()

    def note(self, event: AlertReply, rank: int) -> None:
        """Remembers which subjects there are."""
        own = _own_subjects(event)
        for subject in own:
            self._log.put(self._seen, subject, event)
        for table, of in ((self._of_alert, _answers(event)), (self._of_problem, event.problem_id)):
            if of is not None and (every := tuple(dict.fromkeys((*table.get(of, ()), *own)))) != table.get(of):
                self._log.put(table, of, every)

    def subjects(self, event: AlertReply) -> Iterable[Subject]:
        """What it is about itself, for the latest word shows whose it is; all notifications of an alert, for one is forwarded from another;
        all lots and alerts of a problem."""
        yield from _own_subjects(event)
        if (alert_id := _answers(event)) is not None:
            yield from self._of_alert[alert_id]
        if event.problem_id is not None:
            yield from self._of_problem[event.problem_id]

    def void(self, event: AlertReply) -> ReplyAmounts:
        """Amounts of an event that counts zero."""
        return _amounts(event)

    def apply(self, event: AlertReply, rank: int) -> tuple[int, str, ReplyAmounts]:
        """Judge the next reply of the factory."""
        if event.reply in _ABOUT_LOTS:
            return self._apply_problem(event)
        if event.reply is ReplyKind.UNKNOWN or event.alert_id is None:
            return 0, UNKNOWN_REPLY, self.void(event)
        return self._apply_answer(event)

    def row(self, subject: Subject, as_of: int) -> StateRow:
        """The state row of a notification, or of a lot."""
        table, *key = subject
        return self._answer_row(AnswerKey(*key)) if table == _ANSWERS else self._block_row(BlockKey(*key))

    def _apply_answer(self, event: AlertReply) -> tuple[int, str, ReplyAmounts]:
        key = _key(event)
        before = self._answer(key, event.factory_id)
        if event.reply is ReplyKind.FORWARD:
            sender_id = event.forwarded_by or event.factory_id
            sender = self._answer(AnswerKey(key.alert_id, sender_id), event.factory_id)
            after, mark = forwarded(sender, sender_id, before, event)
        else:
            after, mark = moved(before, event)
        self._log.put(self._answers, key, after)
        if mark != APPLIED:
            return 0, mark, self.void(event)
        amounts = _amounts(
            event,
            acknowledged=int(after.state is AnswerState.ACKNOWLEDGED),
            accepted=int(after.state is AnswerState.ACCEPTED),
            declined=int(after.state is AnswerState.DECLINED),
            closed=int(after.state is AnswerState.CLOSED),
            forwarded=int(after.state is AnswerState.SENT),
        )
        return 1, mark, amounts

    def _apply_problem(self, event: AlertReply) -> tuple[int, str, ReplyAmounts]:
        name = event.problem_id or ""
        before = self._problems.get(name)
        after, mark = blocks.advance(before, event)
        if after is None or mark != APPLIED:
            return 0, mark, self.void(event)
        self._log.put(self._problems, name, after)
        for alert_id in after.alert_ids:
            self._log.put(self._problems_of_alert, alert_id, self._problems_of_alert.get(alert_id, frozenset()) | {name})
        held = frozenset() if before is None else before.held
        for lot_id in after.held - held:
            self._log.put(self._problems_of_lot, lot_id, self._problems_of_lot.get(lot_id, frozenset()) | {name})
        return 1, mark, _amounts(event, blocked=len(after.held - held), lifted=len(held - after.held))

    def _answer(self, key: AnswerKey, factory_id: str) -> Answer:
        known = self._answers.get(key)
        if known is not None:
            return known
        # The factory has received what it is told; a supplier has nothing until it is forwarded to him.
        return Answer(AnswerState.RECEIVED) if key.receiver_id == factory_id else Answer()

    def _answer_row(self, key: AnswerKey) -> StateRow:
        seen = self._seen[_ANSWERS, *key]
        answer = self._answer(key, seen.factory_id)
        own = answer.tier == 0 and key.receiver_id == seen.factory_id
        of_alert = self._problems_of_alert.get(key.alert_id, frozenset()) if own else frozenset()
        problems = sorted(name for name in of_alert if self._problems[name].held)
        shown = answer.last or seen
        values = AnswerRow(
            center_id=shown.center_id,
            cooperative_id=shown.cooperative_id,
            state=answer.state.value if answer.state is not None and (answer.replies or problems) else "",
            tier=answer.tier,
            sender_id=answer.sender_id or "",
            severity=answer.severity.value,
            target_at=answer.target_at,
            acknowledged_at=answer.acknowledged.at if answer.acknowledged else None,
            acknowledged_by=(answer.acknowledged.by if answer.acknowledged else None) or "",
            decided_at=answer.decided.at if answer.decided else None,
            decided_by=(answer.decided.by if answer.decided else None) or "",
            ended_at=answer.ended.at if answer.ended else None,
            ended_by=(answer.ended.by if answer.ended else None) or "",
            reason=answer.reason or "",
            open_problems=problems,
            replies=answer.replies,
            last_reply_at=answer.last.event_time if answer.last else None,
            marks=sorted(answer.marks),
        )
        return StateRow(_ANSWERS, key, values)

    def _block_row(self, key: BlockKey) -> StateRow:
        seen = self._seen[_BLOCKS, *key]
        every = {name: self._problems[name] for name in sorted(self._problems_of_lot.get(key.lot_id, ()))}
        open_ = {name: problem for name, problem in every.items() if problem.holds(key.lot_id)}
        lots = [problem.lots[key.lot_id] for problem in every.values()]
        targets = [problem.target_at for problem in open_.values() if problem.target_at is not None]
        values = BlockRow(
            center_id=seen.center_id,
            cooperative_id=seen.cooperative_id,
            blocked=int(bool(open_)),
            problem_ids=list(open_),
            counterpart_ids=[",".join(sorted(problem.counterpart_ids)) for problem in open_.values()],
            problem_reasons=[problem.reason or "" for problem in open_.values()],
            lifted_ids=[name for name in every if name not in open_],
            alert_ids=sorted(frozenset().union(*(problem.alert_ids for problem in open_.values()))),
            severity=max((problem.severity for problem in open_.values()), key=_GRAVE.index, default=AlertSeverity.UNKNOWN).value,
            target_at=max(targets, default=None),
            blocked_since=min((problem.lots[key.lot_id].since for problem in open_.values()), default=None),
            lifted_at=max((held.lifted_at for held in lots if held.lifted_at is not None), default=None),
        )
        return StateRow(_BLOCKS, key, values)


def _answers(event: AlertReply) -> str | None:
    """The alert whose notifications a reply is about."""
    return None if event.reply in _ABOUT_LOTS else event.alert_id


def _key(event: AlertReply) -> AnswerKey:
    return AnswerKey(event.alert_id or "", event.supplier_id or event.factory_id)


def _own_subjects(event: AlertReply) -> tuple[Subject, ...]:
    lots = ((_BLOCKS, *BlockKey(lot_id)) for lot_id in event.lot_ids)
    return (*(((_ANSWERS, *_key(event)),) if event.alert_id is not None else ()), *lots)


def _amounts(
    event: AlertReply,
    *,
    acknowledged: int = 0,
    accepted: int = 0,
    declined: int = 0,
    closed: int = 0,
    forwarded: int = 0,
    blocked: int = 0,
    lifted: int = 0,
) -> ReplyAmounts:
    return ReplyAmounts(
        cooperative_id=event.cooperative_id,
        factory_id=event.factory_id,
        reply=event.reply.value,
        alert_id=event.alert_id or "",
        supplier_id=event.supplier_id or "",
        problem_id=event.problem_id or "",
        target_at=event.deadline(event.target_at),
        replied_by=event.replied_by or "",
        reason=event.reason or "",
        acknowledged=acknowledged,
        accepted=accepted,
        declined=declined,
        closed=closed,
        forwarded=forwarded,
        lots_blocked=blocked,
        lots_lifted=lifted,
    )
