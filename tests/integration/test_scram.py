"""The production Kafka for real: SCRAM and ACLs by deploy/kafka, users by ``weftline access``, each program with its own user.

Everything that docker-compose.yml says about a service (command, environment, secrets) is taken from there.
"""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from kafka import KafkaProducer
from tests.e2e.commands import until
from tests.support import compose, secured

from weftline.embedded.children import Child, Running, says_ok
from weftline.embedded.ports import HOST, free_ports
from weftline.errors import UserError
from weftline.kafka_admin.access import apply_access, list_access, load_roles
from weftline.kafka_admin.client import open_admin
from weftline.kafka_admin.quotas import agree, quotas_of_users, shown
from weftline.runtime.credentials import sasl
from weftline.runtime.settings import load
from weftline.sdk import DeliveryError, Publisher, Subscriber
from weftline.warehouse.client import reader

SERVICES = compose.load()["services"]
FACTORY = "f-204"

# kafka-python leaves the socket of a refused connection to the garbage collector; they are collected here, where it is known.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


@pytest.fixture(autouse=True)
def _collect_sockets() -> Iterator[None]:
    gc.collect()
    yield
    gc.collect()


@dataclass(frozen=True, slots=True)
class World:
    """The stack after ``init``."""

    kafka: secured.Secured
    clickhouse: str
    folder: Path

    def settings(self, name: str, **more: str) -> dict[str, str]:
        """Environment of a service."""
        return self.kafka.settings_of(name, SERVICES[name], self.clickhouse) | more

    def weftline(self, *arguments: str, as_: str = "init", **more: str) -> Any:
        """Run a command of weftline with the environment of a service."""
        return secured.run(["weftline", *arguments], self.folder, **self.settings(as_, **more))

    def grant(self, role: str, user: str) -> str:
        """Make a partner; returns the password."""
        done = self.weftline("access", "grant", role, user)
        assert done.returncode == 0, done.stderr
        return str(done.stdout.strip())

    @contextmanager
    def running(self, name: str, **more: str) -> Iterator[int]:
        """A service, from when it is ready; its port."""
        (port,) = free_ports(1)
        variables = self.settings(name, WEFTLINE_HTTP_HOST=HOST, WEFTLINE_HTTP_PORT=str(port), **more)
        command = (sys.executable, "-m", *SERVICES[name]["command"])
        child = Child(name, command, ready=lambda: says_ok(f"http://{HOST}:{port}/readyz"), environment=variables)
        process = Running(child, self.folder / f"{name}.log")
        try:
            process.wait_ready()
            yield port
        finally:
            process.stop()


