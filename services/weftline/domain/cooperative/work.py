"""Work lists: what waits for a member, and what for an officer of the cooperative (a chief quality officer's desk, a quality station)."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Final, NamedTuple

from weftline.domain.cooperative.clocks import Stage
from weftline.domain.cooperative.history import Ref
from weftline.domain.cooperative.lists import EntryState, heard_of
from weftline.domain.cooperative.member import Judgement
from weftline.domain.cooperative.rules import SignalName
from weftline.domain.cooperative.trademark import Standing
from weftline.domain.days import DAY
from weftline.domain.vocabulary import FundStep, QualityList


class Desk(StrEnum):
    """For whom something waits."""

    MEMBER = "MEMBER"
    OFFICER = "OFFICER"


class Task(StrEnum):
    """What waits."""

    RECTIFY = "RECTIFY"  # put it right, and report it
    ACCEPT = "ACCEPT"  # look at what was put right
    REINSPECT = "REINSPECT"  # be tested again
    REQUEST = "REQUEST"  # decide on a free test
    PROPOSAL = "PROPOSAL"  # the rules propose the member for a list
    LISTING = "LISTING"  # somebody proposed it, and nobody decided
    APPEAL = "APPEAL"  # answer it
    EARLY_REMOVAL = "EARLY_REMOVAL"  # may be asked for
    APPLICATION = "APPLICATION"  # decide on the collective trademark
    FELL_OUT = "FELL_OUT"  # a holder of the mark does not meet its conditions any more
    EXPIRING = "EXPIRING"  # a certificate, a training, an honour or the right to a mark ends soon
    RESULT = "RESULT"  # a report came
    BUDGET = "BUDGET"  # of a whole cooperative, not of a member: the budget is nearly used, so decide who still tests (burn.py)


class Item(NamedTuple):
    """One thing that waits. ``since`` and ``due`` in ms (None: by no day); ``about``: the case, request, entry, mark or report."""

    task: Task
    desk: Desk
    about: str
    since: int
    due: int | None
    evidence: tuple[Ref, ...]


_OF_STAGE: Final = {
    Stage.RECTIFY: (Task.RECTIFY, Desk.MEMBER),
    Stage.ACCEPT: (Task.ACCEPT, Desk.OFFICER),
    Stage.REINSPECT: (Task.REINSPECT, Desk.MEMBER),
    Stage.SECOND_ROUND: (Task.REINSPECT, Desk.MEMBER),
}
_EXPIRING: Final = frozenset(
    {SignalName.CERTIFIED, SignalName.TRAINED, SignalName.HONOURED, SignalName.MARK_REGISTERED, SignalName.TRADEMARK_HELD}
)


def work_of(judged: Judgement) -> tuple[Item, ...]:
    """What waits about a member, in the order of :class:`Task`."""
    found = (*_cases(judged), *_requests(judged), *_lists(judged), *_marks(judged), *_ends(judged), *_results(judged))
    places = {task: place for place, task in enumerate(Task)}
    return tuple(sorted(found, key=lambda item: (places[item.task], item.since, item.about)))


def _cases(judged: Judgement) -> Iterator[Item]:
    for case in judged.cases:
        if case.stage in _OF_STAGE:
            task, desk = _OF_STAGE[case.stage]
            yield Item(task, desk, case.case_id, case.began_at, case.due, (*case.began, *case.answers))


def _requests(judged: Judgement) -> Iterator[Item]:
    for year in judged.fund:
        for request in year.requests:
            if request.step is FundStep.REQUESTED:
                yield Item(Task.REQUEST, Desk.OFFICER, request.request_id, request.at, None, request.events)


def _lists(judged: Judgement) -> Iterator[Item]:
    as_of = judged.as_of
    for proposal in judged.proposals:
        yield Item(Task.PROPOSAL, Desk.OFFICER, proposal.basis.rule, proposal.since, None, proposal.evidence)
    quiet = all(case.closed_at is not None for case in judged.cases)
    for entry in judged.entries:
        match entry.state(as_of):
            case EntryState.PROPOSED:
                yield Item(Task.LISTING, Desk.OFFICER, entry.listing_id, heard_of(entry, judged.history), None, entry.events)
            case EntryState.APPEALED:
                yield Item(Task.APPEAL, Desk.OFFICER, entry.listing_id, entry.appealed_at or 0, entry.answer_by, entry.events)
            case EntryState.LISTED if entry.list is QualityList.BLACK and quiet:
                if entry.early_removal_from is not None and entry.early_removal_from <= as_of:
                    since = entry.early_removal_from
                    yield Item(Task.EARLY_REMOVAL, Desk.MEMBER, entry.listing_id, since, entry.until, entry.events)


def _marks(judged: Judgement) -> Iterator[Item]:
    for mark, standing in judged.marks:
        if standing is Standing.APPLIED:
            yield Item(Task.APPLICATION, Desk.OFFICER, mark.mark_id, mark.since, None, mark.events)
        elif standing is Standing.FELL_OUT:
            yield Item(Task.FELL_OUT, Desk.OFFICER, mark.mark_id, mark.since, None, mark.events)


def _ends(judged: Judgement) -> Iterator[Item]:
    as_of, days = judged.as_of, judged.rules.work.expiring.days
    for signal in judged.facts.signals:
        if signal.name in _EXPIRING and signal.until is not None and signal.until - days * DAY <= as_of < signal.until:
            yield Item(Task.EXPIRING, Desk.MEMBER, signal.about, signal.until - days * DAY, signal.until - 1, signal.evidence)


def _results(judged: Judgement) -> Iterator[Item]:
    for one in judged.history.standing:
        if judged.as_of < one.counted_at + judged.rules.work.news.days * DAY:
            about = f"{one.report.laboratory_id}/{one.report.report_number}"
            yield Item(Task.RESULT, Desk.MEMBER, about, one.counted_at, None, (one.report,))
