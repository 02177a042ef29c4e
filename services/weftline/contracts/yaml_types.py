"""Of what the models of YAML files are made: the strict :class:`Model`, its faults, and the types of its values.

Nothing is turned into something else on the way: a number that is quoted is text, and text is no number. What a type refuses it says as
``must be …``; the reader (:mod:`.yaml_reading`) adds what stands there instead, and where.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, ClassVar, Final, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, PlainValidator, model_validator
from pydantic.fields import FieldInfo

from weftline.contracts.rules import nearest
from weftline.errors import ContractError

# Doubles carry 15 decimal digits; domain/laboratory/checks.py compares doubles and relies on it.
_MOST_DIGITS: Final = 15
T = TypeVar("T")

#: In place of a value that is none; no type takes it.
NOTHING: Final = object()


class Fault(ValueError):
    """What is wrong at ``steps`` from the value that is checked, in a whole sentence.

    ``first``: steps to a place whose line the sentence names as ``{line}``.
    """

    def __init__(self, problem: str, *steps: Hashable, first: tuple[Hashable, ...] | None = None) -> None:
        super().__init__(problem)
        self.problem, self.steps, self.first = problem, steps, first


class NotA(Fault):
    """A fault that says what the value must be; the reader adds what it is."""


class Lacks(Fault):
    """A key that is not there, the last of ``steps``; ``advice``: what to do."""

    def __init__(self, advice: str, *steps: Hashable) -> None:
        super().__init__(f"{steps[-1]} is missing; {advice}", *steps)


class Faults(ValueError):
    """Several at once."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        super().__init__()
        self.faults = tuple(faults)

    @classmethod
    def raise_any(cls, faults: Iterable[Fault]) -> None:
        if found := tuple(faults):
            raise cls(found)


class Model(BaseModel):
    """A mapping of a file. A key without a value is as if it were not there; the description of a field says what to do where it lacks."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    #: Keys that need a value where they stand: without one they might be a limit that somebody meant to set.
    valued: ClassVar[frozenset[str]] = frozenset()

    @model_validator(mode="before")
    @classmethod
    def _without_empty_keys(cls, body: Any) -> Any:
        if not isinstance(body, dict):
            return body
        known = keys_of(cls)
        return {
            key: NOTHING if value is None and key in cls.valued else value
            for key, value in body.items()
            if value is not None or key not in known or key in cls.valued
        }

    @classmethod
    def beside(cls, body: Mapping[Any, Any]) -> Iterator[Fault]:
        """Faults of one value beside another, which are told even where either has more of them; ``body`` as parsed, unchecked."""
        yield from ()


def mappings(body: Mapping[Any, Any], key: Hashable) -> Iterator[tuple[Hashable, dict[Any, Any]]]:
    """The mappings within the list or mapping at ``key``, each with its step; whatever else is there is passed over."""
    within = body.get(key)
    for step, entry in within.items() if isinstance(within, dict) else enumerate(within) if isinstance(within, list) else ():
        if isinstance(entry, dict):
            yield step, entry


@cache
def keys_of(model: type[BaseModel]) -> dict[Hashable, FieldInfo]:
    """The keys that a mapping may have."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def model_at(model: type[BaseModel], steps: tuple[Hashable, ...]) -> type[BaseModel]:
    """The model of the mapping to which ``steps`` lead."""
    for step in steps:
        if (field := keys_of(model).get(step)) is not None:
            model = next(_models((field.annotation, *field.metadata)), model)
    return model


def _models(parts: Iterable[Any]) -> Iterator[type[BaseModel]]:
    for part in parts:
        if isinstance(part, type) and issubclass(part, BaseModel):
            yield part
        else:
            yield from _models(get_args(part))


# -- Types


def _not_blank(text: str) -> str:
    if not text.strip():
        raise Fault("must be text, and it is blank")
    return text.strip()


#: Text that is not blank, without the white space around it.
Text = Annotated[str, AfterValidator(_not_blank)]


def checked(check: Callable[[Any], Any]) -> AfterValidator:
    """Text by a rule of the events' contract: an id that no event can carry would name nobody."""

    def read(value: str) -> Any:
        try:
            return check(value)
        except ContractError as error:
            raise Fault(error.problem) from None

    return AfterValidator(read)


def number(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NotA("must be a number")
    decimal = Decimal(repr(value))
    if not decimal.is_finite() or len(decimal.as_tuple().digits) > _MOST_DIGITS:
        raise NotA(f"must be a number of at most {_MOST_DIGITS} digits")
    return decimal


#: A number as it is written, exactly.
Number = Annotated[Decimal, PlainValidator(number)]


def day(value: Any) -> date:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise NotA("must be a day like 2011-08-01, without quotes")
    return value


Day = Annotated[date, PlainValidator(day)]


def milliseconds(moment: datetime) -> int:
    """Since the epoch, to the whole millisecond."""
    return int(moment.astimezone(UTC).timestamp() * 1000)


def member(members: type[StrEnum]) -> PlainValidator:
    """One of the words of a vocabulary."""
    return one_of({word.value: word for word in members})


def one_of(words: Mapping[str, T]) -> PlainValidator:
    """What one of the ``words`` stands for."""

    def read(value: Any) -> T:
        if not isinstance(value, str) or value not in words:
            raise NotA(f"must be one of {', '.join(words)}{nearest(value, words) if isinstance(value, str) else ''}")
        return words[value]

    return PlainValidator(read)
