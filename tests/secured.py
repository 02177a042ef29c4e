"""The Kafka of docker-compose.yml without Docker: its start script, its configuration and its secrets, on the embedded jars.

Only what a container gives is put in its place: the folder of secrets, the data folder, addresses and ports, and Kafka's own scripts.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import compose
from tests.e2e.commands import environment
from weftline.embedded import broker
from weftline.embedded.broker import BrokerConfig
from weftline.embedded.children import Child, Running
from weftline.embedded.jars import prepare_kafka
from weftline.embedded.ports import HOST, free_ports

CLASSES = {"kafka-storage.sh": "kafka.tools.StorageTool", "kafka-server-start.sh": "kafka.Kafka"}


def make_secrets(folder: Path) -> Path:
    """A folder of secrets as ``deploy/secrets/make.sh`` makes it."""
    folder.mkdir()
    shutil.copy(compose.ROOT / "deploy" / "secrets" / "make.sh", folder)
    subprocess.run(["sh", str(folder / "make.sh")], check=True, capture_output=True)
    return folder


@dataclass(frozen=True, slots=True)
class Secured:
    """A running Kafka that asks for passwords. ``internal`` is for Weftline's programs, ``external`` for partners (host:port)."""

    folder: Path
    secrets: Path
    internal: str
    external: str
    running: Running

    def settings_of(self, name: str, service: dict[str, Any], clickhouse: str) -> dict[str, str]:
        """The environment of a service, its secrets in a folder of their own under the names that the service gives them."""
        own = self.folder / f"{name}-secrets"
        if not own.exists():
            own.mkdir()
            for secret in compose.secrets_of(service):
                shutil.copy(self.secrets / secret.source, own / secret.target)
        return {
            **service["environment"],
            "WEFTLINE_SECRETS": str(own),
            "WEFTLINE_KAFKA": self.internal,
            "WEFTLINE_CLICKHOUSE": clickhouse,
        }


def start(folder: Path) -> Secured:
    """Start the service ``kafka`` in ``folder`` and wait until it is healthy by its own health check."""
    service = compose.load()["services"]["kafka"]
    secrets = make_secrets(folder / "secrets")
    internal, controller, external = free_ports(3)
    ports = {"9092": str(internal), "9093": str(controller), "9094": str(external)}

    text = (compose.ROOT / "deploy" / "kafka" / "server.properties").read_text("utf-8")
    for old, new in {str(compose.SECRETS): str(secrets), "/var/lib/kafka/data": str(folder / "data"), "0.0.0.0": HOST}.items():
        assert old in text
        text = text.replace(old, new)
    for old, new in ports.items():
        text = text.replace(f":{old}", f":{new}")
    properties = folder / "server.properties"
    properties.write_text(text, "utf-8")

    variables = {name: value for name, value in service["environment"].items() if not name.startswith("KAFKA_")}
    variables |= {"INTERNAL_HOST": HOST, "EXTERNAL_PORT": str(external), "VOTERS": f"1@{HOST}:{controller}"}
    variables |= {"KAFKA_CONFIG": str(properties), "KAFKA_SECRETS": str(secrets), "KAFKA_BIN": str(_scripts(folder))}
    *_, check = service["healthcheck"]["test"]
    child = Child(
        "kafka",
        ("bash", str(compose.ROOT / "deploy" / "kafka" / "start.sh")),
        ready=lambda: (
            subprocess.run(["bash", "-c", check.replace("9092", ports["9092"])], capture_output=True, check=False).returncode == 0
        ),
        environment={**variables, "JAVA_TOOL_OPTIONS": "", "JDK_JAVA_OPTIONS": ""},
    )
    running = Running(child, folder / "kafka.log")
    try:
        running.wait_ready()
    except BaseException:
        running.kill()
        raise
    return Secured(folder, secrets, f"{HOST}:{internal}", f"{HOST}:{external}", running)


def _scripts(folder: Path) -> Path:
    """Kafka's own scripts, as the image has them, for the embedded jars and JRE."""
    place = folder / "bin"
    place.mkdir()
    java = broker.command(BrokerConfig(folder, 0, 0, heap_mb=256), prepare_kafka())[:-2]
    for name, main in CLASSES.items():
        script = place / name
        script.write_text(f'#!/bin/sh\nexec {shlex.join([*java, main])} "$@"\n', "utf-8")
        script.chmod(0o755)
    return place


def run(command: list[str], folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a service's command to its end; ``weftline`` is the one of this environment."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=120, cwd=folder, env=environment(PATH=path, **variables)
    )
