"""Rules of sample orders: the life cycle with its rounds, lead times, work in progress, and overdue rounds.

A forward jump (a step left out) applies and is marked ``step_skipped``; a step backward or after an end does not apply and is
marked with its reason. The marks of what did not apply, and how often, stand in the order's row.

A round is *finished* when it is dispatched, or seen at any later step; it is *left* when the next one begins without that. Its *promise*
is the promised date of its CONFIRMED event, or of the last QUOTED one if CONFIRMED names none. QUOTED after CONFIRMED is a
counter-proposal: it takes effect when it is confirmed. Confirming again with another date changes the promise in force. A verdict said
twice is one.

**Rounds.** ``round`` 1 is also what an event has that leaves it out. From a source that has named a later round of the order, it
means the first; from any other the round in hand, and the next after REVISION_REQUESTED. Only what is said of a sample that was seen
already (RECEIVED, COMMENTED) opens no round then: it is marked ``after_verdict``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from weftline.domain import texts
from weftline.domain.alert_rules import severity_of
from weftline.domain.alerts import Evidence, StandingAlert, alert_id
from weftline.domain.events import OrderEvent
from weftline.domain.fold import StateRow, Subject
from weftline.domain.rows.orders import OrderAmounts, OrderRow
from weftline.domain.vocabulary import AlertRule, OrderStatus, SampleType

S = OrderStatus

# Where each status stands in the life cycle of a round.
_PLACE = {
    S.DRAFTED: 0,
    S.REQUESTED: 1,
    S.QUOTED: 2,
    S.CONFIRMED: 3,
    S.MATERIAL_READY: 4,
    S.IN_PRODUCTION: 5,
    S.INTERNAL_QC: 6,
    S.DISPATCHED: 7,
    S.RECEIVED: 8,
    S.COMMENTED: 9,
    S.APPROVED: 10,
    S.REVISION_REQUESTED: 10,
    S.REJECTED: 10,
}
_OPTIONAL = frozenset({S.DRAFTED, S.QUOTED})
_TERMINAL = frozenset({S.APPROVED, S.REJECTED, S.CANCELLED})
_VERDICTS = frozenset({S.APPROVED, S.REVISION_REQUESTED, S.REJECTED})
_OF_A_SAMPLE_SEEN = frozenset({S.RECEIVED, S.COMMENTED, S.REVISION_REQUESTED})

APPLIED = "applied"
STEP_SKIPPED = "step_skipped"
REPEATED = "repeated"
BACKWARD = "backward"
EARLIER_ROUND = "earlier_round"
AFTER_END = "after_end"
NOT_ON_HOLD = "not_on_hold"
UNKNOWN_STATUS = "unknown_status"
AFTER_VERDICT = "after_verdict"
COUNTER_PROPOSAL = "counter_proposal"
CONFIRMED_AGAIN = "confirmed_again"

_NOT_APPLIED = frozenset({BACKWARD, EARLIER_ROUND, AFTER_END, AFTER_VERDICT, NOT_ON_HOLD, UNKNOWN_STATUS})
#: Marks that stand in the order's row, for somebody to look at.
_ODD = frozenset({STEP_SKIPPED, *_NOT_APPLIED})
#: These change the promise and nothing else: the work goes on.
_ABOUT_THE_PROMISE = frozenset({COUNTER_PROPOSAL, CONFIRMED_AGAIN})


@dataclass(frozen=True, slots=True)
class Promise:
    """A promised date and the event that gave it."""

    at: int
    source: str
    event_id: str
    event_time: int


@dataclass(frozen=True, slots=True)
class Round:
    """One round of sampling; times in ms, None while it has not happened."""

    number: int
    confirmed_at: int | None = None
    first_promise: Promise | None = None
    promise: Promise | None = None
    overdue: Promise | None = None
    finished_at: int | None = None
    left_at: int | None = None
    closed: bool = False
    verdict: str = ""
    verdict_at: int | None = None

    def until(self, time: int) -> Round:
        """The round as an event at ``time`` finds it: a promise in force that has passed makes it overdue, once."""
        if self.closed or self.overdue or self.promise is None or self.promise.at >= time:
            return self
        return replace(self, overdue=self.promise)

    def finished(self, time: int) -> Round:
        """The round as its end at ``time`` leaves it: what is known by its date only is not late within its day, whatever came before."""
        kept = self.overdue is None or time <= self.overdue.at
        return replace(self, finished_at=time, closed=True, overdue=None if kept else self.overdue)


@dataclass(frozen=True, slots=True)
class Order:
    """State of a sample order after the events that stand."""

    status: OrderStatus | None = None
    on_hold: bool = False
    round: int = 1
    rounds: tuple[Round, ...] = ()
    quoted: Promise | None = None
    requested_at: int | None = None
    ended_at: int | None = None
    last: OrderEvent | None = None
    # What an event that leaves it out does not erase.
    sample_type: SampleType = SampleType.UNKNOWN
    style_number: str | None = None
    quantity: int = 0
    events: int = 0
    not_applied: int = 0
    marks: frozenset[str] = frozenset()
    numbering: frozenset[str] = frozenset()  # sources that named a round after the first

    @property
    def in_progress(self) -> bool:
        """Work in progress: confirmed and not yet dispatched, on hold or not."""
        return self.status is not None and _PLACE[S.CONFIRMED] <= _PLACE.get(self.status, 99) < _PLACE[S.DISPATCHED]


class OrderRules:
    """Rules of one order, which is its only strand (see :class:`weftline.domain.fold.StrandRules`)."""

    def __init__(self) -> None:
        self._order = Order()
        self._seen: OrderEvent | None = None

    def strand(self, name: str) -> OrderRules:
        """An order is judged as one."""
        return self

    def mark(self) -> tuple[Order, OrderEvent | None]:
        """The order as it is."""
        return self._order, self._seen

    def rewind(self, mark: tuple[Order, OrderEvent | None]) -> None:
        """The order as it was."""
        self._order, self._seen = mark

    def forget(self) -> None:
        """A mark holds nothing alive that would not be."""

    def note(self, event: OrderEvent, rank: int) -> None:
        """Keeps one event of the order, so that a row can name it even if no event stands."""
        self._seen = event

    def subjects(self, event: OrderEvent) -> Iterable[Subject]:
        """An order is one subject."""
        return (("order_state",),)

    def void(self, event: OrderEvent) -> OrderAmounts:
        """Amounts of an event that counts zero."""
        return _amounts(event, event.round)

    def apply(self, event: OrderEvent, rank: int) -> tuple[int, str, OrderAmounts]:
        """Judge the next event of the order."""
        number = _round_of(self._order, event)
        numbering = self._order.numbering
        if event.round > 1 and event.source not in numbering:
            numbering |= {event.source}
        mark = _mark(self._order, event, number)
        marks = self._order.marks | {mark} if mark in _ODD else self._order.marks
        before = self._order
        if numbering is not before.numbering or marks is not before.marks:
            before = replace(before, numbering=numbering, marks=marks)
        if mark in _NOT_APPLIED:
            self._order = replace(before, events=before.events + 1, not_applied=before.not_applied + 1)
            return 0, mark, self.void(event)
        after = _advance(before, event, number, mark)
        entries = int(after.in_progress and not before.in_progress)
        exits = int(before.in_progress and not after.in_progress)
        lead = customer_lead = None
        current = after.rounds[-1]
        previous = _round(before, current.number)
        if current.finished_at is not None and (previous is None or previous.finished_at is None):
            lead = _between(current.confirmed_at, current.finished_at)
            customer_lead = _between(after.requested_at, current.finished_at)
        counted = None if mark == REPEATED or mark in _ABOUT_THE_PROMISE else event.status
        self._order = after
        amounts = _amounts(event, number, counted=counted, entries=entries, exits=exits, lead=lead, customer_lead=customer_lead)
        return 1, mark, amounts

    def row(self, subject: Subject, as_of: int) -> StateRow:
        """The order's state row, with an alert per overdue round."""
        order = self._order
        shown = order.last or self._seen
        if shown is None:
            raise LookupError("a row of an order that has no record")
        alerts = []
        passed = 0
        next_deadline: int | None = None
        for number in order.rounds:
            overdue = number.overdue
            by_deadline = False
            if overdue is None and not number.closed and number.promise is not None:
                if number.promise.at < as_of:
                    overdue, by_deadline, passed = number.promise, True, passed + 1
                else:
                    next_deadline = min(number.promise.at, next_deadline or number.promise.at)
            if overdue is not None:
                alerts.append(_overdue(shown, order.style_number, number.number, overdue, by_deadline))
        rounds = order.rounds
        values = OrderRow(
            center_id=shown.center_id,
            order_id=shown.order_id,
            factory_id=shown.factory_id,
            cooperative_id=shown.cooperative_id,
            product_category=shown.product_category,
            sample_type=order.sample_type.value,
            style_number=order.style_number or "",
            quantity=order.quantity,
            status=order.status.value if order.status else "",
            on_hold=int(order.on_hold),
            round=order.round,
            requested_at=order.requested_at,
            ended_at=order.ended_at,
            last_event_time=order.last.event_time if order.last else None,
            events=order.events,
            round_number=[r.number for r in rounds],
            round_confirmed_at=[r.confirmed_at for r in rounds],
            round_first_promised_at=[r.first_promise.at if r.first_promise else None for r in rounds],
            round_promised_at=[r.promise.at if r.promise else None for r in rounds],
            round_finished_at=[r.finished_at for r in rounds],
            round_verdict=[r.verdict for r in rounds],
            round_verdict_at=[r.verdict_at for r in rounds],
            round_left_at=[r.left_at for r in rounds],
            not_applied=order.not_applied,
            marks=sorted(order.marks),
        )
        return StateRow("order_state", (), values, tuple(alerts), next_deadline, passed)


