"""``weftline up --secure``, for real and as its users have it: TLS and logins everywhere, each program with no right that it does not need,
each partner with what is his, and topics of single factories. One stack, since a stack is what costs.
"""

from __future__ import annotations

import gc
import io
import socket
import stat
import struct
import time
import zipfile
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, OffsetSpec
from standardwebhooks.webhooks import Webhook
from tests.e2e.commands import until
from tests.support.examples import CODEC, MEMBER, SHIPMENT
from tests.support.notifying import alert
from tests.support.receiving import Endpoint, receiving
from tests.support.refusals import CALLERS, NOTHING, SOURCE, TABLE_OF_REFUSALS, Asked, Outcome, Things
from tests.support.secure_stack import OWN, PACK_KEY, Place, ask, follow, outcome_of, started, things

from weftline.contracts.kinds import BY_PROCESSOR
from weftline.contracts.signing import SigningKey
from weftline.contracts.topics import key_of, load_topics, own_topic, topic_of
from weftline.domain.alerts import Alert
from weftline.embedded.accounts import TOKEN_FILE
from weftline.embedded.broker import NODE_ID, answers
from weftline.embedded.security import GRANTED
from weftline.errors import KafkaRefuses, UserError
from weftline.kafka_admin.access import Role, load_roles
from weftline.kafka_admin.client import open_admin
from weftline.notify.outbox import Outbox, outbox_at
from weftline.packs.signed import Form, check, public_of
from weftline.pages.links import Link, Links
from weftline.sdk import DeliveryError, Publisher, Subscriber
from weftline.warehouse.client import reader

pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
ROLES = load_roles()
#: Whom the table of rights asks as, beside the programs, which are called as their roles are.
USERS = {role: user for user, role in GRANTED.items()} | {"publisher": "center-7", "subscriber": "office", "factory": OWN[0]}


@pytest.fixture(autouse=True)
def _collect_sockets() -> Iterator[None]:
    gc.collect()  # kafka-python leaves the socket of a refused connection to it
    yield
    gc.collect()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    yield from started(tmp_path_factory.mktemp("secure"))


@pytest.fixture(scope="module")
def passwords(place: Place) -> dict[str, str]:
    """Of the users of :data:`USERS` that are partners', made by the command; and of another factory."""
    made = {}
    for role, user in (*USERS.items(), ("factory", OWN[1])):
        if user not in GRANTED:
            done = place.command("access", "grant", role, user)
            assert done.returncode == 0, done.stderr
            made[user] = done.stdout.strip()
    return made


@pytest.fixture(scope="module")
def asked_for(place: Place) -> tuple[Things, dict[str, str]]:
    place.let_in()
    until(lambda: place.client("operator").get("/v1/alerts").status_code == 200, "the gateway knows its partners")
    return things(place, int(time.time() * 1000) - 60_000)


# --- TLS and logins


def test_what_is_secret_is_its_owners_alone_and_in_no_command_line(place: Place) -> None:
    secret = [place.stack / "kafka" / "server.properties", *(place.stack / "tls").iterdir(), *(place.stack / "passwords").iterdir()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in secret} == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (place.stack, place.stack / "tls", place.stack / "passwords")} == {0o700}
    words = [path.read_text("utf-8").strip() for path in (place.stack / "passwords").iterdir()]
    assert place.program is not None
    told = "\n".join(" ".join(process.cmdline()) for process in place.program.family())
    assert "weftline orders" in told
    assert [word for word in words if word in told] == []


def test_it_says_what_a_user_needs(place: Place) -> None:
    assert place.program is not None
    said = "\n".join(place.program.lines)
    for needed in (place.security.authority, place.stack / "passwords" / TOKEN_FILE, place.url("board"), place.url("gateway")):
        assert str(needed) in said
    assert place.state["degraded"] == {}


@pytest.mark.parametrize("name", ["clickhouse", "gateway", "board"])
def test_nothing_is_served_without_tls(place: Place, name: str) -> None:
    url = place.url(name)
    with pytest.raises(httpx.ConnectError, match="certificate"):
        httpx.get(url, timeout=60)
    with pytest.raises(httpx.TransportError):
        httpx.get(url.replace("https:", "http:"), timeout=60)


