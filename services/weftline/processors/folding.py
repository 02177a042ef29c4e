"""Batches of owners folded: from memory where it knows all that is needed, else after reading the strands that are needed and no others.

**When memory may be used.** The sum of the ranks of an owner's stored records must be that of what memory knew of it last and of what the
batch adds. Then nobody else has stored anything of it since, and what memory has of some of its strands is all there is of
these. Else what it has is forgotten.

**Versions.** How much is stored is asked first; what is read is read then. So what is written knows no less than its version says, and
whoever stores a record later has a greater version, and writes all that the record could affect.

**Owners too large for a step** (:mod:`.memory` says how large) are not folded here: their records are stored, it is noted that they
wait, and :mod:`.apart` folds them. Nobody else waits for that.

**Across strands.** State that rests on several strands is said by the owner's history as long as all of its records are here. Else it is
made in ClickHouse of what each strand says (:class:`weftline.processors.kinds.Across`), for which all of them must have been judged from
all records that the version is of. Somebody else may have stored a record and not yet judged it, or died before, and what is said here is
stored with the next settle only: then the sums of ranks differ, and the strands that lag are folded here as well.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from weftline.domain.fold import History, Outcome, Record, Subject
from weftline.domain.rows.columns import MODULUS
from weftline.processors.kinds import Kind
from weftline.processors.memory import Memory, weight
from weftline.processors.store import Store
from weftline.processors.store_records import Received, Stored
from weftline.processors.telling import Telling
from weftline.processors.unchanged import Signs
from weftline.runtime import failpoints, logging

log = logging.get(__name__)


class Apart(Protocol):
    """Who folds owners apart."""

    @property
    def waiting(self) -> int:
        """Owners asked for and not yet folded."""

    def ask(self, owners: Iterable[str]) -> None:
        """These are to be folded; asking again does no harm."""

    def forget(self) -> None:
        """The partitions are gone: what was asked for is somebody else's to do."""

    async def swept(self) -> None:
        """A sweep has asked for all that waits."""


class Batches(NamedTuple):
    """Records by owner, and how many bytes those of an owner have that have just come."""

    records: dict[str, list[Record[Any]]]
    sizes: dict[str, int]

    @classmethod
    def of(cls, received: Iterable[Received]) -> Batches:
        """Of what a step has received."""
        records: dict[str, list[Record[Any]]] = {}
        sizes: dict[str, int] = {}
        for item in received:
            records.setdefault(item.owner, []).append(item.record)
            sizes[item.owner] = sizes.get(item.owner, 0) + len(item.value)
        return cls(records, sizes)


