"""Five years of a quality cooperative: how long it takes to play them, to fold them in memory, and to bring them through the real programs.

``.venv/bin/python -m tests.bench.cooperative [--seed 1] [--small] [--stack]``. Exit status 1 if anything
differs from what the simulator knows.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.support.simulated_cooperative import PlayedCooperative, answer, play, said
from tests.support.stack import stack_at, where
from weftline.embedded.compare import Comparison, compare
from weftline.embedded.simulator.config import Disturbances, SimulationConfig
from weftline.embedded.simulator.cooperative.config import CooperativePlay
from weftline.embedded.simulator.player import simulate
from weftline.embedded.simulator.sinks import Connection
from weftline.embedded.simulator.workdays import DAY
from weftline.warehouse.client import reader

END = 1_793_900_000_123  # 2026-11-05
PATIENCE_SECONDS = 600.0
#: Whose tables these are, and what of them is compared: beside the cooperative hardly anything is played.
NAMES = ("inspections", "cooperative")
COMPARED = ("verified reports", "quality", "members")


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--small", action="store_true", help="two years of a few members instead")
    parser.add_argument("--stack", action="store_true", help="through Kafka, the processors and ClickHouse as well")
    wanted = parser.parse_args()
    os.environ.setdefault("WEFTLINE_CLICKHOUSE_PASSWORD", "of-the-bench")  # the engine's and everybody's, as in the suite
    of = CooperativePlay.small(END) if wanted.small else CooperativePlay.five_years(END)
    began = time.perf_counter()
    played = play(wanted.seed, of, Disturbances.demo())
    records = [record for member in played.records.values() for record in (*member.own, *member.inspections)]
    print(f"played      {len(records):,} distinct records of {len(played.records)} members in {time.perf_counter() - began:.1f} s")
    wrong = _folded(played)
    if wanted.stack:
        wrong += _through(wanted.seed, of)
    return 1 if wrong else 0


def _folded(played: PlayedCooperative) -> int:
    began = time.perf_counter()
    answers = played.cooperative.answers(END)
    print(f"answered    in {time.perf_counter() - began:.1f} s")
    began = time.perf_counter()
    members = answers["members"]
    wrong = [
        of["factory_id"] for of in members if said(played.records[of["factory_id"]].judged(played.cooperative, END)) != answer(of)
    ]
    print(
        f"folded      {len(members)} members in {time.perf_counter() - began:.1f} s; {len(wrong)} differ from the answers {wrong[:3]}"
    )
    years = answers["fund"]
    sums = {name: sum(year[name] for year in years) for name in ("batches", "passed", "failed", "spent_minor", "quota")}
    print(
        f"fund        {sums}; {sums['spent_minor'] / sums['batches'] / 100:.1f} a batch; {sums['batches'] / sums['quota']:.0%} of the quota"
    )
    print(f"members     {sum(of['membership'] != 'LEFT' for of in members)}, grades {dict(Counter(of['grade'] for of in members))}")
    print(f"clocks      {dict(Counter(clock['stage'] for of in members for clock in of['clocks']))}")
    print(f"lists       {dict(Counter(entry['list'] + ' ' + entry['state'] for of in members for entry in of['entries']))}")
    print(f"mark        {dict(Counter(of['mark'] for of in members if of['mark']))}")
    return len(wrong)


def _through(seed: int, of: CooperativePlay) -> int:
    config = SimulationConfig(
        seed=seed, start=END - DAY, end=END, events_per_day=1, cooperative=of, disturbances=Disturbances.demo()
    )
    with (
        tempfile.TemporaryDirectory(prefix="weftline-cooperative-") as folder,
        stack_at(Path(folder) / "stack", END, NAMES) as stack,
    ):
        began = time.perf_counter()
        file = Path(folder) / "answers.json"
        summary = simulate(config, Connection(where(stack).kafka), answers=file)
        print(f"published   {summary.messages:,} messages in {summary.seconds:.1f} s")
        answers = json.loads(file.read_text("utf-8"))
        deadline = time.monotonic() + PATIENCE_SECONDS
        found: list[Comparison] = []
        with reader(where(stack)) as server:
            while time.monotonic() < deadline:
                found = [one for one in compare(server, answers) if one.what.startswith(COMPARED)]
                if not any(one.differing for one in found):
                    break
                stack.wait(1.0)
        print(
            f"in tables   {time.perf_counter() - began:.1f} s after the first was sent; {sum(one.keys for one in found):,} figures"
        )
        for one in found:
            if one.differing:
                print(f"  differs   {one.what}: {one.differing} of {one.keys}: {one.shown}")
        return sum(one.differing for one in found)


if __name__ == "__main__":
    sys.exit(main())
