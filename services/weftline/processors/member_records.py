"""The stored records of a cooperative's members, for commands that fold them in memory: read only, and from records alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from weftline.contracts.codec import Codec
from weftline.contracts.kinds import BY_PROCESSOR, MessageKind
from weftline.domain.cooperative.history import EventRef, History
from weftline.domain.cooperative.judged import history_of
from weftline.domain.events import Event
from weftline.domain.fold import Record
from weftline.domain.inspection_amounts import report_key
from weftline.domain.laboratory import Standards
from weftline.domain.rows.inspections import ReportKey
from weftline.errors import ContractError, UserError
from weftline.warehouse import cuts
from weftline.warehouse.client import Reader

_COOPERATIVE, _INSPECTIONS = BY_PROCESSOR["cooperative"], BY_PROCESSOR["inspections"]


@dataclass(frozen=True, slots=True)
class MemberRecords:
    """What is stored of a member: of its cooperative's matters, and of its inspections."""

    cooperative_id: str
    factory_id: str
    own: Sequence[Record[Any]] = field(default=(), repr=False)
    inspections: Sequence[Record[Any]] = field(default=(), repr=False)

    def history(self, standards: Standards, until: int | None = None) -> History:
        """The history that the records tell, with what happened until then (ms by event time; None: all of it)."""
        return history_of(self.own, self.inspections, standards, until)

    def without(self, events: Iterable[EventRef]) -> MemberRecords:
        """As if these events had never been sent; a laboratory and the number of its report stand for all events of that report. Raises
        :class:`UserError` if one of them is none of this member."""
        gone = set(events)
        known = {EventRef(*record.identity) for record in (*self.own, *self.inspections)}
        for name in gone - known:
            if of_report := {EventRef(*one.identity) for one in self.inspections if report_key(one.event) == ReportKey(*name)}:
                gone = gone - {name} | of_report
        if unknown := sorted(gone - known):
            words = "; ".join(f"{source} {event_id}" for source, event_id in unknown)
            raise UserError(
                f"{self.factory_id} has no event {words}; `weftline credit explain {self.factory_id}` names those it has"
            )
        return MemberRecords(self.cooperative_id, self.factory_id, *(_but(these, gone) for these in (self.own, self.inspections)))


def members(reader: Reader, cooperative_id: str | None = None, factory_id: str | None = None) -> list[tuple[str, str]]:
    """(cooperative, factory) of all of whom there are records; the cooperative's own matters stand under its own id."""
    rows = reader.rows(f"SELECT DISTINCT owner FROM {_COOPERATIVE.records} ORDER BY owner")
    pairs = [(cooperative, factory) for (owner,) in rows for cooperative, _, factory in [owner.partition("|")]]
    return [pair for pair in pairs if cooperative_id in (None, pair[0]) and factory_id in (None, pair[1])]


def read_members(reader: Reader, codec: Codec, of: Sequence[tuple[str, str]]) -> list[MemberRecords]:
    """The records of these members, in the same order."""
    own = _records(reader, codec, _COOPERATIVE, ["|".join(pair) for pair in of])
    factories = list(dict.fromkeys(factory for _, factory in of))
    inspections = _records(reader, codec, _INSPECTIONS, factories)
    return [MemberRecords(*pair, own.get("|".join(pair), ()), inspections.get(pair[1], ())) for pair in of]


def _records(reader: Reader, codec: Codec, kind: MessageKind, owners: Sequence[str]) -> Mapping[str, list[Record[Any]]]:
    found: dict[str, list[Record[Any]]] = {}
    for part in cuts.texts(owners):
        statement = f"SELECT DISTINCT owner, value FROM {kind.records} WHERE owner IN {{owners:Array(String)}}"
        for owner, value in reader.rows(statement, {"owners": part}, binary=("value",)):
            found.setdefault(owner, []).append(_record(codec, kind.topic, owner, value))
    return found


def _record(codec: Codec, topic: str, owner: str, value: bytes) -> Record[Any]:
    try:
        event, rank = codec.stored(topic, value)
    except ContractError as error:
        raise UserError(f"a stored record of {owner} no longer reads: {error}; `weftline audit` names it") from error
    if not isinstance(event, Event):
        raise TypeError(f"a stored record of {owner} is a {type(event).__name__}")
    return Record(event, rank)


def _but(records: Iterable[Record[Any]], gone: set[EventRef]) -> tuple[Record[Any], ...]:
    def kept() -> Iterator[Record[Any]]:
        for record in records:
            if EventRef(*record.identity) not in gone:
                yield record

    return tuple(kept())