def test_kafka_lets_nobody_in_without_tls_and_a_login(place: Place) -> None:
    kafka, authority = place.addresses.kafka, place.security.authority
    assert answers(kafka, login=place.security.login("operator"))
    assert not answers(kafka)
    host, _, port = kafka.rpartition(":")
    with (
        socket.create_connection((host, int(port)), 60) as plain,
        place.context.wrap_socket(plain, server_hostname=host) as connection,
    ):
        connection.sendall(struct.pack(">ihhihi", 14, 3, 2, 1, -1, 0))  # for metadata, without a login
        assert connection.recv(4) == b""
    for user, guess in (("operator", "guessed"), ("broker", place.security.passwords["broker"])):
        with pytest.raises(KafkaRefuses, match="password is wrong"):
            Subscriber(kafka, "f-204", username=user, password=guess, ca=authority).close()


def test_the_board_asks_who_comes(place: Place) -> None:
    token = (place.stack / "passwords" / TOKEN_FILE).read_text("utf-8").strip()
    with httpx.Client(
        base_url=place.url("board"), verify=place.context, headers={"Origin": place.url("board")}, timeout=60
    ) as browser:
        shut = browser.get("/overview")
        assert (shut.status_code, 'action="/login"' in shut.text) == (401, True)
        assert browser.post("/login", data={"token": "guessed", "to": "/overview"}).status_code == 401
        assert browser.post("/login", data={"token": token, "to": "/overview"}).status_code == 303
        assert browser.get("/overview").status_code == 200


# --- Programs


def test_every_processor_works_and_an_event_becomes_an_alert(place: Place, asked_for: tuple[Things, dict[str, str]]) -> None:
    """Reports came by the gateway; everything else comes from a user of Kafka, and a reply by the gateway again."""
    done = place.command("access", "grant", "publisher", "center-8")
    assert done.returncode == 0, done.stderr
    login: dict[str, Any] = {"username": "center-8", "password": done.stdout.strip(), "ca": place.security.authority}
    with Publisher(place.addresses.kafka, delivery_timeout=120, **login) as center:
        for event in (SHIPMENT, MEMBER):
            center.publish(event)
        order: dict[str, Any] = {
            "source": SOURCE,
            "cooperative_id": "haimen",
            "center_id": "c1",
            "factory_id": "f-1",
            "product_category": "sheet",
        }
        center.order(order_id="A-1", status="CONFIRMED", event_time=int(time.time() * 1000), **order)
        assert center.flush() == 3
    alerts = asked_for[1]
    path = f"/v1/alerts/{alerts['SUP-42']}/replies"
    assert place.client("supplier").post(path, json={"reply": "acknowledge"}).status_code == 202
    with reader(place.settings()) as tables:
        until(
            lambda: all(tables.rows(f"SELECT count() > 0 FROM {kind.facts}")[0][0] for kind in BY_PROCESSOR.values()),
            "every processor has judged",
        )
        _a_pack_by_the_board(place, MEMBER.factory_id)
        made = f"SELECT count() FROM matters WHERE kind = 'PACK' AND factory_id = '{MEMBER.factory_id}'"
        until(lambda: tables.rows(made) == [(1,)], "the making of the pack is an event")
    audit = place.command("audit", "--patience", "0")
    assert "TopicAuthorization" not in audit.stdout + audit.stderr
    assert audit.returncode in (0, 3), audit.stdout + audit.stderr  # 3: what came this moment is not judged yet


def _a_pack_by_the_board(place: Place, factory: str) -> None:
    """As the button of its page has it made: by whoever is logged in, and by nobody else."""
    token = (place.stack / "passwords" / TOKEN_FILE).read_text("utf-8").strip()
    with httpx.Client(
        base_url=place.url("board"), verify=place.context, headers={"Origin": place.url("board")}, timeout=120
    ) as browser:
        assert browser.post("/packs/loan", data={"factory": factory}).status_code == 401
        assert browser.post("/login", data={"token": token, "to": "/factory"}).status_code == 303
        answer = browser.post("/packs/loan", data={"factory": factory, "for": "a bank"})
        assert answer.status_code == 200, answer.text
    key = public_of(SigningKey.load(place.folder / PACK_KEY))
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        said = [check(archive.read(name), key) for name in archive.namelist()]
    assert {one.form for one in said} == set(Form)
    assert {one.said["json_sha256"] for one in said} == {said[0].said["json_sha256"]}


def _allowed(role: Role, user: str, resource: str, name: str) -> set[str]:
    """What access.yaml allows: READ and WRITE imply DESCRIBE, DELETE of a group too."""
    found = {
        right.operation
        for right in role.rights_of(user)
        if right.resource == resource and (right.name == name or (right.name.endswith("*") and name.startswith(right.name[:-1])))
    }
    return found | ({"DESCRIBE"} if found else set())


