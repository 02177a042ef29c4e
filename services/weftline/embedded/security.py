"""The files of a stack by TLS and SCRAM (``weftline up --secure``): a certificate, and a password for each user of Kafka.

``tls/`` holds what Kafka and ClickHouse show, made here since both listen on 127.0.0.1 alone and no authority signs that address:
``ca.pem``, ``server.pem``, ``server.key``, and ``kafka.pem`` (key and certificate in one file, as Kafka reads them). Gateway and board
show the same, or the certificate that was given. ``passwords/kafka_<user>_password`` holds one password. What is secret has mode 0600.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from weftline.embedded.passwords import FOLDER as PASSWORDS
from weftline.embedded.passwords import write_private
from weftline.errors import UserError
from weftline.runtime.credentials import sasl
from weftline.runtime.tls import serving, trusting

FOLDER: Final = "tls"
#: The certificate holds for so long, and is made anew when it has less left: whoever trusts its authority is told at the start.
DAYS: Final = 365
RENEWED_DAYS: Final = 30

#: The broker itself; it logs in with PLAIN, for SCRAM passwords stand in the metadata, which a broker reads after it has logged in.
BROKER: Final = "broker"
#: Makes topics and users: `weftline topics`, `weftline access`.
ADMIN: Final = "admin"
#: Whoever works in the folder of the stack, with all other commands.
OPERATOR: Final = "operator"
#: Tells receivers of alerts; a program of access.yaml.
NOTIFIER: Final = "notify"
#: Users that are no program of access.yaml, with the role that each is given.
GRANTED: Final[Mapping[str, str]] = {OPERATOR: "operator"}


@dataclass(frozen=True, slots=True)
class Security:
    """``certificate`` and ``key`` are what Kafka and ClickHouse show, ``front`` what gateway and board do; ``passwords`` by user."""

    authority: Path
    certificate: Path
    key: Path
    keystore: Path
    front: tuple[Path, Path]
    passwords: Mapping[str, str] = field(repr=False)

    def broker_login(self) -> dict[str, Any]:
        """Options of a Kafka client that logs in as the broker does: for what is done before there is any other user."""
        return {
            "security_protocol": "SASL_SSL",
            "ssl_context": trusting(self.authority),
            "sasl_mechanism": "PLAIN",
            "sasl_plain_username": BROKER,
            "sasl_plain_password": self.passwords[BROKER],
        }

    def front_settings(self) -> dict[str, str]:
        """What gateway and board show, as the environment of a program."""
        certificate, key = (str(path.absolute()) for path in self.front)
        return {"WEFTLINE_TLS_CERTIFICATE": certificate, "WEFTLINE_TLS_KEY": key}

    def login(self, user: str) -> dict[str, Any]:
        """Options of a Kafka client that logs in as ``user``."""
        return sasl(user, self.passwords[user], self.authority)


def is_secure(folder: Path) -> bool:
    """Whether the stack in ``folder`` was started with TLS and SCRAM before; it stays so until somebody says otherwise."""
    return password_file(folder, ADMIN).exists()


def password_file(folder: Path, user: str) -> Path:
    """Where the password of a user of Kafka lies."""
    return folder / PASSWORDS / f"kafka_{user}_password"


def read_security(folder: Path, front: tuple[Path, Path] | None = None) -> Security:
    """That of the stack in ``folder``, with the passwords that this user can read."""
    place, found = folder / FOLDER, {}
    for path in sorted((folder / PASSWORDS).glob("kafka_*_password")):
        with contextlib.suppress(OSError, ValueError):
            found[path.name.removeprefix("kafka_").removesuffix("_password")] = path.read_text("utf-8").strip()
    own = place / "server.pem", place / "server.key"
    return Security(place / "ca.pem", *own, place / "kafka.pem", front or own, found)


def ensure_security(folder: Path, users: Iterable[str], front: tuple[Path, Path] | None) -> tuple[Security, bool]:
    """What the stack in ``folder`` needs, made where it is missing; and whether its certificate is another than before.

    ``front``: certificate and key that were given for gateway and board. :class:`~weftline.errors.UserError` if they are none.
    """
    if front is not None:
        serving(*front)
    fresh = _certificate(folder / FOLDER)
    (folder / PASSWORDS).mkdir(parents=True, exist_ok=True, mode=0o700)
    # The one that says that this folder is secured comes last: who is killed before has changed nothing.
    for user in dict.fromkeys((*users, *GRANTED, BROKER, ADMIN)):
        if not password_file(folder, user).exists():
            write_private(password_file(folder, user), f"{secrets.token_urlsafe(30)}\n")
    return read_security(folder, front), fresh


def secured(
    folder: Path, wanted: bool | None, broker: str, front: tuple[Path, Path] | None, say: Callable[[str], None]
) -> Security | None:
    """What a stack is to be started with, if it is ``wanted``; None: as the folder was before. Raises as :func:`ensure_security`."""
    from weftline.kafka_admin.access import load_roles

    if not (is_secure(folder) if wanted is None else wanted):
        return None
    if broker == "memory":
        raise UserError("the broker in memory asks nobody who comes; TLS and passwords are for Apache Kafka")
    security, fresh = ensure_security(folder, (role.name for role in load_roles().values() if role.program), front)
    if fresh:
        say(f"made a certificate; clients trust {security.authority.absolute()}")
    return security


def _certificate(place: Path) -> bool:
    from weftline.runtime.certificates import ends_at, make

    shown = place / "server.pem"
    if (place / "kafka.pem").exists() and ends_at(shown) > datetime.now(UTC) + timedelta(days=RENEWED_DAYS):
        return False
    making = place.with_name(f"{FOLDER}.new")
    for old in (making, place):  # what was begun and not ended, and what ends soon
        shutil.rmtree(old, ignore_errors=True)
    making.mkdir(parents=True, mode=0o700)
    files = make(making, (), DAYS)
    write_private(making / "kafka.pem", files.key.read_text("utf-8") + files.certificate.read_text("utf-8"))
    making.rename(place)
    return True
