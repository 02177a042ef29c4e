"""Dead letters as people handle them: what there is and why, one in full, and what was done about it.

A letter is a row of ``dead_letters``, one per record and reason. Nothing is ever deleted: an action on a record (``replayed``,
``dropped``) is a row of its own, and a record without one is open. A replayed record that fails again is a dead letter at its new
offset, so it is open anew by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final, NamedTuple, Self

from weftline.contracts.publishers import Grants
from weftline.errors import UserError
from weftline.warehouse.client import Reader
from weftline.warehouse.publishers import Place, read_grants, signatures

#: Letters held in memory at once while many are handled: 500 MB of the largest that a broker takes, usually some 200 KB.
PAGE: Final = 500


class Address(NamedTuple):
    """Where a record lies, written ``topic/partition/offset``."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The address in a text; UserError if it is none."""
        topic, _, rest = text.partition("/")
        partition, _, offset = rest.partition("/")
        if not topic or not all(part.isascii() and part.isdigit() for part in (partition, offset)):
            raise UserError(
                f"{text!r} is no address of a record; write TOPIC/PARTITION/OFFSET as `weftline dlq list --records` does"
            )
        return cls(topic, int(partition), int(offset))


@dataclass(frozen=True, slots=True)
class Selection:
    """Which letters: all that meet every condition given. Times are the broker's, milliseconds, UTC; ``until`` is excluded."""

    address: Address | None = None
    topic: str | None = None
    reason: str | None = None
    since: int | None = None
    until: int | None = None
    open_only: bool = True

    def where(self) -> tuple[str, dict[str, Any]]:
        """The condition in SQL, and its parameters."""
        conditions: dict[str, dict[str, Any]] = {"status = 'open'": {}} if self.open_only else {}
        if self.address is not None:
            conditions["topic = {at_topic:String} AND partition = {at_partition:Int32} AND offset = {at_offset:Int64}"] = {
                "at_topic": self.address.topic,
                "at_partition": self.address.partition,
                "at_offset": self.address.offset,
            }
        for condition, name, value in (
            ("topic = {topic:String}", "topic", self.topic),
            ("reason = {reason:String}", "reason", self.reason),
            ("received_at >= fromUnixTimestamp64Milli({since:Int64})", "since", self.since),
            ("received_at < fromUnixTimestamp64Milli({until:Int64})", "until", self.until),
        ):
            if value is not None:
                conditions[condition] = {name: value}
        parameters: dict[str, Any] = {}
        for more in conditions.values():
            parameters |= more
        return " AND ".join(conditions) or "1", parameters


class Group(NamedTuple):
    """Letters of one topic, reason and field that share a status. ``first`` and ``last`` are the broker's times (ms, UTC)."""

    topic: str
    reason: str
    field: str
    status: str
    records: int
    first: int
    last: int
    example: str
    address: str


class Letter(NamedTuple):
    """One dead letter, byte for byte unless ``cut`` says otherwise; ``size`` is what the value had, ``sha256`` that of its first
    ``hashed`` bytes."""

    address: Address
    reason: str
    field: str
    detail: str
    schema_id: int | None
    key: bytes | None
    value: bytes | None
    received_at: int
    status: str
    note: str
    cut: str = ""
    size: int | None = None
    sha256: str = ""
    hashed: int = 0


_COLUMNS: Final = (
    "topic, partition, offset, reason, field, detail, schema_id, key, value, toUnixTimestamp64Milli(received_at), status, note, "
    "cut, size, sha256, hashed"
)


class DeadLetters:
    """The tables of dead letters."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        missing = {"dead_letters", "dead_letter_actions", "dead_letter_status"} - {
            name for (name,) in reader.rows("SELECT name FROM system.tables WHERE database = currentDatabase()")
        }
        if missing:
            raise UserError(f"ClickHouse has no table {', '.join(sorted(missing))}; run `weftline migrate`")

    def groups(self, selection: Selection) -> list[Group]:
        """What there is and why, the most first."""
        where, parameters = selection.where()
        rows = self._reader.rows(
            "SELECT topic, reason, field, status, count() AS records, toUnixTimestamp64Milli(min(received_at)), "
            "toUnixTimestamp64Milli(max(received_at)), argMax(detail, (received_at, partition, offset)), "
            "argMax(concat(topic, '/', toString(partition), '/', toString(offset)), (received_at, partition, offset)) "
            f"FROM dead_letter_status WHERE {where} GROUP BY topic, reason, field, status "
            "ORDER BY status = 'open' DESC, records DESC, topic, reason, field",
            parameters,
        )
        return [Group(*row) for row in rows]

    def letters(self, selection: Selection, limit: int) -> list[Letter]:
        """The newest letters, at most ``limit``."""
        where, parameters = selection.where()
        return self._read(
            f"{where} ORDER BY received_at DESC, topic, partition, offset DESC, reason LIMIT {int(limit)}", parameters
        )

    def pages(self, selection: Selection) -> Iterator[list[Letter]]:
        """The selected records in the order of their addresses, page by page, each record once whatever its reasons.

        Letters that come while the pages are read are not among them: those may be of records that were replayed a page before.
        """
        where, parameters = selection.where()
        ((began,),) = self._reader.rows("SELECT toUnixTimestamp64Milli(now64(3))")
        after = Address("", -1, -1)
        while True:
            page = self._read(
                f"{where} AND stored_at <= fromUnixTimestamp64Milli({{began:Int64}}) AND (topic, partition, offset) > "
                "({after_topic:String}, {after_partition:Int32}, {after_offset:Int64}) "
                f"ORDER BY topic, partition, offset, reason LIMIT 1 BY topic, partition, offset LIMIT {PAGE}",
                {
                    **parameters,
                    "began": began,
                    "after_topic": after.topic,
                    "after_partition": after.partition,
                    "after_offset": after.offset,
                },
            )
            if not page:
                return
            after = page[-1].address
            yield page

    def act(self, addresses: Sequence[Address], action: str, note: str = "") -> None:
        """Note what was done about these records."""
        for (topic, partition), group in groupby(sorted(addresses), key=lambda address: address[:2]):
            self._reader.command(
                "INSERT INTO dead_letter_actions (topic, partition, offset, action, note) "
                "SELECT {topic:String}, {partition:Int32}, arrayJoin({offsets:Array(Int64)}), {action:String}, {note:String}",
                {
                    "topic": topic,
                    "partition": partition,
                    "offsets": [address.offset for address in group],
                    "action": action,
                    "note": note,
                },
            )

    def actions(self, address: Address) -> list[tuple[str, str, int]]:
        """What was done about a record: action, note and time (ms, UTC), the oldest first."""
        where, parameters = Selection(address, open_only=False).where()
        rows = self._reader.rows(
            f"SELECT action, note, toUnixTimestamp64Milli(acted_at) FROM dead_letter_actions FINAL WHERE {where} ORDER BY acted_at",
            parameters,
        )
        return [(action, note, at) for action, note, at in rows]

    def grants(self) -> Grants:
        """The grants of the reference data, by which a replayed letter is judged."""
        return read_grants(self._reader)

    def signatures(self, addresses: Sequence[Address]) -> dict[Place, bytes]:
        """The signatures with which these records came, as far as they were signed."""
        return signatures(self._reader, addresses)

    def _read(self, rest: str, parameters: dict[str, Any]) -> list[Letter]:
        rows = self._reader.rows(f"SELECT {_COLUMNS} FROM dead_letter_status WHERE {rest}", parameters, binary=("key", "value"))
        return [Letter(Address(*row[:3]), *row[3:]) for row in rows]
