"""Settings of every Weftline program: from the environment (``WEFTLINE_…``), a ``.env`` file, or files of secrets, in this order.

A file of secrets has the name of the variable in small letters, ``weftline_kafka_password``, and holds the value; blanks and line
ends around it do not count. It lies where Docker and Kubernetes put it, in ``/run/secrets``, or in the folder that
``WEFTLINE_SECRETS`` names. The environment wins over a file: what is given for one run is meant.

All faults are reported at once, each with the variable, the unit and the reason (:func:`load`).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from weftline.errors import UserError

SECRETS_VARIABLE = "WEFTLINE_SECRETS"
SECRETS_FOLDER = Path("/run/secrets")


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (OSError, ValueError):  # unknown, or no name at all
        raise ValueError("no time zone of the IANA data base, such as Asia/Shanghai") from None
    return name


class Settings(BaseSettings):
    """What differs between two deployments: addresses, credentials and limits."""

    model_config = SettingsConfigDict(env_prefix="WEFTLINE_", env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True)

    kafka: str = Field("127.0.0.1:9092", description="Kafka bootstrap servers, host:port, comma separated")
    kafka_username: str | None = Field(None, description="SCRAM-SHA-512 user; none means PLAINTEXT")
    kafka_password: SecretStr | None = Field(None, description="SCRAM-SHA-512 password")
    clickhouse: str = Field("http://127.0.0.1:8123", description="ClickHouse HTTP address")
    clickhouse_database: str = Field("weftline", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", description="database of all tables")
    clickhouse_username: str = Field("default", description="ClickHouse user")
    clickhouse_password: SecretStr = Field(SecretStr(""), description="ClickHouse password")
    clickhouse_cluster: str | None = Field(None, description="cluster name; set: replicated tables and quorum inserts")
    schema_registry: str | None = Field(None, description="Confluent-compatible registry URL; none: the files in schemas/")
    data: Path = Field(Path(".weftline"), description="folder of the embedded stack")

    http_host: str = Field("127.0.0.1", description="address on which /metrics, /healthz and /readyz listen")
    http_port: Annotated[int, Field(ge=0, le=65535)] = Field(0, description="port of the same; 0 picks a free one")

    time_zone: Annotated[str, AfterValidator(_zone)] = Field(
        "Asia/Shanghai", description="zone of the board's readers: their days begin at its midnight"
    )

    batch_records: Annotated[int, Field(ge=1, le=200_000)] = Field(20_000, description="records in one step at most")
    batch_bytes: Annotated[int, Field(ge=1024)] = Field(16 << 20, description="bytes in one step at most")
    settle_seconds: Annotated[float, Field(gt=0, le=30)] = Field(1.0, description="rollups and state are gathered so long")
    # At 0.05 s, 100 events/s kept ClickHouse busy for 85 % of a core, at 0.15 s for 74; an event that comes alone does not wait.
    pause_seconds: Annotated[float, Field(ge=0, le=5)] = Field(0.15, description="smallest pause between two steps")
    sweep_seconds: Annotated[float, Field(gt=0, le=600)] = Field(5.0, description="pause between two sweeps")
    session_timeout_seconds: Annotated[float, Field(ge=6, le=60)] = Field(10.0, description="Kafka group session timeout")
    watchdog_seconds: Annotated[float, Field(ge=5, le=3600)] = Field(
        60.0, description="a processor that stands still so long, and waits for nothing, is not ready and then ends"
    )
    memory_records: Annotated[int, Field(ge=0)] = Field(200_000, description="records of live owners kept in memory, per worker")
    failure_ratio: Annotated[float, Field(gt=0, le=1)] = Field(
        0.05, description="share of records that may fail in processing before the processor stops"
    )
    silent_hours: Annotated[int, Field(ge=1, le=100)] = Field(
        8, description="hours in which a center usually publishes that must pass without anything until it counts as silent"
    )
    simulated_clock: str | None = Field(
        None, description="wall_start_ms,simulated_start_ms,speed: deadlines pass by this clock (demonstrations only)"
    )
    log_format: Annotated[str, Field(pattern="^(console|json)$")] = Field("console", description="console or json")
    log_level: Annotated[str, Field(pattern="^(debug|info|warning|error)$")] = Field("info", description="log level")


def load(**overrides: object) -> Settings:
    """Settings, or a :class:`UserError` that lists every fault with its variable."""
    try:
        return Settings(_secrets_dir=secrets_folder(), **overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        lines = []
        for fault in error.errors():
            name = ".".join(str(part) for part in fault["loc"])
            about = Settings.model_fields[name].description if name in Settings.model_fields else ""
            lines.append(f"  WEFTLINE_{name.upper()} ({about}): {fault['msg']}, got {fault['input']!r}")
        raise UserError("settings are wrong:\n" + "\n".join(lines)) from None


def secrets_folder() -> Path | None:
    """The folder of secret files; None if there is none. :class:`UserError` if ``WEFTLINE_SECRETS`` names one that does not exist."""
    named = os.environ.get(SECRETS_VARIABLE)
    if named is None:
        return SECRETS_FOLDER if SECRETS_FOLDER.is_dir() else None
    if not Path(named).is_dir():
        raise UserError(f"{SECRETS_VARIABLE}: {named} is no folder; name the one that holds the files of secrets")
    return Path(named)
