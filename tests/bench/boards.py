"""How long the panels take: ``python -m tests.bench.boards``. Prints best, p50 and p95 of each, the slowest first; decides no test.

A stack of its own is loaded with a year of one cluster, as ``weftline simulate --days 365 --events-per-day 1500`` makes it (about
560,000 events; ten minutes on two cores); ``--clickhouse URL`` reads a database that is loaded already. Each panel is asked for
every choice of tests/support/panels.py, ``--rounds`` times, one after the other, over HTTP, the answer in full. What else the machine
does is in the figures: its load is printed, and the median over the choices of each one's best round, which suffers least from it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import tempfile
import time
from pathlib import Path

from tests.support.panels import Engine, choices, percentile, sent
from tests.support.stack import stack_at, where
from weftline.boards import BOARDS
from weftline.embedded.compare import compare
from weftline.embedded.simulator.config import Disturbances, SimulationConfig
from weftline.embedded.simulator.player import simulate
from weftline.embedded.simulator.sinks import Connection
from weftline.warehouse.client import reader

DAY = 86_400_000
GOAL_MS = 200


def load_year(folder: Path, days: int, events_per_day: float, opened: contextlib.ExitStack) -> str:
    """A stack with so many days that end now, all of it in the tables; its ClickHouse."""
    end = int(time.time() * 1000)
    config = SimulationConfig(
        seed=1, start=end - days * DAY, end=end, events_per_day=events_per_day, disturbances=Disturbances.demo()
    )
    stack = opened.enter_context(stack_at(folder / "stack", end))
    settings = where(stack)
    answers = folder / "answers.json"
    said = simulate(config, Connection(settings.kafka), answers=answers, bulk=True)
    print(f"{said.events:,} events in {said.messages:,} messages played in {said.seconds:.0f} s", flush=True)
    truth = json.loads(answers.read_text("utf-8"))
    with reader(settings) as server:
        while wrong := [of for of in compare(server, truth) if of.differing]:
            print(f"not yet in the tables: {', '.join(f'{of.what} ({of.differing})' for of in wrong)}", flush=True)
            time.sleep(5)
    return settings.clickhouse


def measure(engine: Engine, rounds: int) -> dict[tuple[str, str], list[list[float]]]:
    """Milliseconds by (board, panel): of each choice, its rounds."""
    found: dict[tuple[str, str], list[list[float]]] = {}
    end = int(time.time())
    for board in BOARDS:
        asked = [panel for panel in board.panels if panel.sql]
        for _, choice in choices(engine, board, end) if asked else ():
            for panel in asked:
                statement = sent(panel, "en", choice)
                took = [engine.ask(statement).seconds * 1000 for _ in range(rounds)]
                found.setdefault((board.id, panel.id), []).append(took)
    return found


def report(found: dict[tuple[str, str], list[list[float]]]) -> None:
    """A line for each panel, the slowest first, and how many keep the goal."""
    print(f"load of the machine: {', '.join(f'{load:.1f}' for load in os.getloadavg())} on {os.cpu_count()} cores")
    print(f"{'panel':44} {'best ms':>8} {'p50 ms':>8} {'p95 ms':>8} {'max ms':>8}")
    every = {panel: [one for rounds in choices for one in rounds] for panel, choices in found.items()}
    for panel, took in sorted(every.items(), key=lambda entry: -percentile(entry[1], 0.95)):
        best = percentile([min(rounds) for rounds in found[panel]], 0.5)
        figures = (best, percentile(took, 0.5), percentile(took, 0.95), max(took))
        print(f"{'/'.join(panel):44} " + " ".join(f"{figure:8.1f}" for figure in figures))
    over = ["/".join(panel) for panel, took in every.items() if percentile(took, 0.95) > GOAL_MS]
    together = [one for took in every.values() for one in took]
    print(
        f"{len(every)} panels, {len(together)} statements: p50 {percentile(together, 0.5):.1f} ms, "
        f"p95 {percentile(together, 0.95):.1f} ms; p95 over {GOAL_MS} ms: {', '.join(over) or 'none'}"
    )


def main() -> None:
    """Load or take what is there, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clickhouse", help="a database that is loaded already, only read")
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--events-per-day", type=float, default=1_500)
    parser.add_argument("--rounds", type=int, default=3)
    wanted = parser.parse_args()
    with contextlib.ExitStack() as opened:
        url = wanted.clickhouse
        if url is None:
            folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="weftline-bench-")))
            url = load_year(folder, wanted.days, wanted.events_per_day, opened)
        with Engine(url) as engine:
            report(measure(engine, wanted.rounds))


if __name__ == "__main__":
    main()