def _round_of(order: Order, event: OrderEvent) -> int:
    """The round to which an event belongs."""
    if event.round > 1 or event.source in order.numbering:
        return event.round
    begins = order.status is S.REVISION_REQUESTED and event.status in _PLACE and event.status not in _OF_A_SAMPLE_SEEN
    return order.round + begins


def _mark(order: Order, event: OrderEvent, number: int) -> str:
    """Whether and how an event applies to an order; ``number``: the round to which it belongs."""
    status = event.status
    if status is S.UNKNOWN:
        return UNKNOWN_STATUS
    if order.status in _TERMINAL:
        return AFTER_END
    if status is S.CANCELLED:
        return APPLIED
    if number < order.round:
        return EARLIER_ROUND
    if status is S.ON_HOLD:
        return REPEATED if order.on_hold else APPLIED
    if status is S.RESUMED:
        return APPLIED if order.on_hold else NOT_ON_HOLD
    revised = order.status is S.REVISION_REQUESTED
    if number > order.round:
        # The next round follows a requested revision; anything else left a step out.
        if not revised or number > order.round + 1:
            return STEP_SKIPPED
        here, there = _PLACE[S.REQUESTED], _PLACE[status]
    else:
        if revised and status is not S.REVISION_REQUESTED:
            return AFTER_VERDICT if status in _OF_A_SAMPLE_SEEN else BACKWARD
        here, there = _PLACE[order.status] if order.status else -1, _PLACE[status]
        if status is order.status:
            # Another production step, or production or a confirmation with another date, is news; the rest is said twice.
            moved = status is S.IN_PRODUCTION and order.last is not None and event.production_step != order.last.production_step
            return APPLIED if moved else REPEATED
        if order.in_progress and (about := _about_the_promise(order, event)):
            return about
    if there <= here:
        return BACKWARD
    if order.on_hold:
        return STEP_SKIPPED  # work went on without a RESUMED
    left_out = [s for s, place in _PLACE.items() if here < place < there and s not in _OPTIONAL]
    return STEP_SKIPPED if left_out else APPLIED


