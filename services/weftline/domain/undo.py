"""A log of changes that can be taken back: how a fold returns to an earlier moment without beginning anew."""

from __future__ import annotations

from typing import Any, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class UndoLog:
    """Changes of dicts, with what takes each back. The values themselves must be immutable."""

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
