"""Reference data: centers and factories, what they are called, to whom they belong, what a center can do; each from a day on.

It enriches reads and takes part in no fold, so the day on which it is loaded changes no table. (Who may publish for whom stands in the
same file, and is decided before the fold: :mod:`.publishers`.) It is edited by people who know the
parties, so every fault of a file is told at once, with its line. ``schemas/examples/reference.yaml`` explains the format.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any, Final, NamedTuple, TypeVar

import yaml

from weftline.contracts import rules
from weftline.contracts.publishers import UNSIGNED, Grant
from weftline.contracts.signing import public_key, written
from weftline.contracts.yaml_reading import decimal
from weftline.errors import ContractError, UserError

EXAMPLE: Final = "schemas/examples/reference.yaml"
# ClickHouse's Date; what lies outside would be stored as another day.
_FIRST_DAY, _LAST_DAY = date(1970, 1, 1), date(2149, 6, 6)
_REQUIRED: Final[Any] = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A party from the day ``valid_from`` on, until a later entry of the same id. ``cooperative_id`` empty: of none, or of several.

    ``source``: who said so.
    """

    id: str
    valid_from: date
    cooperative_id: str = ""
    name_zh: str
    name_en: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Center(Party):
    """A sampling center. ``rounds_per_day``: sample rounds that it can finish on a working day; ``live_from``: when it went live (ms, UTC):
    what happened before is history and nobody is alerted. None if nobody said."""

    rounds_per_day: float | None = None
    live_from: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Factory(Party):
    """A factory; ``cooperative_id`` is the one of which it is a member."""


P = TypeVar("P", Center, Factory, Grant)
Read = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Reference:
    """What one file says."""

    centers: tuple[Center, ...] = ()
    factories: tuple[Factory, ...] = ()
    publishers: tuple[Grant, ...] = ()


def read_reference(text: str, name: str = "reference data") -> Reference:
    """The entries of a file. Raises :class:`UserError` that lists every fault with its line; ``name`` is how the file is called."""
    faults: list[_Fault] = []
    try:
        reference = _reference(yaml.compose(text, Loader=yaml.SafeLoader), faults)
    except yaml.YAMLError as error:
        raise UserError(f"{name} is no YAML: {' '.join(str(error).split())}; {EXAMPLE} shows how it is written") from None
    if faults:
        lines = "\n".join(f"  line {line}: {problem}" for line, problem in sorted(faults))
        raise UserError(f"{name} is wrong ({EXAMPLE} shows how it is written):\n{lines}")
    return reference


def write_reference(reference: Reference, note: str) -> str:
    """The file that says ``reference``; ``note`` is the comment on its first line."""
    body = {
        "centers": [_written(center) for center in reference.centers],
        "factories": [_written(factory) for factory in reference.factories],
    }
    return f"# {note}\n{yaml.safe_dump(body, allow_unicode=True, sort_keys=False, width=1_000)}"


def _written(party: Party) -> dict[str, Any]:
    body = {key: value for key, value in asdict(party).items() if value not in (None, "")}
    if "live_from" in body:
        body["live_from"] = datetime.fromtimestamp(body["live_from"] / 1000, UTC)
    return body


class _Fault(NamedTuple):
    line: int
    problem: str


