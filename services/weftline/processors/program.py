"""A kind of processor as a program."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from weftline.contracts.codec import Codec
from weftline.contracts.registry import open_registry
from weftline.processors.apart import Aside
from weftline.processors.kinds import Kind
from weftline.processors.messenger import Messenger
from weftline.processors.step import Processor
from weftline.processors.store import Store
from weftline.processors.takeover import Takeover
from weftline.runtime import program
from weftline.runtime.clock import clock_of
from weftline.runtime.loop import Handler
from weftline.runtime.metrics import CLOCKS
from weftline.runtime.program import Runtime
from weftline.runtime.settings import Settings
from weftline.warehouse.client import Warehouse
from weftline.warehouse.migrations import refuse_newer


def run(kind: Kind, settings: Settings) -> int:
    """Run the processor of ``kind`` until a signal; the exit status."""

    @asynccontextmanager
    async def handler(runtime: Runtime) -> AsyncIterator[Handler]:
        codec = Codec(open_registry(settings.schema_registry))
        messenger = Messenger(settings, codec)
        await messenger.start()
        try:
            warehouse = await Warehouse.connect(settings)
            try:
                store = await Store.open(kind, warehouse, codec)
                messenger.clock = store.clock
                for of in CLOCKS:
                    runtime.metrics.clock_skew.labels(of).set_function(partial(store.clock.skew, of))
                clock = clock_of(settings.simulated_clock, store.clock)
                # Older rules must not write among rows of newer ones.
                refuse_newer(name for (name,) in await warehouse.rows("SELECT DISTINCT name FROM schema_migrations"))
                takeover = Takeover(kind, warehouse, settings, runtime.status)
                apart = Aside(kind, settings, runtime.metrics)
                try:
                    yield Processor(
                        kind, runtime.partitions, store, messenger, codec, clock, settings, runtime.metrics, apart, takeover
                    )
                finally:
                    await apart.stop()
            finally:
                await warehouse.close()
        finally:
            await messenger.stop()

    return program.run(kind.name, kind.topic, handler, settings)
