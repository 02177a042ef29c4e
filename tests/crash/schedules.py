"""All schedules of a small history: which worker makes its next round trip, when a partition is taken away, when one dies.

None is left out. Two that lead to the same tables, with workers that were told the same, go on as one: what follows depends on
nothing else. Nor are round trips merged, but that the parts of a settle take turns: in any order, a slow twin with two records has
7,172,453 states instead of 10,343, while one worker that may die has 18,416 instead of 1,164.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from random import Random
from typing import Any, NamedTuple

from tests.crash.lives import Call, Join, Leave, Lives, Node, Settle, Step, Sweep, Told
from tests.crash.model import Commit, Database, Idle, Look, Put, Request
from tests.support.strategies import HOUR, START
from tests.support.tables import drift, expected
from tests.support.told import last_told, misinformed, standing
from weftline.contracts.codec import FRAMING, Codec, rank_of
from weftline.domain.digests import listed
from weftline.domain.events import Event
from weftline.domain.fold import Drawn, Record
from weftline.domain.revisions import message_of
from weftline.processors.kinds import Kind
from weftline.runtime.loop import RawRecord

#: Before every deadline of a history, and after them.
EARLY, LATE = START - HOUR, START + 10 * HOUR


@dataclass(frozen=True)
class Scenario:
    """A small history and what may befall it. Partition n, with the events of ``log[n]``, begins with worker n."""

    log: Sequence[Sequence[Event]]
    workers: int = 2
    moves: tuple[int, ...] = ()  # partition 0 goes to these workers, one after the other, each at any time
    crashes: int = 0
    sweeps: int = 0  # besides those at the end
    batches: tuple[int, ...] = (1,)  # so many records at once
    deadlines: bool = False  # they pass at any time; else they have passed before anybody reads
    side_by_side: bool = False  # the parts of a settle in any order; else they take turns
    commits_early: bool = False  # a step is acknowledged before it is settled
    apart: bool = False  # every owner is too large to be folded within a step
    torn: bool = False  # every insert is cut into as many as it has rows
    ends: tuple[int, ...] = ()  # a batch ends at one of these offsets, if any are given, and ``batches`` do not count
    forgets: bool = False  # memory has room for nobody: who was in a step is forgotten before it ends
    live: Mapping[str, int] = field(default_factory=dict)  # when centers went live (ms)
    drawn: tuple[Put, ...] = ()  # what another kind's processor stores, one after the other, each at any time


#: What happens next: a worker makes a round trip or begins something, or what the words say. Put into words where it ends badly.
Choice = str | tuple[int, Request | Call]


class Worker(NamedTuple):
    """A worker and what Kafka gave it. ``joining``: it was not told yet. ``leaving``: it lost a partition, and was not told yet."""

    node: Node
    holds: int = -1
    position: int = 0
    joining: bool = False
    leaving: bool = False


class State(NamedTuple):
    """All that the rest of a schedule depends on."""

    tables: tuple[int, ...]
    workers: tuple[Worker, ...]
    committed: tuple[int, ...]
    late: bool
    moved: int = 0
    crashed: int = 0
    swept: int = 0
    drawn: int = 0

    def put(self, index: int, worker: Worker) -> State:
        """With another worker in this place."""
        workers = (*self.workers[:index], worker, *self.workers[index + 1 :])
        # Not _replace: it is what takes most of the time here.
        return State(self.tables, workers, self.committed, self.late, self.moved, self.crashed, self.swept, self.drawn)


class Wrong(AssertionError):
    """A schedule after which the tables are not as they ought to be, or readers of the messages believe what is not so."""


class Schedules:
    """All schedules of a scenario.

    ``states`` are the distinct ones met, ``ends`` the distinct contents of all tables at the end, ``count`` the
    schedules, ``told`` how much the workers were told, all in all.
    """

    def __init__(self, kind: Kind, codec: Codec, scenario: Scenario) -> None:
        self._scenario = scenario
        self._log: list[list[RawRecord]] = []
        self._records: list[Record[Any]] = []
        for partition, events in enumerate(scenario.log):
            values = [codec.encode(event) for event in events]
            self._log.append(
                [
                    RawRecord(kind.topic, partition, offset, 0, event.owner.encode(), value, ())
                    for offset, (event, value) in enumerate(zip(events, values, strict=True))
                ]
            )
            self._records += [
                Record(event, rank_of(value[FRAMING:], event.error_declaration is not None))
                for event, value in zip(events, values, strict=True)
            ]
        self._kind, self._database = kind, Database(kind)
        self._lives = Lives(kind, self._log, codec, scenario)
        self._ought = expected(kind, self._records, LATE, self._draws())
        self._ways: dict[State, int] = {}
        self._trace: list[Choice] = []
        self._right: set[tuple[int, ...]] = set()
        self._order: Random | None = None
        self.states = self.count = self.ends = self.told = 0

    def _draws(self) -> dict[str, Drawn]:
        """What is drawn when all that another kind's processor stores is there."""
        draws, tables = self._kind.draws, self._database.empty
        if draws is None:
            return {}
        for put in self._scenario.drawn:
            place, number, _ = self._database.perform(tables, put)
            tables = (*tables[:place], number, *tables[place + 1 :])
        owners = sorted({record.event.owner for record in self._records})
        rows = [(key[0], kept.version, 1, *kept.value) for key, kept in sorted(self._database.content(tables, "drawn").items())]
        return dict(draws.drawn(owners, rows))

    def explore(self, order: Random | None = None) -> None:
        """Go through all; raises :class:`Wrong` at the first that ends badly, which is found sooner in a thrown order."""
        self._order = order
        root, scenario = self._lives.root, self._scenario
        state = State(self._database.empty, (Worker(root),) * scenario.workers, (0,) * len(self._log), late=not scenario.deadlines)
        for partition in range(len(self._log)):
            state = self._give(state, partition, partition)
        gc.disable()  # there is nothing to collect before the end, and looking for it takes a third of the time
        try:
            self.count = self._explore(state)
        finally:
            gc.enable()
            self._lives.close()
        self.states, self.ends, self.told = len(self._ways), len(self._right), self._lives.nodes

    def _explore(self, state: State) -> int:
        """How many schedules lead on from here, all of them gone through."""
        ways = self._ways.get(state, 0)  # at least one leads on from each that was gone through
        if ways:
            return ways
        if self._at_rest(state):
            self._finish(state)
            ways = 1
        choices = [*self._choices(state)]
        if self._order:
            self._order.shuffle(choices)
        for choice, after in choices:
            self._trace.append(choice)
            ways += self._explore(after)
            self._trace.pop()
        self._ways[state] = ways
        return ways

    # what may happen next

    def _choices(self, state: State) -> Iterator[tuple[Choice, State]]:
        scenario = self._scenario
        for index, worker in enumerate(state.workers):
            if not worker.node.idle:
                for which in range(len(worker.node.asks) if scenario.side_by_side else 1):
                    yield (index, worker.node.asks[which]), self._go(state, index, which)
            else:
                for call in self._calls(state, worker):
                    swept = state.swept + isinstance(call, Sweep)
                    yield (index, call), self._tell(state._replace(swept=swept), index, Told(0, call))
        if state.moved < len(scenario.moves):
            to = scenario.moves[state.moved]
            yield f"partition 0 moves to w{to}", self._move(state._replace(moved=state.moved + 1), to)
        if not state.late:
            yield "deadlines pass", state._replace(late=True)
        if state.drawn < len(scenario.drawn):
            place, number, _ = self._database.perform(state.tables, scenario.drawn[state.drawn])
            tables = (*state.tables[:place], number, *state.tables[place + 1 :])
            yield "another kind's processor stores", state._replace(tables=tables, drawn=state.drawn + 1)
        if state.crashed < scenario.crashes:
            for index, worker in enumerate(state.workers):
                if worker.node is not self._lives.root:
                    yield f"w{index} dies", self._bury(state._replace(crashed=state.crashed + 1), index)

    def _calls(self, state: State, worker: Worker) -> Iterator[Call]:
        """What an idle worker may begin."""
        if worker.leaving:
            yield Leave()
        elif worker.holds >= 0:
            as_of = LATE if state.late else EARLY
            scenario, length = self._scenario, len(self._log[worker.holds])
            for end in scenario.ends or [worker.position + batch for batch in scenario.batches]:
                if worker.position < end <= length:
                    yield Step(worker.holds, worker.position, end, as_of)
            if worker.position > state.committed[worker.holds]:
                yield Settle(worker.position)
            if state.swept < self._scenario.sweeps:
                yield Sweep(as_of)

    def _go(self, state: State, index: int, which: int = 0) -> State:
        """One of the round trips that a worker waits for."""
        worker = state.workers[index]
        node, request = worker.node, worker.node.asks[which]
        if isinstance(request, Commit):
            if not worker.leaving:
                committed = (*state.committed[: worker.holds], request.end, *state.committed[worker.holds + 1 :])
                state = state._replace(committed=committed)
            return self._tell(state, index, Told(which, None))
        assert not isinstance(request, Idle)
        touched = (which, *(state.tables[place] for place in self._database.touched(request)))
        if touched not in node.effects:
            place, number, answer = self._database.perform(state.tables, request)
            node.effects[touched] = place, number, self._lives.after(node, Told(which, answer))
        place, number, below = node.effects[touched]
        if state.tables[place] != number:
            tables = (*state.tables[:place], number, *state.tables[place + 1 :])
            state = State(tables, *state[1:])
        return self._at(state, index, below)

    def _tell(self, state: State, index: int, told: Told) -> State:
        return self._at(state, index, self._lives.after(state.workers[index].node, told))

    def _at(self, state: State, index: int, node: Node) -> State:
        """A worker has got there. Its call may be at an end."""
        was = state.workers[index]
        worker = Worker(node, was.holds, was.position, was.joining, was.leaving)
        if node.idle:
            if isinstance(node.call, Step) and not worker.leaving:
                worker = worker._replace(position=node.call.end)
            elif isinstance(node.call, Leave):
                worker = worker._replace(leaving=False)
        return self._welcome(state, index, worker)

    def _welcome(self, state: State, index: int, worker: Worker) -> State:
        """An idle worker is told of what it was given; it takes no round trip, so that nobody could notice the time between."""
        if worker.joining and not worker.leaving and worker.node.idle:
            worker = worker._replace(node=self._lives.after(worker.node, Told(0, Join(worker.holds))), joining=False)
        return state.put(index, worker)

    def _give(self, state: State, partition: int, index: int) -> State:
        assert state.workers[index].holds < 0
        worker = state.workers[index]._replace(holds=partition, position=state.committed[partition], joining=True)
        return self._welcome(state, index, worker)

    def _move(self, state: State, to: int) -> State:
        """What is taken from a worker in the middle of a call, it learns after it."""
        before = next(index for index, worker in enumerate(state.workers) if worker.holds == 0)
        if before == to:
            return state
        worker = state.workers[before]
        lost = worker._replace(holds=-1, position=0, joining=False, leaving=worker.leaving or not worker.joining)
        return self._give(state.put(before, lost), 0, to)

    def _bury(self, state: State, index: int) -> State:
        """Another worker is there in the place of the dead one, from where that had committed."""
        holds = state.workers[index].holds
        state = state.put(index, Worker(self._lives.root))
        return state if holds < 0 else self._give(state, holds, index)

    # the end

    def _at_rest(self, state: State) -> bool:
        """All is read, settled and committed, and everybody knows what Kafka took from him."""
        done = all(end == len(log) for end, log in zip(state.committed, self._log, strict=True))
        done = done and state.drawn == len(self._scenario.drawn)
        return done and all(worker.node.idle and not worker.leaving for worker in state.workers)

    def _finish(self, state: State) -> None:
        """Each holder settles what is left and sweeps once, in any order; then the tables are judged."""
        holders = [index for index, worker in enumerate(state.workers) if worker.holds >= 0]
        for order in permutations(holders):
            after = state
            for index in order:
                for call in (Settle(after.workers[index].position), Sweep(LATE)):
                    after = self._tell(after, index, Told(0, call))
                    while not after.workers[index].node.idle:
                        after = self._go(after, index)
            if after.tables not in self._right:
                if wrong := self._wrong(after.tables):
                    raise Wrong(
                        "\n".join(
                            [
                                *map(_brief, self._trace),
                                f"sweeps of {order}",
                                *(f"{table}: {what}" for table, what in wrong.items()),
                            ]
                        )
                    )
                self._right.add(after.tables)

    def _wrong(self, tables: tuple[int, ...]) -> dict[str, str]:
        found = drift(self._database.stored(tables), self._ought)
        if misled := "; ".join(self._misled(tables)):
            found["messages"] = misled
        return found

    def _misled(self, tables: tuple[int, ...]) -> Iterator[str]:
        """What readers of the messages believe wrongly, and where the table says otherwise than they were told."""
        said = [alert for (alert,) in self._database.content(tables, "said")]
        yield from misinformed(said, standing(self._ought["alerts"]), self._scenario.live)
        last = last_told(said)
        for kept in self._database.content(tables, "alerts").values():
            row = kept.value.alert
            told = last.pop(row.alert_id, None)
            if row.historic:
                if told:
                    yield f"told, but kept back in the table: {told}"
            elif told != listed(message_of(row)):
                yield f"stands {message_of(row)}, said {told}"
            elif not row.published:
                yield f"not marked {row}"
        for told in last.values():
            yield f"told, but unknown to the table: {told}"


def _brief(choice: Choice) -> str:
    match choice:
        case str():
            return choice
        case index, Put(table):
            return f"w{index} writes {table}"
        case index, Look(what, tables):
            return f"w{index} reads {what} from {', '.join(tables)}"
        case index, Commit(end):
            return f"w{index} commits {end}"
        case index, Idle():
            return f"w{index} waits"
        case index, call:
            return f"w{index} begins {call}"
