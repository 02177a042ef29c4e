"""A table on its way: all of it is read and checked, held against the ledger, advised on, and only then is anything sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple, Protocol, TypeAlias

from weftline.contracts.advice import Advice
from weftline.contracts.kinds import AnyEvent
from weftline.errors import ContractError, UserError
from weftline.files.cells import CellFault, Faults, Place, Table
from weftline.files.columns import Layout, laid_out
from weftline.files.events import EventMaker, Made
from weftline.files.fields import RowKind
from weftline.files.header import find_header
from weftline.files.ledger import Change, Ledger
from weftline.files.mapping_file import MappingFile
from weftline.files.reading import open_table
from weftline.files.rows import LeftOut, RowReader
from weftline.files.spool import Spool
from weftline.sdk.common import Defaults
from weftline.sdk.delivery import DeliveryError
from weftline.sdk.files import KEPT_PROBLEMS, Advise

CHUNK: Final = 2_000
"""Rows that are noted, sent and waited for together; after a kill so many at most are sent again."""

PROGRESS_EVERY: Final = 500


class Sending(Protocol):
    """Whoever sends events: a :class:`~weftline.sdk.Publisher`."""

    def hand_over(self, event: AnyEvent) -> object:
        """Send one."""

    def together(self) -> AbstractContextManager[None]:
        """What is handed over inside is kept as one where it is kept on a disk."""

    def flush(self) -> int:
        """Wait until all have arrived; :class:`DeliveryError` where some have not."""


class Step(NamedTuple):
    """How far it has come: ``done`` of ``total`` (None: not known yet) rows are read, or changes sent."""

    what: str
    done: int
    total: int | None


class Warned(NamedTuple):
    """What is odd about an event that keeps its contract, and where it comes from."""

    place: str
    reason: str


@dataclass(frozen=True, slots=True)
class Reporting:
    """Whom it tells what: of each change before it is sent, of each warning, of its progress."""

    change: Callable[[Change], None] = lambda _: None
    warning: Callable[[Warned], None] = lambda _: None
    step: Callable[[Step], None] = lambda _: None


@dataclass(slots=True)
class Outcome:
    """What became of a table.

    ``new``: events of rows that were not sent before. ``edited``: rows that say something else than before, of which the old event was
    declared erroneous and a new one sent. ``unchanged``: events that were sent before. ``repeated``: rows that say what an earlier one of
    the same key says. ``resent``: what was noted and not known to have arrived when the last run ended. ``sent`` is False for a dry run.
    ``unverified``: of its ``reports``, those whose row does not say that they were verified.
    """

    name: str
    sent: bool
    new: int = 0
    edited: int = 0
    unchanged: int = 0
    repeated: int = 0
    resent: int = 0
    warned: int = 0
    undelivered: int = 0
    delivery: DeliveryError | None = None
    reports: int = 0
    unverified: int = 0
    left_out: LeftOut = field(default_factory=LeftOut)
    faults: Faults = field(default_factory=Faults)
    unused: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    warnings: list[Warned] = field(default_factory=list)

    @property
    def exit_status(self) -> int:
        """0 when all rows are events that have arrived, or would have been sent; 1 otherwise."""
        return 1 if self.faults.count or self.undelivered else 0


AdviseOne: TypeAlias = Callable[[AnyEvent], Sequence[Advice]]


@dataclass(frozen=True, slots=True)
class Means:
    """What a table is published with. ``send`` None is a dry run; ``stored`` tells what the tables know, where somebody can be asked.

    ``skip_faulty``: the rows at fault are left out and the others sent; ``strict``: a warning is a fault. ``now``: ms since the epoch.
    ``refusals``: why an event may not be sent by whoever sends it, which is a fault of its row; ``max_rows``: how long a table may be.
    ``leaves_out``: what somebody says to have rows at fault left out.
    """

    ledger: Path
    defaults: Defaults
    advise: AdviseOne
    send: Sending | None
    now: Callable[[], int]
    stored: Advise | None = None
    skip_faulty: bool = False
    strict: bool = False
    refusals: Callable[[AnyEvent], Iterable[ContractError]] = lambda _: ()
    max_rows: int | None = None
    leaves_out: str = "--skip-faulty"


def publish_table(path: Path, mapping: MappingFile, means: Means, tell: Reporting) -> Outcome:
    """Publish a table, and wait until all of it has arrived.

    Raises :class:`UserError` with every fault where a row is wrong, and then nothing was sent; with ``skip_faulty`` the faults stand in
    the outcome.
    """
    table = open_table(path, mapping.sheet, mapping.encoding, mapping.separator)
    outcome = Outcome(table.name, means.send is not None)
    spool = Spool()
    try:
        layout = _check(table, mapping, means, spool, outcome, tell)
        _stop_at_faults(outcome, means)
        with Ledger(means.ledger, reading=means.send is None) as ledger:
            ledger.known_by(layout.known_by)
            if means.strict:
                _refuse_odd(spool, ledger, means, outcome)
            _go(spool, ledger, means, outcome, tell)
    finally:
        spool.close()
    return outcome


def _check(table: Table, mapping: MappingFile, means: Means, spool: Spool, outcome: Outcome, tell: Reporting) -> Layout:
    """Read all rows, make events of them, and put these by."""
    header = find_header(table, mapping)
    layout = laid_out(mapping, header, means.defaults)
    outcome.unused, outcome.notes = header.unused(), list(table.notes)
    faults = outcome.faults
    reader, maker = RowReader(layout, faults, table.faults), EventMaker(layout, faults)
    outcome.left_out = reader.left_out
    number = 0
    for number, cells in islice(table.rows(), header.row, None):
        if means.max_rows is not None and number > means.max_rows:
            raise UserError(
                f"{table.name}: has more than {means.max_rows:,} rows, which is what is taken at once; send it in parts"
            )
        part = reader.read(number, cells)
        if number % PROGRESS_EVERY == 0:
            tell.step(Step("reading", number, table.total))
        if part is None:
            continue
        if mapping.per_measurement:
            spool.add_part(part)
        else:
            _put_by(maker.make([part]), spool, mapping, means, outcome)
    if mapping.per_measurement:
        for parts in spool.parts():
            _put_by(maker.make(parts), spool, mapping, means, outcome)
    tell.step(Step("reading", number, number))
    return layout


def _put_by(made: Sequence[Made], spool: Spool, mapping: MappingFile, means: Means, outcome: Outcome) -> None:
    if mapping.rows is RowKind.REPORT and made:
        outcome.reports += 1
        outcome.unverified += len(made) == 1  # the event that verifies a report is a second one
    for one in made:
        for refused in means.refusals(one.event):
            outcome.faults.add(CellFault(Place(one.row), str(refused)))
        twice = spool.add(one)
        if twice is None:
            continue
        if twice.different:
            key = ", ".join(mapping.key)
            problem = f"has the key of row {twice.first} ({key}) and says something else; mend one, or name in `key` what differs"
            outcome.faults.add(CellFault(Place(one.row), problem))
        else:
            outcome.repeated += 1


def _stop_at_faults(outcome: Outcome, means: Means) -> None:
    if outcome.faults.count and not means.skip_faulty:
        verb = "would be sent" if means.send is None else "was sent"
        raise outcome.faults.told(outcome.name, f"nothing {verb}. Mend them, or leave those rows out with {means.leaves_out}:")


def _changes(spool: Spool, ledger: Ledger, faulty: set[int]) -> Iterator[list[Change | None]]:
    """What each event makes necessary, some events at a time; None where it was sent before."""
    changes = (ledger.change(made) for made in spool.events() if made.row not in faulty)
    while chunk := list(islice(changes, CHUNK)):
        yield chunk


def _refuse_odd(spool: Spool, ledger: Ledger, means: Means, outcome: Outcome) -> None:
    """Take for a fault what else is only warned of: of everything, before anything is sent."""
    odd: dict[int, str] = {}
    for chunk in _changes(spool, ledger, outcome.faults.rows):
        for change, advice in _advised(chunk, means):
            if advice:
                odd[change.made.row] = advice
    for row, advice in odd.items():
        outcome.faults.add(CellFault(Place(row), advice))
    _stop_at_faults(outcome, means)


def _advised(chunk: Sequence[Change | None], means: Means) -> Iterator[tuple[Change, str]]:
    """The changes of a chunk, each with what is odd about its event, or nothing."""
    changes = [change for change in chunk if change is not None]
    events = [change.event for change in changes]
    known = means.stored(events) if means.stored and events else [()] * len(events)
    for change, more in zip(changes, known, strict=True):
        yield change, "; ".join(map(str, dict.fromkeys((*means.advise(change.event), *more))))


def _go(spool: Spool, ledger: Ledger, means: Means, outcome: Outcome, tell: Reporting) -> None:
    """Count and tell what is to be sent, and unless it is a dry run send it."""
    if means.send is not None:
        left = list(ledger.pending())
        outcome.resent = len(left)
        if left and not _arrived(left, ledger, means.send, outcome):
            return
    total, done = spool.count(), 0
    for chunk in _changes(spool, ledger, outcome.faults.rows):
        changes = []
        for change, advice in _advised(chunk, means):
            changes.append(change)
            if change.old is None:
                outcome.new += 1
            else:
                outcome.edited += 1
            tell.change(change)
            if advice and not means.strict:
                _warn(Warned(f"row {change.made.row}", advice), outcome, tell)
        outcome.unchanged += len(chunk) - len(changes)
        if means.send is not None and changes and not _arrived(ledger.note(changes, means.now()), ledger, means.send, outcome):
            return
        done += len(chunk)
        tell.step(Step("publishing" if means.send else "looking", done, total))


def _warn(warned: Warned, outcome: Outcome, tell: Reporting) -> None:
    outcome.warned += 1
    if len(outcome.warnings) < KEPT_PROBLEMS:
        outcome.warnings.append(warned)
    tell.warning(warned)


def _arrived(events: Sequence[AnyEvent], ledger: Ledger, send: Sending, outcome: Outcome) -> bool:
    """Send events, and note that they have arrived, if all have; else they stay noted as pending, and the next run sends them again."""
    with send.together():
        for event in events:
            send.hand_over(event)
    try:
        send.flush()
    except DeliveryError as error:
        outcome.delivery = error
        outcome.undelivered += len(error.undelivered) + error.unknown
        return False
    ledger.sent(events)
    return True
