"""The cooperative's own red and black list: who is on it, since when, until when, and on what it rests.

A rule proposes (:func:`proposals`), a person decides: an entry holds from an event DECIDED that names who decided, and until it is lifted,
changed or runs out. An appeal suspends it until it is answered. These are local lists of a cooperative, never to be shown as the market
regulator's list of serious dishonesty (SAMR Order 44).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, NamedTuple

from weftline.domain.cooperative.conditions import Facts, holds
from weftline.domain.cooperative.events import CooperativeEvent, Listing
from weftline.domain.cooperative.history import EventRef, History, Ref, last_moment, ref
from weftline.domain.cooperative.rules import Basis, CooperativeRules, Editions
from weftline.domain.vocabulary import ListingStep, QualityList

_NONE: Final = ListingStep.UNKNOWN


class EntryState(StrEnum):
    """What has become of an entry."""

    PROPOSED = "PROPOSED"  # nobody decided
    LISTED = "LISTED"
    APPEALED = "APPEALED"  # suspended until the appeal is answered
    LIFTED = "LIFTED"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as its events left it. Times are ms since the epoch; ``until``: the last moment at which it holds.

    ``answer_by``: of an appeal. ``early_removal_from``: of the black list, when early removal may first be asked for.
    """

    listing_id: str
    list: QualityList
    step: ListingStep = _NONE
    ground: str | None = None
    evidence: tuple[str, ...] = ()
    proposed_at: int | None = None
    decided_at: int | None = None
    decided_by: str | None = None
    until: int | None = None
    appealed_at: int | None = None
    answer_by: int | None = None
    early_removal_from: int | None = None
    ended_at: int | None = None
    events: tuple[EventRef, ...] = ()

    def state(self, as_of: int) -> EntryState:
        """What has become of it then."""
        if self.ended_at is not None:
            return EntryState.LIFTED
        if self.decided_at is None:
            return EntryState.PROPOSED
        if self.until is not None and as_of > self.until:
            return EntryState.EXPIRED
        return EntryState.LISTED if self.appealed_at is None else EntryState.APPEALED

    def on_list(self, as_of: int) -> bool:
        """Whether the member is on the list by it then."""
        return self.state(as_of) is EntryState.LISTED

    @property
    def deadlines(self) -> tuple[int, ...]:
        """Moments at which it says something else by itself."""
        if self.decided_at is None or self.ended_at is not None:
            return ()
        times = (None if self.until is None else self.until + 1, self.early_removal_from, self.answer_by and self.answer_by + 1)
        return tuple(time for time in times if time is not None)


def entries_of(history: History, book: Editions) -> tuple[Entry, ...]:
    """A member's entries, in the order in which they were first heard of."""
    entries: dict[str, Entry] = {}
    for event in history.events:
        if (listing := event.listing) is not None:
            known = entries.get(listing.listing_id) or Entry(listing.listing_id, listing.list)
            after = _after(known, event, listing, book.at(event.event_time))
            entries[listing.listing_id] = replace(after, events=(*known.events, ref(event)))
    return tuple(entries.values())


def heard_of(entry: Entry, history: History) -> int:
    """When an entry was proposed; where its first event was another, when that happened."""
    if entry.proposed_at is not None:
        return entry.proposed_at
    return next(event.event_time for event in history.events if ref(event) == entry.events[0])


class Span(NamedTuple):
    """From when until when (exclusive; None: for good) a member is on a list by an entry, in ms. An appeal parts two of them."""

    listing_id: str
    list: QualityList
    since: int
    until: int | None


def spans_of(history: History, book: Editions) -> tuple[Span, ...]:
    """When a member was on which list, in order; of what is to come, as it stands now."""
    entries: dict[str, Entry] = {}
    spans: dict[str, list[Span]] = {}
    for event in history.events:
        if (listing := event.listing) is not None:
            entry = _after(
                entries.get(listing.listing_id) or Entry(listing.listing_id, listing.list),
                event,
                listing,
                book.at(event.event_time),
            )
            entries[listing.listing_id] = entry
            _extend(spans.setdefault(listing.listing_id, []), entry, event.event_time)
    found = (span for own in spans.values() for span in own if span.until is None or span.until > span.since)
    return tuple(sorted(found, key=lambda span: (span.since, span.listing_id)))


