"""How many records a step takes, so that nobody waits long behind it: learnt from how long the last ones took."""

from __future__ import annotations

#: A step shall take no longer (s): whoever comes while one runs waits for that one and for the next, in which he is.
STEP_SECONDS = 0.5
#: What a step costs whatever it takes (statements, parts, a round trip to the broker) is to be no more than this share of it. On a machine
#: so busy that this alone takes as long as a step shall, smaller steps would only add to the load.
FIXED_SHARE = 1 / 3
#: Of reports that fail in everything, the first step takes half a second to one, by the machine; of orders, a few are smaller than need be.
FIRST = 1_000
#: A step counts half after seven others.
_KEPT = 0.9


class Pace:
    """Steps of ``most`` records at most, or of as many as may be expected to take :data:`STEP_SECONDS`.

    A step of n records is taken to last ``fixed + n * each`` seconds; both follow from the last steps by least squares.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.records = min(most, FIRST)
        self._forget()

    def _forget(self) -> None:
        self._weight = self._n = self._s = self._nn = self._ns = 0.0

    def took(self, records: int, seconds: float) -> None:
        """A step of so many records lasted so long, and did not wait for a dependency."""
        if records <= 0:
            return
        if self._weight:
            fixed, each, _ = self._costs()
            if not 0.5 < seconds / (fixed + each * records) < 2:
                self._forget()  # other records than before, or another machine: what large steps cost then would count for long
        self._weight = self._weight * _KEPT + 1
        self._n = self._n * _KEPT + records
        self._s = self._s * _KEPT + seconds
        self._nn = self._nn * _KEPT + records * records
        self._ns = self._ns * _KEPT + records * seconds
        fixed, each, known = self._costs()
        longest = max(STEP_SECONDS, fixed / FIXED_SHARE)
        fit = self._most if each * self._most + fixed <= longest else int((longest - fixed) / each)
        if not known and fit >= self.records:
            fit = max(fit, self.records * 5 // 4)  # to find out
        # By half or to the double at a time: one slow step may have nothing to do with its records.
        self.records = max(1, min(self._most, max(fit, self.records // 2), self.records * 2))

    def _costs(self) -> tuple[float, float, bool]:
        """What a step costs whatever it takes, what each record adds, and whether steps of different sizes say so."""
        n, s = self._n / self._weight, self._s / self._weight
        spread = self._nn / self._weight - n * n
        known = spread > (0.05 * n) ** 2
        # Steps of one size say nothing of what a smaller one would cost: all is laid to the records, until smaller ones were seen.
        each = (self._ns / self._weight - n * s) / spread if known else s / n
        each = min(max(each, 0.0), s / n)
        return s - each * n, each, known