def _about_the_promise(order: Order, event: OrderEvent) -> str | None:
    """The mark of an event by which a promise is proposed, or changed, after the round was confirmed."""
    if event.status is S.QUOTED and event.promised_at is not None:
        return COUNTER_PROPOSAL
    if event.status is not S.CONFIRMED:
        return None
    given, promise = _promise(event) or order.quoted, order.rounds[-1].promise
    return CONFIRMED_AGAIN if given is not None and (promise is None or given.at != promise.at) else None


def _promise(event: OrderEvent) -> Promise | None:
    """What an event promises."""
    promised = event.deadline(event.promised_at)
    if promised is None:
        return None
    return Promise(promised, event.source, event.event_id, event.event_time)


def _advance(order: Order, event: OrderEvent, number: int, mark: str) -> Order:
    """The order after an event that applies; ``number``: the round to which it belongs."""
    status, time = event.status, event.event_time
    moving = status not in (S.ON_HOLD, S.RESUMED) and mark not in _ABOUT_THE_PROMISE
    rounds = [known.until(time) for known in order.rounds]
    number = max(number, order.round) if status in _PLACE else order.round
    if not rounds or rounds[-1].number < number:
        if rounds and not rounds[-1].closed:
            rounds[-1] = replace(rounds[-1], left_at=time, closed=True)
        rounds.append(Round(number))
    current = rounds[-1]
    quoted = order.quoted if number == order.round else None
    if status is S.QUOTED:
        quoted = _promise(event) or quoted
    if status is S.CONFIRMED:
        given = _promise(event) or quoted or current.promise
        quoted = None
        current = replace(
            current,
            confirmed_at=time if current.confirmed_at is None else current.confirmed_at,
            promise=given,
            first_promise=current.first_promise or given,
        )
    if status is S.CANCELLED:
        current = replace(current, closed=True)
    elif moving and _PLACE[status] >= _PLACE[S.DISPATCHED] and not current.closed:
        current = current.finished(time)
    if status in _VERDICTS and mark != REPEATED:
        current = replace(current, verdict=status.value, verdict_at=time)
    rounds[-1] = current
    holding = status in (S.ON_HOLD, S.RESUMED)
    moved_on = _PLACE.get(status, 0) >= _PLACE[S.DISPATCHED]  # what it says is what was moved, not what was ordered
    return replace(
        order,
        status=status if moving else order.status,
        on_hold=status is S.ON_HOLD if holding else order.on_hold and not moving,
        round=number,
        rounds=tuple(rounds),
        quoted=quoted,
        requested_at=time if status is S.REQUESTED and order.requested_at is None else order.requested_at,
        ended_at=time if status in _TERMINAL else None,
        last=event,
        sample_type=order.sample_type if event.sample_type is SampleType.UNKNOWN else event.sample_type,
        style_number=event.style_number or order.style_number,
        quantity=(order.quantity or event.quantity) if moved_on else (event.quantity or order.quantity),
        events=order.events + 1,
    )