def _extend(spans: list[Span], entry: Entry, time: int) -> None:
    """Take what an entry says since ``time`` in; the last span, if it has not ended by itself before, ends or goes on."""
    ends = None if entry.until is None else entry.until + 1
    goes_on = bool(spans) and (spans[-1].until is None or spans[-1].until > time)
    if goes_on and entry.on_list(time) and spans[-1].list is entry.list:
        spans[-1] = spans[-1]._replace(until=ends)
        return
    if goes_on:
        spans[-1] = spans[-1]._replace(until=time)
    if entry.on_list(time):
        spans.append(Span(entry.listing_id, entry.list, time, ends))


def _after(entry: Entry, event: CooperativeEvent, listing: Listing, rules: CooperativeRules) -> Entry:
    time = event.event_time
    said = replace(
        entry,
        step=listing.step,
        ground=listing.ground or entry.ground,
        evidence=tuple(dict.fromkeys((*entry.evidence, *listing.evidence_ids))),
    )
    match listing.step:
        case ListingStep.PROPOSED:
            return replace(
                said, list=listing.list if entry.decided_at is None else entry.list, proposed_at=entry.proposed_at or time
            )
        case ListingStep.DECIDED if listing.decided_by is not None and entry.ended_at is None:
            return _decided(said, event, listing, rules, entry.decided_at or time)
        case ListingStep.APPEALED if entry.decided_at is not None and entry.ended_at is None:
            answer_by = last_moment(time, rules.lists.appeal.days, rules.utc_offset)
            return replace(said, appealed_at=entry.appealed_at or time, answer_by=entry.answer_by or answer_by)
        case ListingStep.UPHELD if entry.ended_at is None:
            return replace(said, appealed_at=None, answer_by=None)
        case ListingStep.CHANGED if entry.decided_at is not None and entry.ended_at is None:
            # Another list is another entry in all but its name: its term begins with the change.
            since = entry.decided_at if listing.list is entry.list else time
            changed = replace(said, appealed_at=None, answer_by=None)
            return _decided(changed, event, listing, rules, since)
        case ListingStep.LIFTED:
            return replace(said, ended_at=entry.ended_at or time, appealed_at=None, answer_by=None)
    return said


def _decided(entry: Entry, event: CooperativeEvent, listing: Listing, rules: CooperativeRules, since: int) -> Entry:
    term = rules.lists.terms.get(listing.list)
    until = event.deadline(listing.expires_at)
    if until is None and term is not None:
        until = last_moment(since, term.days, rules.utc_offset)
    early = None
    if listing.list is QualityList.BLACK:
        early = last_moment(since, rules.lists.early_removal.days - 1, rules.utc_offset) + 1
    return replace(
        entry,
        list=listing.list,
        decided_at=since,
        decided_by=listing.decided_by or entry.decided_by,
        until=until,
        early_removal_from=early,
    )


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a rule proposes to whoever decides. ``evidence``: what the rule rests on; ``since``: its newest part (ms)."""

    list: QualityList
    basis: Basis
    since: int
    evidence: tuple[Ref, ...]


def proposals(facts: Facts, entries: Iterable[Entry], rules: CooperativeRules) -> tuple[Proposal, ...]:
    """What the rules propose now, and nobody proposed or decided upon on this ground since its newest evidence."""
    return tuple(_proposals(facts, tuple(entries), rules))


def _proposals(facts: Facts, entries: tuple[Entry, ...], rules: CooperativeRules) -> Iterator[Proposal]:
    for rule in rules.lists.proposals:
        found = holds(rule.when, facts)
        if not all(one.met for one in found):
            continue
        newest = max((signal.at for one in found for signal in one.signals), default=0)
        if not any(_answers(entry, rule.list, rule.basis.rule, newest, facts.as_of) for entry in entries):
            evidence = tuple(dict.fromkeys(name for one in found for signal in one.signals for name in signal.evidence))
            yield Proposal(rule.list, rule.basis, newest, evidence)


def _answers(entry: Entry, which: QualityList, ground: str, newest: int, as_of: int) -> bool:
    """Whether an entry has already taken a proposal up: it stands on that list, or its ground was spoken of since."""
    if entry.list is which and entry.state(as_of) in (EntryState.PROPOSED, EntryState.LISTED, EntryState.APPEALED):
        return True
    return entry.ground == ground and (entry.decided_at or entry.ended_at or entry.proposed_at or 0) >= newest
