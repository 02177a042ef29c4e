"""The processor of batch_worker.py, which stands still for good in one of the ways in which consumers have been seen to.

``python frozen_worker.py TOPIC PARTITIONS FOLDER``; ``TEST_FREEZE`` names what stands still as soon as the folder holds ``frozen``.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import batch_worker
from aiokafka.consumer.fetcher import Fetcher

FOLDER = Path(sys.argv[3])


def frozen() -> bool:
    return (FOLDER / "frozen").exists()


def freeze_the_fetcher() -> None:
    """What is fetched never arrives, while heartbeats go on."""
    fetch = Fetcher._proc_fetch_request

    async def hanging(self: Any, *arguments: Any) -> Any:
        if frozen():
            await asyncio.Event().wait()
        return await fetch(self, *arguments)

    Fetcher._proc_fetch_request = hanging


def freeze_a_step() -> None:
    """A call that never returns."""
    step = batch_worker.Recorder.step

    async def hanging(self: Any, records: Any) -> None:
        if frozen():
            await asyncio.Event().wait()
        await step(self, records)

    batch_worker.Recorder.step = hanging  # type: ignore[method-assign]


def freeze_the_event_loop() -> None:
    """A call that blocks the thread of the event loop: no page is served any more, no signal heard."""
    step = batch_worker.Recorder.step

    async def blocking(self: Any, records: Any) -> None:
        if frozen():
            threading.Event().wait()
        await step(self, records)

    batch_worker.Recorder.step = blocking  # type: ignore[method-assign]


def wait_for_thaw() -> None:
    while frozen():
        time.sleep(0.1)


def hang_for_a_dependency() -> None:
    """A step that hangs since a server that it needs does not answer; no standstill of the processor's own."""
    step = batch_worker.Recorder.step

    async def hanging(self: Any, records: Any) -> None:
        await asyncio.to_thread(wait_for_thaw)
        await step(self, records)

    async def healthy(self: Any) -> None:
        await asyncio.to_thread(wait_for_thaw)

    batch_worker.Recorder.step = hanging  # type: ignore[method-assign]
    batch_worker.Recorder.healthy = healthy  # type: ignore[method-assign]


if __name__ == "__main__":
    {
        "fetcher": freeze_the_fetcher,
        "step": freeze_a_step,
        "event loop": freeze_the_event_loop,
        "dependency": hang_for_a_dependency,
    }[os.environ["TEST_FREEZE"]]()
    sys.exit(batch_worker.main(sys.argv[1], int(sys.argv[2]), FOLDER))