@pytest.fixture(scope="module")
def world(clickhouse: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("scram")
    kafka = secured.start(folder)
    try:
        found = World(kafka, clickhouse, folder)
        done = secured.run(SERVICES["init"]["command"], folder, **found.settings("init"))
        assert done.returncode == 0, done.stderr
        assert "created sample.orders.v1: 48 partitions" in done.stdout
        assert "made user orders" in done.stdout
        yield found
    finally:
        kafka.kill()


def order(center: Publisher, number: str) -> None:
    """An order that is overdue, of which the factory is told."""
    now = datetime.now(UTC)
    center.order(
        factory_id=FACTORY,
        order_id=number,
        status="CONFIRMED",
        product_category="sheet",
        event_time=now - timedelta(hours=2),
        promised_at=now - timedelta(hours=1),
    )


def key_of(world: World) -> Path:
    """The key with which all of these publishers sign: compose binds them. Granted by the command."""
    file = world.folder / "center.pem"
    if not file.exists():
        names = ("--source", "urn:scram", "--center", "c1", "--cooperative", "haimen")
        entry = world.weftline("publisher", "key", "new", str(file), "--id", "centers", *names)
        assert entry.returncode == 0, entry.stderr
        (world.folder / "center.yaml").write_text(entry.stdout, "utf-8")
        loaded = world.weftline("reference", "apply", str(world.folder / "center.yaml"))
        assert loaded.returncode == 0, loaded.stderr
    return file


def publisher(world: World, user: str, password: str) -> Publisher:
    return Publisher(
        world.kafka.external,
        source="urn:scram",
        cooperative_id="haimen",
        center_id="c1",
        username=user,
        password=password,
        private_key=key_of(world),
        delivery_timeout=60,
    )


def test_no_password_stands_in_the_arguments_of_a_process(world: World) -> None:
    started = (world.kafka.folder / "arguments").read_text("utf-8")
    assert "kafka-run-class.sh @" in started
    passwords = [path.read_text("utf-8") for path in world.kafka.secrets.glob("*_password")]
    assert len(passwords) > 5
    assert [password for password in passwords if password in started] == []


def test_from_a_sampling_center_to_a_factory(world: World) -> None:
    """Center, processor, exporter, audit and factory, each with its own user, and none with more than its role."""
    center, factory = world.grant("publisher", "center-7"), world.grant("subscriber", FACTORY)
    with world.running("orders") as orders, world.running("lag") as lag:
        # The health check of the image.
        assert [world.weftline("health", as_="lag", WEFTLINE_HTTP_PORT=str(port)).returncode for port in (orders, lag)] == [0, 0]
        with publisher(world, "center-7", center) as sampling:
            order(sampling, "A-17")
        with Subscriber(world.kafka.external, FACTORY, username=FACTORY, password=factory) as alerts:
            alert = next(iter(alerts))
        assert alert.factory_id == FACTORY
        assert "A-17" in alert.subject
        with reader(load(clickhouse=world.clickhouse)) as tables:
            stored = "SELECT count() FROM order_state FINAL WHERE order_id = 'A-17'"
            until(lambda: tables.rows(stored) == [(1,)], "its state is settled")  # a factory is told first

        def page() -> str:
            with urlopen(f"http://{HOST}:{lag}/metrics", timeout=5) as answer:
                return str(answer.read().decode())

        until(lambda: 'kafka_consumergroup_members{consumergroup="weftline-orders"} 1.0' in page(), "the exporter sees the group")
        assert "weftline_lag_exporter_up 1.0" in page()

    audit = world.weftline("audit", "--patience", "0", as_="audit")
    assert "TopicAuthorization" not in audit.stderr + audit.stdout
    assert audit.returncode in (0, 3), audit.stderr + audit.stdout


def test_init_a_second_time_changes_nothing(world: World) -> None:
    done = secured.run(SERVICES["init"]["command"], world.folder, **world.settings("init"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "all topics are as listed",
        "all users may do what their roles say",
        "all migrations were applied before",
    ]


# --- a wrong password


def test_a_command_says_that_the_password_is_wrong(world: World) -> None:
    done = world.weftline("topics", "apply", WEFTLINE_KAFKA_PASSWORD="wrong")
    assert done.returncode == 1
    assert done.stderr.startswith(f"weftline: Kafka at {world.kafka.internal} refuses user admin: ")
    assert "check WEFTLINE_KAFKA_USERNAME and WEFTLINE_KAFKA_PASSWORD" in done.stderr


def test_a_processor_ends_and_says_that_the_password_is_wrong(world: World) -> None:
    began = time.monotonic()
    done = world.weftline("orders", as_="orders", WEFTLINE_KAFKA_PASSWORD="wrong", WEFTLINE_HTTP_PORT="0", WEFTLINE_HTTP_HOST=HOST)
    assert done.returncode == 1
    assert f"weftline: Kafka at {world.kafka.internal} refuses user orders: " in done.stderr
    assert time.monotonic() - began < 60


@pytest.mark.parametrize(
    "make",
    [
        lambda w: publisher(w, "center-8", "wrong"),
        lambda w: Subscriber(w.kafka.external, FACTORY, username="nobody", password="wrong"),
    ],
    ids=["publisher", "subscriber"],
)
def test_the_sdk_says_that_the_login_is_wrong(world: World, make: Any) -> None:
    with pytest.raises(UserError, match=r"refuses user (center-8|nobody): the name is unknown or the password is wrong"):
        make(world)


# --- a right that is missing


def test_a_factory_may_not_publish(world: World) -> None:
    password = world.grant("subscriber", "f-300")
    refusal = r"(user f-300 no topic sample\.orders\.v1|allow user f-300 to do that: .*sample\.orders\.v1).*`weftline access grant`"
    with publisher(world, "f-300", password) as center, pytest.raises(UserError, match=refusal):
        order(center, "A-18")


def test_a_center_may_not_read_alerts(world: World) -> None:
    password = world.grant("publisher", "center-9")
    with pytest.raises(
        UserError, match=r"shows user center-9 no topic quality\.alerts\.v1: .*`weftline access grant` gives a role"
    ):
        Subscriber(world.kafka.external, FACTORY, username="center-9", password=password)


def test_a_factory_may_not_take_the_place_of_another(world: World) -> None:
    password = world.grant("subscriber", "f-301")
    with pytest.raises(UserError, match=r"does not allow user f-301 to do that: .*Group"):  # noqa: SIM117 (what is left open would hide it)
        with Subscriber(world.kafka.external, FACTORY, follow=False, username="f-301", password=password) as alerts:
            list(alerts)


def test_a_processor_may_not_read_another_topic(world: World) -> None:
    done = world.weftline("orders", as_="logistics", WEFTLINE_HTTP_PORT="0", WEFTLINE_HTTP_HOST=HOST)
    assert done.returncode == 1
    assert "user logistics may not see topic sample.orders.v1" in done.stderr
    assert "`weftline access apply`" in done.stderr


def test_a_processor_may_make_no_users(world: World) -> None:
    done = world.weftline("access", "grant", "publisher", "friend", as_="orders")
    assert done.returncode == 1
    assert "does not allow user orders to do that" in done.stderr


def test_whoever_is_revoked_is_out_at_once(world: World) -> None:
    password = world.grant("publisher", "center-10")
    center = publisher(world, "center-10", password)
    order(center, "A-19")
    assert center.flush() == 1
    done = world.weftline("access", "revoke", "center-10")
    assert "no longer allowed center-10: WRITE topic sample.orders.v1" in done.stdout
    order(center, "A-20")
    with pytest.raises(DeliveryError, match="TopicAuthorizationFailedError"):
        center.close()
    with pytest.raises(UserError, match="refuses user center-10"):
        publisher(world, "center-10", password)


# --- how much one user may take


def admin_of(world: World) -> dict[str, str]:
    return sasl("admin", (world.kafka.secrets / "kafka_admin_password").read_text("utf-8").strip())


def limits(world: World, user: str) -> list[str]:
    listed = list_access(world.kafka.external, **admin_of(world))
    return [line for line in listed.get(user, []) if line.startswith("at most")]


@pytest.mark.parametrize("role", [name for name, role in load_roles().items() if not role.program])
def test_a_partner_has_the_quota_of_his_role_and_loses_it(world: World, role: str) -> None:
    world.grant(role, f"some-{role}")
    ought = [f"at most {shown(name, value)}" for name, value in sorted(load_roles()[role].quota.items())]
    assert ought
    until(lambda: limits(world, f"some-{role}") == ought, "the broker has the quota")
    world.weftline("access", "revoke", f"some-{role}")
    until(lambda: limits(world, f"some-{role}") == [], "the quota is gone")


def test_a_changed_figure_reaches_who_was_there_before(world: World) -> None:
    world.grant("publisher", "center-11")
    folder, admin = world.kafka.secrets, admin_of(world)
    roles = load_roles()
    roles["publisher"] = replace(roles["publisher"], quota={"producer_byte_rate": 40_000})
    lines = apply_access(world.kafka.external, folder, roles=roles, **admin)
    assert "limited center-11: producer_byte_rate 40,000 bytes/s" in lines
    assert "no longer limited center-11: request_percentage" in lines
    until(lambda: limits(world, "center-11") == ["at most producer_byte_rate 40,000 bytes/s"], "the broker has the new quota")
    assert any(line.startswith("limited center-11") for line in apply_access(world.kafka.external, folder, **admin))


def test_who_sends_more_than_his_quota_waits(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """The broker tells a producer how long it is held back; nothing is refused, and a user without a quota is not held back."""

    def held_back(login: dict[str, str]) -> bool:
        caplog.clear()
        producer = KafkaProducer(bootstrap_servers=world.kafka.external, **login)
        try:
            for _ in range(4):  # 2 MB within the broker's window of 11 s, in which this user may send 1.1
                producer.send("sample.orders.v1", os.urandom(500_000), partition=0).get(60)
        finally:
            producer.close()
        return any("throttled by broker" in record.getMessage() for record in caplog.records)

    center = sasl("center-12", world.grant("publisher", "center-12"))
    until(lambda: bool(limits(world, "center-12")), "the broker has the quota")
    assert not held_back(center)
    with open_admin(world.kafka.external, 30, admin_of(world)) as client:
        agree(client, world.kafka.external, "center-12", {"producer_byte_rate": 100_000}, quotas_of_users(client)["center-12"])
    until(lambda: limits(world, "center-12") == ["at most producer_byte_rate 100,000 bytes/s"], "the broker has the small quota")
    assert held_back(center)
    assert not held_back(admin_of(world))


# --- the commands themselves


def test_all_users_are_listed_with_their_rights(world: World) -> None:
    listed = world.weftline("access", "list").stdout
    assert "admin (may do everything)" in listed
    for role in load_roles().values():
        if role.program:
            assert f"\n{role.name}\n" in listed


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["grant", "orders", "x"], "orders is no role of partners; there are publisher, subscriber, factory, operator"),
        (["grant", "publisher", "admin"], "admin is a user of Weftline itself"),
        (["grant", "publisher", "a b"], "is no name of a user"),
        (["grant", "publisher", "new", "--keep-password"], "there is no user new"),
        (["revoke", "who"], "there is no user who"),
        (["apply", "--passwords", "/"], "/kafka_orders_password: No such file or directory; deploy/secrets/make.sh makes"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(world: World, arguments: list[str], said: str) -> None:
    done = world.weftline("access", *arguments)
    assert done.returncode == 1
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_three_nodes_go_on_when_one_dies(clickhouse: str, tmp_path: Path) -> None:
    """The scaled layout: users and topics made through any node hold on all, and two of three are enough to write."""
    kafka = secured.start(tmp_path, "scaled")
    try:
        init = compose.load("scaled")["services"]["init"]
        settings = kafka.settings_of("init", init, clickhouse) | {"WEFTLINE_CLICKHOUSE_CLUSTER": ""}
        script = init["command"][-1].replace("weftline migrate", "")  # its cluster is not there
        done = secured.run([*init["command"][:-1], script], tmp_path, **settings)
        assert done.returncode == 0, done.stderr
        password = secured.run(["weftline", "access", "grant", "publisher", "center-7"], tmp_path, **settings).stdout.strip()
        world = World(kafka, clickhouse, tmp_path)
        with publisher(world, "center-7", password) as center:
            order(center, "B-1")
            assert center.flush() == 1
            kafka.running[1].kill()
            for number in range(2, 20):  # whoever led a partition there is replaced meanwhile
                order(center, f"B-{number}")
            assert center.flush() == 18
    finally:
        kafka.kill()


def test_a_kafka_that_allows_everything_is_told(kafka: str, tmp_path: Path) -> None:
    for role in load_roles():
        (tmp_path / f"kafka_{role}_password").write_text("x", "utf-8")
    with pytest.raises(UserError, match="this Kafka has no authorizer and allows everybody everything"):
        apply_access(kafka, tmp_path)
