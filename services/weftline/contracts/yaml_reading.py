"""Reading YAML that people edit: every fault names its place, and a key that nobody reads is a fault.

The readers take a parsed value and give it back as what it means, or raise :class:`UserError`; :func:`at` and :class:`Node` put
the place in front.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

import yaml

from weftline.errors import UserError

# The standards are Chinese: an edition comes into force at midnight in China.
_CHINA = timezone(timedelta(hours=8))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Doubles carry 15 decimal digits; domain/laboratory/checks.py compares doubles and relies on it.
_MOST_DIGITS = 15

E = TypeVar("E", bound=StrEnum)
T = TypeVar("T")
D = TypeVar("D")


def load(path: Path) -> Mapping[str, Any]:
    try:
        body = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} does not exist; it belongs to the installation") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(body, dict):
        raise UserError("must be a mapping")
    return body


@contextmanager
def at(place: str) -> Iterator[None]:
    """Puts ``place`` in front of a fault found within."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{place}: {error}") from None


class Node:
    """A mapping of which every key must be read."""

    def __init__(self, body: object) -> None:
        if not isinstance(body, dict):
            raise UserError(f"must be a mapping, not {body!r}")
        self._body: dict[Any, Any] = body
        self._unread = set(body)

    def has(self, key: str) -> bool:
        return key in self._body

    def take(self, key: str, read: Callable[[Any], T]) -> T:
        """``read`` of the value of ``key``, which must be there."""
        if key not in self._body:
            raise UserError(f"{key} is missing")
        self._unread.discard(key)
        with at(key):
            return read(self._body[key])

    def maybe(self, key: str, read: Callable[[Any], T], default: D) -> T | D:
        """As :meth:`take`; ``default`` where the key is missing or empty."""
        if self._body.get(key) is None:
            self._unread.discard(key)
            return default
        return self.take(key, read)

    def each(self, key: str, read: Callable[[Node], T]) -> list[T]:
        """``read`` of every mapping of the list at ``key``, which may be missing."""
        found = []
        for number, body in enumerate(self.maybe(key, sequence, ())):
            with at(f"{key}[{number}]"):
                node = Node(body)
                found.append(read(node))
                node.done()
        return found

    def done(self) -> None:
        """Refuses what nobody read: a misspelt key would be a rule that silently does not hold."""
        if self._unread:
            raise UserError(f"unknown key {', '.join(sorted(map(str, self._unread)))}")


def text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise UserError(f"must be text (quoted, if it looks like a number), not {value!r}")
    return value.strip()


def flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise UserError(f"must be true or false, not {value!r}")
    return value


def sequence(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise UserError(f"must be a list, not {value!r}")
    return value


def decimal(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UserError(f"must be a number, not {value!r}")
    decimal = Decimal(repr(value))
    if not decimal.is_finite() or len(decimal.as_tuple().digits) > _MOST_DIGITS:
        raise UserError(f"must be a number of at most {_MOST_DIGITS} digits, not {value!r}")
    return decimal


def midnight(value: Any) -> int:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise UserError(f"must be a day like 2011-08-01, not {value!r}")
    return (datetime(value.year, value.month, value.day, tzinfo=_CHINA) - _EPOCH) // timedelta(milliseconds=1)


def member(members: type[E]) -> Callable[[Any], E]:
    def read(value: Any) -> E:
        try:
            return members(value)
        except ValueError:
            raise UserError(f"{value!r} is none of {', '.join(members)}") from None

    return read


def set_of(read: Callable[[Any], T]) -> Callable[[Any], frozenset[T]]:
    return lambda value: frozenset(read(one) for one in sequence(value))


def mapping_of(read_key: Callable[[Any], E], read: Callable[[Any], T]) -> Callable[[Any], dict[E, T]]:
    return lambda value: {read_key(key): read(one) for key, one in mapping(value).items()}


def mapping(value: Any) -> dict[Any, Any]:
    if not isinstance(value, dict):
        raise UserError(f"must be a mapping, not {value!r}")
    return value
