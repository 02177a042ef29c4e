"""A log of changes that can be taken back: how a fold returns to an earlier moment without beginning anew."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from typing import Any, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class UndoLog:
    """Changes of dicts and ordered lists, with what takes each back. The values themselves must be immutable."""

    __slots__ = ("_undo",)

    def __init__(self) -> None:
        self._undo: list[tuple[Any, ...]] = []  # a call and its arguments

    def mark(self) -> int:
        """The present, to be returned to with :meth:`rewind`."""
        return len(self._undo)

    def rewind(self, mark: int) -> None:
        """Take back everything since ``mark``."""
        undo = self._undo
        while len(undo) > mark:
            call, *arguments = undo.pop()
            call(*arguments)

    def forget(self) -> None:
        """The past is gone: marks begin anew."""
        self._undo.clear()

    def put(self, table: dict[K, V], key: K, value: V) -> None:
        """``table[key] = value``."""
        self._undo.append((table.__setitem__, key, table[key]) if key in table else (table.__delitem__, key))
        table[key] = value

    def insert(self, ordered: list[V], value: V, position: Callable[[V], Any]) -> None:
        """Put a value in its place; no other one has its position."""
        index = bisect_left(ordered, position(value), key=position)
        ordered.insert(index, value)
        self._undo.append((ordered.pop, index))

    def remove(self, ordered: list[V], at: Any, position: Callable[[V], Any]) -> None:
        """Take out the value whose position is ``at``."""
        index = bisect_left(ordered, at, key=position)
        self._undo.append((ordered.insert, index, ordered.pop(index)))
