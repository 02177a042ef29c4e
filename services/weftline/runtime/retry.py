"""Waiting between attempts: exponential, with jitter, bounded.

Only the lengths are decided here. Who waits must also hear a stop or a rebalance while waiting, which no ready-made retry
decorator does.
"""

from __future__ import annotations

import random

FIRST_SECONDS = 0.1
#: A dependency that came back is noticed within this time; longer would show on the boards.
MOST_SECONDS = 5.0


class Backoff:
    """Lengths of successive waits in seconds: 0.1, 0.2, 0.4 … 5, each shortened at random by up to half.

    The jitter keeps several workers from knocking at a restarted ClickHouse in step.
    """

    __slots__ = ("_next", "attempts")

    def __init__(self) -> None:
        self._next = FIRST_SECONDS
        self.attempts = 0

    def next(self) -> float:
        """The next wait in seconds."""
        wait, self._next = self._next, min(self._next * 2, MOST_SECONDS)
        self.attempts += 1
        return wait * random.uniform(0.5, 1.0)
