"""Four ways to get the same records from Kafka into the same work: ``python -m tests.bench.contenders WAY``.

The work is our own processor's, step and settle, so that the ways differ in nothing but how records arrive and are acknowledged:

* ``confluent``: a loop written by hand around confluent-kafka's ``consume``
* ``weftline``: our processor, Faust with the batch layer
* ``faust_stock``: a stock Faust agent with ``take``
* ``quixstreams``: a streaming data frame with a batching sink

What to read and where to store stands in the environment (``WEFTLINE_…`` and ``BENCH_GROUP``); it runs until it is killed.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from weftline.contracts.codec import Codec
from weftline.contracts.registry import open_registry
from weftline.contracts.topics import load_topics
from weftline.processors.messenger import Messenger
from weftline.processors.orders import ORDERS
from weftline.processors.program import run
from weftline.processors.step import Processor
from weftline.processors.store import Store
from weftline.runtime.clock import clock_of
from weftline.runtime.loop import RawRecord
from weftline.runtime.metrics import Metrics
from weftline.runtime.program import tune_gc
from weftline.runtime.settings import Settings, load
from weftline.warehouse.client import Warehouse

PARTITIONS = load_topics()[ORDERS.topic].partitions
#: As large and as patient as our own settings: who works on a batch finds the next one fetched.
BATCH, WITHIN = load().batch_records, load().pause_seconds


class Work:
    """The processor without its batch layer."""

    def __init__(self, processor: Processor) -> None:
        self._processor = processor
        self._settled = time.monotonic()

    @classmethod
    async def open(cls, settings: Settings) -> Work:
        codec = Codec(open_registry(None))
        messenger = Messenger(settings, codec)
        await messenger.start()
        store = await Store.open(ORDERS, await Warehouse.connect(settings), codec)
        clock = clock_of(settings.simulated_clock, store.clock)
        processor = Processor(ORDERS, PARTITIONS, store, messenger, codec, clock, settings, Metrics("bench"))
        await processor.assigned(frozenset(range(PARTITIONS)))
        tune_gc()  # worth a factor of two, and nothing that the others could not have
        return cls(processor)

    async def do(self, records: Sequence[RawRecord]) -> bool:
        """A step, and a settle if one is due; whether everything so far may be acknowledged."""
        if records:
            await self._processor.step(records)
        if time.monotonic() - self._settled < 1:
            return False
        await self._processor.settle()
        self._settled = time.monotonic()
        return True


def confluent(settings: Settings, group: str) -> None:
    from confluent_kafka import Consumer

    async def loop() -> None:
        work = await Work.open(settings)
        consumer = Consumer(
            {
                "bootstrap.servers": settings.kafka,
                "group.id": group,
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
            }
        )
        consumer.subscribe([ORDERS.topic])
        while True:
            messages = consumer.consume(BATCH, WITHIN)
            records = [
                RawRecord(m.topic(), m.partition(), m.offset(), m.timestamp()[1], m.key(), m.value(), tuple(m.headers() or ()))
                for m in messages
            ]
            if await work.do(records) and messages:
                consumer.commit(asynchronous=False)

    asyncio.run(loop())


def weftline(settings: Settings, group: str) -> None:
    sys.exit(run(replace(ORDERS, name=group.removeprefix("weftline-")), settings))


def faust_stock(settings: Settings, group: str) -> None:
    import faust

    app = faust.App(
        group,
        broker=f"kafka://{settings.kafka}",
        consumer_auto_offset_reset="earliest",
        topic_disable_leader=True,
        datadir=tempfile.mkdtemp(prefix="bench-"),
        web_enabled=False,
        web_port=int(os.environ["BENCH_PORT"]),
    )
    topic = app.topic(ORDERS.topic, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")

    @app.agent(topic)
    async def orders(stream: Any) -> None:
        work = await Work.open(settings)
        async for events in stream.noack().take_events(BATCH, within=WITHIN):
            await work.do(
                [
                    RawRecord(e.message.topic, e.message.partition, e.message.offset, 0, e.message.key, e.message.value, ())
                    for e in events
                ]
            )
            for event in events:
                event.ack()

    faust.Worker(app, redirect_stdouts=False, loglevel="ERROR").execute_from_commandline()


def quixstreams(settings: Settings, group: str) -> None:
    from quixstreams import Application
    from quixstreams.sinks import BatchingSink

    loop = asyncio.new_event_loop()
    work = loop.run_until_complete(Work.open(settings))

    class Sink(BatchingSink):
        def write(self, batch: Any) -> None:
            records = [RawRecord(batch.topic, batch.partition, i.offset, i.timestamp, i.key, i.value, ()) for i in batch]
            loop.run_until_complete(work.do(records))

    app = Application(
        settings.kafka,
        consumer_group=group,
        auto_offset_reset="earliest",
        commit_every=BATCH,
        loglevel="ERROR",
        state_dir=tempfile.mkdtemp(prefix="bench-"),
    )
    topic = app.topic(ORDERS.topic, key_deserializer="bytes", value_deserializer="bytes")
    app.dataframe(topic).sink(Sink())
    app.run()


WAYS = {way.__name__: way for way in (confluent, weftline, faust_stock, quixstreams)}

if __name__ == "__main__":
    WAYS[sys.argv[1]](load(), os.environ["BENCH_GROUP"])
