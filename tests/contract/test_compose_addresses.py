"""What the compose file, Prometheus, Alertmanager, Grafana and Kafka say of each other's addresses, users and rights."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from tests.support import compose
from tests.support.compose import DATA, PROCESSORS, ROOT, image

from weftline.contracts.topics import load_topics
from weftline.kafka_admin.access import BUILT_IN, load_roles
from weftline.runtime.settings import Settings


def ports_of(layout: str = "scaled") -> dict[str, set[int]]:
    """The ports on which each service listens within the network."""
    found = {}
    for name, one in compose.load(layout)["services"].items():
        found[name] = {
            "apache/kafka": {9092, 9093, 9094},
            "clickhouse/clickhouse-server": {9181, 9182, 9234} if name.startswith("keeper") else {8123, 9000, 9009, 9363},
            "weftline": {9464, 8081} if name == "gateway" else {9464},
            "prom/prometheus": {9090},
            "prom/alertmanager": {9093},
            "grafana/grafana": {3000},
        }[image(one)]
    return found


def test_addresses_in_the_environment_are_services() -> None:
    ports = ports_of()
    for one in compose.load("scaled")["services"].values():
        for value in one.get("environment", {}).values():
            for host, port in re.findall(r"\b([a-z]+(?:-\d)?):(\d{4,5})\b", str(value)):
                assert int(port) in ports[host]


def test_what_prometheus_scrapes_is_there() -> None:
    """Every address in Prometheus' configuration is a service of ours and a port of it; every exporter is scraped."""
    ports = ports_of()
    file = ROOT / "deploy" / "prometheus" / "prometheus.yml"
    text = re.sub(r"^\s*#.*$", "", file.read_text("utf-8"), flags=re.MULTILINE)
    found = yaml.safe_load(text)
    addresses = {(host, int(port)) for host, port in re.findall(r"\b([a-z][a-z-]*(?:-\d)?):(\d{2,5})\b", text) if host in ports}
    names = {name for job in found["scrape_configs"] for sd in job.get("dns_sd_configs", []) for name in sd["names"]}
    for host, port in addresses:
        assert port in ports[host], f"{host}:{port}"
    scraped = {host for host, _ in addresses} | names
    assert {*PROCESSORS, "lag", "audit", "watch", "gateway", "notify", "clickhouse"} <= scraped


def test_where_alerts_go_is_there() -> None:
    """Alertmanager is started by our script, with each address that the script can put into the routes."""
    one = compose.load()["services"]["alertmanager"]
    shell, script, server = one["entrypoint"]
    (mount,) = (mount for mount in compose.mounts_of(one) if mount.target == "/etc/alertmanager")
    start = ROOT / mount.source / Path(script).relative_to(mount.target)
    assert (shell, server) == ("/bin/sh", "/bin/alertmanager")
    (names,) = re.findall(r"^for name in ((?:.*\\\n)*.*); do$", start.read_text("utf-8"), re.MULTILINE)[:1]
    given = {name.removesuffix("_FILE") for name in one["environment"]}
    assert given == set(re.findall(r"[A-Z_]+", names)) - {"WECOM_API_URL"}
    assert one["environment"]["WECOM_API_SECRET_FILE"] in {f"/run/secrets/{secret}" for secret in one["secrets"]}
    assert any(place.startswith("/tmp:") for place in one["tmpfs"]), "it writes the configuration there, and all else is read-only"


# --- Grafana


def test_data_sources_are_services_with_users_that_exist() -> None:
    folder = ROOT / "deploy" / "grafana" / "provisioning" / "datasources"
    sources = {one["uid"]: one for file in folder.glob("*.yaml") for one in yaml.safe_load(file.read_text("utf-8"))["datasources"]}
    assert set(sources) == {"weftline-clickhouse", "weftline-prometheus", "weftline-alertmanager"}
    ports = ports_of()
    clickhouse = sources["weftline-clickhouse"]["jsonData"]
    assert clickhouse["port"] in ports[clickhouse["host"]]
    assert clickhouse["protocol"] == "http"
    users = (ROOT / "deploy" / "clickhouse" / "users.d" / "weftline.xml").read_text("utf-8")
    assert f"<{clickhouse['username']}>" in users
    assert clickhouse["defaultDatabase"] == Settings.model_fields["clickhouse_database"].default
    for uid, name in (("weftline-prometheus", "prometheus"), ("weftline-alertmanager", "alertmanager")):
        assert sources[uid]["url"] in {f"http://{name}:{port}" for port in ports[name]}
    secret = re.fullmatch(r"\$__file\{/run/secrets/([a-z_]+)\}", sources["weftline-clickhouse"]["secureJsonData"]["password"])
    assert secret is not None
    grafana = compose.load()["services"]["grafana"]
    assert secret[1] in {one.target for one in compose.secrets_of(grafana)}
    # The plugin is there before the first data source is made; the longest query of a board ends before the user's limit.
    assert grafana["environment"]["GF_PLUGINS_PREINSTALL_SYNC"].startswith(f"{sources['weftline-clickhouse']['type']}@")
    assert int(clickhouse["queryTimeout"]) <= 60


def test_boards_are_found_in_two_folders() -> None:
    file = ROOT / "deploy" / "grafana" / "provisioning" / "dashboards" / "weftline.yaml"
    providers = yaml.safe_load(file.read_text("utf-8"))["providers"]
    mounts = {mount.target: mount.source for mount in compose.mounts_of(compose.load()["services"]["grafana"])}
    assert {one["folder"] for one in providers} == {"Weftline", "Weftline 中文"}
    assert len({one["folderUid"] for one in providers}) == len({one["name"] for one in providers}) == 2
    for one in providers:
        path = Path(one["options"]["path"])
        assert f"{mounts[str(path.parent)]}/{path.name}" in ("./deploy/grafana/dashboards/en", "./deploy/grafana/dashboards/zh")
        assert one["allowUiUpdates"] is False


# --- Kafka


def test_the_rights_of_the_programs_cover_their_topics() -> None:
    """Each processor reads its topic and writes that topic's dead letters and the alerts; nobody may read what is not in the list."""
    topics = load_topics()
    roles = load_roles()
    for processor in PROCESSORS:
        rights = {(right.name, right.operation) for right in roles[processor].rights if right.resource == "topic"}
        (own,) = (name for name, operation in rights if operation == "READ")
        assert rights == {(own, "READ"), (topics[own].dead_letters, "WRITE"), ("quality.alerts.v1", "WRITE")}


def test_kafka_listens_where_the_compose_file_says() -> None:
    text = (ROOT / "deploy" / "kafka" / "server.properties").read_text("utf-8")
    properties = dict(line.split("=", 1) for line in text.splitlines() if line and not line.startswith("#"))
    listeners = dict(re.findall(r"([A-Z]+)://[^:]*:(\d+)", properties["listeners"]))
    assert {int(port) for port in listeners.values()} == ports_of()["kafka"]
    protocols = dict(pair.split(":") for pair in properties["listener.security.protocol.map"].split(","))
    assert set(protocols) == set(listeners)
    assert set(protocols.values()) == {"SASL_PLAINTEXT"}
    assert properties["log.dirs"] == DATA["apache/kafka"]
    users = {f"User:{user}" for user in BUILT_IN}
    assert set(properties["super.users"].split(";")) == users
