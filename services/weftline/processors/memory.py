"""What a worker remembers: the histories of the owners it met last, within a bound on bytes. Forgetting is always safe."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, NamedTuple

from weftline.domain.fold import History
from weftline.processors.kinds import Kind

#: Estimated bytes in memory of a record, besides those for its content (:attr:`weftline.processors.kinds.Kind.per_byte`). Never less than
#: what is taken and five times as much at most, whatever the records (tests/unit/test_memory.py).
PER_RECORD = 2_100

#: Of the memory, what one owner may take; beyond, it is folded apart.
LARGEST_SHARE = 6
#: What may be read and folded within a step: 0.7 s of a core. An owner beyond it that is not in memory is folded apart as well.
MOST_COLD = 48 << 20


def weight(kind: Kind, records: int, size: int) -> int:
    """Estimated bytes in memory of a history of so many records, whose values have so many bytes."""
    return records * PER_RECORD + size * kind.per_byte


class _Kept(NamedTuple):
    history: History[Any]
    records: int
    size: int
    weight: int


class Memory:
    """Histories by owner, least recently used first. ``most`` bounds the bytes that they are estimated to take."""

    def __init__(self, kind: Kind, most: int) -> None:
        self._kind = kind
        self._most = most
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self.records = 0
        self.weight = 0

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[str]:
        """The owners."""
        return iter(self._kept)

    @property
    def largest(self) -> int:
        """Bytes that one history may take."""
        return self._most // LARGEST_SHARE

    @property
    def coldest(self) -> int:
        """Bytes that a history may take which is to be read within a step."""
        return min(self.largest, MOST_COLD)

    def get(self, owner: str) -> History[Any] | None:
        """The history of an owner, if it is known."""
        kept = self._kept.get(owner)
        return None if kept is None else kept.history

    def fresh(self, owner: str) -> History[Any]:
        """An empty history for an owner, not yet remembered, that will hold the strands that are asked for."""
        across = self._kind.across
        return History(owner, self._kind.start, frozenset([across.table] if across is not None else []))

    def keep(self, history: History[Any], size: int) -> bool:
        """Remember a history as the one used last; ``size``: bytes of the values that it was given since it was last kept, repeats
        included. False if it is too large for that; it is forgotten then."""
        before = self.forget(history.owner)
        size += before.size if before is not None and before.history is history else 0
        kept = _Kept(history, history.held, size, weight(self._kind, history.held, size))
        if kept.weight > self.largest:
            return False
        self._kept[history.owner] = kept
        self.records += kept.records
        self.weight += kept.weight
        return True

    def forget(self, owner: str) -> _Kept | None:
        """Remember an owner no more; what was remembered."""
        kept = self._kept.pop(owner, None)
        if kept is not None:
            self.records -= kept.records
            self.weight -= kept.weight
        return kept

    def trim(self) -> list[str]:
        """Forget what was used longest ago, down to the bound; the owners forgotten."""
        forgotten = []
        while self.weight > self._most and self._kept:
            owner = next(iter(self._kept))
            self.forget(owner)
            forgotten.append(owner)
        return forgotten

    def clear(self) -> None:
        """Forget all: partitions were lost, and what another worker stores of their owners would go unseen."""
        self._kept.clear()
        self.records = self.weight = 0
