"""``weftline demo``: a stack of its own, a cluster that plays a month in a minute, a live view, and the proof at the end.

The proof: everything that was published stands in the tables, and they agree with the simulator's answer file (:mod:`.compare`).
Only then is the exit status 0. Each demonstration has a fresh folder, apart from that of ``weftline up``.
"""

from __future__ import annotations

import json
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.live import Live

from weftline.contracts.reference import Reference
from weftline.embedded.children import Child, processor_child
from weftline.embedded.compare import Comparison, compare
from weftline.embedded.interrupt import Interrupted
from weftline.embedded.jars import JarsUnavailable
from weftline.embedded.live import Board, Gauge
from weftline.embedded.locks import LOOKED_AT_SECONDS, Held
from weftline.embedded.simulator.config import Pace, demo_config
from weftline.embedded.simulator.player import Progress, Summary, simulate
from weftline.embedded.simulator.reference import reference_of
from weftline.embedded.simulator.sinks import Connection
from weftline.embedded.stack_folder import USUAL_PORTS, Addresses, BrokerKind, lock_of
from weftline.embedded.supervisor import PROCESSORS, Stack, StackConfig, board, board_missing
from weftline.embedded.up import to_query
from weftline.errors import DependencyDown, UserError
from weftline.kafka_admin.topics import apply_topics
from weftline.runtime.clock import system_clock
from weftline.runtime.degraded import DEMO
from weftline.runtime.groups import open_groups
from weftline.runtime.settings import Settings, load
from weftline.warehouse.client import Reader, reader
from weftline.warehouse.migrations import migrate
from weftline.warehouse.reference import load as load_reference
from weftline.warehouse.status import TOPICS

Say = Callable[[str], None]

#: Without a length, the month takes so long, and then everything stays up to be looked at.
USUAL_SECONDS = 300.0
READ_SECONDS = 1.0
LINE_SECONDS = 5.0
#: The processors' clock must be known when they start, the play begins when they are ready: about so much later.
START_SECONDS = 4.0
#: The processors' clock runs so far behind the play, so that an event is there before a deadline that it meets has passed.
BEHIND_SECONDS = 2.0
#: Deadlines pass in sweeps, and here a second of waiting is hours of simulated time.
SWEEP_SECONDS = 2.0
#: The tables follow within a settle and a sweep; without any progress for so long, what differs is a fault.
PATIENCE_SECONDS = 30.0
#: What is on its way when somebody ends the play may take so long to arrive.
LEAVE_SECONDS = 10.0
#: Where the board shows what is played: the last month, on its way to today.
PLAYED = "/overview?range=30d"


@dataclass(frozen=True, slots=True)
class DemoConfig:
    """``seconds``: how long to play, None: until somebody ends it. ``broker`` None: Kafka, and memory where its jars are missing.
    ``keep``: leave the folder of an earlier demonstration alone and take one beside it."""

    data: Path
    seconds: float | None = None
    seed: int = 1
    broker: BrokerKind | None = None
    keep: bool = False
    kafka_port: int = 0
    clickhouse_port: int = 0
    board_port: int = 0