class Folding:
    """The histories of one processor. ``partition_of``: that of an owner."""

    def __init__(
        self,
        kind: Kind,
        store: Store,
        memory_bytes: int,
        alerts: Telling,
        apart: Apart | None,
        partition_of: Callable[[str], int],
    ) -> None:
        self._kind = kind
        self._store = store
        self._alerts = alerts
        self._apart = apart
        self._partition_of = partition_of
        self.memory = Memory(kind, memory_bytes)
        self.large: set[str] = set()  # owners that are folded apart
        self._whole: set[str] = set()  # owners in memory all strands of which were last judged from all that is stored

    def clear(self) -> None:
        """Forget what others may change unseen."""
        self.memory.clear()
        self._whole.clear()
        self._alerts.forget()

    def doubt(self) -> None:
        """A step broke off: what it stored may not have been judged."""
        self._whole.clear()

    def away(self) -> None:
        """Partitions are gone."""
        self.clear()
        self.large.clear()
        if self._apart is not None:
            self._apart.forget()

    async def fold(self, batches: Batches, as_of: int) -> list[Outcome]:
        """Take records in."""
        found = await self._store.known_of(batches.records)
        histories: dict[str, History[Any]] = {}
        missing: dict[str, set[str]] = {}
        for owner, batch in batches.records.items():
            if owner in self.large:
                continue
            stored = found.get(owner, Stored())
            history = self.memory.get(owner)
            if history is None or not history.becomes(stored.known, batch):
                self._forget(owner)
                history = self.memory.fresh(owner)
            own = {record.event.strand for record in batch}
            # Of the batch's strands there may be nothing that is not here or in the batch.
            here = history.loaded | own if stored.records == history.would_hold(own, batch) else history.loaded
            if unloaded := (own | stored.strands) - here:
                missing[owner] = unloaded
            histories[owner] = history
        cold = await self._weigh(missing)
        drawn = await self._store.drawn([owner for owner in histories if owner not in self.large])
        outcomes = []
        for part in _slices([owner for owner in histories if owner not in self.large], cold, self.memory.coldest):
            reading = {owner: missing[owner] for owner in part if owner in missing}
            loaded = await self._load(reading, histories, batches) if reading else {}
            for owner in part:
                history, stored = histories[owner], found.get(owner, Stored())
                batch = batches.records[owner]
                if owner in drawn:
                    history.draw(drawn[owner])
                outcomes.append(history.add(batch, as_of, loaded.get(owner, ()), stored.known))
                history.loaded |= missing.get(owner, set()) | {record.event.strand for record in batch}
                if not self.memory.keep(history, cold[owner].size if owner in cold else batches.sizes.get(owner, 0)):
                    self._whole.discard(owner)
                    if len(history.loaded) == 1:  # else some of its strands may be kept next time
                        self.large.add(owner)  # its outcome is at hand this once; what else is to be seen to, a fold apart sees to
            for owner in self.memory.trim():
                self._forget(owner)
        apart = [owner for owner in batches.records if owner in self.large]
        await self._leave_apart([(owner, found.get(owner, Stored()).known.records) for owner in apart])
        return outcomes

    async def _load(
        self, missing: dict[str, set[str]], histories: Mapping[str, History[Any]], batches: Batches
    ) -> dict[str, list[Record[Any]]]:
        """The records of the strands that are missing. What they show to be needed as well is read too, and added to these."""
        loaded = await self._store.records_of(missing)
        while True:
            more = {}
            for owner, strands in missing.items():
                history = histories[owner]
                needed = history.strands_of(batches.records[owner], loaded[owner])
                if extra := needed - history.loaded - strands:
                    more[owner] = extra
            if not more:
                return loaded
            for owner, records in (await self._store.records_of(more)).items():
                missing[owner] |= more[owner]
                loaded[owner] += records

    async def behind(self, outcomes: Sequence[Outcome]) -> Batches:
        """What has to be folded before what rests on several strands can be said: the records of strands that were not judged since some
        of them were stored."""
        unsure = {outcome.owner: outcome for outcome in outcomes if outcome.across and outcome.owner not in self._whole}
        nothing = Batches({}, {})
        if not unsure:
            return nothing
        judged = await self._store.ranks_judged(list(unsure))
        lagging = [owner for owner, outcome in unsure.items() if judged.get(owner, 0) != outcome.version % MODULUS]
        self._whole.update(owner for owner in unsure if owner not in lagging and self.memory.get(owner) is not None)
        strands = await self._store.unjudged(lagging) if lagging else {}
        if not strands:
            return nothing
        cold = await self._weigh(strands)
        await self._leave_apart([(owner, unsure[owner].count) for owner in strands if owner in self.large])
        here = {owner: names for owner, names in strands.items() if owner not in self.large}
        if here:
            log.info("judged from what others have stored as well", owners=len(here), strands=sum(map(len, here.values())))
        return Batches(await self._store.records_of(here) if here else nothing.records, {owner: cold[owner].size for owner in here})

    async def across(self, outcomes: Sequence[Outcome]) -> None:
        """Say, with the first outcome of each owner, what rests on several strands."""
        subjects: dict[str, dict[Subject, None]] = {}
        for outcome in outcomes:
            if outcome.across and outcome.owner not in self.large:
                subjects.setdefault(outcome.owner, {}).update(dict.fromkeys(outcome.across))
        if not subjects:
            return
        rows = await self._store.across(subjects)
        for outcome in outcomes:
            outcome.rows += rows.pop(outcome.owner, [])

    async def ask_apart(self, held: Sequence[int], signs: Signs) -> None:
        """Whoever held these partitions before may have left owners that wait. Who was folded apart once stays so."""
        if self._apart is None:
            return
        known = await self._store.apart.known(held, signs)
        for apart in known:
            self._forget(apart.owner)
            self.large.add(apart.owner)
        self._apart.ask(apart.owner for apart in known if apart.waits)

    def again(self, owners: Collection[str]) -> None:
        """These are folded apart, and what their last fold said is not what stands now."""
        if owners and self._apart is not None:
            log.info("owners are folded apart again, for what is told of them is not what stands", owners=len(owners))
            self._apart.ask(owners)

    async def here(self, owners: Sequence[str]) -> list[str]:
        """Those of the owners that are to be folded in this sweep, as a whole; the others are asked for apart."""
        unknown = [owner for owner in owners if owner not in self.large]
        await self._weigh({owner: {""} for owner in unknown})
        if self._apart is not None:
            self._apart.ask(owner for owner in owners if owner in self.large)
        return [owner for owner in unknown if owner not in self.large]

    async def whole(self, owners: Sequence[str]) -> dict[str, History[Any]]:
        """Histories read from the warehouse: a sweep looks at what is stored, whoever stored it."""
        histories = {}
        found = await self._store.records(owners)
        drawn = await self._store.drawn(owners)
        for owner, records in found.items():
            if records:
                history = histories[owner] = History(owner, self._kind.start)
                if owner in drawn:
                    history.draw(drawn[owner])
                history.add(records, 0)
        return histories

    async def _weigh(self, strands: Mapping[str, Collection[str]]) -> dict[str, Weight]:
        """What must be read, by owner. Who is too large is folded apart from now on."""
        if not strands:
            return {}
        found = {owner: Weight(weight(self._kind, *size), size.size) for owner, size in (await self._store.sizes(strands)).items()}
        if self._apart is None:
            return found
        large = {owner for owner, of in found.items() if of.weight > self.memory.coldest}
        for owner in large:
            self._forget(owner)
            if owner not in self.large:
                log.info("an owner is folded apart from now on", owner=owner[:80], bytes=found[owner].size)
        self.large |= large
        return {owner: of for owner, of in found.items() if owner not in large}

    async def _leave_apart(self, owners: Sequence[tuple[str, int]]) -> None:
        """Note durably that these wait to be folded, with so many records stored: the step may be acknowledged then."""
        if not owners or self._apart is None:
            return
        await self._store.apart.wait([(owner, self._partition_of(owner), stored) for owner, stored in owners])
        await failpoints.reach("left apart")
        self._apart.ask(owner for owner, _ in owners)

    def _forget(self, owner: str) -> None:
        self.memory.forget(owner)
        self._whole.discard(owner)
        self._alerts.forget([owner])


class Weight(NamedTuple):
    """Estimated bytes in memory, and bytes of the values."""

    weight: int
    size: int


def _slices(owners: Sequence[str], cold: Mapping[str, Weight], most: int) -> Iterator[list[str]]:
    """Owners, so many at a time that those of them who must be read take no more than so many bytes."""
    taken: list[str] = []
    total = 0
    for owner in owners:
        heavy = cold[owner].weight if owner in cold else 0
        if taken and total + heavy > most:
            yield taken
            taken, total = [], 0
        taken.append(owner)
        total += heavy
    if taken:
        yield taken
