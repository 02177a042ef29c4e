"""Ways to get the same records from Kafka into the same work: ``python -m tests.bench.contenders WAY``.

The work is our own processor's, step and settle, so that the ways differ in nothing but how records arrive and are acknowledged:

* ``confluent``: a loop written by hand around confluent-kafka's ``consume``
* ``weftline``: our processor, Faust with the batch layer
* ``faust_stock``: a stock Faust agent with ``take``
* ``quixstreams``: a streaming data frame with a batching sink
* ``floor``: no such work at all. What nobody can do without: fastavro's decoding, and as many rows of records and facts as columns

What to read and where to store stands in the environment (``WEFTLINE_…``, ``BENCH_KIND`` and ``BENCH_GROUP``); it runs until it is killed.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from dataclasses import replace
from io import BytesIO
from itertools import chain
from typing import Any

from fastavro import parse_schema, schemaless_reader

from weftline.contracts.codec import FRAMING, Codec, schema_id_of
from weftline.contracts.registry import FileRegistry, open_registry
from weftline.contracts.topics import load_topics
from weftline.processors.messenger import Messenger
from weftline.processors.program import run
from weftline.processors.registry import kinds
from weftline.processors.step import Processor
from weftline.processors.store import FACT_COLUMNS, Store
from weftline.processors.store_records import record_columns
from weftline.runtime.clock import clock_of
from weftline.runtime.loop import RawRecord
from weftline.runtime.metrics import Metrics
from weftline.runtime.program import tune_gc
from weftline.runtime.settings import Settings, load
from weftline.warehouse.client import Warehouse

KIND = kinds()[os.environ.get("BENCH_KIND", "orders")]
PARTITIONS = load_topics()[KIND.topic].partitions
#: As large and as patient as our own settings (who works on a batch finds the next one fetched), but no more than a tenth of all: who took
#: everything at once could not be watched.
BATCH = min(load().batch_records, int(os.environ.get("BENCH_MOST", "20000")))
WITHIN = load().pause_seconds


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
        store = await Store.open(KIND, await Warehouse.connect(settings), codec)
        clock = clock_of(settings.simulated_clock, store.clock)
        processor = Processor(KIND, PARTITIONS, store, messenger, codec, clock, settings, Metrics("bench"))
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


def consumed(settings: Settings, group: str) -> Generator[list[Any], bool, None]:
    """Batches of confluent-kafka's messages; the offsets of one are committed when the next is asked for with ``True``."""
    from confluent_kafka import Consumer

    consumer = Consumer(
        {"bootstrap.servers": settings.kafka, "group.id": group, "auto.offset.reset": "earliest", "enable.auto.commit": False}
    )
    consumer.subscribe([KIND.topic])
    while True:
        messages = consumer.consume(BATCH, WITHIN)
        if (yield messages) and messages:
            consumer.commit(asynchronous=False)


def confluent(settings: Settings, group: str) -> None:
    async def loop() -> None:
        work = await Work.open(settings)
        batches = consumed(settings, group)
        messages = next(batches)
        while True:
            records = [
                RawRecord(m.topic(), m.partition(), m.offset(), m.timestamp()[1], m.key(), m.value(), tuple(m.headers() or ()))
                for m in messages
            ]
            messages = batches.send(await work.do(records))

    asyncio.run(loop())


def without_logical_types(schema: Any) -> Any:
    """Times as plain numbers, as we read them too."""
    if isinstance(schema, list):
        return [without_logical_types(each) for each in schema]
    if isinstance(schema, dict):
        return {key: without_logical_types(value) for key, value in schema.items() if key != "logicalType"}
    return schema


def floor(settings: Settings, group: str) -> None:
    registry = FileRegistry()
    schemas: dict[int, Any] = {}

    def read(value: bytes) -> Any:
        number = schema_id_of(value)
        assert number is not None
        if number not in schemas:
            schemas[number] = parse_schema(without_logical_types(registry.schema(number)))
        return schemaless_reader(BytesIO(value[FRAMING:]), schemas[number], None)

    async def loop() -> None:
        warehouse = await Warehouse.connect(settings)
        batches = consumed(settings, group)
        while not (first := next(batches)):
            pass
        found = await warehouse.rows("SELECT table, name, type FROM system.columns WHERE database = currentDatabase()")
        types = {(table, name): kind for table, name, kind in found}
        event: Any = Codec(registry).decode(KIND.topic, first[0].value())
        amounts = KIND.start().strand(event.strand).void(event)
        names = record_columns(KIND)

        async def put(table: str, rows: list[tuple[Any, ...]], into: Sequence[str], times: Sequence[int] | None = None) -> None:
            await warehouse.insert(table, list(zip(*rows, strict=True)), into, [types[table, name] for name in into], times)

        for messages in chain([first], batches):
            bodies = [(message.key().decode(), message.value(), read(message.value())) for message in messages]
            if bodies:
                records = [
                    (owner, body["event_time"], body["source"], body["event_id"], 1, value, owner)[: len(names)]
                    for owner, value, body in bodies
                ]
                facts = [
                    (owner, 1, body["event_time"], body["center_id"], body["source"], body["event_id"], 1, "applied", *amounts)
                    for owner, _, body in bodies
                ]
                await put(KIND.records, records, names)
                await put(KIND.facts, facts, (*FACT_COLUMNS, *KIND.amount_columns), [fact[2] for fact in facts])

    asyncio.run(loop())


def weftline(settings: Settings, group: str) -> None:
    sys.exit(run(replace(KIND, of=KIND.of._replace(processor=group.removeprefix("weftline-"))), settings))


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
    topic = app.topic(KIND.topic, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")

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
    topic = app.topic(KIND.topic, key_deserializer="bytes", value_deserializer="bytes")
    app.dataframe(topic).sink(Sink())
    app.run()


WAYS = {way.__name__: way for way in (confluent, weftline, faust_stock, quixstreams, floor)}

if __name__ == "__main__":
    WAYS[sys.argv[1]](load(), os.environ["BENCH_GROUP"])
