"""A kind of processor as a program."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from weftline.contracts.codec import Codec
from weftline.contracts.registry import open_registry
from weftline.contracts.topics import load_topics
from weftline.processors.kinds import Kind
from weftline.processors.messenger import Messenger
from weftline.processors.step import Processor
from weftline.processors.store import Store
from weftline.runtime import program
from weftline.runtime.clock import clock_of
from weftline.runtime.loop import Handler
from weftline.runtime.program import Runtime
from weftline.runtime.settings import Settings
from weftline.warehouse.client import Warehouse


def run(kind: Kind, settings: Settings) -> int:
    """Run the processor of ``kind`` until a signal; the exit status."""
    clock = clock_of(settings.simulated_clock)

    @asynccontextmanager
    async def handler(runtime: Runtime) -> AsyncIterator[Handler]:
        codec = Codec(open_registry(settings.schema_registry))
        messenger = Messenger(settings, codec)
        await messenger.start()
        try:
            warehouse = await Warehouse.connect(settings)
            try:
                store = await Store.open(kind, warehouse, codec)
                yield Processor(kind, runtime.partitions, store, messenger, codec, clock, settings, runtime.metrics)
            finally:
                await warehouse.close()
        finally:
            await messenger.stop()

    return program.run(kind.name, kind.topic, load_topics()[kind.topic].partitions, handler, settings)
