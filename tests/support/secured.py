"""The Kafka of docker-compose.yml without Docker: its start script, its configuration and its secrets, on the embedded jars.

Only what a container gives is put in its place: the folder of secrets, the data folder, addresses and ports, and Kafka's own scripts.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.e2e.commands import environment
from tests.support import compose
from weftline.embedded import broker
from weftline.embedded.broker import BrokerConfig
from weftline.embedded.children import Child, Running
from weftline.embedded.jars import prepare_kafka
from weftline.embedded.ports import HOST, free_ports
from weftline.runtime.certificates import Files

CLASSES = {"kafka-run-class.sh": "", "kafka-server-start.sh": "kafka.Kafka"}


def make_secrets(folder: Path) -> Path:
    """A folder of secrets as ``deploy/secrets/make.sh`` makes it."""
    folder.mkdir()
    shutil.copy(compose.ROOT / "deploy" / "secrets" / "make.sh", folder)
    subprocess.run(["sh", str(folder / "make.sh")], check=True, capture_output=True)
    return folder


@dataclass(frozen=True, slots=True)
class Secured:
    """A running Kafka that asks for passwords. ``internal`` is for Weftline's programs, ``external`` for partners (bootstrap servers)."""

    folder: Path
    secrets: Path
    internal: str
    external: str
    running: tuple[Running, ...]

    def settings_of(self, name: str, service: dict[str, Any], clickhouse: str) -> dict[str, str]:
        """The environment of a service, its secrets in a folder of their own under the names that the service gives them."""
        own = self.folder / f"{name}-secrets"
        if not own.exists():
            own.mkdir()
            for secret in compose.secrets_of(service):
                shutil.copy(self.secrets / secret.source, own / secret.target)
        where = {"WEFTLINE_SECRETS": str(own), "WEFTLINE_KAFKA": self.internal, "WEFTLINE_CLICKHOUSE": clickhouse}
        return {**service["environment"], **where}

    def kill(self) -> None:
        """End all nodes; their data go with the folder."""
        for node in self.running:
            node.kill()


def start(folder: Path, layout: str = "single", tls: Files | None = None) -> Secured:
    """Start the Kafka services of a layout in ``folder`` and wait until they are healthy by their own health checks.

    ``tls``: the certificate that partners are shown.
    """
    services = {name: one for name, one in compose.load(layout)["services"].items() if name.startswith("kafka")}
    secrets, scripts = make_secrets(folder / "secrets"), _scripts(folder)
    free = iter(free_ports(3 * len(services)))
    ports = {name: {old: str(next(free)) for old in ("9092", "9093", "9094")} for name in services}
    voters = ",".join(f"{one['environment']['NODE_ID']}@{HOST}:{ports[name]['9093']}" for name, one in services.items())
    running: list[Running] = []
    try:
        for name, one in services.items():
            place = folder / name
            place.mkdir()
            properties = _properties(place, secrets, ports[name], tls)
            variables = {key: value for key, value in one["environment"].items() if not key.startswith("KAFKA_")}
            variables |= {"INTERNAL_HOST": HOST, "EXTERNAL_PORT": ports[name]["9094"], "VOTERS": voters}
            variables |= {"KAFKA_CONFIG": str(properties), "KAFKA_SECRETS": str(secrets), "KAFKA_BIN": str(scripts)}
            check = one["healthcheck"]["test"][-1].replace("9092", ports[name]["9092"])
            child = Child(
                name,
                ("bash", str(compose.ROOT / "deploy" / "kafka" / "start.sh")),
                ready=partial(_healthy, check),
                environment={**variables, "JAVA_TOOL_OPTIONS": "", "JDK_JAVA_OPTIONS": ""},
            )
            running.append(Running(child, place / "log"))
        for node in running:
            node.wait_ready()
    except BaseException:
        for node in running:
            node.kill()
        raise
    internal, external = (",".join(f"{HOST}:{one[old]}" for one in ports.values()) for old in ("9092", "9094"))
    return Secured(folder, secrets, internal, external, tuple(running))


def _healthy(check: str) -> bool:
    return subprocess.run(["bash", "-c", check], capture_output=True, check=False).returncode == 0


def _properties(place: Path, secrets: Path, ports: dict[str, str], tls: Files | None) -> Path:
    text = (compose.ROOT / "deploy" / "kafka" / "server.properties").read_text("utf-8")
    for old, new in {str(compose.SECRETS): str(secrets), "/var/lib/kafka/data": str(place / "data"), "0.0.0.0": HOST}.items():
        assert old in text
        text = text.replace(old, new)
    # In one go: a new port may be another's old one.
    text = re.sub(r":(909[234])\b", lambda found: f":{ports[found[1]]}", text)
    if tls is not None:
        shown = place / "shown.pem"
        shown.write_text(tls.key.read_text("utf-8") + tls.certificate.read_text("utf-8"), "utf-8")
        assert "EXTERNAL:SASL_PLAINTEXT" in text
        text = text.replace("EXTERNAL:SASL_PLAINTEXT", "EXTERNAL:SASL_SSL")
        text += f"listener.name.external.ssl.keystore.type=PEM\nlistener.name.external.ssl.keystore.location={shown}\n"
    properties = place / "server.properties"
    properties.write_text(text, "utf-8")
    return properties


def _scripts(folder: Path) -> Path:
    """Kafka's own scripts, as the image has them, for the embedded jars and JRE."""
    place = folder / "bin"
    place.mkdir()
    java = broker.command(BrokerConfig(folder, 0, 0, heap_mb=256), prepare_kafka())[:-2]
    for name, main in CLASSES.items():
        script = place / name
        # What everybody on the machine could read while it runs is kept, for the test that looks for passwords in it.
        kept = f'printf "%s\\n" "$0 $*" >>{shlex.quote(str(folder / "arguments"))}'
        script.write_text(f'#!/bin/sh\n{kept}\nexec {shlex.join([*java, *filter(None, [main])])} "$@"\n', "utf-8")
        script.chmod(0o755)
    return place


def run(command: list[str], folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a service's command to its end; ``weftline`` is the one of this environment."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=120, cwd=folder, env=environment(PATH=path, **variables)
    )
