"""How reference data are written: a file with lists of cooperatives, centers, factories and what belongs to them.

Loading takes the whole file or nothing of it, so that what two entries say of the same party is told with the line of both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Any, ClassVar, Final

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator

from weftline.contracts import rules
from weftline.contracts.publishers import UNSIGNED
from weftline.contracts.signing import public_key, written
from weftline.contracts.yaml_types import Fault, Lacks, Model, NotA, checked, mappings, milliseconds, number, one_of
from weftline.errors import ContractError

# ClickHouse's Date; what lies outside would be stored as another day.
_FIRST_DAY, _LAST_DAY = date(1970, 1, 1), date(2149, 6, 6)
_DAY_IS: Final = f"must be a day like 2026-03-01, without quotes, {_FIRST_DAY} to {_LAST_DAY}"
_NAMES_ARE: Final = "must be a list of names, such as [haimen]; a * at the end of one stands for all that begin so"
_FROM: Final = "it is the day from which on the entry holds"
_WHO: Final = "say who said so, here or once for the whole file"
_PARTY: Final = ("factory_id", "cooperative_id", "center_id")
#: Kinds of party that an alias may stand for, and which of a party's contacts one is.
KINDS: Final = ("cooperative", "center", "factory")
CONTACTS: Final = ("first", "second")


def _day(value: Any) -> date:
    if not isinstance(value, date) or isinstance(value, datetime) or not _FIRST_DAY <= value <= _LAST_DAY:
        raise NotA(_DAY_IS)
    return value


def _moment(value: Any) -> int:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise NotA("must be a time with its offset like 2026-03-01T08:00:00+08:00, without quotes")
    return milliseconds(value)


def _start(value: Any) -> int:
    """A day begins as all days do here, in UTC; whoever means another midnight gives the moment."""
    if isinstance(value, datetime):
        return _moment(value)
    try:
        day = _day(value)
    except NotA:
        raise NotA(f"{_DAY_IS}, or a time with its offset like 2026-03-01T00:00:00+08:00") from None
    return milliseconds(datetime(day.year, day.month, day.day, tzinfo=UTC))


def _capacity(value: Any) -> float:
    rounds = number(value)
    if rounds <= 0:
        raise NotA("must be greater than 0 (leave it out if nobody knows)")
    return float(rounds)


def _resources(value: Any) -> Any:
    if not isinstance(value, dict) or not value:
        raise NotA("must be a mapping of resources, such as {digital printer: 12}")
    return value


def _public_key(value: Any) -> str:
    if value == UNSIGNED:
        return UNSIGNED
    try:
        return written(public_key(value))
    except (ValueError, AttributeError, TypeError) as error:
        raise NotA(f"must be the key that `weftline publisher key new` printed, or {UNSIGNED} ({error})") from None


def _some(value: Any) -> Any:
    if not isinstance(value, list) or not value:
        raise NotA(_NAMES_ARE)
    return value


def _pattern(name: str) -> str:
    if "*" in name[:-1]:
        raise NotA("must have its * at the end of a name, or nowhere")
    return name


Identifier = Annotated[str, checked(rules.identifier)]
StoredDay = Annotated[date, PlainValidator(_day)]
Names = Annotated[
    list[Annotated[Identifier, AfterValidator(_pattern)]], BeforeValidator(_some), AfterValidator(lambda names: sorted(set(names)))
]


class _Entry(Model):
    def said(self, source: str | None) -> dict[str, Any]:
        """The fields of the domain's type; ``source`` is the file's."""
        said = {key: tuple(value) if isinstance(value, list) else value for key, value in self if key != "source"}
        return said | {"source": getattr(self, "source", None) or source}


class _Cooperative(_Entry):
    id: Annotated[Identifier, Field(description="it is what its events call it")]
    valid_from: StoredDay = Field(description=_FROM)
    name_zh: Identifier
    name_en: Annotated[Identifier, Field(description="where there is none, repeat name_zh")]
    source: Identifier | None = None


class _Party(_Cooperative):
    cooperative_id: Identifier = ""


class _Center(_Party):
    id: Annotated[str, checked(rules.center), Field(description="it is what its events call it")]
    rounds_per_day: Annotated[float, PlainValidator(_capacity)] | None = None
    live_from: Annotated[int, PlainValidator(_start)] | None = None
    capacity: Annotated[dict[Identifier, Annotated[float, PlainValidator(_capacity)]], BeforeValidator(_resources)] = {}


class _Product(_Entry):
    factory_id: Annotated[Identifier, Field(description="it is whose product it is")]
    style_number: Annotated[Identifier, Field(description="it is what its events call it")]
    valid_from: StoredDay = Field(description=_FROM)
    product_category: Identifier = ""
    name_zh: Identifier
    name_en: Annotated[Identifier, Field(description="where there is none, repeat name_zh")]
    source: Identifier | None = None


class _Contact(_Entry):
    factory_id: Identifier = ""
    cooperative_id: Identifier = ""
    center_id: Identifier = ""
    contact: Annotated[str, one_of({word: word for word in CONTACTS}), Field(description="it is first or second")]
    valid_from: StoredDay = Field(description=_FROM)
    receiver: Identifier = ""
    name: Identifier = ""
    source: Identifier | None = None


class _Alias(_Entry):
    kind: Annotated[str, one_of({word: word for word in KINDS}), Field(description=f"it is one of {', '.join(KINDS)}")]
    used_by: Annotated[Identifier, Field(description="it is the source of the events that say it")]
    alias: Annotated[Identifier, Field(description="it is what those events say")]
    valid_from: StoredDay = Field(description=_FROM)
    id: Identifier = ""
    source: Identifier | None = None


class _Grant(_Entry):
    id: Annotated[Identifier, Field(description="it is what this publisher is called")]
    public_key: Annotated[str, PlainValidator(_public_key), Field(description="`weftline publisher key new` prints it")]
    valid_from: Annotated[StoredDay, Field(description="it is the day from which on its events may have happened")]
    valid_until: StoredDay | None = None
    revoked_from: Annotated[int, PlainValidator(_moment)] | None = None
    sources: Annotated[Names, Field(description="it lists the sources for which this key may speak")]
    centers: Annotated[Names, Field(description="it lists the centers for which this key may speak")]
    cooperatives: Annotated[Names, Field(description="it lists the cooperatives for which this key may speak")]
    laboratories: Names = []
    source: Identifier | None = None

    def said(self, source: str | None) -> dict[str, Any]:
        said = super().said(source)
        return {"publisher_id": said.pop("id"), **said}


class ReferenceFile(Model):
    source: Identifier | None = None
    cooperatives: list[_Cooperative] = []
    centers: list[_Center] = []
    factories: list[_Party] = []
    products: list[_Product] = []
    contacts: list[_Contact] = []
    aliases: list[_Alias] = []
    publishers: list[_Grant] = []

    #: What tells one entry of a list from the others, beside its day.
    OWN: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "cooperatives": ("id",),
        "centers": ("id",),
        "factories": ("id",),
        "products": ("factory_id", "style_number"),
        "contacts": (*_PARTY, "contact"),
        "aliases": ("kind", "used_by", "alias"),
        "publishers": ("id", "public_key"),
    }

    @classmethod
    def beside(cls, body: Mapping[Any, Any]) -> Iterator[Fault]:
        if not any(body.get(part) for part in cls.OWN) and body.keys() <= {"source", *cls.OWN}:
            *others, last = (f"`{part}:`" for part in cls.OWN)
            yield Fault(f"names nobody; add entries under {', '.join(others)} or {last}")
        for part in cls.OWN:
            first: dict[tuple[Any, ...], Any] = {}
            for step, entry in mappings(body, part):
                if entry.get("source") is None and body.get("source") is None:
                    yield Lacks(_WHO, part, step, "source")
                if part == "contacts" and sum(entry.get(key) is not None for key in _PARTY) != 1:
                    yield Fault(f"says whose contact it is by one of {', '.join(_PARTY)}", part, step)
                until, since = entry.get("valid_until"), entry.get("valid_from")
                if type(until) is type(since) is date and until <= since:
                    yield Fault(f"must be later than valid_from, {since}", part, step, "valid_until")
                name = tuple(repr(entry.get(key)) for key in (*cls.OWN[part], "valid_from"))
                if _is_sound(part, entry) and (known := first.setdefault(name, step)) != step:
                    problem = f"{since} is in line {{line}} as well; leave one, or change its valid_from"
                    yield Fault(problem, part, step, first=(part, known))


def _is_sound(part: str, entry: Mapping[Any, Any]) -> bool:
    """Whether an entry says which one it is, so that another can be the same."""
    own = [key for key in ReferenceFile.OWN[part] if part != "contacts" or key not in _PARTY or entry.get(key) is not None]
    try:
        _day(entry.get("valid_from"))
        return all(rules.identifier(entry.get(key)) for key in own)
    except (Fault, ContractError):
        return False
