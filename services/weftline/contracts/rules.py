"""What may stand in a field: small checks, composed into tables by :mod:`weftline.contracts.mapping`.

A check takes a value and gives it back (converted where the domain wants another type), or raises :class:`ContractError` whose
``field`` is relative to the value; whoever called it puts its own name in front.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from weftline.contracts import rfc3339
from weftline.contracts.limits import LIMITS
from weftline.domain.laboratory.grades import HALF_STEPS, Scale
from weftline.errors import ContractError

Check = Callable[[Any], Any]
REQUIRED: Any = object()

INT32_MAX = 2**31 - 1
INT64_MAX = 2**63 - 1

# A name of the module: looking it up in the table of limits would cost as much as the rest of the check.
_LONGEST = LIMITS.identifier
# U+001F joins identifiers in hashes (domain/alerts.py), other controls break logs and spreadsheets, lone surrogates are no UTF-8.
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
# What nobody sees: marks that turn the direction of writing (a name can be made to read as another one), zero-width characters,
# fillers, variation selectors, tags. Two identifiers that look the same would be two factories. All of Unicode's general category Cf
# and of its property Default_Ignorable_Code_Point, written out so that it depends on no Unicode version; U+2800 is an empty glyph.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890-\u0891\u08e2\u115f-\u1160\u17b4-\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_FORBIDDEN_IN_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_CURRENCY = re.compile("[A-Z]{3}")
# EPCIS eventTimeZoneOffset ends at 14:00. A set is asked in 11 ns, a regular expression in 130.
_OFFSETS = frozenset(f"{sign}{minutes // 60:02}:{minutes % 60:02}" for sign in "+-" for minutes in range(14 * 60 + 1))
# Grey scale 1 to 5 (ISO 105-A02, A03) and blue wool scale 1 to 8 (ISO 105-B02), both with half steps.
GRADES = frozenset(step for scale in HALF_STEPS.values() for step in scale)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


@dataclasses.dataclass(frozen=True, slots=True)
class Rule:
    """One field's contract in five directions; ``read`` and ``write`` check, the others only translate.

    ``read``: Avro to domain. ``write``: domain to Avro. ``from_json``: JSON to Avro. ``to_json``: Avro to JSON. ``stored``: Avro to
    domain for what passed ``read`` once, perhaps under another contract. ``default`` is the schema's, in Avro, where the rule alone
    tells it; a dataclass's own default comes before it. ``parts``: the faults of what the value is made of, if it is made of anything.
    """

    read: Check
    write: Check
    from_json: Check
    to_json: Check
    stored: Check
    default: Any = REQUIRED
    parts: Callable[[Any], Iterator[ContractError]] | None = None

    def faults(self, value: Any) -> Iterator[ContractError]:
        """Every fault of a JSON value. None, if and only if ``from_json`` and then ``read`` take it; they tell the first alone."""
        count = 0
        for found in self.parts(value) if self.parts is not None else ():
            count += 1
            yield found
        if not count:
            try:
                self.read(self.from_json(value))
            except ContractError as error:  # one that concerns several parts, or a value without parts
                yield error


def _same(value: Any) -> Any:
    return value


def scalar(check: Check) -> Rule:
    """A value that is the same in Avro, JSON and the domain."""
    return Rule(check, check, _same, _same, _same)


def fault(problem: str) -> ContractError:
    """A fault of the value itself; callers put the field's name in front."""
    return ContractError("", problem)


def within(name: str, error: ContractError) -> ContractError:
    """``error`` seen from one level further out."""
    inner = error.field
    return type(error)(f"{name}{'' if not inner or inner[0] == '[' else '.'}{inner}", error.problem)


def shown(value: object) -> str:
    """A value as it may stand in a message: short, and on one line."""
    text = ascii(value) if isinstance(value, str) and (_FORBIDDEN.search(value) or _INVISIBLE.search(value)) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def nearest(word: object, words: Iterable[str]) -> str:
    """`` (did you mean x?)``, or nothing when no word is near."""
    by_lower = {known.lower(): known for known in words}
    found = difflib.get_close_matches(str(word).lower(), list(by_lower), n=1, cutoff=0.5)
    return f" (did you mean {by_lower[found[0]]}?)" if found else ""


def identifier(value: Any) -> Any:
    """Non-empty, at most 200 characters, no control characters, none that nobody sees, no white space at either end."""
    # Every printable character of ASCII is legal, and asking costs 40 ns; what is beyond (80 to 300 ns for Chinese) is decided by the
    # rule itself, which depends on no Unicode version.
    if (
        type(value) is str
        and value.isascii()
        and 0 < len(value) <= _LONGEST
        and value.isprintable()
        and value[0] != " " != value[-1]
    ):
        return value
    if not isinstance(value, str):
        raise fault(f"must be text, not {shown(value)}")
    if not value:
        raise fault("must not be empty")
    if len(value) > LIMITS.identifier:
        raise fault(f"has {len(value)} characters, at most {LIMITS.identifier} are allowed")
    if found := _FORBIDDEN.search(value):
        raise fault(f"must not contain the control character U+{ord(found[0]):04X}")
    if found := _INVISIBLE.search(value):
        raise fault(f"must not contain {_called(found[0])}, which nobody sees: {ascii(value)[:60]}")
    if value != value.strip():
        raise fault(f"must not begin or end with white space: {shown(value)}")
    return str(value)