class _Mapping:
    """A mapping of the file, read key by key. What is wrong is noted with the line of its key, and reading goes on."""

    def __init__(self, node: yaml.MappingNode, place: str, faults: list[_Fault]) -> None:
        self.line = _line(node)
        self._values: dict[str, yaml.Node] = {}
        self._lines: dict[str, int] = {}
        self._known: list[str] = []
        self._place, self._faults = place, faults
        for key_node, value in node.value:
            key = str(key_node.value)
            if key in self._values:
                self._note(_line(key_node), f"{key} stands twice, first in line {self._lines[key]}; leave one")
            self._values[key], self._lines[key] = value, _line(key_node)

    def take(self, key: str, read: Read, default: Any = _REQUIRED, *, missing: str = "add it") -> Any:
        """``read`` of the value of ``key``; ``default`` where there is none; None if it is wrong."""
        self._known.append(key)
        node = self._values.get(key)
        value = None if node is None else _value(node)
        if value is None and default is not _REQUIRED:
            return default
        line = self._lines.get(key, self.line)
        if value is None:
            self._note(line, f"{key} is missing; {missing}")
            return None
        try:
            return read(value)
        except UserError as error:
            self._note(line, f"{key}: {error}")
            return None

    def wrong(self, key: str, problem: str) -> None:
        """Note what is wrong with a key beside others."""
        self._note(self._lines.get(key, self.line), f"{key}: {problem}")

    def entries(self, key: str) -> list[yaml.Node]:
        """The entries of the list at ``key``; none where there is none, or if it is wrong."""
        self._known.append(key)
        node = self._values.get(key)
        if isinstance(node, yaml.SequenceNode):
            return list(node.value)
        if node is not None and _value(node) is not None:
            self._note(self._lines[key], f"{key}: must be a list, each entry begun with `- `")
        return []

    def done(self) -> None:
        """Refuses keys that nobody took: a misspelt one would silently not hold."""
        for key in self._values.keys() - set(self._known):
            near = rules.nearest(key, self._known)
            self._note(self._lines[key], f"unknown key {key}{near}; known are {', '.join(self._known)}")

    def _note(self, line: int, problem: str) -> None:
        self._faults.append(_Fault(line, f"{self._place}{problem}"))


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _value(node: yaml.Node) -> Any:
    try:
        return yaml.SafeLoader("").construct_document(node)
    except (ValueError, yaml.YAMLError):
        return node.value  # such as 2026-02-30, no day at all: whoever reads the key says what it must be


def _reference(root: yaml.Node | None, faults: list[_Fault]) -> Reference:
    if not isinstance(root, yaml.MappingNode):
        faults.append(_Fault(1, "must hold `centers:`, `factories:` or `publishers:`"))
        return Reference()
    file = _Mapping(root, "", faults)
    source = file.take("source", _text, None)
    reference = Reference(
        _parties(file.entries("centers"), "center", lambda entry: _center(entry, source), faults),
        _parties(file.entries("factories"), "factory", lambda entry: _factory(entry, source), faults),
        _parties(file.entries("publishers"), "publisher", lambda entry: _grant(entry, source), faults),
    )
    file.done()
    if not faults and reference == Reference():
        faults.append(_Fault(file.line, "names nobody; add entries under `centers:`, `factories:` or `publishers:`"))
    return reference


def _parties(entries: list[yaml.Node], kind: str, read: Callable[[_Mapping], P], faults: list[_Fault]) -> tuple[P, ...]:
    """The sound ones of the entries of a list."""
    lines: dict[tuple[str, ...], int] = {}
    found = []
    for entry in entries:
        line, before = _line(entry), len(faults)
        if not isinstance(entry, yaml.MappingNode):
            faults.append(_Fault(line, f"{kind}: must be a mapping, `key: value` on each line"))
            continue
        name = next((rules.shown(_value(value)) for key, value in entry.value if key.value == "id"), "without id")
        mapping = _Mapping(entry, f"{kind} {name}: ", faults)
        party = read(mapping)
        mapping.done()
        if len(faults) > before:
            continue
        own: tuple[str, ...] = (party.publisher_id, party.public_key) if isinstance(party, Grant) else (party.id,)
        if (first := lines.setdefault((*own, str(party.valid_from)), line)) != line:
            faults.append(
                _Fault(line, f"{kind} {name}: {party.valid_from} is in line {first} as well; leave one, or change its valid_from")
            )
        found.append(party)
    return tuple(found)


def _center(entry: _Mapping, source: str | None) -> Center:
    fields = _fields(entry, rules.center, source)
    return Center(
        **fields, rounds_per_day=entry.take("rounds_per_day", _capacity, None), live_from=entry.take("live_from", _start, None)
    )


