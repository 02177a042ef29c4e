"""Workers of one processor on a real ClickHouse, interleaved, suspended and killed as a random number says.

Everything of a worker is real but its Kafka: records come from a log in memory, alerts go to a list. Many small
worlds live beside each other in one database (:mod:`.universe`): each has owners, centers, partitions and a day of its own.

The unit of interleaving is a round trip. At each *gate* (a failpoint of the product, a round trip to ClickHouse, a message sent)
the calling worker goes on, is suspended while others work, fails as if a dependency were down, or dies. What a worker was given by
Kafka it loses as Kafka would take it: a suspended one learns of it only after its call, and what it acknowledges then is void.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from random import Random
from typing import TYPE_CHECKING, Any

from tests.support.strategies import AS_OF, START
from tests.support.tables import Tables, drift, expected
from tests.support.told import last_told, misinformed, standing
from weftline.contracts.codec import FRAMING, rank_of
from weftline.contracts.topics import partition_of
from weftline.domain.alerts import Alert
from weftline.domain.cooperative.events import CooperativeEvent
from weftline.domain.digests import listed
from weftline.domain.events import AlertReply, Event, InspectionEvent, LogisticsEvent, OrderEvent
from weftline.domain.fold import Record
from weftline.domain.revisions import message_of
from weftline.errors import ContractError, DependencyDown
from weftline.processors.kinds import Kind
from weftline.processors.messenger import DeadLetter
from weftline.processors.step import Processor
from weftline.processors.store import Store
from weftline.runtime.loop import RawRecord
from weftline.warehouse.client import Warehouse

if TYPE_CHECKING:
    from tests.crash.universe import Universe

HOUR = 3_600_000
DAY = 24 * HOUR
#: So many partitions that every owner of every world has one of its own: a worker then sweeps its own world only. Fits UInt16.
PARTITIONS = 65_521
OWNERS = "ab"
#: Gates, by the end of their names, at which workers of one world are more often suspended than elsewhere.
SLEEPY = ("query", "_records", "_facts", "_minute", "_hour", "_day", "_state", "into alerts", "send")

Gate = Callable[[str], Awaitable[None]]
current_gate: ContextVar[Gate] = ContextVar("gate")


async def pass_gate(point: str) -> None:
    """The hook of all failpoints: asks the world to which the calling worker belongs."""
    await current_gate.get()(point)


async def go_on(point: str) -> None:
    """A gate through which everybody goes."""


class Crash(Exception):
    """A worker dies here."""


class Interruptible(Warehouse):
    """Every round trip has a gate before it, and an ``INSERT … SELECT`` one between what it reads and what it writes.

    To the server such a statement is no atom: what it has read may be old when its rows appear.
    """

    _REFRESH = re.compile(r"INSERT INTO (\w+) \((.*?)\) (SELECT .*)")

    def __init__(self, client: Any, seconds: float) -> None:
        super().__init__(client, seconds)
        self.types: dict[str, dict[str, str]] = {}

    async def _run(self, label: str, call: Callable[[], Awaitable[Any]]) -> Any:
        """An insert that is cut in several has a gate before each of them."""
        await pass_gate(label if label.startswith("insert into") else "query")
        return await super()._run(label, call)

    async def command(self, statement: str, parameters: Mapping[str, Any] | None = None) -> None:
        refresh = self._REFRESH.fullmatch(statement)
        if refresh is None:
            await super().command(statement, parameters)
            return
        table, names, select = refresh[1], refresh[2].split(", "), refresh[3]
        if rows := await self.rows(select, parameters):
            await self.insert(table, list(zip(*rows, strict=True)), names, [self.types[table][name] for name in names])


class Outbox:
    """A messenger that keeps what was said."""

    def __init__(self) -> None:
        self.said: list[Alert] = []
        self.letters: list[DeadLetter] = []

    async def alerts(self, alerts: Iterable[Alert]) -> None:
        for alert in alerts:
            await pass_gate("send")
            self.said.append(alert)

    async def dead_letters(self, letters: Sequence[DeadLetter]) -> None:
        self.letters.extend(letters)

    async def healthy(self) -> None: ...


@dataclass(frozen=True)
class Dice:
    """What a schedule is made of. Of each world's dice some are zero: what happens seldom hides behind what happens often."""

    park: float
    sleepy_at: str
    nap: float
    freeze: float
    crash: float
    fault: float
    move: float
    grace: float
    batch: int
    stray: float
    turns: int
    commits_early: bool = False

    @classmethod
    def thrown(cls, random: Random) -> Dice:
        return cls(
            park=random.choice((0.0, 0.04, 0.1)),
            sleepy_at=random.choice(SLEEPY),
            nap=random.choice((0.0, 0.3, 0.5)),
            freeze=random.choice((0.0, 0.3, 0.6)),
            crash=random.choice((0.0, 0.02, 0.05, 0.1)),
            fault=random.choice((0.0, 0.0, 0.03)),
            move=random.choice((0.05, 0.15, 0.3)),
            grace=random.choice((0.0, 0.5, 1.0)),
            batch=random.choice((1, 2, 6)),
            stray=random.choice((0.0, 0.5)),
            turns=random.choice((10, 20, 40)),
        )


