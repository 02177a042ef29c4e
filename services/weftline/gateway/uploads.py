"""A spreadsheet that a partner sends: published as `weftline publish --map` publishes it, as this partner and nobody else.

A file is read in a thread, from a temporary folder; what it makes necessary goes the way of every other event (:mod:`.publishing`). What
was sent of it stands in a ledger, one for each mapping of a partner, in the gateway's data folder. So a file that came to nothing halfway
is sent again as it is: what arrived is not sent twice.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import tempfile
import time
import zipfile
import zlib
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from weftline.contracts.kinds import AnyEvent
from weftline.contracts.mapping import to_json
from weftline.contracts.partners import Caller
from weftline.errors import UserError
from weftline.files.cells import FaultyRows
from weftline.files.ledger import Change, LedgerBusy
from weftline.files.publishing import Means, Outcome, Reporting, publish_table
from weftline.files.report import as_json, beside, summary
from weftline.files.watching import Published, report
from weftline.gateway.bodies import MAX_EVENTS, Body, Said
from weftline.gateway.checking import defaults_of
from weftline.gateway.mappings import Mapping, parsed
from weftline.gateway.problems import Fault, Kind, Problem, wait
from weftline.gateway.publishing import Publishing
from weftline.judging import judge_event
from weftline.sdk.advice import Adviser

MAX_BYTES: Final = 16 << 20
MAX_ROWS: Final = 20_000
#: What a workbook may unpack to: so many rows of thirty columns are 40 MB of XML.
MAX_UNPACKED_BYTES: Final = 128 << 20
#: Files that are read at one time; others wait for their turn.
AT_ONCE: Final = 2
LISTED_CHANGES: Final = 1_000
BUSY_SECONDS: Final = 5.0
_READ_BYTES: Final = 1 << 20


class Upload(NamedTuple):
    """What a partner has sent. ``name``: of the file, for the report."""

    name: str
    data: bytes
    dry_run: bool
    skip_faulty: bool


class Taken(NamedTuple):
    """What became of it, as it is told, and how many events were accepted."""

    body: dict[str, Any]
    events: int


class Uploads:
    """Takes files of all partners. ``folder``: where the ledgers lie."""

    def __init__(self, publishing: Publishing, folder: Path) -> None:
        self._publishing = publishing
        self._folder = folder
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def take(self, caller: Caller, mapping: Mapping, upload: Upload) -> Taken:
        """Publish a file, or tell what it would come to. :class:`Problem` with every cell at fault, and then nothing was sent."""
        sending = None if upload.dry_run else _Sending(self._publishing, caller, asyncio.get_running_loop())
        async with self._turns:
            return await asyncio.to_thread(self._take, caller, mapping, upload, sending)

    def _take(self, caller: Caller, mapping: Mapping, upload: Upload, sending: _Sending | None) -> Taken:
        with tempfile.TemporaryDirectory() as place:
            path = Path(place) / (re.sub(r"[^\w.() -]", "_", upload.name)[-100:].lstrip(".") or "file")
            path.write_bytes(upload.data)
            changes: list[Change] = []
            try:
                refuse_bomb(path)
                means = self._means(caller, mapping, upload, sending)
                keep = Reporting(change=lambda one: changes.append(one) if len(changes) < LISTED_CHANGES else None)
                outcome = publish_table(path, parsed(mapping.name, mapping.text.encode()), means, keep)
            except LedgerBusy:
                raise wait(
                    "Another file of this mapping is on its way; send this one again", BUSY_SECONDS, Kind.BUSY_FILE
                ) from None
            except FaultyRows as error:
                faults = [Fault(f"{one.place} {one.header}".rstrip(), one.problem) for one in error.faults]
                raise Problem(Kind.CONTRACT, str(error).replace(f"{place}/", ""), faults) from None
            except UserError as error:
                told = str(error).replace(f"{place}/", "")
                raise Problem(Kind.CONTRACT, told, [Fault("file", told)]) from None
            return Taken(_told(path.name, outcome, changes, upload.dry_run), sending.count if sending else 0)

    def _means(self, caller: Caller, mapping: Mapping, upload: Upload, sending: _Sending | None) -> Means:
        # Neither a partner's id nor a name is one of a folder: hashes are, whatever these hold.
        partner = hashlib.sha256(caller.partner.partner_id.encode()).hexdigest()[:32]
        ledger = self._folder / partner / f"{mapping.name}.ledger"
        ledger.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        adviser = Adviser()
        return Means(
            ledger,
            defaults_of(caller.partner),
            lambda event: adviser.advise(event, _now()),
            sending,
            _now,
            skip_faulty=upload.skip_faulty,
            refusals=caller.partner.refusals,
            max_rows=MAX_ROWS,
            leaves_out="&skip_faulty=true",
        )


@dataclass(slots=True)
class _Sending:
    """From the thread that reads a file to the loop that publishes; ``count``: events that were accepted."""

    publishing: Publishing
    caller: Caller
    loop: asyncio.AbstractEventLoop
    count: int = 0
    gathered: list[Said] = field(default_factory=list)

    def together(self) -> AbstractContextManager[None]:
        """They are gathered anyway."""
        return nullcontext()

    def hand_over(self, event: AnyEvent) -> None:
        """Gather one."""
        self.gathered.append(Said(to_json(event)))

    def flush(self) -> int:
        """Publish what was gathered; raises what :meth:`Publishing.publish` does."""
        gathered, self.gathered = self.gathered, []
        for begin in range(0, len(gathered), MAX_EVENTS):
            body = Body(gathered[begin : begin + MAX_EVENTS], True)
            accepted = asyncio.run_coroutine_threadsafe(self.publishing.publish(self.caller, body), self.loop).result()
            self.count += accepted.events
        return len(gathered)


def refuse_bomb(path: Path) -> None:
    """Raise :class:`UserError` for a workbook that unpacks to more than is taken. Its own table of contents is not believed."""
    if not zipfile.is_zipfile(path):
        return
    left = MAX_UNPACKED_BYTES
    try:
        with zipfile.ZipFile(path) as packed:
            for info in packed.infolist():
                info.file_size = 2 * MAX_UNPACKED_BYTES  # else it would be read only so far as it says
                with packed.open(info) as stream:
                    while part := stream.read(_READ_BYTES):
                        left -= len(part)
                        if left < 0:
                            raise UserError(
                                f"the workbook unpacks to more than {MAX_UNPACKED_BYTES >> 20} MB; send it in parts, or as CSV"
                            )
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise UserError(f"the workbook is damaged or packed in an unusual way ({error}); save it as .xlsx again") from None


def _told(name: str, outcome: Outcome, changes: list[Change], dry_run: bool) -> dict[str, Any]:
    right = not outcome.faults.count
    lines = (summary(outcome), *(f"{one.place}: warning: {one.reason}" for one in outcome.warnings), *beside(outcome))
    text = report(name, Published(right, lines, not dry_run), datetime.now(UTC))
    body = {"file": name, "dry_run": dry_run, **as_json(outcome), "text": text}
    if dry_run:
        body["changes"] = [_change(one) for one in changes]
    return body


def _change(change: Change) -> dict[str, Any]:
    judged = judge_event(change.event)
    return {
        "row": change.made.row,
        "event": to_json(change.event),
        "declares_erroneous": change.old and change.old.event_id,
        "verdict": judged and judged.as_json,
    }


def _now() -> int:
    return time.time_ns() // 1_000_000
