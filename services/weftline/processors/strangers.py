"""Foreign rows: found by the audit's looks, deleted by their exact version. Only ``weftline rebuild`` does that; see there why it may.

A deletion is a mutation of the parts in which such rows lie, waited for on all replicas.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from weftline.domain.revisions import JUDGED_IN_SQL
from weftline.processors import audit_tables
from weftline.processors.audit_tables import Difference, Row
from weftline.processors.audit_windows import Rolled, Window, facts_of, rollups_of
from weftline.processors.kinds import GRAINS, Kind
from weftline.warehouse.client import Reader

#: Rows named in one statement, so that its text stays below a megabyte.
ROWS_AT_ONCE = 2_000

_RECORD = ("owner", "event_time", "source", "event_id", "rank")


class Strangers:
    """Foreign rows of one kind."""

    def __init__(self, kind: Kind, reader: Reader) -> None:
        self._kind = kind
        self._reader = reader
        self._grain_of = {audit_tables.rollup(kind, grain): grain for grain in GRAINS}
        rows = reader.rows("SELECT table, name, type FROM system.columns WHERE database = currentDatabase()")
        self._types = {(table, name): type_ for table, name, type_ in rows}

    @staticmethod
    def is_one(difference: Difference) -> bool:
        """Whether the row must go before it can be made anew: no record gives it, or none explains its version."""
        return difference.versions is not None

    def remove(self, differences: Iterable[Difference]) -> set[int]:
        """Delete the foreign rows among these of facts, state and alerts; the windows (s) in which they counted."""
        by_table: dict[str, list[Difference]] = {}
        for difference in filter(self.is_one, differences):
            by_table.setdefault(difference.table, []).append(difference)
        minutes = {audit_tables.minute_of(difference.key) for difference in by_table.get(self._kind.facts, ())}
        for table, found in by_table.items():
            if table == "alerts":
                self._withdraw([difference.key for difference in found if difference.what == "extra"])
            names = audit_tables.columns(self._kind)[table].key
            version = {"alerts": JUDGED_IN_SQL, self._kind.facts: "rev"}.get(table, "version")
            for columns in (names, (*names, "minute")):
                rows = [_exact(difference) for difference in found if len(difference.key) == len(columns)]
                self._delete(table, columns, rows, version)
        return minutes

    def _withdraw(self, keys: Sequence[Row]) -> None:
        """An alert that was sent is withdrawn: its factory must be told. Below every version, so that whatever is judged wins."""
        for part in _parts(keys):
            self._reader.command(
                "INSERT INTO alerts SELECT * REPLACE (0 AS version, revision + 1 AS revision, 'WITHDRAWN' AS status, 0 AS published, "
                "now64(3) AS stored_at) FROM alerts FINAL WHERE kind = {kind:String} AND published AND status != 'WITHDRAWN' "
                "AND (owner, alert_id) IN {keys:Array(Tuple(String, String))}",
                {"kind": self._kind.name, "keys": part},
            )

    def windows(self, doubted: Iterable[Window]) -> list[Difference]:
        """Those of the windows whose rollup is not what their facts add up to, as far as the facts rest."""
        asked = list(doubted)
        before = facts_of(self._kind, self._reader, asked)
        rolled = rollups_of(self._kind, self._reader, asked)
        after = facts_of(self._kind, self._reader, asked)
        wrong = []
        for window, (most, *amounts) in after.items():
            grain, start, center_id = window
            found = rolled.get(window, Rolled(0, None))
            ought = tuple(amounts) if any(amounts) else None
            excess = found.version > most
            if before[window] != after[window] or (found.amounts == ought and not excess):
                continue
            is_, should = (found.amounts, ought) if found.amounts != ought else (found.amounts or (), ought or ())
            versions = (found.version, most) if excess or ought is None else None
            wrong.append(Difference(audit_tables.rollup(self._kind, grain), (start, center_id), is_, should, versions))
        return wrong

    def remove_windows(self, wrong: Iterable[Difference]) -> None:
        """Delete those rows of rollups that a refresh cannot replace: their version is too great, or nothing is left to add up."""
        by_table: dict[str, list[Row]] = {}
        for difference in filter(self.is_one, wrong):
            by_table.setdefault(difference.table, []).append(_exact(difference))
        for table, rows in by_table.items():
            self._delete(table, (self._grain_of[table], "center_id"), rows, "version")

    def remove_records(self, broken: Iterable[Difference]) -> None:
        """Delete records by their address."""
        self._delete(self._kind.records, _RECORD, [difference.key for difference in broken])

    def _delete(self, table: str, names: Sequence[str], rows: Sequence[Row], version: str = "") -> None:
        """Delete the rows with these values, of the columns named and, last, of ``version``: what comes meanwhile stays."""
        kind = f"kind = '{self._kind.name}' AND " if table == "alerts" else ""
        columns = [*names, version] if version else [*names]
        if not rows:
            return
        types = [self._types[table, name] for name in names]
        if version:
            types.append("UInt128" if version == "rev" else "UInt256")
        for part in _parts(rows):
            self._reader.command(
                f"ALTER TABLE {table} DELETE WHERE {kind}({', '.join(columns)}) IN {{rows:Array(Tuple({', '.join(types)}))}} "
                "SETTINGS mutations_sync = 2",
                {"rows": part},
            )


def _exact(difference: Difference) -> Row:
    return (*difference.key, difference.versions[0] if difference.versions else 0)


def _parts(rows: Sequence[Row]) -> Iterable[list[Any]]:
    return (list(rows[begin : begin + ROWS_AT_ONCE]) for begin in range(0, len(rows), ROWS_AT_ONCE))
