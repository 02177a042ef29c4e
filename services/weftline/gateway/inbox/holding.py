"""Lots that are held back because of an alert, problem by problem, and what can be said of them: block, extend, lift, feedback.

The rules are those of :mod:`weftline.domain.blocks`. Whoever may see the alert may say these: its factory, and an officer of the
cooperative. A lot may be held back by several problems, also of other alerts; all that hold a lot of this alert are shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from weftline.domain.vocabulary import ReplyKind
from weftline.gateway.problems import of_field
from weftline.gateway.tables import Tables
from weftline.pages.text import Text

BUTTONS: Final[Mapping[ReplyKind, Text]] = {
    ReplyKind.BLOCK: Text("封存批次", "Block lots"),
    ReplyKind.EXTEND: Text("扩大封存", "Extend the block"),
    ReplyKind.LIFT: Text("解除封存", "Lift the block"),
    ReplyKind.FEEDBACK: Text("反馈", "Feedback"),
}
_WORDS: Final = frozenset(kind.value.lower() for kind in BUTTONS)
_NAMING_LOTS: Final = _WORDS - {ReplyKind.FEEDBACK.value.lower()}
_CHANGING: Final = frozenset({ReplyKind.BLOCK, ReplyKind.EXTEND, ReplyKind.LIFT})

#: Problems of an alert: those begun because of it, and those that hold one of its lots back or did.
_PROBLEMS: Final = (
    "SELECT DISTINCT arrayJoin(arrayConcat(problem_ids, lifted_ids)) AS problem FROM blocks WHERE factory_id = {factory:String} "
    "AND (has(alert_ids, {alert:String}) OR lot_id IN {lots:Array(String)}) ORDER BY problem LIMIT 100"
)
_LOTS: Final = (
    "SELECT lot_id, problem_ids, counterpart_ids, lifted_ids FROM blocks WHERE factory_id = {factory:String} "
    "AND hasAny(arrayConcat(problem_ids, lifted_ids), {problems:Array(String)}) ORDER BY lot_id"
)
#: How many lots a problem holds back by what was said of it: the facts are stored before the states.
_SAID: Final = (
    "SELECT problem_id, toInt64(sum(lots_blocked) - sum(lots_lifted)) AS held FROM reply_facts FINAL "
    "WHERE owner = {factory:String} AND problem_id IN {problems:Array(String)} AND counts GROUP BY problem_id"
)


class Problem(NamedTuple):
    """A problem: the lots that it holds back, those that it did, and its numbers on the other side."""

    id: str
    held: tuple[str, ...]
    lifted: tuple[str, ...]
    counterparts: tuple[str, ...]


class Holding(NamedTuple):
    """``lots``: of the alert, each with whether a problem holds it back; ``number``: for a new problem, one that is free.

    ``behind``: what was said is judged, and the lots do not know it yet.
    """

    lots: Mapping[str, bool]
    problems: tuple[Problem, ...]
    number: str
    behind: bool

    def knows(self, problem_id: str, counterpart_id: str) -> bool:
        """Whether a number that was fed back stands with its problem; of one that holds nothing back none is kept here."""
        of = next((one for one in self.problems if one.id == problem_id and one.held), None)
        # A number may hold a comma itself.
        return not counterpart_id or of is None or f",{counterpart_id}," in f",{','.join(of.counterparts)},"


async def holding(
    tables: Tables, factory_id: str, alert_id: str, lot_ids: Sequence[str], replies: Iterable[Mapping[str, Any]]
) -> Holding:
    """What holds back the lots of an alert that the reader may see. ``replies``: what was said to it, read before this."""
    asked = {"factory": factory_id}
    found = await tables.rows(_PROBLEMS, {**asked, "alert": alert_id, "lots": list(lot_ids)})
    said = [str(one["problem_id"]) for one in replies if one["problem_id"] and one["counts"] and one["reply"] in _CHANGING]
    names = [*dict.fromkeys([*(str(name) for (name,) in found), *said])]
    # The facts first, as with answers: lots that are read after them know as much, or are behind.
    facts = await tables.rows(_SAID, {**asked, "problems": names}) if names else []
    rows = await tables.rows(_LOTS, {**asked, "problems": names}) if names else []
    problems = tuple(_problem(name, rows) for name in names)
    held = {lot for problem in problems for lot in problem.held}
    known = {problem.id: len(problem.held) for problem in problems}
    behind = any(known[str(name)] != count for name, count in facts)
    return Holding({lot: lot in held for lot in lot_ids}, problems, _number(alert_id, names), behind)


def about_lots(form: Mapping[str, Sequence[str]]) -> bool:
    """Whether a form says something of lots."""
    return first(form, "reply") in _WORDS


def said_of_lots(form: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """A form as the body of a reply. :class:`~weftline.gateway.problems.Problem` where no lot is chosen: a reply without lots would
    mean all of them."""
    names = ("reply", "problem_id", "counterpart_problem_id", "reason")
    body: dict[str, Any] = {name: text for name in names if (text := first(form, name))}
    if body["reply"] not in _NAMING_LOTS:
        return body
    written = [line.strip() for text in form.get("other_lots", ()) for line in text.splitlines()]
    lots = [*dict.fromkeys(lot for lot in (*form.get("lot", ()), *written) if lot)]
    if not lots:
        raise of_field("lot_ids", "names no lot; choose one at least")
    return {**body, "lot_ids": lots}


def first(form: Mapping[str, Sequence[str]], name: str) -> str:
    """What a field of a form says; empty if it is not there."""
    return next(iter(form.get(name, ())), "").strip()


def _problem(name: str, rows: Iterable[Sequence[Any]]) -> Problem:
    held, lifted, counterparts = list[str](), list[str](), list[str]()
    for lot, problems, others, former in rows:
        if name in problems:
            held.append(str(lot))
            counterparts += filter(None, str(others[list(problems).index(name)]).split(","))
        elif name in former:
            lifted.append(str(lot))
    return Problem(name, tuple(held), tuple(lifted), tuple(dict.fromkeys(counterparts)))


def _number(alert_id: str, taken: Sequence[str]) -> str:
    """One that nobody must think of: the end of the alert's, which is another for each."""
    base = f"P-{alert_id[-10:]}"
    return next(name for name in (base, *(f"{base}-{n}" for n in range(2, len(taken) + 3))) if name not in taken)
