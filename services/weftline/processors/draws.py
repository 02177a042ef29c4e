"""State of one kind that rests on what another kind's tables say as well: a member's on its factory's judged reports.

The other kind's records are neither stored nor judged twice. What is drawn are its *state rows*, as they stand. Each of them bears the sum
of the ranks of which it is, and that only grows; so does the sum over all of them, since none is ever removed. Whoever reads later knows
at least as much, of each row. So the version of what is made is the sum of the ranks of the owner's own records and of these sums: who
knows less of both never overwrites who knows more. That in the end somebody writes who knows all, a sweep sees to: it makes the rows again
of whomever something was stored of since the last one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from weftline.domain.fold import Drawn, Known
from weftline.domain.revisions import known_in


class Draws(NamedTuple):
    """What a kind draws. ``table``: the other kind's table of state. ``columns``: those of it that make a ``row``, where ``of`` holds.
    ``theirs``: whose rows there are an owner's; and the same in SQL, of the column ``owner``."""

    table: str
    columns: tuple[str, ...]
    row: Callable[..., Any]
    of: str
    theirs: Callable[[str], str]
    theirs_in_sql: str

    @property
    def query(self) -> str:
        """Rows of some ``owners`` of the other kind: whose, version, records, whether one is made of it, and the columns."""
        names = ", ".join(self.columns)
        return f"SELECT owner, version, records, {self.of}, {names} FROM {self.table} FINAL WHERE owner IN {{owners:Array(String)}}"

    def asked(self, owners: Iterable[str]) -> list[str]:
        """Whom to ask about in the other kind's table."""
        return sorted({self.theirs(owner) for owner in owners})

    def drawn(self, owners: Iterable[str], rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[str, Drawn]]:
        """What was found, by our owners."""
        found: dict[str, list[tuple[Any, ...]]] = {}
        for row in rows:
            found.setdefault(row[0], []).append(row)
        for owner in owners:
            theirs = found.get(self.theirs(owner), [])
            known = Known(sum(row[2] for row in theirs), sum(known_in(row[1]) for row in theirs))
            yield owner, Drawn(known, tuple(self.row(*row[4:]) for row in theirs if row[3]))