def _factory(entry: _Mapping, source: str | None) -> Factory:
    return Factory(**_fields(entry, rules.identifier, source))


def _grant(entry: _Mapping, source: str | None) -> Grant:
    grant = Grant(
        publisher_id=entry.take("id", _text, missing="it is what this publisher is called"),
        public_key=entry.take("public_key", _public_key, missing="`weftline publisher key new` prints it"),
        valid_from=entry.take("valid_from", _day, missing="it is the day from which on its events may have happened"),
        valid_until=entry.take("valid_until", _day, None),
        revoked_from=entry.take("revoked_from", _moment, None),
        sources=entry.take("sources", _names, missing="it lists the sources for which this key may speak"),
        centers=entry.take("centers", _names, missing="it lists the centers for which this key may speak"),
        cooperatives=entry.take("cooperatives", _names, missing="it lists the cooperatives for which this key may speak"),
        laboratories=entry.take("laboratories", _names, ()),
        source=entry.take("source", _text, source or _REQUIRED, missing="say who said so, here or once for the whole file"),
    )
    if grant.valid_from and grant.valid_until and grant.valid_until <= grant.valid_from:
        entry.wrong("valid_until", f"must be later than valid_from, {grant.valid_from}")
    return grant


def _fields(entry: _Mapping, identify: rules.Check, source: str | None) -> dict[str, Any]:
    """What both kinds of party have; ``source`` is the file's."""
    return {
        "id": entry.take("id", _checked(identify), missing="it is what its events call it"),
        "valid_from": entry.take("valid_from", _day, missing="it is the day from which on the entry holds"),
        "cooperative_id": entry.take("cooperative_id", _text, ""),
        "name_zh": entry.take("name_zh", _text),
        "name_en": entry.take("name_en", _text, missing="where there is none, repeat name_zh"),
        "source": entry.take("source", _text, source or _REQUIRED, missing="say who said so, here or once for the whole file"),
    }


def _checked(check: rules.Check) -> Read:
    """A reader by a rule of the events' contract: an id that no event can carry would name nobody."""

    def read(value: Any) -> Any:
        if not isinstance(value, str):
            raise UserError(f"must be text (quoted, if it looks like a number), not {value!r}")
        try:
            return check(value)
        except ContractError as error:
            raise UserError(error.problem) from None

    return read


_text = _checked(rules.identifier)


def _day(value: Any) -> date:
    if not isinstance(value, date) or isinstance(value, datetime) or not _FIRST_DAY <= value <= _LAST_DAY:
        raise UserError(f"must be a day like 2026-03-01, without quotes, {_FIRST_DAY} to {_LAST_DAY}; not {str(value)!r}")
    return value


def _public_key(value: Any) -> str:
    if value == UNSIGNED:
        return UNSIGNED
    try:
        return written(public_key(value))
    except (ValueError, AttributeError) as error:
        raise UserError(f"must be the key that `weftline publisher key new` printed, or {UNSIGNED}; {value!r} {error}") from None


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise UserError("must be a list of names, such as [haimen]; a * at the end of one stands for all that begin so")
    names = [_text(name) for name in value]
    for name in names:
        if "*" in name[:-1]:
            raise UserError(f"{name!r}: a * stands at the end of a name, or nowhere")
    return tuple(sorted(set(names)))


def _moment(value: Any) -> int:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise UserError(f"must be a time with its offset like 2026-03-01T08:00:00+08:00, without quotes; not {str(value)!r}")
    return int(value.timestamp() * 1000)


def _start(value: Any) -> int:
    """A day begins as all days do here, in UTC; whoever means another midnight gives the moment."""
    if isinstance(value, datetime):
        return _moment(value)
    try:
        day = _day(value)
    except UserError as error:
        raise UserError(f"{error}, or a time with its offset like 2026-03-01T00:00:00+08:00") from None
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)


def _capacity(value: Any) -> float:
    rounds = decimal(value)
    if rounds <= 0:
        raise UserError(f"must be greater than 0, not {value!r}; leave it out if nobody knows")
    return float(rounds)
