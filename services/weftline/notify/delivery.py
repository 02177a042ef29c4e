"""What follows from an answer: the state of a delivery and of its receiver. Pure; time and chance are parameters.

A delivery is ``waiting`` until it is ``sent`` (the receiver said that it has it), ``parked`` (a day of attempts failed, or the receiver
refuses it for good; sent again on request), or ``superseded`` (nobody needs it any more: a later revision says more).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

#: Attempts go on for so long, from the first one.
DAY_SECONDS: Final = 86_400.0
#: The first pause is 5 s at most, each next one twice as long, none longer than two hours: some thirty attempts in a day.
BASE_SECONDS: Final = 5.0
LONGEST_SECONDS: Final = 7_200.0
#: Chance spreads attempts over the whole pause, so that a thousand deliveries do not come back at once; but none at once.
SHORTEST_SECONDS: Final = 1.0
#: A receiver that asks for a longer pause than this would park an alert for a day with one answer.
LONGEST_ASKED_SECONDS: Final = 21_600.0

#: An endpoint is switched off when nothing but failures came of it for so long, and not of two or three of them.
OFF_AFTER_SECONDS: Final = 5 * DAY_SECONDS
OFF_AFTER_FAILURES: Final = 20

#: So many failures in a row, and a receiver is asked by one delivery at a time, with a pause; safety alerts alone do not wait for that.
FAILING_AFTER: Final = 3
LONGEST_REST_SECONDS: Final = 60.0


class State(StrEnum):
    """Where a delivery stands."""

    WAITING = "waiting"
    SENT = "sent"
    PARKED = "parked"
    SUPERSEDED = "superseded"


class Verdict(StrEnum):
    """What an answer means."""

    DELIVERED = "delivered"
    LATER = "later"
    REFUSED = "refused"  # this one will be refused for ever
    GONE = "gone"  # nothing is to be sent here any more


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of an attempt. ``after``: seconds that the receiver asks to wait; ``too_fast``: for all that it is sent."""

    verdict: Verdict
    detail: str
    after: float | None = None
    too_fast: bool = False


@dataclass(frozen=True, slots=True)
class Next:
    """What becomes of a delivery."""

    state: State
    at: float | None = None


def after_attempt(answer: Answer, attempts: int, first_at: float, now: float, chance: Callable[[], float]) -> Next:
    """The state after the ``attempts``-th attempt; ``first_at``: when the first began; ``chance`` gives 0 to 1."""
    if answer.verdict is Verdict.DELIVERED:
        return Next(State.SENT)
    if answer.verdict is not Verdict.LATER:
        return Next(State.PARKED)
    at = now + max(pause(attempts, chance), min(answer.after or 0.0, LONGEST_ASKED_SECONDS))
    return Next(State.WAITING, at) if at < first_at + DAY_SECONDS else Next(State.PARKED)


def pause(attempts: int, chance: Callable[[], float]) -> float:
    """Seconds until the next attempt: anything up to a bound that doubles."""
    bound = min(LONGEST_SECONDS, BASE_SECONDS * 2.0 ** min(attempts - 1, 20))
    return max(SHORTEST_SECONDS, bound * chance())


@dataclass(frozen=True, slots=True)
class Health:
    """What is known of an endpoint. ``since``: of the first failure after its last success."""

    since: float | None = None
    failures: int = 0
    off_since: float | None = None
    why: str = ""

    @property
    def off(self) -> bool:
        return self.off_since is not None


def health_after(health: Health, answer: Answer, now: float) -> Health:
    """What is known after one more answer. Nothing but a person switches an endpoint on again."""
    if health.off:
        return health
    if answer.verdict is Verdict.DELIVERED:
        return Health()
    since = now if health.since is None else health.since
    failures = health.failures + 1
    if answer.verdict is Verdict.GONE:
        return Health(since, failures, now, answer.detail)
    if failures >= OFF_AFTER_FAILURES and now - since >= OFF_AFTER_SECONDS:
        days = (now - since) / DAY_SECONDS
        return Health(since, failures, now, f"nothing but failures for {days:.0f} days, the last one: {answer.detail}")
    return Health(since, failures)


def rest(failures: int, chance: Callable[[], float]) -> float:
    """Seconds for which a receiver is left alone after so many failures in a row, whatever waits for it."""
    if failures < FAILING_AFTER:
        return 0.0
    return max(SHORTEST_SECONDS, min(LONGEST_REST_SECONDS, 2.0 ** min(failures - FAILING_AFTER, 10)) * chance())
