"""docker-compose.yml as Docker Compose reads it, as far as our file goes: interpolation, merge keys, profiles. Needs no Docker."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from weftline.contracts.kinds import BY_PROCESSOR

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"
SECRETS = Path("/run/secrets")

_VARIABLE = re.compile(r"\$(?:\$|\{([A-Z_]+):-([^}]*)\})")


def env_file(path: Path) -> dict[str, str]:
    """The variables of a file for ``--env-file``."""
    lines = (line.strip() for line in path.read_text("utf-8").splitlines())
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


#: The variables of the two ways to start.
LAYOUTS: Mapping[str, dict[str, str]] = {"single": {}, "scaled": env_file(ROOT / "deploy" / "docker" / "scaled.env")}


def interpolate(text: str, variables: Mapping[str, str]) -> str:
    """``${NAME:-default}`` and ``$$``, the only forms that our file uses; any other dollar is an error."""
    left = _VARIABLE.sub("", text)
    assert "$" not in left, f"a form of interpolation that is not known: {left}"
    return _VARIABLE.sub(lambda found: (variables.get(found[1]) or found[2]) if found[1] else "$", text)


def load(layout: str = "single") -> dict[str, Any]:
    """The file under a layout, its services without those whose profile is not asked for."""
    variables = LAYOUTS[layout]

    def resolved(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: resolved(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [resolved(inner) for inner in value]
        return interpolate(value, variables) if isinstance(value, str) else value

    found: dict[str, Any] = resolved(yaml.safe_load(FILE.read_text("utf-8")))
    services = found["services"]
    found["services"] = {name: one for name, one in services.items() if {layout, *one.get("profiles", [layout])} == {layout}}
    return found


#: Where an image that runs with a read-only file system keeps its data.
DATA = {
    "apache/kafka": "/var/lib/kafka/data",
    "clickhouse/clickhouse-server": "/var/lib/clickhouse",
    "grafana/grafana": "/var/lib/grafana",
    "prom/prometheus": "/prometheus",
    "prom/alertmanager": "/alertmanager",
}
PROCESSORS = tuple(BY_PROCESSOR)


def image(service: dict[str, Any]) -> str:
    return str(service["image"].rpartition(":")[0])


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret of a service: the file on the host, and its name below /run/secrets."""

    source: str
    target: str


def secrets_of(service: Mapping[str, Any]) -> list[Secret]:
    """Both ways to write them."""
    listed = service.get("secrets", [])
    return [Secret(one, one) if isinstance(one, str) else Secret(one["source"], one["target"]) for one in listed]


@dataclass(frozen=True, slots=True)
class Mount:
    """A volume or a folder of the repository (``source`` begins with ./) in a container."""

    source: str
    target: str
    read_only: bool


def mounts_of(service: Mapping[str, Any]) -> list[Mount]:
    """The volumes of a service; all are written ``source:target[:ro]``."""
    parts = [str(one).split(":") for one in service.get("volumes", [])]
    return [Mount(part[0], part[1], part[2:] == ["ro"]) for part in parts]
