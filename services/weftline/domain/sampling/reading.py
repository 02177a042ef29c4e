"""Typed access to a parsed standard, with errors that name the key."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Final

_EPOCH: Final = datetime.date(1970, 1, 1).toordinal()


class StandardError(ValueError):
    """A standard's data file cannot be used; ``key`` is the dotted place, ``problem`` what is wrong there."""

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(f"{key}: {problem}")
        self.key = key
        self.problem = problem


class Node:
    """One value of the parsed mapping and the path that leads to it."""

    __slots__ = ("path", "value")

    def __init__(self, value: object, path: str) -> None:
        self.value = value
        self.path = path

    def fail(self, problem: str) -> StandardError:
        """The error to raise about this place."""
        return StandardError(self.path, problem)

    def __getitem__(self, key: str) -> Node:
        child = self.get(key)
        if child is None:
            raise StandardError(f"{self.path}.{key}", "is missing")
        return child

    def get(self, key: str) -> Node | None:
        """The child, or None where the key is absent or null."""
        value = self._mapping().get(key)
        return None if value is None else Node(value, f"{self.path}.{key}")

    def items(self) -> Iterator[tuple[str, Node]]:
        """The children of a mapping, in the order of the file."""
        for key, value in self._mapping().items():
            if not isinstance(key, str):
                raise self.fail(f"the key {key!r} is not text; put it in quotes")
            yield key, Node(value, f"{self.path}.{key}")

    def entries(self) -> list[Node]:
        """The entries of a list that is not empty."""
        if isinstance(self.value, str) or not isinstance(self.value, Sequence) or not self.value:
            raise self.fail("must be a list with at least one entry")
        return [Node(value, f"{self.path}[{place}]") for place, value in enumerate(self.value)]

    def text(self) -> str:
        """Text that is not blank."""
        if not isinstance(self.value, str) or not self.value.strip():
            raise self.fail(f"must be text, not {self.value!r}")
        return self.value.strip()

    def choice(self, *allowed: str) -> str:
        """One of ``allowed``."""
        text = self.text()
        if text not in allowed:
            raise self.fail(f"{text!r} is none of {', '.join(allowed)}")
        return text

    def integer(self, least: int) -> int:
        """An integer of at least ``least``."""
        if isinstance(self.value, bool) or not isinstance(self.value, int) or self.value < least:
            raise self.fail(f"must be an integer of at least {least}, not {self.value!r}")
        return self.value

    def flag(self) -> bool:
        """True or false."""
        if not isinstance(self.value, bool):
            raise self.fail(f"must be true or false, not {self.value!r}")
        return self.value

    def decimal(self) -> Decimal:
        """An exact number above zero, written as text: a bare 0.10 in YAML would lose its last digit."""
        try:
            number = Decimal(self.text())
        except InvalidOperation:
            raise self.fail(f"{self.value!r} is not a number") from None
        if not number.is_finite() or number <= 0:
            raise self.fail(f"must be above zero, not {self.value!r}")
        return number

    def day(self) -> int:
        """A date (YAML date, or text as YYYY-MM-DD), in days since 1970-01-01."""
        value = self.value
        if isinstance(value, str):
            try:
                value = datetime.date.fromisoformat(value)
            except ValueError:
                raise self.fail(f"{value!r} is no date; write YYYY-MM-DD") from None
        if not isinstance(value, datetime.date) or isinstance(value, datetime.datetime):
            raise self.fail(f"{value!r} is no date; write YYYY-MM-DD")
        return day_number(value)

    def _mapping(self) -> Mapping[object, object]:
        if not isinstance(self.value, Mapping):
            raise self.fail(f"must be a mapping, not {self.value!r}")
        return self.value


def day_number(day: datetime.date) -> int:
    """Days since 1970-01-01."""
    return day.toordinal() - _EPOCH
