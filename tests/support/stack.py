"""A whole stack for a test: Kafka, ClickHouse and the processors, whose clock stands still, so that no deadline passes meanwhile."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.support.migrated import begin_migrated
from weftline.contracts.topics import Topic, load_topics
from weftline.embedded.children import Child, processor_child
from weftline.embedded.supervisor import PROCESSORS, Addresses, Stack, StackConfig
from weftline.kafka_admin.topics import apply_topics
from weftline.runtime.settings import Settings, load
from weftline.warehouse.migrations import migrate

#: Of a topic of events in a test that says nothing of it: a stack with the 48 that are shipped takes 5 s of CPU more until it is ready.
#: With those run the demonstration, the README, the command line, the fire and the tests that name them.
FEW: Final = 6
#: Seconds between two sweeps. With nothing to do one takes the engine 42 ms, and five processors sweep: at one second between them, three
#: stacks that wait are most of a core, on two that are the bottleneck of the suite.
SWEEP: Final = "3"


def few(partitions: int = FEW) -> dict[str, Topic]:
    """The list of topics, those of events with so many partitions."""
    listed = load_topics().items()
    return {name: dataclasses.replace(topic, partitions=partitions) if topic.grows else topic for name, topic in listed}


def stack_at(
    folder: Path,
    as_of: int,
    names: Sequence[str] = PROCESSORS,
    *,
    ports: Mapping[str, int] | None = None,
    partitions: int | None = FEW,
    steady_seconds: float = 30.0,
    say: Callable[[str], None] = lambda line: None,
    before: Callable[[Addresses], None] | None = None,
    **more: str,
) -> Stack:
    """The stack in ``folder``, to be entered; for its processors (``names``) it is ``as_of`` (ms), for ever.

    ``more``: their settings; ``say`` gets the supervisor's lines; ``before`` is called when the servers
    are ready and not even tables are there yet; ``partitions``: of the topics of events, None for as many as are shipped.
    """
    settings = {"WEFTLINE_SIMULATED_CLOCK": f"0,{as_of},0", "WEFTLINE_SWEEP_SECONDS": SWEEP, "WEFTLINE_DIGEST_SECONDS": "1", **more}

    if before is None:
        begin_migrated(folder)

    def prepare(at: Addresses) -> None:
        if before is not None:
            before(at)
        apply_topics(at.kafka, topics=few(partitions) if partitions else None)
        migrate(load(**at.settings()))

    def workers(at: Addresses, port: Callable[[str], int]) -> list[Child]:
        where = {**at.environment(), **settings}
        return [processor_child(name, where, port(name)) for name in names]

    config = StackConfig(folder, ports=ports or {}, usual={}, heap_mb=256, memory_mb=2048, steady_seconds=steady_seconds)
    return Stack(config, prepare=prepare, workers=workers, say=say)


def where(stack: Stack) -> Settings:
    """Settings with the addresses of a running stack."""
    assert stack.addresses is not None
    return load(**stack.addresses.settings())
