"""ClickHouse's configuration, loaded by the real engine: who may do what, within which limits, and that no name in it is unknown."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from tests.support import compose
from tests.support.configured_engine import DEPLOY
from tests.support.secured import make_secrets

from weftline.contracts.paths import schemas_root
from weftline.embedded.engine_users import PARTNERS_OWN
from weftline.warehouse import contacts, migrations, partners, webhooks

ACCESS_DENIED, READONLY, CONSTRAINT, TOO_MANY_ROWS = 497, 164, 452, 158
MIGRATIONS = [text for file in migrations.load(schemas_root() / "clickhouse") for text in migrations.statements(file, None)]
#: Parts of a server's configuration that are no single value; https://clickhouse.com/docs/operations/server-configuration-parameters
SECTIONS = {
    *(
        "listen_host",
        "mysql_port",
        "postgresql_port",
        "prometheus",
        "logger",
        "merge_tree",
        "include_from",
        "remote_servers",
        "zookeeper",
    ),
    *("macros", "interserver_http_host", "interserver_http_credentials", "distributed_ddl"),
    *("query_log", "part_log", "metric_log", "asynchronous_metric_log", "trace_log", "text_log"),
    *("processors_profile_log", "query_thread_log", "access_control_improvements"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With secrets, and with the tables that the user weftline has made by the migrations."""
    folder = tmp_path_factory.mktemp("clickhouse")
    make_secrets(folder / "secrets")
    for text, code in ask(folder, "weftline", "CREATE DATABASE IF NOT EXISTS weftline", "USE weftline", *MIGRATIONS):
        assert code == 0, text
    return folder