class _Player:
    """The simulation in a thread of its own; daemonic, so that a broker that hangs cannot hold the program up."""

    def __init__(self, play: Callable[[Callable[[Progress], None], threading.Event], Summary]) -> None:
        self.stop = threading.Event()
        self.progress = Progress(0, 0, 0, 0.0)
        self.summary: Summary | None = None
        self.error: BaseException | None = None
        self._play = play
        self._thread = threading.Thread(target=self._run, name="simulation", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.summary = self._play(self._follow, self.stop)
        except BaseException as error:
            self.error = error

    def _follow(self, progress: Progress) -> None:
        self.progress = progress

    @property
    def playing(self) -> bool:
        return self._thread.is_alive()

    def end(self, seconds: float) -> None:
        """Ask it to end and wait so long."""
        self.stop.set()
        self._thread.join(seconds)


class _Interrupts:
    """Ctrl-C, SIGTERM and SIGHUP: the first ends the demonstration in good order, the next kills what is left."""

    def __init__(self) -> None:
        self.came = threading.Event()
        self.stack: Stack | None = None
        self.started = False

    def handle(self, _number: int, _frame: FrameType | None) -> None:
        if self.stack is not None and (self.came.is_set() or not self.started):
            self.stack.ask_to_stop()
        self.came.set()

    @contextmanager
    def caught(self) -> Iterator[_Interrupts]:
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {number: signal.signal(number, self.handle) for number in numbers}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class _Plan:
    """What is played and when. The processors' clock is fixed when they are started, the play follows it."""

    def __init__(self, seconds: float, seed: int) -> None:
        self._seconds, self._seed = seconds, seed
        self._start = 0

    def clock(self) -> str:
        """``WEFTLINE_SIMULATED_CLOCK`` for processors that are started now."""
        self._start = system_clock() + int(START_SECONDS * 1000)
        self.simulation, self._pace = demo_config(self._start, self._seconds, self._seed)
        return simulated_clock_setting(self._pace, self._start + int(BEHIND_SECONDS * 1000))

    def parties(self) -> Reference:
        """Who takes part: the same whenever the play begins."""
        return reference_of(demo_config(system_clock(), self._seconds, self._seed)[0])

    def pace(self) -> Pace:
        """For a play that begins now: if that is later than planned, what is due already comes at once."""
        late = max((system_clock() - self._start) / 1000, 0.0)
        return replace(self._pace, points=tuple((at, max(seconds - late, 0.0)) for at, seconds in self._pace.points))


def introduce(settings: Settings, parties: Reference) -> None:
    """Load who takes part, so that boards have names for them."""
    with reader(settings) as server:
        load_reference(server, parties)


def simulated_clock_setting(pace: Pace, wall_start: int) -> str:
    """The setting by which a processor's clock follows ``pace`` from ``wall_start`` (ms) on."""
    stretches = [
        f"{wall_start + int(s0 * 1000)},{t0},{(t1 - t0) / ((s1 - s0) * 1000):.6f}"
        for (t0, s0), (t1, s1) in pairwise(pace.points)
        if s1 > s0
    ]
    last, seconds = pace.points[-1]
    return ";".join([*stretches, f"{wall_start + int(seconds * 1000)},{last},1.0"])


def fresh_folder(data: Path, keep: bool) -> Path:
    """An empty folder for a demonstration. Raises UserError if one runs there."""
    folder = data / DEMO
    number = 1
    while keep and folder.exists():
        number += 1
        folder = data / f"{DEMO}-{number}"
    _empty(folder)
    return folder


def _empty(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()) and not (folder / "stack.lock").exists():
        raise UserError(f"{folder} holds what no demonstration has put there; choose another folder with --data")
    try:
        lock = lock_of(folder).acquire(patience=LOOKED_AT_SECONDS)
    except Held as held:
        raise UserError(f"a demonstration already runs on {folder} (process {held.owner}); end it first, or add --keep") from None
    except OSError as error:
        raise UserError(f"{folder} cannot be used: {error.strerror}; choose another folder with --data") from None
    with lock:
        for path in folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != "stack.lock":
                path.unlink()


class _Voice:
    """Says a line: on the console, or at the foot of the live view while there is one."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.board: Board | None = None

    def __call__(self, line: str) -> None:
        if self.board is not None:
            self.board.note = line
        else:
            self.console.print(line, markup=False, soft_wrap=True)


def run(config: DemoConfig) -> int:
    """Run the demonstration; the exit status."""
    say = _Voice(Console(highlight=False))
    began = time.monotonic()
    with _Interrupts().caught() as interrupts:
        try:
            plan = _Plan(config.seconds or USUAL_SECONDS, config.seed)
            stack = _start(config, plan, interrupts, say)
        except Interrupted:
            return 130
        assert stack.addresses is not None
        try:
            say(f"ready after {time.monotonic() - began:.1f} s")
            if stack.board:
                say(f"Board       {stack.board}{PLAYED}")
            say(f"Kafka       {stack.addresses.kafka}")
            say(f"ClickHouse  {stack.addresses.clickhouse}")
            say(to_query(stack.addresses, stack.config.folder))
            say(f"data, logs  {stack.config.folder}")
            return _show(config, plan, stack, interrupts, say)
        finally:
            say("stopping")
            stack.stop()


def _start(config: DemoConfig, plan: _Plan, interrupts: _Interrupts, say: Say) -> Stack:
    folder = fresh_folder(config.data, config.keep)
    asked = (("kafka", config.kafka_port), ("clickhouse", config.clickhouse_port), ("board", config.board_port))
    ports = {name: port for name, port in asked if port}

    def prepare(addresses: Addresses) -> None:
        apply_topics(addresses.kafka)
        settings = load(**addresses.settings())
        migrate(settings)
        introduce(settings, plan.parties())

    def workers(addresses: Addresses, port: Callable[[str], int]) -> Sequence[Child]:
        environment = {
            **addresses.environment(),
            "WEFTLINE_SIMULATED_CLOCK": plan.clock(),
            "WEFTLINE_PUBLISHERS": "trusted",  # the simulator signs nothing
            "WEFTLINE_SWEEP_SECONDS": str(SWEEP_SECONDS),
        }
        return [*(processor_child(name, environment, port(name)) for name in PROCESSORS), *board(addresses, port)]

    def started(broker: BrokerKind) -> Stack:
        stack = interrupts.stack = Stack(StackConfig(folder, broker, ports, USUAL_PORTS), prepare=prepare, workers=workers, say=say)
        stack.start()
        interrupts.started = True
        return stack

    if missing := board_missing():
        say(missing)
    say("starting Kafka, ClickHouse and the processors" if config.broker != "memory" else "starting")
    try:
        return started(config.broker or "kafka")
    except JarsUnavailable as error:
        if config.broker is not None:
            raise
        say(f"{error}")
        say("going on with a broker in memory")
        _empty(folder)
        return started("memory")


def _show(config: DemoConfig, plan: _Plan, stack: Stack, interrupts: _Interrupts, say: _Voice) -> int:
    addresses = stack.addresses
    assert addresses is not None
    settings = load(**addresses.settings())
    answers = stack.config.folder / "answers.json"
    pace = plan.pace()
    player = _Player(
        lambda follow, stop: simulate(
            plan.simulation, Connection(settings.kafka), pace=pace, answers=answers, progress=follow, stop=stop
        )
    )
    with ExitStack() as connections:
        server = connections.enter_context(reader(settings))
        groups = connections.enter_context(open_groups(settings, TOPICS)) if stack.config.broker == "kafka" else None
        with _Screen(Board(addresses, config.seconds, stack.board), Gauge(server, groups), player, say) as screen:
            while player.playing and not interrupts.came.is_set() and not stack.wait(0):
                screen.refresh()
            if player.error is not None:
                raise player.error
            finished = time.monotonic()
            proof = [] if interrupts.came.is_set() else _prove(server, answers, screen, interrupts)
            if interrupts.came.is_set():
                player.end(LEAVE_SECONDS)
                return 130 if config.seconds else 0
            told = [*_told(player.summary, proof, time.monotonic() - finished), f"{_verdict(proof)} ({answers})"]
            if config.seconds is None:
                screen.say_all(told)
                say("everything stays up until Ctrl-C")
                while not interrupts.came.is_set() and not stack.wait(0):
                    screen.refresh()
        if config.seconds is not None or screen.live is not None:
            for line in told:
                say(line)
    return 0 if proof and not any(of.differing for of in proof) else 1


class _Screen:
    """The live view, or lines where there is no terminal."""

    def __init__(self, board: Board, gauge: Gauge, player: _Player, say: _Voice) -> None:
        self._board, self._gauge, self._player, self._say = board, gauge, player, say
        self._line_at = 0.0
        console = say.console
        self.live: Live | None = None
        # Not rich's own opinion, which an environment variable can turn: a log is no place for a live view.
        if sys.stdout.isatty() and not console.is_dumb_terminal:
            self.live = Live(console=console, get_renderable=lambda: board.view(console.height), screen=True, auto_refresh=False)

    def __enter__(self) -> _Screen:
        if self.live is not None:
            self._say.board = self._board
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.live is not None:
            self.live.stop()
            self._say.board = None

    def say_all(self, lines: Sequence[str]) -> None:
        """Say all lines, or the last one where there is room for one only."""
        for line in lines:
            self._say(line)

    def refresh(self) -> None:
        """Read, show, and wait for the next turn."""
        began = time.monotonic()
        try:
            self._board.add(self._gauge.read(self._player.progress))
        except DependencyDown as down:
            self._say(f"waiting: {down}")
        else:
            self._show(began)
        if self.live is not None:
            self.live.refresh()
        time.sleep(max(READ_SECONDS - (time.monotonic() - began), 0.0))

    def _show(self, now: float) -> None:
        if self.live is None and now >= self._line_at:
            self._line_at = now + LINE_SECONDS
            for line in (self._board.line(), *self._board.new_alerts()):
                self._say(line)


def _prove(server: Reader, answers: Path, screen: _Screen, interrupts: _Interrupts) -> list[Comparison]:
    """Compare until nothing differs, or nothing has changed for :data:`PATIENCE_SECONDS`."""
    said = json.loads(answers.read_text("utf-8"))
    proof: list[Comparison] = []
    changed = time.monotonic()
    while not interrupts.came.is_set() and time.monotonic() - changed < PATIENCE_SECONDS:
        try:
            now = compare(server, said)
        except DependencyDown:
            now = proof
        if now != proof:
            proof, changed = now, time.monotonic()
        if proof and not any(of.differing for of in proof):
            break
        screen.refresh()
    return proof


def _verdict(proof: Sequence[Comparison]) -> str:
    differing = [of for of in proof if of.differing]
    if not proof:
        return "The tables were not compared with what was published"
    if differing:
        return f"{len(differing)} of {len(proof)} comparisons of the tables with what was published differ"
    return f"Everything that was published is in the tables: {sum(of.keys for of in proof):,} figures agree with the answer file"


def _told(summary: Summary | None, proof: Sequence[Comparison], took: float) -> Iterator[str]:
    if summary is not None:
        again = summary.messages - summary.records - summary.corrupt
        yield (
            f"published {summary.messages:,} messages in {summary.seconds:.0f} s: {summary.records:,} records, "
            f"{again:,} sent again, {summary.corrupt:,} damaged; the tables agreed with them {took:.1f} s after the last"
        )
    for of in proof:
        wrong = f", {of.differing:,} differ" if of.differing else ""
        yield f"  {'DIFFERS' if of.differing else 'agrees '}  {of.what}: {of.keys:,}{wrong}"
        for line in of.shown:
            yield f"           {line}"