def _told(admin: KafkaAdminClient, groups: set[str]) -> dict[str, set[str] | None]:
    """What the broker lets a user do with each group; None where it may be seen, and there is no such group yet to say more of."""
    found: dict[str, set[str] | None] = {}
    for group, told in admin.describe_groups(sorted(groups), group_coordinator_id=NODE_ID).items():
        refused = "GroupAuthorizationFailed" in (told["error"] or "")
        found[group] = set() if refused else set(told["authorized_operations"] or ()) or None
    return found


@pytest.mark.parametrize("role", ROLES.values(), ids=lambda role: role.name)
def test_a_user_may_do_what_its_role_says_and_nothing_else(place: Place, passwords: dict[str, str], role: Role) -> None:
    """The broker itself says of each topic and group what it would let this user do."""
    user = role.name if role.program else USERS[role.name]
    topics = [*load_topics(), *(own_topic(factory).name for factory in OWN)]
    groups = {
        right.name.replace("*", "any")
        for one in ROLES.values()
        for right in one.rights_of(USERS.get(one.name, one.name))
        if right.resource == "group"
    }
    password = place.security.passwords.get(user) or passwords[user]
    login = {**place.security.login("operator"), "sasl_plain_username": user, "sasl_plain_password": password}
    with open_admin(place.addresses.kafka, 60, login) as admin:
        may = {one["name"]: set(one["authorized_operations"]) for one in admin.describe_topics() if not one["is_internal"]}
        # Nobody but admin makes topics, changes them or has rights on the whole of Kafka.
        assert {name: may.get(name, set()) for name in topics} == {name: _allowed(role, user, "topic", name) for name in topics}
        assert may.keys() <= set(topics)
        ought = {group: _allowed(role, user, "group", group) for group in groups}
        seen = _told(admin, groups)
        assert {group: told is None or bool(told) for group, told in seen.items()} == {
            group: bool(allowed) for group, allowed in ought.items()
        }
        assert {group: told for group, told in seen.items() if told} == {
            group: ought[group] for group, told in seen.items() if told
        }
        with pytest.raises(UserError, match=f"does not allow user {user} to do that"):
            _make_topic(place, login)


def _make_topic(place: Place, login: dict[str, object]) -> None:
    with open_admin(place.addresses.kafka, 60, login) as admin:
        admin.create_topics({"mine": {"num_partitions": 1, "replication_factor": 1}})


def test_what_is_refused_is_refused_when_it_is_tried(place: Place, passwords: dict[str, str]) -> None:
    kafka, authority = place.addresses.kafka, place.security.authority
    orders: dict[str, Any] = {"username": "orders", "password": place.security.passwords["orders"], "ca": authority}
    with Publisher(kafka, delivery_timeout=60, **orders) as processor, pytest.raises((UserError, DeliveryError), match="orders"):
        processor.publish(SHIPMENT)
    for user in (USERS["publisher"], OWN[0]):
        with pytest.raises(UserError, match=rf"shows user {user} no topic quality\.alerts\.v1"):
            Subscriber(kafka, "f-204", username=user, password=passwords[user], ca=authority)


# --- Topics of single factories


