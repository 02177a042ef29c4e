"""How much a partner may send: a bucket of as many tokens as he may send a minute, which fills again evenly. Time is a parameter.

One process keeps its own buckets: where several gateways stand behind one address, a partner may send as much to each.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

#: Partners whose buckets are kept; who was not heard of for longer has a full one anyway.
KEPT: Final = 10_000


class Limits:
    """The buckets of all partners, or of whoever else is limited."""

    def __init__(self) -> None:
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # by partner: tokens at a time in seconds

    def take(self, partner_id: str, per_minute: int, amount: int, now: float) -> float:
        """Take ``amount`` and give 0, or take nothing and give the seconds after which so much is there.

        What is more than a whole bucket is let in when that is full: a batch is not to be refused for ever.
        """
        wanted = min(amount, per_minute)
        rate = per_minute / 60
        left, at = self._left.get(partner_id, (float(per_minute), now))
        left = min(float(per_minute), left + max(0.0, now - at) * rate)
        missing = wanted - left
        self._left[partner_id] = (left if missing > 0 else left - wanted, now)
        self._left.move_to_end(partner_id)
        if len(self._left) > KEPT:
            self._left.popitem(last=False)
        return max(0.0, missing / rate)
