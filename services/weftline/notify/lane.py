"""How fast one receiver may be asked: its rate, its rests, how much at one time. Pure; one object per receiver, in memory.

What is forgotten here in a crash only means that a bot says "too fast" once more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from weftline.notify.delivery import FAILING_AFTER, Answer, Verdict, rest

_MINUTE: Final = 60.0
#: An ERP may be asked so much at one time; a group reads one message after the other.
AT_ONCE: Final = 4


class Lane:
    """The pace of one receiver. ``at_once``: requests in flight at most."""

    def __init__(self, per_minute: int, at_once: int) -> None:
        self._per_minute = per_minute
        self._at_once = at_once
        self._begun: deque[float] = deque()
        self._failures = 0
        self._rests_until = 0.0
        self._shut_until = 0.0

    def free_at(self, now: float, in_flight: int, *, urgent: bool, fresh: bool) -> float | None:
        """When one more may begin: ``now`` or later; None: when one of those in flight has ended.

        A safety alert that was never tried does not wait for a rest, and a quarter of the rate is kept for such.
        """
        if in_flight >= self._at_once:
            return None
        at = max(now, self._shut_until)
        if not (urgent and fresh):
            if self._failures >= FAILING_AFTER and in_flight:
                return None
            at = max(at, self._rests_until)
        most = self._per_minute if urgent else max(1, self._per_minute - self._per_minute // 4)
        while self._begun and self._begun[0] <= now - _MINUTE:
            self._begun.popleft()
        if len(self._begun) >= most:
            at = max(at, self._begun[len(self._begun) - most] + _MINUTE)
        return at

    def began(self, now: float) -> None:
        """A request begins."""
        self._begun.append(now)

    def ended(self, answer: Answer, now: float, chance: Callable[[], float]) -> None:
        """A request has ended."""
        if answer.too_fast and answer.after is not None:
            self._shut_until = max(self._shut_until, now + answer.after)
        if answer.verdict is Verdict.DELIVERED:
            self._failures, self._rests_until = 0, 0.0
        else:
            self._failures += 1
            self._rests_until = now + rest(self._failures, chance)