def _called(character: str) -> str:
    return f"U+{ord(character):04X} ({unicodedata.name(character, 'an unassigned character').lower()})"


def center(value: Any) -> Any:
    """An identifier without ``|``, which parts center and order in the key of an order."""
    if "|" in identifier(value):
        raise fault(f"must not contain '|': {shown(value)}")
    return value


def text(value: Any) -> Any:
    """Free text, at most 2,000 characters, possibly of several lines, possibly empty."""
    if not isinstance(value, str):
        raise fault(f"must be text, not {shown(value)}")
    if len(value) > LIMITS.text:
        raise fault(f"has {len(value)} characters, at most {LIMITS.text} are allowed")
    if found := _FORBIDDEN_IN_TEXT.search(value):
        raise fault(f"must not contain the control character U+{ord(found[0]):04X}")
    return value


def offset(value: Any) -> Any:
    """Local offset from UTC as EPCIS writes it, ``+08:00``; between -14:00 and +14:00."""
    if isinstance(value, str) and value in _OFFSETS:
        return value
    raise fault(f"must be an offset like +08:00, not {shown(value)}")


def currency(value: Any) -> Any:
    """An ISO 4217 code."""
    if isinstance(value, str) and _CURRENCY.fullmatch(value):
        return value
    raise fault(f"must be three capital letters like CNY, not {shown(value)}")


def grade(value: Any) -> Any:
    """A grade of colour fastness: ``1``, ``1-2`` ... ``5``, or on the blue wool scale up to ``8``."""
    if isinstance(value, str) and value in GRADES:
        return value
    raise fault(f"must be a grade: {', '.join(HALF_STEPS[Scale.GREY])}, or up to 8 likewise for light fastness; not {shown(value)}")


def boolean(value: Any) -> Any:
    """True or false."""
    if type(value) is bool:
        return value
    raise fault(f"must be true or false, not {shown(value)}")


def whole(least: int, most: int) -> Check:
    """A whole number from ``least`` to ``most``."""

    def check(value: Any) -> Any:
        if type(value) is int and least <= value <= most:
            return value
        raise fault(f"must be a whole number from {least} to {most}, not {shown(value)}")

    return check


def number(least: float = -math.inf) -> Check:
    """A finite number, not below ``least``."""

    def check(value: Any) -> Any:
        if type(value) in (float, int):
            try:
                found = float(value)
            except OverflowError:
                found = math.inf
            if math.isfinite(found) and found >= least:
                return found
        limit = "" if least == -math.inf else f" not below {least:g}"
        raise fault(f"must be a finite number{limit}, not {shown(value)}")

    return check


def moment(earliest: int, latest: int) -> Rule:
    """A time in milliseconds since the epoch, ``earliest`` ≤ t < ``latest``; in JSON ISO 8601 with an offset, or the number."""

    def check(value: Any) -> Any:
        if type(value) is int and earliest <= value < latest:
            return value
        if type(value) is not int:
            raise fault(f"must be milliseconds since 1970 as a whole number, not {shown(value)}")
        bounds = f"{iso(earliest)} and before {iso(latest)}"
        raise fault(f"must be from {bounds}, not {value} ms")

    return Rule(check, check, _milliseconds, iso, _same)


