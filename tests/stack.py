"""A whole stack for a test: Kafka, ClickHouse and the processors, whose clock stands still, so that no deadline passes meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from weftline.contracts.topics import apply_topics
from weftline.embedded.children import Child, processor_child
from weftline.embedded.supervisor import PROCESSORS, Addresses, Stack, StackConfig
from weftline.runtime.settings import Settings, load
from weftline.warehouse.migrations import migrate


def stack_at(
    folder: Path,
    as_of: int,
    names: Sequence[str] = PROCESSORS,
    *,
    ports: Mapping[str, int] | None = None,
    steady_seconds: float = 30.0,
    **more: str,
) -> Stack:
    """The stack in ``folder``, to be entered; for its processors (``names``) it is ``as_of`` (ms), for ever. ``more``: their settings."""
    settings = {"WEFTLINE_SIMULATED_CLOCK": f"0,{as_of},0", "WEFTLINE_SWEEP_SECONDS": "1", **more}

    def prepare(at: Addresses) -> None:
        apply_topics(at.kafka)
        migrate(load(kafka=at.kafka, clickhouse=at.clickhouse))

    def workers(at: Addresses, port: Callable[[str], int]) -> list[Child]:
        where = {"WEFTLINE_KAFKA": at.kafka, "WEFTLINE_CLICKHOUSE": at.clickhouse, **settings}
        return [processor_child(name, where, port(name)) for name in names]

    config = StackConfig(folder, ports=ports or {}, usual={}, heap_mb=256, memory_mb=2048, steady_seconds=steady_seconds)
    return Stack(config, prepare=prepare, workers=workers)


def where(stack: Stack) -> Settings:
    """Settings with the addresses of a running stack."""
    assert stack.addresses is not None
    return load(kafka=stack.addresses.kafka, clickhouse=stack.addresses.clickhouse)