def _between(begin: int | None, end: int | None) -> int | None:
    """Milliseconds from one to the other; what happened on one day, of which only the date is known, took none."""
    return None if begin is None or end is None else max(end - begin, 0)


def _round(order: Order, number: int) -> Round | None:
    return next((r for r in order.rounds if r.number == number), None)


def _amounts(
    event: OrderEvent,
    number: int,
    *,
    counted: OrderStatus | None = None,
    entries: int = 0,
    exits: int = 0,
    lead: int | None = None,
    customer_lead: int | None = None,
) -> OrderAmounts:
    return OrderAmounts(
        cooperative_id=event.cooperative_id,
        factory_id=event.factory_id,
        order_id=event.order_id,
        product_category=event.product_category,
        sample_type=event.sample_type.value,
        location_id=event.location_id or "",
        status=event.status.value,
        round=event.round,
        requested=int(counted is S.REQUESTED),
        confirmed=int(counted is S.CONFIRMED),
        dispatched=int(counted is S.DISPATCHED),
        received=int(counted is S.RECEIVED),
        approved=int(counted is S.APPROVED),
        revision_requested=int(counted is S.REVISION_REQUESTED),
        rejected=int(counted is S.REJECTED),
        cancelled=int(counted is S.CANCELLED),
        entries=entries,
        exits=exits,
        lead_time_ms=lead,
        customer_lead_time_ms=customer_lead,
        of_round=number,
    )


def round_alert(center_id: str, order_id: str, number: int) -> str:
    """The id of the alert that this round of the order is overdue."""
    return alert_id(AlertRule.ORDER_OVERDUE, center_id, order_id, str(number))


def _overdue(event: OrderEvent, style: str | None, number: int, promise: Promise, by_deadline: bool) -> StandingAlert:
    text_zh, text_en = texts.order_overdue(event.order_id, number, style, promise.at, event.event_time_zone_offset)
    return StandingAlert(
        alert_id=round_alert(event.center_id, event.order_id, number),
        rule=AlertRule.ORDER_OVERDUE,
        severity=severity_of(AlertRule.ORDER_OVERDUE),
        occurred_at=promise.at,
        cooperative_id=event.cooperative_id,
        center_id=event.center_id,
        factory_id=event.factory_id,
        product_category=event.product_category,
        style_number=style,
        order_id=event.order_id,
        subject=f"order {event.order_id} round {number}",
        evidence=(
            Evidence(
                source=promise.source,
                event_id=promise.event_id,
                event_time=promise.event_time,
                subject=f"round {number}",
                indicator="promised_at",
                limit=texts.local_time(promise.at, event.event_time_zone_offset),
            ),
        ),
        text_zh=text_zh,
        text_en=text_en,
        by_deadline=by_deadline,
    )
