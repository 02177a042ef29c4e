"""The files of a stack by TLS and SCRAM, and as whom its programs ask Kafka."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from weftline.contracts.kinds import BY_PROCESSOR
from weftline.contracts.topics import own_topic
from weftline.embedded import security
from weftline.embedded.security import ADMIN, BROKER, FOLDER, GRANTED, NOTIFIER, Security, ensure_security, is_secure, secured
from weftline.embedded.stack_folder import Addresses
from weftline.embedded.supervisor import everything
from weftline.errors import UserError
from weftline.kafka_admin.access import load_roles
from weftline.runtime import certificates
from weftline.runtime.tls import server_context

USERS = tuple(role.name for role in load_roles().values() if role.program)


def made(folder: Path) -> Security:
    return ensure_security(folder, USERS, None)[0]


def test_what_is_made_once_stays_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    first, fresh = ensure_security(tmp_path, USERS, None)
    again, anew = ensure_security(tmp_path, USERS, None)
    assert (fresh, anew, again) == (True, False, first)
    assert first.passwords.keys() == {*USERS, *GRANTED, BROKER, ADMIN}
    assert len(set(first.passwords.values())) == len(first.passwords)
    assert all(word not in repr(first) for word in first.passwords.values())
    secret = [path for path in tmp_path.rglob("*") if (path.is_file() and path.suffix in ("", ".key")) or path.name == "kafka.pem"]
    assert len(secret) == len(first.passwords) + 2
    assert {stat.S_IMODE(path.stat().st_mode) for path in secret} == {0o600}
    server_context(first.certificate, first.key)


def test_a_certificate_that_ends_soon_is_made_anew_and_passwords_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(security, "DAYS", security.RENEWED_DAYS)
        before = made(tmp_path)
    shown, told = before.certificate.read_text("utf-8"), []
    after = secured(tmp_path, None, "kafka", None, told.append)
    assert after == before
    assert after is not None
    assert after.certificate.read_text("utf-8") != shown
    assert certificates.ends_at(after.certificate) > datetime.now(UTC) + timedelta(days=security.DAYS - 1)
    assert [line for line in told if str(after.authority.absolute()) in line] == told != []


def test_a_folder_stays_as_it_was_until_somebody_says_otherwise(tmp_path: Path) -> None:
    def asked(wanted: bool | None, broker: str = "kafka") -> bool:
        return secured(tmp_path, wanted, broker, None, lambda _: None) is not None

    assert [asked(None), asked(False), is_secure(tmp_path)] == [False, False, False]
    assert [asked(True), asked(None), asked(False), asked(None)] == [True, True, False, True]
    with pytest.raises(UserError, match="the broker in memory asks nobody who comes"):
        asked(True, "memory")


def test_gateway_and_board_show_what_was_given_and_faults_of_it_are_told_before_anything_is_made(tmp_path: Path) -> None:
    given = certificates.make(tmp_path / "given", ["board.example"], 30)
    with pytest.raises(UserError, match="no certificate and its key"):
        ensure_security(tmp_path / "stack", USERS, (given.certificate, given.authority))
    assert not (tmp_path / "stack").exists()
    at, _ = ensure_security(tmp_path / "stack", USERS, (given.certificate, given.key))
    assert at.front_settings() == {"WEFTLINE_TLS_CERTIFICATE": str(given.certificate), "WEFTLINE_TLS_KEY": str(given.key)}
    assert at.certificate == tmp_path / "stack" / FOLDER / "server.pem"


def test_each_program_asks_kafka_as_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEFTLINE_RECEIVERS", "receivers.yaml")
    at = made(tmp_path)
    addresses = Addresses("127.0.0.1:9092", "https://127.0.0.1:8123", None, "k" * 64, at)
    children: dict[str, Any] = {child.name: child.environment for child in everything(addresses, lambda _: 1)}
    users = {name: child.get("WEFTLINE_KAFKA_USERNAME") for name, child in children.items()}
    assert users == {name: {"notify": NOTIFIER, "board": None}.get(name, name) for name in children}
    assert {*BY_PROCESSOR, "gateway", "notify", "board"} <= children.keys()
    for name, child in children.items():
        assert child["WEFTLINE_KAFKA_CA"] == child["WEFTLINE_CLICKHOUSE_CA"] == str(at.authority)
        assert [word for user, word in at.passwords.items() if word in child.values() and user != users[name]] == []
    assert children["board"]["WEFTLINE_BOARD_LOGIN"] == "always"
    # Nothing of all this where nobody is asked.
    plain = everything(Addresses("127.0.0.1:9092", "http://127.0.0.1:8123", None, "k" * 64), lambda _: 1)
    assert not [
        name for child in plain for name in child.environment if "CA" in name.split("_") or "USERNAME" in name or "TLS" in name
    ]


def test_a_topic_of_its_own_is_called_as_a_topic_may_be() -> None:
    topic = own_topic("f-204")
    assert (topic.name, topic.partitions, topic.grows) == ("quality.alerts.v1.f-204", 1, False)
    for name in ("海门家纺", "f 204", "f/204", "", ".", "x" * 65):
        with pytest.raises(UserError, match="it reads its alerts from the gateway"):
            own_topic(name)


def test_rights_on_a_topic_of_its_own_are_its_users_alone() -> None:
    roles = load_roles()
    mine, other = (
        {right.name for right in roles["factory"].rights_of(user) if right.resource == "topic"} for user in ("f-204", "f-301")
    )
    assert mine == {"quality.alerts.v1.f-204"}
    assert mine & other == set()
    readers = {
        name
        for name, role in roles.items()
        for right in role.rights_of("f-1")
        if right[:] == ("topic", "quality.alerts.v1", "READ")
    }
    assert readers == {"gateway", "subscriber", "notify", "operator"}, "who belongs to the trust boundary; access.yaml says so"
