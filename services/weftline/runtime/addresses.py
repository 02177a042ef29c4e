"""Where the servers are: what was said, else the stack that runs in the data folder, else the demonstration, else the defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from weftline.embedded.stack_folder import find_running
from weftline.runtime.credentials import sasl
from weftline.runtime.settings import Settings, load

DEMO = "demo"
"""The demonstration's own folder within the data folder, so that its data and those of ``weftline up`` never meet."""


def located(kafka: str | None = None, clickhouse: str | None = None, data: Path | None = None) -> Settings:
    """Settings with addresses. What is given here comes first, then the environment, then the stack that runs in the data folder."""
    given: dict[str, object] = {
        name: value for name, value in (("kafka", kafka), ("clickhouse", clickhouse), ("data", data)) if value is not None
    }
    settings = load(**given)
    missing = {"kafka", "clickhouse"} - settings.model_fields_set
    running = missing and (find_running(settings.data) or find_running(settings.data / DEMO))
    if not running:
        return settings
    return load(**given, **{name: getattr(running, name) for name in missing})


def credentials(settings: Settings) -> dict[str, Any]:
    """What kafka-python's clients are opened with besides the address."""
    password = settings.kafka_password
    return sasl(settings.kafka_username, None if password is None else password.get_secret_value())
