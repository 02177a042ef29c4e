"""The standing events of an owner in canonical order, by strand: what rules would see, for whoever looks at a history from its records."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Generic, NoReturn, TypeVar

from weftline.domain.events import Event
from weftline.domain.fold import History, Record, StateRow, Subject

E = TypeVar("E", bound=Event)


def standing(records: Iterable[Record[E]]) -> dict[str, list[E]]:
    """By strand, the events of one owner that stand; the records come in any order, repeats included."""
    kept: _Kept[E] = _Kept()
    History("", lambda: kept).add(list(records), 0)
    return {name: strand.events for name, strand in kept.strands.items()}


class _Kept(Generic[E]):
    """Rules that judge nothing and keep what they are shown (see :class:`weftline.domain.fold.Rules`)."""

    def __init__(self) -> None:
        self.strands: dict[str, _Strand[E]] = {}

    def strand(self, name: str) -> _Strand[E]:
        """A strand without events."""
        return self.strands.setdefault(name, _Strand())


class _Strand(Generic[E]):
    def __init__(self) -> None:
        self.events: list[E] = []

    def mark(self) -> int:
        """How many events there are."""
        return len(self.events)

    def rewind(self, mark: int) -> None:
        """Forget those that came since."""
        del self.events[mark:]

    def forget(self) -> None:
        """Nothing is kept for marks."""

    def apply(self, event: E, rank: int) -> tuple[int, str, tuple[Any, ...]]:
        """Keep a standing event."""
        self.events.append(event)
        return 1, "", ()

    def void(self, event: E) -> tuple[Any, ...]:
        """There are no amounts."""
        return ()

    def note(self, event: E, rank: int) -> None:
        """What does not stand is nothing to remember."""

    def subjects(self, event: E) -> Iterable[Subject]:
        """There are no state rows."""
        return ()

    def row(self, subject: Subject, as_of: int) -> StateRow:
        """There are no state rows."""
        return _none(subject)


def _none(subject: Subject) -> NoReturn:
    raise LookupError(f"events that are only kept have no row {subject}")
