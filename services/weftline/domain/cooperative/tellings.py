"""The alerts about a member: a clock that runs out or has run out, a holder of the trademark that fell out, a proposal that waits.

They go to the factory under its cooperative, so who receives for either is told. Those of clocks state what happened, as every alert does:
that nothing had come so many days before a deadline stays true when it comes after all. The other two tell of what is so now.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from weftline.domain import texts
from weftline.domain.alert_rules import severity_of
from weftline.domain.alerts import Evidence, StandingAlert, alert_id
from weftline.domain.cooperative import stretches
from weftline.domain.cooperative.clocks import Case, Wait
from weftline.domain.cooperative.conditions import Facts, Found, Signal
from weftline.domain.cooperative.events import CooperativeEvent
from weftline.domain.cooperative.history import EventRef, Inspection, Ref
from weftline.domain.cooperative.lists import EntryState, heard_of
from weftline.domain.cooperative.member import Judgement
from weftline.domain.cooperative.rules import Condition, Count, Editions, ProposalRule, Share
from weftline.domain.cooperative.trademark import Mark, Standing
from weftline.domain.rows.inspections import ReportKey
from weftline.domain.vocabulary import AlertRule, QualityList

#: Pieces of evidence of one alert, and characters of a ground that somebody wrote: what a reader reads, and below what a message may hold.
_MOST: Final = 50
_GROUND: Final = 500


class _Said(NamedTuple):
    """What parts one alert from another: the name of its subject, the same in words, since when, the sentences, and what it rests on."""

    rule: AlertRule
    name: tuple[str, ...]
    subject: str
    at: int
    words: tuple[str, str]
    rests: tuple[Ref, ...]
    by_deadline: bool = False
    limit: str | None = None


def alerts_of(judged: Judgement, book: Editions, turns: Iterable[int]) -> tuple[StandingAlert, ...]:
    """All that stand. ``turns``: those of the desk; ``judged`` is of one of them, or of a moment between two."""
    events = {EventRef(event.source, event.event_id): event for event in judged.history.events}
    if not events or judged.history.events[0].of_cooperative:
        return ()
    reports = {one.report: one for one in judged.history.inspections}
    found = (*_of_clocks(judged, book), *_of_marks(judged, turns), *_of_proposals(judged, turns), *_of_entries(judged, book))
    return tuple(_alert(said, judged.history.events[0], events, reports) for said in found)


def _of_clocks(judged: Judgement, book: Editions) -> Iterator[_Said]:
    offset = judged.rules.utc_offset
    for case in judged.cases:
        for wait in case.waits:
            said = (f"case {case.case_id} {wait.clock}", texts.local_time(wait.due, offset))
            yield from _before(judged, book, case, wait, said)
            if (missed := wait.missed()) is not None and missed <= judged.as_of:
                words = texts.clock_missed(case.case_id, wait.clock, said[1])
                name = (case.case_id, wait.clock.value)
                yield _Said(AlertRule.RECTIFICATION_OVERDUE, name, said[0], missed, words, case.began, True, said[1])


def _before(judged: Judgement, book: Editions, case: Case, wait: Wait, said: tuple[str, str]) -> Iterator[_Said]:
    subject, due = said
    for days, at in wait.warnings(book.at(case.began_at).clocks):
        if case.began_at <= at <= judged.as_of:
            words = texts.clock_runs_out(case.case_id, wait.clock, due, days)
            name = (case.case_id, wait.clock.value, str(days))
            yield _Said(AlertRule.RECTIFICATION_DUE, name, f"{subject} {days} days before", at, words, case.began, True, due)


def _of_marks(judged: Judgement, turns: Iterable[int]) -> Iterator[_Said]:
    fallen = [mark for mark, standing in judged.marks if standing is Standing.FELL_OUT]
    if not fallen:
        return
    conditions, moments = judged.rules.trademark.conditions, stretches.moments_of(judged.facts, turns)

    def out(facts: Facts) -> bool:
        return not all(stretches.all_held(gate.when, facts) for gate in conditions)

    failing = judged.eligibility.failing
    zh, en = "、".join(gate.basis.zh for gate in failing), "; ".join(gate.basis.en for gate in failing)
    looked = [one for answer in judged.eligibility.answers if not answer.met for one in answer.found]
    rests = tuple(name for found in looked for signal in _against(found) for name in signal.evidence)
    for mark in fallen:
        since = stretches.since(out, judged.facts, moments, mark.since)
        words = texts.fell_out(mark.mark_id, (zh, en))
        yield _Said(
            AlertRule.TRADEMARK_FELL_OUT, (mark.mark_id,), f"trademark {mark.mark_id}", since, words, _once(mark, rests), True
        )


def _against(found: Found) -> Iterable[Signal]:
    """What of all that a condition looked at speaks against it: what there may be only so much of, what is not of the share."""
    match found.condition:
        case Count(at_most=int()):
            return found.signals
        case Share(signals=wanted):
            return (signal for signal in found.signals if signal.name not in wanted)
    return ()


def _once(mark: Mark, rests: Iterable[Ref]) -> tuple[Ref, ...]:
    return tuple(dict.fromkeys((*mark.events[-1:], *rests)))


def _of_proposals(judged: Judgement, turns: Iterable[int]) -> Iterator[_Said]:
    if not judged.proposals:
        return
    moments = stretches.moments_of(judged.facts, turns)
    rules: Mapping[str, ProposalRule] = {rule.basis.rule: rule for rule in judged.rules.lists.proposals}
    for proposal in judged.proposals:
        when = rules[proposal.basis.rule].when

        def met(facts: Facts, when: Sequence[Condition] = when) -> bool:
            return stretches.all_held(when, facts)

        since = stretches.since(met, judged.facts, moments, proposal.since)
        words = texts.proposed(_list(proposal.list), (proposal.basis.zh, proposal.basis.en))
        subject = f"{proposal.list.lower()} list by {proposal.basis.rule}"
        yield _Said(AlertRule.LISTING_PROPOSED, ("rule", proposal.basis.rule), subject, since, words, proposal.evidence, True)


def _of_entries(judged: Judgement, book: Editions) -> Iterator[_Said]:
    """What somebody proposed, and nobody decided."""
    for entry in judged.entries:
        if entry.state(judged.as_of) is EntryState.PROPOSED:
            ground, rule = (entry.ground or entry.listing_id)[:_GROUND], book.ground(entry.ground)
            words = texts.proposed(_list(entry.list), (ground, ground) if rule is None else (rule.zh, rule.en))
            subject = f"{entry.list.lower()} list entry {entry.listing_id}"
            yield _Said(
                AlertRule.LISTING_PROPOSED,
                ("entry", entry.listing_id),
                subject,
                heard_of(entry, judged.history),
                words,
                entry.events,
            )


def _list(which: QualityList) -> tuple[str, str]:
    return {QualityList.RED: ("红榜", "red"), QualityList.BLACK: ("黑榜", "black")}.get(which, (which.value, which.value))


def _alert(
    said: _Said, first: CooperativeEvent, events: Mapping[EventRef, CooperativeEvent], reports: Mapping[ReportKey, Inspection]
) -> StandingAlert:
    """It rests on the last :data:`_MOST` of what there is, and stands at their station; where they are reports, whose station nobody
    here knows, at that of the member's first event."""
    rests = said.rests[-_MOST:]
    own = [events[one] for one in rests if isinstance(one, EventRef)]
    return StandingAlert(
        alert_id=alert_id(said.rule, first.cooperative_id, first.factory_id, *said.name),
        rule=said.rule,
        severity=severity_of(said.rule),
        occurred_at=said.at,
        cooperative_id=first.cooperative_id,
        center_id=(own[-1] if own else first).center_id,
        factory_id=first.factory_id,
        subject=said.subject,
        evidence=tuple(_evidence(one, said.limit, events, reports) for one in rests),
        text_zh=said.words[0],
        text_en=said.words[1],
        by_deadline=said.by_deadline,
    )


def _evidence(
    one: Ref, limit: str | None, events: Mapping[EventRef, CooperativeEvent], reports: Mapping[ReportKey, Inspection]
) -> Evidence:
    if isinstance(one, EventRef):
        event = events[one]
        return Evidence(
            source=event.source,
            event_id=event.event_id,
            event_time=event.event_time,
            subject=event.matter.matter_id or event.kind.value,
            value=event.step,
            limit=limit,
        )
    return Evidence(
        source=one.laboratory_id,
        event_id=one.report_number,
        event_time=reports[one].counted_at,
        subject=one.report_number,
        value=reports[one].verdict.value,
        limit=limit,
    )