def _milliseconds(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    known = rfc3339.milliseconds(value)
    if known is not None:
        return known
    try:  # ISO 8601 has more forms
        when = datetime.fromisoformat(value)
    except ValueError:
        when = None
    if when is None or when.tzinfo is None:
        raise fault(f"must be a time with its offset like 2026-05-04T09:30:00+08:00, not {shown(value)}")
    return (when - _EPOCH) // _MILLISECOND


def iso(milliseconds: int) -> str:
    """ISO 8601 in UTC with milliseconds: ``2026-05-04T01:30:00.000Z``."""
    when = _EPOCH + timedelta(milliseconds=milliseconds)
    return f"{when:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03}Z"


def symbol(members: type[StrEnum]) -> Rule:
    """A symbol of a closed vocabulary; a string in Avro and JSON, a member in the domain."""
    by_name = {member.value: member for member in members}

    def check(value: Any) -> Any:
        found = by_name.get(value) if isinstance(value, str) else None
        if found is None:
            known = ", ".join(by_name)
            raise fault(f"{shown(value)} is none of {known}{nearest(value, by_name)}")
        return found

    return Rule(check, check, _same, str, check)


def optional(rule: Rule) -> Rule:
    """``rule``, or nothing."""

    def maybe(check: Check) -> Check:
        if check is _same:
            return _same
        return lambda value: None if value is None else check(value)

    parts = rule.parts
    some = None if parts is None else lambda value: iter(()) if value is None else parts(value)
    read, write, from_json, to_json, stored = map(maybe, (rule.read, rule.write, rule.from_json, rule.to_json, rule.stored))
    return Rule(read, write, from_json, to_json, stored, default=None, parts=some)


def several(rule: Rule, most: int, *, required: bool = False) -> Rule:
    """Up to ``most`` values; a tuple in the domain, a list in Avro and JSON. None by default, unless ``required``."""

    def each(check: Check, make: Callable[[list[Any]], Any]) -> Check:
        def apply(values: Any) -> Any:
            if not isinstance(values, list | tuple):
                raise fault(f"must be a list, not {shown(values)}")
            if len(values) > most:
                raise fault(f"has {len(values)} entries, at most {most} are allowed")
            done: list[Any] = []
            try:
                for value in values:
                    done.append(check(value))  # noqa: PERF401 (its length tells which value is at fault)
            except ContractError as error:
                raise within(f"[{len(done)}]", error) from None
            return make(done)

        return apply

    def stored(values: Any) -> Any:
        return tuple(map(rule.stored, values))

    def parts(values: Any) -> Iterator[ContractError]:
        if isinstance(values, list) and len(values) <= most:
            for place, value in enumerate(values):
                yield from (within(f"[{place}]", error) for error in rule.faults(value))

    directions = each(rule.read, tuple), each(rule.write, list), each(rule.from_json, list), each(rule.to_json, list), stored
    return Rule(*directions, default=REQUIRED if required else [], parts=parts)


def record(cls: type[Any], fields: Mapping[str, Rule], agree: Callable[[Any], None] | None = None) -> Rule:
    """A dataclass whose fields obey ``fields``, in the schema's order; ``agree`` checks what concerns several of them.

    In JSON a field with a default may be missing; ``to_json`` leaves it out.
    """
    readers = tuple((name, rule.read) for name, rule in fields.items())
    writers = tuple((name, rule.write) for name, rule in fields.items())
    defaults: dict[str, Any] = {}
    for field in dataclasses.fields(cls):
        if field.default is not dataclasses.MISSING:
            defaults[field.name] = fields[field.name].write(field.default)
        elif fields[field.name].default is not REQUIRED:
            defaults[field.name] = fields[field.name].default

    def read(body: Any) -> Any:
        values = {}
        name = ""
        try:
            for name, check in readers:
                values[name] = check(body[name])
        except ContractError as error:
            raise within(name, error) from None
        except KeyError:
            raise ContractError(name, "is missing") from None
        made = cls(**values)
        if agree is not None:
            agree(made)
        return made

    def write(value: Any) -> Any:
        if type(value) is not cls:
            raise fault(f"must be a {cls.__name__}, not {shown(value)}")
        body = {}
        name = ""
        try:
            for name, check in writers:
                body[name] = check(getattr(value, name))
        except ContractError as error:
            raise within(name, error) from None
        if agree is not None:
            agree(value)
        return body

    def from_json(value: Any) -> Any:
        if not isinstance(value, dict):
            raise fault(f"must be an object, not {shown(value)}")
        for name in value:
            if name not in fields:
                raise ContractError(shown(name)[1:-1], _no_field(cls, name, fields))
        body = {}
        for name, rule in fields.items():
            if name in value:
                try:
                    body[name] = rule.from_json(value[name])
                except ContractError as error:
                    raise within(name, error) from None
            elif name in defaults:
                body[name] = defaults[name]
            else:
                raise ContractError(name, "is missing")
        return body

    def to_json(body: Any) -> Any:
        return {
            name: rule.to_json(body[name]) for name, rule in fields.items() if name not in defaults or body[name] != defaults[name]
        }

    def parts(value: Any) -> Iterator[ContractError]:
        if isinstance(value, dict):
            unknown = (name for name in value if name not in fields)
            yield from (ContractError(shown(name)[1:-1], _no_field(cls, name, fields)) for name in unknown)
            for name, rule in fields.items():
                if name in value:
                    yield from (within(name, error) for error in rule.faults(value[name]))
                elif name not in defaults:
                    yield ContractError(name, "is missing")

    kept = tuple((name, None if rule.stored is _same else rule.stored) for name, rule in fields.items())

    def stored(body: Any) -> Any:
        return cls(**{name: body[name] if check is None else check(body[name]) for name, check in kept})

    return Rule(read, write, from_json, to_json, stored, parts=parts)


def _no_field(cls: type[Any], name: str, fields: Iterable[str]) -> str:
    return f"is no field of {cls.__name__}{nearest(name, fields)}"
