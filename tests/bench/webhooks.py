"""From publishing to a factory's webhook, while other events come: ``python -m tests.bench.webhooks``. Timings decide no test.

A real broker, ClickHouse, processors and dispatcher. Each of the probes' factories has a webhook of its own at one real HTTP server, which
answers at once; ``--hanging`` more receivers, of the same factories, never answer. What is timed is the way of a verified failure from
the publisher to the body of the request.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench.latency import FACTORIES, PREFIX, PROBES, PROBES_PER_SECOND, WARM_UP_SECONDS, others, publish_probes, quantiles
from tests.support.notifying import SECRET
from tests.support.receiving import Got, receiving
from weftline.embedded.children import Child
from weftline.embedded.supervisor import Addresses, Stack, StackConfig, notifications, processors
from weftline.kafka_admin.topics import apply_topics
from weftline.runtime.settings import load
from weftline.warehouse.migrations import migrate

PATIENCE_SECONDS = 60


def main() -> None:
    """Start, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=200.0, help="other events per second, of all three kinds")
    parser.add_argument("--hanging", type=int, default=0, help="so many receivers that never answer")
    wanted = parser.parse_args()

    def prepare(at: Addresses) -> None:
        apply_topics(at.kafka)
        migrate(load(**at.settings()))

    told: dict[str, float] = {}
    with receiving() as endpoint, tempfile.TemporaryDirectory(prefix="weftline-bench-") as folder:

        def take(got: Got) -> tuple[int, dict[str, str], bytes]:
            if got.path.startswith("/hangs"):
                return endpoint.hang(got)
            told.setdefault(got.json["evidence"][0]["subject"], time.perf_counter())
            return 200, {}, b""

        endpoint.reply = take
        named = [("answers", number) for number in range(FACTORIES)] + [("hangs", number) for number in range(wanted.hanging)]
        entries = [
            f"- {{id: {path}-{number}, kind: webhook, url: '{endpoint.url}/{path}/{number}', secret: {{env: BENCH_SECRET}}, "
            f"factory_id: {PREFIX}{number % FACTORIES}, allow_private: true}}\n"
            for path, number in named
        ]
        receivers = Path(folder) / "receivers.yaml"
        receivers.write_text("receivers:\n" + "".join(entries), "utf-8")
        os.environ.update(WEFTLINE_RECEIVERS=str(receivers), BENCH_SECRET=SECRET)

        def workers(at: Addresses, port: Callable[[str], int]) -> list[Child]:
            return [*processors(at, port), *notifications(at, port)]

        with Stack(StackConfig(Path(folder) / "stack", usual={}), prepare=prepare, workers=workers) as stack:
            assert stack.addresses is not None
            seconds = WARM_UP_SECONDS + PROBES / PROBES_PER_SECOND
            with others(stack.addresses.kafka, wanted.rate, seconds * 1.5):
                time.sleep(WARM_UP_SECONDS)  # not a condition: the load shall have been there for a while
                sent, _ = publish_probes(stack.addresses, rows_of=0)
                deadline = time.monotonic() + PATIENCE_SECONDS
                while sent.keys() - told.keys() and time.monotonic() < deadline:
                    time.sleep(0.1)
            endpoint.released.set()
    missing = sent.keys() - told.keys()
    print(f"{len(sent):,} verified failures at {wanted.rate:,.0f} other events/s, {wanted.hanging} receivers hang")
    print(f"not come within {PATIENCE_SECONDS} s: {len(missing)}")
    print("publish to webhook, ms:", quantiles([told[number] - sent[number] for number in sent.keys() & told.keys()]))


if __name__ == "__main__":
    main()