def ask(folder: Path, user: str, *statements: str, layout: str = "single") -> list[list[Any]]:
    """Run statements as a user of the configuration (``-``: as the user that the image has)."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.configured_engine", str(folder), layout, user],
        input=json.dumps(statements),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=compose.ROOT,
        env={**os.environ, "REPLICA": "clickhouse"},
    )
    assert done.returncode == 0, done.stderr
    answers: list[list[Any]] = json.loads(done.stdout)
    return answers


def codes(folder: Path, user: str, *statements: str) -> list[int]:
    return [code for _, code in ask(folder, user, *statements)]


def test_the_images_own_user_is_gone(folder: Path) -> None:
    with pytest.raises(AssertionError, match="default: Authentication failed"):
        ask(folder, "-", "SELECT 1")


def test_users_have_the_hashes_of_the_secret_file(folder: Path) -> None:
    include = ET.parse(folder / "secrets" / "clickhouse.xml").getroot()
    for user in ("weftline", "grafana", "watch", "gateway", "notify"):
        password = (folder / "secrets" / f"clickhouse_{user}_password").read_bytes()
        assert include.findtext(f"{user}_password_sha256") == hashlib.sha256(password).hexdigest()
        listed = ET.parse(DEPLOY / "users.d" / "weftline.xml").getroot().find(f"users/{user}/password_sha256_hex")
        assert listed is not None
        assert listed.attrib == {"incl": f"{user}_password_sha256"}


def test_weftline_may_do_everything_in_its_database_and_nothing_else(folder: Path) -> None:
    allowed = [
        "INSERT INTO weftline.schema_check (a) SELECT 1",
        "SELECT count() FROM weftline.schema_check FINAL",
        "ALTER TABLE weftline.schema_check ADD COLUMN IF NOT EXISTS b Int8",
        "SELECT count() FROM system.parts",
        "DROP TABLE weftline.schema_check",
    ]
    refused = [
        "CREATE DATABASE other",
        "CREATE USER friend",
        "GRANT SELECT ON weftline.* TO grafana",
        "SELECT * FROM url('http://127.0.0.1:1/', TSV, 'a Int8')",
        "SELECT * FROM file('x.tsv', TSV, 'a Int8')",
        "SYSTEM SHUTDOWN",
    ]
    make = "CREATE TABLE IF NOT EXISTS weftline.schema_check (a Int8) ENGINE = ReplacingMergeTree ORDER BY a"
    found = ask(folder, "weftline", make, *allowed, *refused)
    assert [code for _, code in found[: 1 + len(allowed)]] == [0] * (1 + len(allowed)), found
    assert [code for _, code in found[1 + len(allowed) :]] == [ACCESS_DENIED] * len(refused), found
    ((value, _),) = ask(folder, "weftline", "SELECT value FROM system.settings WHERE name = 'async_insert'")
    assert value.strip() == "0"


def test_boards_read_every_view_and_table_but_those_of_partners(folder: Path) -> None:
    ((names, _),) = ask(folder, "weftline", "SELECT name FROM system.tables WHERE database = 'weftline'")
    tables = names.split()
    assert {"standing_alerts", "throughput_per_minute", "order_records", "partner_tokens"} <= set(tables)
    found = ask(folder, "grafana", *(f"SELECT * FROM weftline.{table} LIMIT 1" for table in tables))
    refused = {table for table, (_, code) in zip(tables, found, strict=True) if code == ACCESS_DENIED}
    assert refused == {table for table in tables if table.startswith("partner")} == set(PARTNERS_OWN)
    assert [text for text, code in found if code not in (0, ACCESS_DENIED)] == []


def test_boards_may_only_read_and_within_limits(folder: Path) -> None:
    assert (
        codes(
            folder,
            "grafana",
            "INSERT INTO weftline.order_records (owner) SELECT 'x'",
            "DROP TABLE weftline.order_records",
            "TRUNCATE TABLE weftline.order_records",
            "SELECT * FROM url('http://127.0.0.1:1/', TSV, 'a Int8')",
        )
        == [ACCESS_DENIED] * 4
    )
    assert codes(
        folder,
        "grafana",
        "SELECT 1 SETTINGS readonly = 0",
        "SELECT 1 SETTINGS max_execution_time = 600",
        "SELECT 1 SETTINGS max_memory_usage = 0",
        "SELECT 1 SETTINGS max_threads = 64",
        "SELECT 1 SETTINGS max_rows_to_read = 0",
        "SELECT 1 SETTINGS max_execution_time = 60, output_format_json_quote_64bit_integers = 1",
    ) == [READONLY, *[CONSTRAINT] * 4, 0]
    assert codes(folder, "grafana", "SELECT count() FROM numbers(100000000000)") == [TOO_MANY_ROWS]


def test_the_exporter_and_the_audit_may_read_all_and_write_nothing(folder: Path) -> None:
    assert codes(
        folder,
        "watch",
        "SELECT count() FROM weftline.order_records",
        "SELECT count() FROM system.parts WHERE database = 'weftline'",
        "SELECT 1 SETTINGS max_query_size = 16000000, max_execution_time = 300, select_sequential_consistency = 1",
        "INSERT INTO weftline.order_records (owner) SELECT 'x'",
        "OPTIMIZE TABLE weftline.order_records",
    ) == [0, 0, 0, ACCESS_DENIED, ACCESS_DENIED]


def test_the_gateway_reads_and_writes_down_who_asked_and_nothing_else(folder: Path) -> None:
    assert codes(
        folder,
        "gateway",
        "SELECT count() FROM weftline.waiting_alerts",
        "SELECT name, value, readonly FROM system.settings LIMIT 1",
        "SELECT 1 SETTINGS max_query_size = 16000000, max_execution_time = 10, select_sequential_consistency = 1",
        "INSERT INTO weftline.partner_uses (token_id, used_at) SELECT 'x', now64(3)",
        "INSERT INTO weftline.partner_log (partner_id, at) SELECT 'x', now64(3)",
        "INSERT INTO weftline.partner_mappings (partner_id, name) SELECT 'x', 'm'",
        "INSERT INTO weftline.partner_webhooks (partner_id, webhook_id) SELECT 'x', 'w'",
        "INSERT INTO weftline.partner_deliveries (webhook_id) SELECT 'w'",
        "INSERT INTO weftline.partners (partner_id) SELECT 'x'",
        "INSERT INTO weftline.partner_tokens (partner_id) SELECT 'x'",
        "INSERT INTO weftline.order_records (owner) SELECT 'x'",
        "OPTIMIZE TABLE weftline.partner_uses",
        "SELECT 1 SETTINGS max_memory_usage = 0",
    ) == [*[0] * 7, *[ACCESS_DENIED] * 5, CONSTRAINT]


def test_the_dispatcher_reads_who_registered_what_and_writes_down_what_came_of_it_and_nothing_else(folder: Path) -> None:
    texts = ("webhook_id", "alert_id", "state", "answer")
    told = {name: "''" if name in texts else "NULL" for name in webhooks.TOLD_COLUMNS}
    told |= {"revision": "1", "attempts": "0", "arrived_at": "now64(3)"}
    assert codes(
        folder,
        "notify",
        webhooks.ALL.replace("FROM ", "FROM weftline."),
        webhooks.ENDS.replace("FROM ", "FROM weftline."),
        partners.PARTNERS.replace("FROM ", "FROM weftline."),
        contacts.ALL.replace("FROM ", "FROM weftline."),
        "SELECT name, value, readonly FROM system.settings LIMIT 1",
        f"INSERT INTO weftline.{webhooks.TOLD_TABLE} ({', '.join(told)}) SELECT {', '.join(told.values())}",
        "SELECT digest FROM weftline.partner_tokens",
        "SELECT * FROM weftline.partner_log",
        "SELECT count() FROM weftline.alerts",
        "SELECT webhook_id FROM weftline.partner_deliveries",
        "INSERT INTO weftline.partner_webhooks (partner_id, webhook_id) SELECT 'x', 'w'",
        "SELECT 1 SETTINGS max_memory_usage = 0",
    ) == [*[0] * 6, *[ACCESS_DENIED] * 5, CONSTRAINT]


def test_grants_and_profiles_reach_the_engine(folder: Path) -> None:
    grants, profile = ask(
        folder, "weftline", "SHOW GRANTS", "SELECT name, value FROM system.settings WHERE name = 'max_memory_usage'"
    )
    assert "GRANT CLUSTER ON *.* TO default" in grants[0]
    assert profile[0].split() == ["max_memory_usage", "2500000000"]


@pytest.mark.parametrize("layout", list(compose.LAYOUTS))
def test_no_name_of_a_server_setting_is_unknown(folder: Path, layout: str) -> None:
    statements = (f"SELECT name FROM system.{table}" for table in ("server_settings", "merge_tree_settings"))
    known, merge_tree = (set(text.split()) for text, _ in ask(folder, "weftline", *statements))
    for file in (DEPLOY / "config.d" / "weftline.xml", DEPLOY / "layouts" / f"{layout}.xml"):
        root = ET.parse(file).getroot()
        assert {child.tag for child in root} - known - SECTIONS == set()
        assert {child.tag for child in root.iterfind("merge_tree/*")} <= merge_tree


def test_what_is_set_is_what_the_engine_has(folder: Path) -> None:
    root = ET.parse(DEPLOY / "config.d" / "weftline.xml").getroot()
    # The limit of queries at once is given to the list of processes, which the library does not set up.
    mine = {one.tag: one.text for one in root if not len(one) and one.text and one.tag not in SECTIONS | {"max_concurrent_queries"}}
    assert mine
    found = ask(folder, "weftline", *(f"SELECT value FROM system.server_settings WHERE name = '{name}'" for name in mine))
    assert dict(zip(mine, (text.strip() for text, _ in found), strict=True)) == mine
    ((sync, _),) = ask(folder, "weftline", "SELECT value FROM system.merge_tree_settings WHERE name = 'fsync_after_insert'")
    assert sync.strip() == "1"


def test_the_cluster_is_the_one_that_weftline_is_told_of(folder: Path) -> None:
    services = compose.load("scaled")["services"]
    hosts, macros = ask(
        folder,
        "weftline",
        "SELECT cluster, host_name, port FROM system.clusters ORDER BY host_name",
        "SELECT macro, substitution FROM system.macros ORDER BY macro",
        layout="scaled",
    )
    name = services["orders"]["environment"]["WEFTLINE_CLICKHOUSE_CLUSTER"]
    replicas = sorted(service for service in services if service.startswith("clickhouse"))
    assert [line.split("\t") for line in hosts[0].splitlines()] == [[name, replica, "9000"] for replica in replicas]
    assert [line.split("\t") for line in macros[0].splitlines()] == [["replica", "clickhouse"], ["shard", "1"]]
    assert [services[replica]["environment"]["REPLICA"] for replica in replicas] == replicas


def test_keepers_are_those_of_the_compose_file() -> None:
    services = compose.load("scaled")["services"]
    keepers = {name: one["environment"]["KEEPER_ID"] for name, one in services.items() if name.startswith("keeper")}
    raft = ET.parse(DEPLOY / "keeper.xml").getroot()
    servers = {one.findtext("hostname"): one.findtext("id") for one in raft.iterfind(".//server")}
    assert servers == keepers
    used = ET.parse(DEPLOY / "layouts" / "scaled.xml").getroot()
    port = raft.findtext(".//tcp_port")
    assert {(node.findtext("host"), node.findtext("port")) for node in used.iterfind("zookeeper/node")} == {
        (name, port) for name in keepers
    }
    for name in keepers:
        assert (
            f":{raft.findtext('.//http_control/port')}{raft.findtext('.//readiness/endpoint')}"
            in services[name]["healthcheck"]["test"][-1]
        )