@dataclass
class Worker:
    """A processor with what Kafka gave it. ``held``: partition -> tenure; ``position``: next offset to read, by partition."""

    name: str
    processor: Processor
    held: dict[int, int] = field(default_factory=dict)
    position: dict[int, int] = field(default_factory=dict)
    unsettled: dict[int, int] = field(default_factory=dict)
    joining: set[int] = field(default_factory=set)
    leaving: set[int] = field(default_factory=set)
    call: asyncio.Task[None] | None = None
    frozen: bool = False
    parked: asyncio.Future[None] | None = None
    gate: asyncio.Lock = field(default_factory=asyncio.Lock)  # what it does side by side comes to its gates one by one
    quiet: asyncio.Event = field(default_factory=asyncio.Event)


def _names(key: Sequence[Any]) -> Iterator[str]:
    """What a key is made of; an owner may be of two."""
    for part in key:
        yield from str(part).split("|")


Todo = Callable[[Worker], Awaitable[None]]


class World:
    """One history of two owners, its workers, and the schedule that a random number makes of them."""

    def __init__(self, universe: Universe, kind: Kind, name: str, number: int, events: Sequence[Event], random: Random) -> None:
        self.universe, self.kind, self.name, self.random = universe, kind, name, random
        self.shift = number * DAY
        self.dice = universe.change(Dice.thrown(random))
        self.outbox = Outbox()
        self.trace: list[str] = []
        self.now = START + self.shift + random.randint(-1, 4) * HOUR
        self.end = self.shift + random.choice((START + 10 * HOUR, AS_OF))
        #: When its centers went live (ms): of some worlds in the middle of what happens, of others nobody said.
        self.live: dict[str, int] = {}
        if random.random() < 0.5:
            self.live = {f"{name}.c{n}": START + self.shift + random.randint(0, 5) * HOUR for n in (1, 2)}
        self.records: dict[tuple[Any, ...], Record[Any]] = {}
        self.log: dict[int, list[RawRecord]] = {}
        self.committed: dict[int, int] = {}
        self._publish(events)
        self.workers: list[Worker] = []
        self._tenures = self._hired = 0
        self._calm = False
        for _ in range(random.choice((1, 2, 2, 3))):
            self._hire()
        for partition in self.log:
            self._give(partition, random.choice(self.workers))

    # the log

    def _publish(self, events: Sequence[Event]) -> None:
        owned = [self._own(event, self.random.choice(OWNERS)) for event in events]
        for event in owned:
            self.log.setdefault(partition_of(event.owner.encode(), PARTITIONS), [])
        partitions = sorted(self.log)
        repeats = [self.random.choice(owned) for _ in range(self.random.randint(0, 4))]
        for event in [*owned, *repeats]:
            try:
                value = self.universe.codec.encode(event)
            except ContractError:
                continue  # a laboratory that tests before it exists and the like: not what this is about
            record = Record(event, rank_of(value[FRAMING:], event.error_declaration is not None))
            self.records[event.owner, record.key] = record
            # Another partitioner than ours is no reason to be wrong.
            stray = self.random.random() < self.dice.stray
            partition = self.random.choice(partitions) if stray else partition_of(event.owner.encode(), PARTITIONS)
            log = self.log[partition]
            log.append(RawRecord(self.kind.topic, partition, len(log), 0, event.owner.encode(), value, ()))
        self.committed = dict.fromkeys(self.log, 0)

    def _own(self, event: Event, owner: str) -> Event:
        """The event as one of this world: its names and its day."""
        own: dict[str, Any] = {
            "center_id": f"{self.name}.{event.center_id}",
            "factory_id": f"{self.name}.{event.factory_id}",
            "event_time": event.event_time + self.shift,
        }
        match event:
            case OrderEvent():
                own |= {"order_id": f"{event.order_id}{owner}", "promised_at": self._later(event.promised_at)}
            case LogisticsEvent():
                own |= {"shipment_id": f"{self.name}.{owner}", "expected_arrival_at": self._later(event.expected_arrival_at)}
            case AlertReply():
                own |= {"factory_id": f"{self.name}.{owner}", "target_at": self._later(event.target_at)}
            case CooperativeEvent():
                own["factory_id"] = f"{self.name}.{owner}"
            case InspectionEvent():
                own["factory_id"] = f"{self.name}.{owner}"
                if event.laboratory_report is not None:
                    report = event.laboratory_report
                    own["laboratory_report"] = replace(report, tested_at=self._later(report.tested_at))
        return replace(event, **own)

    def _later(self, time: int | None) -> int | None:
        return None if time is None else time + self.shift

    def event(self, raw: RawRecord) -> Event:
        """What a record of the log says."""
        event = self.universe.codec.decode(raw.topic, raw.value)
        assert isinstance(event, Event)
        return event

    # what Kafka does

    def _hire(self) -> Worker:
        self._hired += 1
        worker = Worker(f"w{self._hired}", self.universe.processor(self.kind, self.outbox, lambda: self.now))
        self.workers.append(worker)
        return worker

    def _give(self, partition: int, worker: Worker) -> None:
        self._tenures += 1
        worker.held[partition] = self._tenures
        worker.position[partition] = self.committed[partition]
        worker.joining.add(partition)

    def _take(self, partition: int, worker: Worker) -> None:
        del worker.held[partition], worker.position[partition]
        worker.unsettled.pop(partition, None)
        if partition in worker.joining:
            worker.joining.remove(partition)
        else:
            worker.leaving.add(partition)

    def _bury(self, worker: Worker) -> None:
        """A worker died: others get its partitions, from where it had committed them."""
        self._note(f"{worker.name} dies")
        self.workers.remove(worker)
        self._hire()
        for partition in worker.held:
            self._give(partition, self.random.choice(self._awake()))

    # what a worker does, one call at a time

    async def _turn(self, worker: Worker, todo: Todo | None) -> None:
        current_gate.set(lambda point: self._at(worker, point))
        if todo is not None:
            await todo(worker)
        elif worker.leaving:
            await self._leave(worker)
        elif worker.joining:
            joining = frozenset(worker.joining)
            worker.joining.clear()
            self._note(f"{worker.name} takes over {sorted(joining)}")
            await worker.processor.assigned(joining)
        else:
            chosen: Todo = self.random.choices((self._step, self._settle, self._sweep), (6, 2, 1))[0]
            await chosen(worker)

    async def _leave(self, worker: Worker) -> None:
        lost = frozenset(worker.leaving)
        self._note(f"{worker.name} settles and gives up {sorted(lost)}")
        try:
            await self._settle(worker)
        except DependencyDown:
            self._note(f"{worker.name} did not settle")
        await worker.processor.revoked(lost)
        worker.leaving -= lost

    async def _step(self, worker: Worker) -> None:
        tenures = dict(worker.held)
        ends = {
            partition: min(worker.position[partition] + self.random.randint(0, self.dice.batch), len(self.log[partition]))
            for partition in tenures
            if partition not in worker.joining
        }
        batch = [raw for partition, end in ends.items() for raw in self.log[partition][worker.position[partition] : end]]
        if not batch:
            return
        self._note(f"{worker.name} steps {[(raw.partition, raw.offset) for raw in batch]}")
        await worker.processor.step(batch)
        kept = {partition: end for partition, end in ends.items() if worker.held.get(partition) == tenures[partition]}
        worker.position |= kept
        worker.unsettled |= kept
        if self.dice.commits_early:
            self._commit(kept)

    async def _settle(self, worker: Worker) -> None:
        if not worker.unsettled and not worker.leaving and not self._calm:
            return
        self._note(f"{worker.name} settles")
        covered = {partition: (worker.held[partition], end) for partition, end in worker.unsettled.items()}
        await worker.processor.settle()
        kept = {partition: end for partition, (tenure, end) in covered.items() if worker.held.get(partition) == tenure}
        for partition in kept:
            del worker.unsettled[partition]
        self._commit(kept)

    def _commit(self, ends: Mapping[int, int]) -> None:
        self._note(f"committed: {dict(ends)}")
        self.committed |= ends

    async def _sweep(self, worker: Worker) -> None:
        self._note(f"{worker.name} sweeps")
        await worker.processor.sweep()

    # the schedule

    async def _at(self, worker: Worker, point: str) -> None:
        """A worker is at a gate: fate decides."""
        async with worker.gate:
            await self._pass(worker, point)

    async def _pass(self, worker: Worker, point: str) -> None:
        if self._calm:
            return
        fate = self.random.random()
        park = self.dice.nap if point.endswith(self.dice.sleepy_at) else self.dice.park
        if fate < park:
            self._note(f"{worker.name} waits at {point}")
            worker.parked = asyncio.get_running_loop().create_future()
            worker.quiet.set()
            await worker.parked
            fate = self.random.random()
        else:
            fate -= park
        if fate < 0 or self._calm:
            return
        if fate < self.dice.crash:
            self._note(f"{worker.name} crashes at {point}")
            raise Crash
        if fate < self.dice.crash + self.dice.fault:
            self._note(f"{worker.name} fails at {point}")
            raise DependencyDown("fate", point)

    async def _run(self, worker: Worker, todo: Todo | None = None) -> None:
        """Begin a call of a worker (``todo``, or what is due) or let it go on, until it ends or waits."""
        worker.quiet.clear()
        if worker.parked is not None:
            self._note(f"{worker.name} goes on")
            parked, worker.parked = worker.parked, None
            parked.set_result(None)
        else:
            worker.call = asyncio.create_task(self._turn(worker, todo))
            worker.call.add_done_callback(lambda _: worker.quiet.set())
        await worker.quiet.wait()
        if worker.parked is not None:
            if not self._calm and self.random.random() < self.dice.freeze:
                self._freeze(worker)
            return
        assert worker.call is not None
        call, worker.call = worker.call, None
        try:
            call.result()
        except Crash:
            self._bury(worker)
        except DependencyDown:
            pass  # it tries again when its turn comes

    async def play(self) -> None:
        """The schedule; then all workers come to rest, all is read and settled, and each partition's owner sweeps once."""
        random = self.random
        for _ in range(self.dice.turns):
            if random.random() < self.dice.move and len(self._awake()) > 1:
                partition = random.choice(sorted(self.log))
                await self._move(partition)
            if random.random() < 0.1:
                self.now = min(self.now + random.randint(1, 4) * HOUR, self.end)
            await self._run(random.choice(self._awake()))
            if self._read() and random.random() < 0.3:
                break
        self._note("all come to rest")
        self._calm = True
        for worker in self._awake():
            if worker.parked is not None:
                await self._run(worker)
        while not self._read():
            await self._run(random.choice(self._awake()))
        for worker in self.workers:
            while worker.call is not None:
                await self._run(worker)
        self.now = self.end
        for worker in random.sample(self.workers, len(self.workers)):
            while worker.leaving or worker.joining:
                await self._run(worker)
            current_gate.set(go_on)
            await self._settle(worker)
            await self._sweep(worker)

    async def _move(self, partition: int) -> None:
        """The group takes a partition from one worker for another; one that is idle may settle within the grace."""
        before = self._holder(partition)
        if before.call is None and self.random.random() < self.dice.grace:
            await self._run(before, self._settle)
            before = self._holder(partition)
        others = [worker for worker in self._awake() if worker is not before]
        if others:
            after = self.random.choice(others)
            self._note(f"{partition} moves from {before.name} to {after.name}")
            self._take(partition, before)
            self._give(partition, after)

    def _holder(self, partition: int) -> Worker:
        return next(worker for worker in self.workers if partition in worker.held)

    def _freeze(self, worker: Worker) -> None:
        """A worker sleeps in the middle of a call until all is over; the group gives what it held to others."""
        worker.frozen = True
        self._hire()
        for partition in list(worker.held):
            self._take(partition, worker)
            self._give(partition, self.random.choice(self._awake()))

    def _awake(self) -> list[Worker]:
        return [worker for worker in self.workers if not worker.frozen]

    def _read(self) -> bool:
        """All is committed."""
        return all(self.committed[partition] == len(log) for partition, log in self.log.items())

    def _note(self, line: str) -> None:
        self.trace.append(line)

    # the judgement

    def ought(self) -> Tables:
        return expected(self.kind, self.records.values(), self.end)

    def wrong(self, tables: Tables, told: Sequence[str]) -> dict[str, str]:
        """Drift by table, and what readers of the alerts would believe wrongly."""
        own = {
            table: {key: row for key, row in rows.items() if any(name.startswith(f"{self.name}.") for name in _names(key[:2]))}
            for table, rows in tables.items()
        }
        found = drift(own, self.ought())
        if told:
            found["messages"] = "; ".join(told)
        return found

    async def misled(self, store: Store) -> list[str]:
        """What readers of the messages believe wrongly, and where the table says otherwise than they were told."""
        wrong = [*misinformed(self.outbox.said, standing(self.ought()["alerts"]), self.live)]
        last = last_told(self.outbox.said)
        for found in await store.alerts(sorted({owner for owner, _ in self.records})):
            row, told = found.alert, last.pop(found.alert.alert_id, None)
            if row.historic:
                if told is not None:
                    wrong.append(f"told, but kept back in the table: {told}")
            elif told != listed(message_of(row)):
                wrong.append(f"stands {message_of(row)}, said {told}")
            elif not row.published:
                wrong.append(f"not marked {row}")
        return wrong + [f"told, but unknown to the table: {alert}" for alert in last.values()]
