"""Owners whose history is too large for a step: folded apart, in a process of their own, one at a time and slowly.

A step stores their records and notes in ``owners_apart`` how many there are; that is all that its acknowledgement waits for, since from
then on the note says what is to be done, whoever holds the partition. The fold reads the owner's records from the warehouse as a stream
(:mod:`weftline.domain.stream`), writes what a step and its settle would write, with the same versions, and then notes how many
records there were when it began. A crash anywhere leaves a note that still waits. The process is one more worker, of the kind that
the promise holds for anyway: it may be killed, run twice, or be slow.

What the fold writes: facts from the moment of the earliest fresh record on and the rows that the fresh records could affect, fresh being
what was stored since the last complete fold began; without such a fold, everything.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from weftline.contracts.codec import Codec
from weftline.contracts.registry import open_registry
from weftline.domain.fold import NOTHING, Drawn, Fact, Known, Outcome, StateRow
from weftline.domain.stream import Stream
from weftline.errors import DependencyDown
from weftline.processors.kinds import Kind
from weftline.processors.messenger import Messenger
from weftline.processors.step import Processor
from weftline.processors.store import Store
from weftline.processors.store_records import Stored
from weftline.processors.unchanged import NO_SIGNS
from weftline.runtime import failpoints, logging
from weftline.runtime.clock import clock_of
from weftline.runtime.metrics import Metrics
from weftline.runtime.settings import Settings, load
from weftline.warehouse.client import Warehouse

log = logging.get(__name__)

#: Facts of one insert, and rows of state whose alerts are compared at once.
FACTS, ROWS = 5_000, 200
#: More fresh records than this are not held to find out whose rows they affect: all rows are written.
MOST_FRESH = 2_000
#: After a fold that failed, the next attempt waits so long, twice as long each time, up to the most (s).
FIRST_WAIT, MOST_WAIT = 1.0, 60.0


class Folder(Processor):
    """A processor that folds one owner as a stream."""

    #: Never all of the owner's, which may be more than fits into memory.
    most_alerts = -1

    async def fold(self, owner: str) -> None:
        """Make all tables true of this owner. Raises DependencyDown."""
        store, as_of = self._store, self._clock()
        await self._alerts.read_live(NO_SIGNS)
        began = await store.now()
        known = (await store.known_of({owner: []})).get(owner, Stored()).known
        touched, since = await self._fresh(owner)
        stream: Stream[Any] = Stream(self._kind.lean, touched)
        drawn = (await store.drawn([owner])).get(owner)
        if drawn is not None:
            stream.draw(drawn)
        facts: list[Fact] = []
        async for moment in store.apart.moments(owner):
            judged = [*stream.moment(moment)]
            if max(record.event.until for record in moment) > since:
                facts += judged
            if len(facts) >= FACTS:
                await self._put_facts(owner, known, facts)
                facts = []
        await self._put_facts(owner, known, facts)
        for failure in stream.failures:
            log.error("not judged", owner=owner, event_id=failure.event.event_id, error=repr(failure.error))
        rows: list[StateRow] = []
        for row in stream.rows(as_of):
            rows.append(row)
            if len(rows) >= ROWS:
                await self._put_rows(owner, known, drawn, rows, as_of)
                rows = []
        await self._put_rows(owner, known, drawn, rows, as_of)
        await self.settle()
        await self._alerts.send_all_of(owner)
        await failpoints.reach("folded apart")
        await store.apart.folded(owner, self._partition(owner), known.records, began)

    async def _fresh(self, owner: str) -> tuple[frozenset[tuple[str, str]] | None, int]:
        """Identities of what the last complete fold may not have seen, and the earliest event time of it; None: all of it."""
        last = await self._store.apart.noted(owner)
        if last is None or not last.folded_at or not last.waits:
            # Asked for though nothing waits: a deadline has passed, of whatever row.
            return None, -(1 << 62)
        found = await self._store.fresh_of(owner, last.folded_at)
        return found if found is not None and len(found[0]) <= MOST_FRESH else (None, -(1 << 62))

    async def _put_facts(self, owner: str, known: Known, facts: list[Fact]) -> None:
        if not facts:
            return
        outcome = Outcome(owner, facts=facts, version=known.version, count=known.records)
        await self._store.put_facts([outcome])
        self._gather([outcome], [])

    async def _put_rows(self, owner: str, known: Known, drawn: Drawn | None, rows: list[StateRow], as_of: int) -> None:
        if not rows:
            return
        of = NOTHING if drawn is None else drawn.known
        judged = self._judged([Outcome(owner, rows=rows, version=known.version, count=known.records, drawn=of)])
        await self._alerts.say([source for source, _ in judged], [owner], as_of)
        self._gather([], judged)
        # The state last: a fold for the sake of a deadline is noted nowhere but there, as long as it does not say that it has passed.
        await self._alerts.mark()
        await self._put_states()
        self._rows.clear()


class Inline:
    """Folds within the sweep that asks: for tests, where all happens in one order that can be told."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._asked: dict[str, None] = {}

    @property
    def waiting(self) -> int:
        return len(self._asked)

    def ask(self, owners: Iterable[str]) -> None:
        self._asked.update(dict.fromkeys(owners))

    def forget(self) -> None:
        self._asked.clear()

    async def swept(self) -> None:
        while self._asked:
            owner = next(iter(self._asked))
            await self._folder.fold(owner)
            self._asked.pop(owner, None)


