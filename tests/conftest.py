"""Real servers for tests: Apache Kafka and the ClickHouse engine, on free ports, with their data in temporary folders.

``kafka`` and ``clickhouse`` start when the first test asks for them and serve the whole session (with pytest-xdist: one pair per
worker); name topics and databases so that tests do not meet. A test that kills a server takes one of its own from
``start_kafka`` or ``start_clickhouse``. Nothing outlives the test run, not even when that is killed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from weftline.embedded.broker import BrokerConfig
from weftline.embedded.children import Child, Running, broker_child, engine_child
from weftline.embedded.engine_chdb import EngineConfig
from weftline.embedded.jars import prepare_kafka
from weftline.embedded.jvm_cache import make_once
from weftline.embedded.ports import free_ports

# The engine asks our own programs for a password; with it in the environment, every program that a test starts knows it.
os.environ.setdefault("WEFTLINE_CLICKHOUSE_PASSWORD", "of-the-tests")

# How long it takes to draw an example says how busy the machine is, and nothing of what is tested.
settings.register_profile("weftline", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("weftline")

KAFKA_HEAP_MB = 256
ENGINE_MEMORY_MB = 2048


@dataclass
class Server:
    """A server that a test may kill and start again on the same port and data."""

    address: str
    child: Child
    log: Path
    running: Running | None = None

    def start(self) -> Server:
        self.running = Running(self.child, self.log)
        self.running.wait_ready()
        return self

    def kill(self) -> None:
        """SIGKILL: no goodbye, nothing flushed."""
        assert self.running is not None
        self.running.kill()

    def stop(self) -> None:
        """SIGTERM, and SIGKILL when that takes too long."""
        assert self.running is not None
        self.running.stop()


def _kafka(folder: Path) -> Server:
    port, controller_port = free_ports(2)
    classpath = prepare_kafka()
    config = BrokerConfig(folder / "kafka", port, controller_port, KAFKA_HEAP_MB, sync=False, cache=make_once(classpath, print))
    return Server(config.bootstrap, broker_child(config, classpath), folder / "kafka.log")


def _clickhouse(folder: Path) -> Server:
    config = EngineConfig(folder / "clickhouse", free_ports(1)[0], ENGINE_MEMORY_MB)
    return Server(config.url, engine_child(config), folder / "clickhouse.log")


def _session(server: Server) -> Iterator[str]:
    server.start()
    yield server.address
    # Its data goes with the temporary folder: no reason to wait for a clean shutdown.
    server.kill()


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Bootstrap address (``host:port``) of a real Kafka."""
    yield from _session(_kafka(tmp_path_factory.mktemp("kafka")))


@pytest.fixture(scope="session")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """HTTP address (``http://host:port``) of a real ClickHouse engine."""
    yield from _session(_clickhouse(tmp_path_factory.mktemp("clickhouse")))


def _factory(make: Callable[[Path], Server], folder: Path) -> Iterator[Callable[[], Server]]:
    servers: list[Server] = []

    def start() -> Server:
        place = folder / f"{make.__name__.strip('_')}-{len(servers)}"
        place.mkdir()
        servers.append(make(place))
        return servers[-1].start()

    yield start
    for server in servers:
        server.kill()


@pytest.fixture
def start_kafka(tmp_path: Path) -> Iterator[Callable[[], Server]]:
    """Starts a Kafka that belongs to the test: ``server.address``, ``kill()``, ``start()``."""
    yield from _factory(_kafka, tmp_path)


@pytest.fixture
def start_clickhouse(tmp_path: Path) -> Iterator[Callable[[], Server]]:
    """Starts a ClickHouse engine that belongs to the test: ``server.address``, ``kill()``, ``start()``."""
    yield from _factory(_clickhouse, tmp_path)