def test_a_factory_reads_its_own_topic_in_order_through_kills_and_no_other(place: Place, passwords: dict[str, str]) -> None:
    """Each revision of its own, none of anybody else's, in the order of the topic of all alerts; some twice after a kill."""
    own, other = OWN
    login = place.security.login("orders")  # a processor's: it may write alerts
    told = [
        alert(f"{factory}-{number % 7}", number // 7 + 1, factory_id=factory, cooperative_id="rugao", text_en=f"no. {number}")
        for number in range(42)
        for factory in (own, other, "f-999")
    ]
    killed, copied = set(), 0
    producer = KafkaProducer(bootstrap_servers=place.addresses.kafka, **login)
    try:
        for count, one in enumerate(told):
            producer.send(topic_of(one), CODEC.encode(one), key_of(one)).get(60)
            if count % 42 == 41:
                until(lambda seen=copied: _end(place, own) > seen, "it is in the middle of copying")  # type: ignore[misc]
                copied = _end(place, own)
                killed.add(place.kill("notify"))
                until(lambda: place.state["children"]["notify"]["pid"] not in killed, "the supervisor has started it again")
    finally:
        producer.close()
    assert len(killed) == 3
    for factory in OWN:
        ours = [one for one in told if one.factory_id == factory]
        got: list[Alert] = []
        access: dict[str, Any] = {"username": factory, "password": passwords[factory], "ca": place.security.authority}
        with Subscriber(place.addresses.kafka, factory, own_topic=True, **access) as alerts:
            for one in alerts:
                got.append(one)
                if len(got) == len(ours):
                    break
        assert got == ours
    raw = _raw(place, own)
    assert {(one.alert_id, one.revision) for one in raw} == {(one.alert_id, one.revision) for one in told if one.factory_id == own}
    with pytest.raises(UserError, match=rf"shows user {other} no topic quality\.alerts\.v1\.{own}"):
        Subscriber(
            place.addresses.kafka, own, own_topic=True, username=other, password=passwords[other], ca=place.security.authority
        )


def _end(place: Place, factory: str) -> int:
    """How much lies on the topic of a factory."""
    at = TopicPartition(own_topic(factory).name, 0)
    with open_admin(place.addresses.kafka, 60, place.security.login("admin")) as admin:
        return int(admin.list_partition_offsets({at: OffsetSpec.LATEST})[at].offset)


def _raw(place: Place, factory: str) -> list[Alert]:
    """All that lies on the topic of a factory, repeats too, as the admin sees it."""
    at = TopicPartition(own_topic(factory).name, 0)
    consumer = KafkaConsumer(bootstrap_servers=place.addresses.kafka, **place.security.login("admin"), auto_offset_reset="earliest")
    try:
        consumer.assign([at])
        end, found = consumer.end_offsets([at])[at], []
        while consumer.position(at) < end:
            for records in consumer.poll(timeout_ms=500).values():
                found += [CODEC.decode("quality.alerts.v1", record.value) for record in records]
        return [one for one in found if isinstance(one, Alert)]
    finally:
        consumer.close()


# --- Partners: tests/support/refusals.py has the table


def _twin(text: str, real: Things) -> str:
    """An answer about what does not exist, if it named what was asked for."""
    for one, none in zip(real, NOTHING, strict=True):
        text = text.replace(one, none)
    return text


@pytest.mark.parametrize("asked", TABLE_OF_REFUSALS, ids=lambda asked: asked.what)
def test_each_partner_is_refused_what_the_table_says(place: Place, asked_for: tuple[Things, dict[str, str]], asked: Asked) -> None:
    real, alerts = asked_for
    request = asked.request(real)
    if request.stream:
        _streams(place, asked, request.path, alerts)
        return
    found, faults = {}, []
    for caller in CALLERS:
        answer = ask(place, caller, request)
        found[caller] = outcome_of(answer, asked.done, asked.told and asked.told(real))
        if found[caller] not in (Outcome.DONE, Outcome.EMPTY):
            none = ask(place, caller, asked.request(NOTHING))
            if (answer.status_code, _twin(answer.text, real)) != (none.status_code, _twin(none.text, real)):
                faults.append((caller, answer.text, none.text))
    assert found == {caller: asked.outcome(caller) for caller in CALLERS}
    assert faults == [], "a refusal tells whether there is such a thing"


#: Who of the table sees the alerts of which factories.
SEES = {
    "factory": {"f-1"},
    "other factory": {"f-2"},
    "supplier": {"SUP-42"},
    "officer": {"f-1", "f-2", "SUP-42"},
    "other officer": {"f-9"},
}


def _streams(place: Place, asked: Asked, path: str, alerts: dict[str, str]) -> None:
    for caller in CALLERS:
        ought = asked.outcome(caller)
        sees = SEES.get(caller, {"f-1", "f-2", "SUP-42", "f-9"})
        wanted = {alerts[factory] for factory in sees}
        got = follow(place, caller, path, lambda told, wanted=wanted: {one["alert_id"] for one in told} >= wanted)  # type: ignore[misc]
        if isinstance(got, httpx.Response):
            assert outcome_of(got, 200, None) == ought, caller
        else:
            assert ought == (Outcome.DONE if "f-1" in sees else Outcome.EMPTY)
            if caller in SEES:
                assert {one["factory_id"] for one in got} == sees, caller


def test_the_sdk_is_refused_as_the_table_says(place: Place, asked_for: tuple[Things, dict[str, str]]) -> None:
    outcomes = {}
    for caller in CALLERS:
        own: dict[str, Any] = {
            "source": SOURCE,
            "cooperative_id": "haimen",
            "center_id": "c1",
            "factory_id": "f-1",
            "product_category": "sheet",
        }
        publisher = Publisher.over_http(place.url("gateway"), place.tokens.get(caller, "wft_none"), ca=place.security.authority)
        try:
            publisher.order(order_id="A-2", status="CONFIRMED", event_time=int(time.time() * 1000), **own)
            publisher.close()
            outcomes[caller] = Outcome.DONE
        except DeliveryError as error:
            outcomes[caller] = Outcome.NAME if error.undelivered[0].refused else Outcome.ROLE
        except UserError:
            outcomes[caller] = Outcome.UNKNOWN
    (row,) = (asked for asked in TABLE_OF_REFUSALS if asked.what == "publish as center c1")
    assert outcomes == {caller: row.outcome(caller) for caller in CALLERS}


def test_a_link_opens_the_inbox_of_one_factory_and_nothing_else(place: Place, asked_for: tuple[Things, dict[str, str]]) -> None:
    """A link to another's alert, to one that is not there, one that has ended, one that was changed: one page for all."""
    real, alerts = asked_for
    links, soon = Links((place.stack / "passwords" / "links").read_text("utf-8").strip()), int(time.time() * 1000) + 600_000

    def opened(link: str, path: str) -> httpx.Response:
        with httpx.Client(base_url=place.url("gateway"), verify=place.context, timeout=60) as phone:
            phone.get(f"/inbox?{urlencode({'link': link})}")
            return phone.get(path)

    own = links.written(Link("f-2", alerts["f-2"], soon))
    assert opened(own, f"/inbox/alerts/{alerts['f-2']}").status_code == 200
    refused = [
        opened(own, f"/inbox/alerts/{real.alert}"),
        opened(own, "/inbox/alerts/no-such-alert"),
        opened(links.written(Link("f-1", real.alert, 1)), f"/inbox/alerts/{real.alert}"),
        opened(links.written(Link("f-*", real.alert, soon)), f"/inbox/alerts/{real.alert}"),
        opened(own[:-1] + ("A" if own[-1] != "A" else "B"), f"/inbox/alerts/{alerts['f-2']}"),
    ]
    assert {(answer.status_code, answer.text) for answer in refused} == {(403, refused[0].text)}


# --- Webhooks of partners


def test_a_factory_registers_a_webhook_and_is_told_of_its_own_alerts_until_it_removes_it(
    place: Place, asked_for: tuple[Things, dict[str, str]]
) -> None:
    """Gateway and dispatcher as the stack runs them, and two receivers: what an officer is sent shows what the factory could have been."""
    factory, own = place.client("factory"), {"source": SOURCE, "center_id": "c1", "cooperative_id": "haimen"}

    def register(caller: str, at: Endpoint) -> Any:
        made = place.client(caller).post("/v1/webhooks", json={"url": f"{at.url}/hook", "rules": ["SAFETY_LIMIT_FAILED"]})
        assert made.status_code == 201, made.text
        return made.json()

    def publish(factory_id: str, name: str) -> None:
        place.publish("center", factory_id, name, int(time.time() * 1000) - 60_000, "lab-1", **own)

    with receiving() as erp, receiving() as office:
        mine, officers = register("factory", erp), register("officer", office)
        for other in ("other factory", "officer", "operator"):
            for method in ("GET", "DELETE"):
                assert place.client(other).request(method, mine["href"]).status_code == 404
        place.looked()
        publish("f-2", "R-hook-other")
        office.wait_for(lambda got: len(got) == 1)
        publish("f-1", "R-hook-1")
        (first,) = erp.wait_for(lambda got: bool(got))
        assert (first.json["factory_id"], first.json["severity"]) == ("f-1", "CRITICAL")
        Webhook(mine["secret"]).verify(first.body, first.headers)
        Webhook(officers["secret"]).verify(office.got[0].body, office.got[0].headers)

        def states() -> list[str]:
            return [one["state"] for one in factory.get(f"{mine['href']}/deliveries").json()["deliveries"]]

        until(lambda: states() == ["sent"], "the factory reads what became of it")
        fresh = factory.post(f"{mine['href']}/rotate").json()
        assert fresh["secret"] != mine["secret"]
        place.looked()
        publish("f-1", "R-hook-2")
        second = erp.wait_for(lambda got: len(got) == 2)[1]
        for secret in (fresh["secret"], mine["secret"]):
            Webhook(secret).verify(second.body, second.headers)
        office.wait_for(lambda got: len(got) == 3)
        assert factory.delete(mine["href"]).status_code == 204
        place.looked()
        publish("f-1", "R-hook-3")
        third = office.wait_for(lambda got: len(got) == 4)[3].json
        assert (third["factory_id"], {one.json["factory_id"] for one in erp.got}) == ("f-1", {"f-1"})
        with closing(Outbox(outbox_at(place.stack))) as outbox:
            assert [row.receiver for row in outbox.rows(alert_id=third["alert_id"])] == [officers["id"]]
        assert len(erp.got) == 2
        assert place.client("officer").delete(officers["href"]).status_code == 204
