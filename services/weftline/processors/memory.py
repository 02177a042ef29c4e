"""What a worker remembers: the histories of the owners it met last, within a bound on records. Forgetting is always safe."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from weftline.domain.fold import History
from weftline.processors.kinds import Kind


class Memory:
    """Histories by owner, least recently used first. ``most_records`` bounds the records behind them, not the owners."""

    def __init__(self, kind: Kind, most_records: int) -> None:
        self._kind = kind
        self._most_records = most_records
        self._histories: OrderedDict[str, History[Any]] = OrderedDict()
        self._counted: dict[str, int] = {}
        self.records = 0

    def __len__(self) -> int:
        return len(self._histories)

    def get(self, owner: str) -> History[Any] | None:
        """The history of an owner, if it is known."""
        return self._histories.get(owner)

    def fresh(self, owner: str) -> History[Any]:
        """An empty history for an owner, not yet remembered."""
        return History(owner, self._kind.start)

    def keep(self, history: History[Any]) -> None:
        """Remember a history as the one used last."""
        owner = history.owner
        self._histories[owner] = history
        self._histories.move_to_end(owner)
        self.records += history.count - self._counted.get(owner, 0)
        self._counted[owner] = history.count

    def trim(self) -> list[str]:
        """Forget what was used longest ago, down to the bound; the owners forgotten."""
        forgotten = []
        while self.records > self._most_records and self._histories:
            owner, _ = self._histories.popitem(last=False)
            self.records -= self._counted.pop(owner)
            forgotten.append(owner)
        return forgotten

    def clear(self) -> None:
        """Forget all: partitions were lost, and what another worker stores of their owners would go unseen."""
        self._histories.clear()
        self._counted.clear()
        self.records = 0