class Aside:
    """Folds in a process of its own, one owner after the other. The event loop only waits for it."""

    def __init__(self, kind: Kind, settings: Settings, metrics: Metrics) -> None:
        self._kind = kind
        self._environment = {**os.environ, **environment(settings)}
        self._metrics = metrics
        self._asked: dict[str, None] = {}
        self._running: str | None = None
        self._work: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        return len(self._asked.keys() | ({self._running} if self._running else set()))

    def ask(self, owners: Iterable[str]) -> None:
        self._asked.update(dict.fromkeys(owners))
        if self._asked and (self._work is None or self._work.done()):
            self._work = asyncio.create_task(self._run())

    def forget(self) -> None:
        self._asked.clear()

    async def swept(self) -> None:
        """Nothing: it works by itself."""

    async def stop(self) -> None:
        """End; what is not folded still waits in the table."""
        self._asked.clear()
        if self._work is not None:
            self._work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._work

    async def _run(self) -> None:
        wait = FIRST_WAIT
        while self._asked:
            owner = self._running = next(iter(self._asked))
            del self._asked[owner]
            status = await self._fold(owner)
            self._running = None
            self._metrics.folds_apart.labels("done" if status == 0 else "failed").inc()
            if status == 0:
                wait = FIRST_WAIT
                continue
            log.error("an owner could not be folded apart", owner=owner[:80], status=status, again_after_seconds=wait)
            self._asked[owner] = None  # behind the others
            await asyncio.sleep(wait)
            wait = min(2 * wait, MOST_WAIT)

    async def _fold(self, owner: str) -> int:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", __name__, self._kind.name, owner), stdin=asyncio.subprocess.PIPE, env=self._environment
        )
        try:
            return await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


def environment(settings: Settings) -> dict[str, str]:
    """These settings as the variables by which another program has the same."""
    found = {}
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            value = value.get_secret_value()
        if value is not None:
            found[f"WEFTLINE_{name.upper()}"] = str(value)
    return found


def main(name: str, owner: str) -> int:
    """Fold one owner and end: 0 when its tables are true."""
    from weftline.processors.registry import kinds

    os.nice(10)
    # Whoever has to go when memory is short: the processor that started this goes on, and tries again.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", "ascii")
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    settings = load()
    logging.configure(settings)
    try:
        asyncio.run(_fold(kinds()[name], owner, settings))
    except DependencyDown as down:
        log.warning("not folded; asked for again later", owner=owner[:80], error=str(down))
        return 75
    return 0


def _end_with_parent() -> None:
    """Its end closes our input."""
    os.read(0, 1)
    os._exit(75)


async def _fold(kind: Kind, owner: str, settings: Settings) -> None:
    codec = Codec(open_registry(settings.schema_registry))
    messenger = Messenger(settings, codec)
    await messenger.start()
    try:
        async with await Warehouse.connect(settings) as warehouse:
            store = await Store.open(kind, warehouse, codec)
            partitions = await messenger.partitions(kind.topic)
            clock = clock_of(settings.simulated_clock, store.clock)
            folder = Folder(kind, partitions, store, messenger, codec, clock, settings, Metrics(kind.name))
            await folder.fold(owner)
    finally:
        await messenger.stop()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
