"""Settings of every Weftline program: from the environment (``WEFTLINE_…``), a ``.env`` file, or files of secrets, in this order.

A file of secrets has the name of the variable in small letters, ``weftline_kafka_password``, and holds the value; blanks and line
ends around it do not count. It lies where Docker and Kubernetes put it, in ``/run/secrets``, or in the folder that
``WEFTLINE_SECRETS`` names. The environment wins over a file: what is given for one run is meant.

A variable that is one of these misspelt is refused with the nearest name. All faults are reported at once, each with the variable, the
unit and the reason (:func:`load`).
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from weftline.errors import UserError
from weftline.runtime import guard

SECRETS_VARIABLE = "WEFTLINE_SECRETS"
SECRETS_FOLDER = Path("/run/secrets")


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (OSError, ValueError):  # unknown, or no name at all
        raise ValueError("no time zone of the IANA data base, such as Asia/Shanghai") from None
    return name


def _names(listed: str) -> str:
    try:
        guard.names(listed)
    except UserError as error:
        raise ValueError(str(error)) from None
    return listed


class Settings(BaseSettings):
    """What differs between two deployments: addresses, credentials and limits."""

    model_config = SettingsConfigDict(env_prefix="WEFTLINE_", env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True)

    kafka: str = Field("127.0.0.1:9092", description="Kafka bootstrap servers, host:port, comma separated")
    kafka_username: str | None = Field(None, description="SCRAM-SHA-512 user; none means PLAINTEXT")
    kafka_password: SecretStr | None = Field(None, description="SCRAM-SHA-512 password")
    kafka_ca: str | None = Field(
        None, description="PEM file of the authorities that Kafka's certificate is checked by, or system; set: TLS"
    )
    clickhouse: str = Field("http://127.0.0.1:8123", description="ClickHouse HTTP address; https://: TLS")
    clickhouse_ca: Path | None = Field(
        None, description="PEM file of the authorities of ClickHouse's certificate; none: the machine's"
    )
    clickhouse_database: str = Field("weftline", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", description="database of all tables")
    clickhouse_username: str = Field("default", description="ClickHouse user")
    clickhouse_password: SecretStr = Field(SecretStr(""), description="ClickHouse password")
    clickhouse_cluster: str | None = Field(None, description="cluster name; set: replicated tables and quorum inserts")
    schema_registry: str | None = Field(None, description="Confluent-compatible registry URL; none: the files in schemas/")
    data: Path = Field(Path(".weftline"), description="folder of the embedded stack")

    publishers: Annotated[str, Field(pattern="^(trusted|bound)$")] = Field(
        "trusted", description="trusted: whoever can write to Kafka speaks for anybody; bound: by the grants of the reference data"
    )
    publisher_key: Path | None = Field(None, description="PEM file of the private key with which events are signed")
    receivers: Path | None = Field(None, description="YAML file of those who are told of alerts; set: `weftline up` tells them")

    http_host: str = Field("127.0.0.1", description="address on which pages, /metrics, /healthz and /readyz listen")
    http_allowed_hosts: Annotated[str, AfterValidator(_names)] = Field(
        "", description="names, comma separated, under which pages are served beside localhost and plain addresses"
    )
    http_port: Annotated[int, Field(ge=0, le=65535)] = Field(0, description="port of the same; 0 picks a free one")

    tls_certificate: Path | None = Field(
        None, description="PEM file with the certificate and its chain, by which gateway and board are served"
    )
    tls_key: Path | None = Field(None, description="PEM file with its private key")

    board_login: Annotated[str, Field(pattern="^(beyond|always)$")] = Field(
        "beyond", description="beyond: the board asks for a login, by TLS, where it listens beyond 127.0.0.1; always: there too"
    )

    pack_key: Path | None = Field(
        None, description="PEM file of a cooperative's private key; set: who is logged in to the board has it sign packs of members"
    )
    pack_cooperative: str | None = Field(None, description="cooperative whose key that is; needed where a member is in several")

    gateway_host: str = Field("127.0.0.1", description="address on which the gateway listens for partners")
    gateway_port: Annotated[int, Field(ge=0, le=65535)] = Field(8081, description="port of the same; 0 picks a free one")

    link_key: SecretStr | None = Field(
        None, description="key of links to inboxes and of webhooks' secrets: the same for `notify run` and every gateway"
    )
    webhooks: Annotated[str, Field(pattern="^(off|public|private)$")] = Field(
        "off",
        description="whether partners register webhooks, the same for `notify run` and every gateway: off; public: by https, on the "
        "public internet; private: in networks of one's own as well, also by http",
    )
    # A message is read within a day; who comes later signs in with the factory's token.
    link_hours: Annotated[int, Field(ge=1, le=168)] = Field(24, description="hours for which a link in a message opens the inbox")

    time_zone: Annotated[str, AfterValidator(_zone)] = Field(
        "Asia/Shanghai", description="zone of the board's readers: their days begin at its midnight"
    )

    # How many of them it is follows from how long steps take (runtime/pace.py).
    batch_records: Annotated[int, Field(ge=1, le=200_000)] = Field(20_000, description="records in one step at most")
    # Large records cost 0.2-0.4 µs a byte, for decoding, judging and rendering: this is half a second, for which everybody else waits.
    batch_bytes: Annotated[int, Field(ge=1024)] = Field(2 << 20, description="bytes in one step at most")
    settle_seconds: Annotated[float, Field(gt=0, le=30)] = Field(
        1.0, description="rollups and state are gathered so long, under load up to 3 s"
    )
    # At 0.05 s, 100 events/s kept ClickHouse busy for 85 % of a core, at 0.15 s for 74; an event that comes alone does not wait.
    pause_seconds: Annotated[float, Field(ge=0, le=5)] = Field(0.15, description="smallest pause between two steps")
    sweep_seconds: Annotated[float, Field(gt=0, le=600)] = Field(5.0, description="pause between two sweeps")
    digest_days: Annotated[int, Field(ge=1, le=3650)] = Field(
        7, description="MINOR and MAJOR alerts that are told so many days late come together, in a digest"
    )
    # Less than a minute: an alert that waits longer to be published counts as stuck (weftline.warehouse.status).
    digest_seconds: Annotated[float, Field(ge=0, le=50)] = Field(30.0, description="pause between two digests")
    session_timeout_seconds: Annotated[float, Field(ge=6, le=60)] = Field(10.0, description="Kafka group session timeout")
    watchdog_seconds: Annotated[float, Field(ge=5, le=3600)] = Field(
        60.0, description="a processor that stands still so long, and waits for nothing, is not ready and then ends"
    )
    # Estimated (processors/memory.py), and the estimate is rather too large: with 130 MB of the program and what a step holds, a worker
    # stays below 1 GB.
    memory_mb: Annotated[int, Field(ge=0)] = Field(512, description="MB of histories of live owners kept in memory, per worker")
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


PREFIX = "WEFTLINE_"
#: Variables that are read elsewhere: a folder, repositories of jars, and what tests let a program die of.
_OTHERS = (SECRETS_VARIABLE, "WEFTLINE_MAVEN_REPOSITORIES", "WEFTLINE_FAILPOINTS", "WEFTLINE_DIES_OF")
#: What Kubernetes tells every pod about a service whose name begins with ours; WEFTLINE_…_PORT has a value like tcp://10.0.0.1:9092.
_SERVICE = re.compile(r".*_SERVICE_(HOST|PORT(_.*)?)|.*_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?")
_SERVICE_ADDRESS = re.compile(r"(tcp|udp|sctp)://")
#: How alike two names are of which one is the other misspelt (difflib's ratio of what follows WEFTLINE_). WEFTLINE_VERSION, which compose
#: files have, is 0.62 from its nearest; names that a letter was lost, doubled, swapped or mistaken in are above 0.8.
_ALIKE = 0.78
#: The same of whole names, whose beginning makes all of them alike: for short names, and where the beginning is misspelt too.
_ALIKE_AS_A_WHOLE = 0.92


def misspelt(names: Iterable[str]) -> list[str]:
    """A fault for each variable that looks like one of ours and is none, with the nearest name.

    Others may have variables of the same beginning (a tag of an image, a switch of a test), so what is like none of ours is let be.
    """
    known = {*(f"{PREFIX}{field.upper()}" for field in Settings.model_fields), *_OTHERS}
    faults = []
    for name in sorted({name.upper() for name in names} - known):
        near = _nearest(name, known)
        if near is not None:
            faults.append(f"  {name} is no setting; did you mean {near}?")
    return faults


def _nearest(name: str, known: Iterable[str]) -> str | None:
    whole = difflib.get_close_matches(name, known, n=1, cutoff=_ALIKE_AS_A_WHOLE) if "_" in name else []
    if whole or not name.startswith(PREFIX):
        return whole[0] if whole else None
    said = name[len(PREFIX) :]
    rest = [other[len(PREFIX) :] for other in known]
    # A word too many (KAFKA_BOOTSTRAP) or too few (DATABASE) makes names less alike than it makes them different.
    longer = [other for other in rest if said.startswith(f"{other}_") or (said and other.endswith(f"_{said}"))]
    near = difflib.get_close_matches(said, rest, n=1, cutoff=_ALIKE) or sorted(longer, key=len, reverse=True)
    return PREFIX + near[0] if near else None


def _given() -> Iterator[str]:
    """Names of variables wherever settings come from."""
    for name, value in os.environ.items():
        if not (_SERVICE.fullmatch(name) or _SERVICE_ADDRESS.match(value)):
            yield name
    file = Path(".env")
    if file.is_file():
        for line in file.read_text("utf-8", "replace").splitlines():
            yield line.strip().removeprefix("export ").partition("=")[0].strip()
    folder = secrets_folder()
    if folder is not None:
        yield from (entry.name for entry in folder.iterdir())


def load(**overrides: object) -> Settings:
    """Settings, or a :class:`UserError` that lists every fault with its variable."""
    if wrong := misspelt(_given()):
        raise UserError("settings are wrong:\n" + "\n".join(wrong))
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
