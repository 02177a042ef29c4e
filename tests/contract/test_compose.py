"""docker-compose.yml against the schema of compose files, against what the images document, and against every other file it meets.

No Docker is needed. The Dockerfile: see test_dockerfile.py; Kafka's configuration runs in integration/test_scram.py, ClickHouse's in
test_clickhouse_config.py.
"""

from __future__ import annotations

import json
import re
import subprocess
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from graphlib import TopologicalSorter
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema.validators import validator_for
from tests.support import compose
from tests.support.compose import DATA, FILE, LAYOUTS, PROCESSORS, ROOT, SECRETS, image
from tests.support.secured import make_secrets
from typer.main import get_command

from weftline.cli import app
from weftline.kafka_admin.access import BUILT_IN, load_roles
from weftline.runtime.settings import SECRETS_VARIABLE, Settings

#: What an image reads from its environment, by its own documentation, as far as we use it. A name that is not here is a slip.
DOCUMENTED: dict[str, set[str]] = {
    # bin/kafka-run-class.sh and bin/kafka-server-start.sh of the distribution; https://kafka.apache.org/documentation/#brokerconfigs and
    # https://github.com/apache/kafka/blob/4.3/bin/kafka-run-class.sh
    "apache/kafka": {"KAFKA_HEAP_OPTS", "KAFKA_LOG4J_OPTS", "LOG_DIR", "EXTRA_ARGS"},
    # https://github.com/ClickHouse/ClickHouse/blob/master/docker/server/README.md
    "clickhouse/clickhouse-server": {"CLICKHOUSE_SKIP_USER_SETUP"},
    # GF_<section>_<key>, and __FILE to read it from a file: https://grafana.com/docs/grafana/latest/setup-grafana/configure-docker/
    # Sections and keys: https://grafana.com/docs/grafana/latest/setup-grafana/configure-grafana/
    "grafana/grafana": {
        "GF_SECURITY_ADMIN_PASSWORD__FILE",
        "GF_PLUGINS_PREINSTALL_SYNC",
        "GF_PLUGINS_PREINSTALL_AUTO_UPDATE",
        "GF_USERS_ALLOW_SIGN_UP",
        "GF_ANALYTICS_REPORTING_ENABLED",
        "GF_ANALYTICS_CHECK_FOR_UPDATES",
        "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES",
        "GF_LOG_MODE",
    },
    "prom/prometheus": set(),
    "prom/alertmanager": set(),
}
#: The user that each image is made for, as its Dockerfile says.
USERS = {
    "apache/kafka": "1000:1000",
    "clickhouse/clickhouse-server": "101:101",
    "grafana/grafana": "472:0",
    "prom/prometheus": "65534:65534",
    "prom/alertmanager": "65534:65534",
    "weftline": "10001:10001",
}


def cases() -> Iterator[tuple[str, str]]:
    for layout in LAYOUTS:
        for name in compose.load(layout)["services"]:
            yield layout, name


@pytest.fixture(params=list(cases()), ids=lambda case: "-".join(case))
def service(request: pytest.FixtureRequest) -> tuple[str, str, dict[str, Any]]:
    layout, name = request.param
    return layout, name, compose.load(layout)["services"][name]


Service = tuple[str, str, dict[str, Any]]


def test_the_file_keeps_to_the_schema_of_compose_files() -> None:
    # The package is only looked into, not imported: its command line wants a newer click than Faust bears.
    package = find_spec("check_jsonschema")
    assert package is not None
    (folder,) = package.submodule_search_locations or []
    schema = json.loads((Path(folder) / "builtin_schemas" / "vendor" / "compose-spec.json").read_text("utf-8"))
    validator = validator_for(schema)(schema)
    faults = [
        f"{'/'.join(map(str, one.path))}: {one.message}" for one in validator.iter_errors(yaml.safe_load(FILE.read_text("utf-8")))
    ]
    assert faults == []
    assert list(validator.iter_errors({"services": {"kafka": {"imagine": "x"}}}))


def test_the_default_is_one_node_of_each() -> None:
    found = set(compose.load()["services"])
    assert found == {
        *("kafka", "clickhouse", "init", *PROCESSORS, "lag", "audit", "watch", "gateway", "notify"),
        *("prometheus", "alertmanager", "grafana"),
    }
    more = set(compose.load("scaled")["services"]) - found
    assert more == {f"{name}-{number}" for name in ("kafka", "clickhouse") for number in (2, 3)} | {
        f"keeper-{n}" for n in (1, 2, 3)
    }


# --- each service by itself


def test_images_are_pinned_to_a_version(service: Service) -> None:
    _, _, one = service
    name, _, tag = one["image"].rpartition(":")
    assert name in USERS
    assert re.fullmatch(r"v?\d+(\.\d+)+", tag), f"{one['image']}: no full version"


def test_services_are_fenced_in(service: Service) -> None:
    _, name, one = service
    assert one["user"] == USERS[image(one)]
    assert one["read_only"] is True
    assert one["cap_drop"] == ["ALL"]
    assert "cap_add" not in one
    assert one["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in one
    assert one["restart"] == ("no" if name == "init" else "unless-stopped")
    limits = one["deploy"]["resources"]["limits"]
    assert {"cpus", "memory", "pids"} == set(limits)
    assert one["logging"]["options"].keys() == {"max-size", "max-file"}


#: What services of ours keep: where, and whether they only read it.
KEPT = {"gateway": [("/var/lib/weftline", False)], "notify": [("/var/lib/weftline", False), ("/etc/weftline/notify", True)]}


def test_what_must_be_written_lies_on_a_volume(service: Service) -> None:
    _, name, one = service
    mounts = compose.mounts_of(one)
    if image(one) in DATA:
        assert [mount.target for mount in mounts if not mount.read_only] == [DATA[image(one)]]
        if image(one) == "apache/kafka":  # loads the libraries for snappy and zstd that it unpacks there
            assert "exec" in one["tmpfs"][0].removeprefix("/tmp:").split(",")
    else:
        assert [(mount.target, mount.read_only) for mount in mounts] == KEPT.get(name, [])
        assert one["tmpfs"][0].startswith("/tmp:")


def test_folders_and_files_that_are_mounted_exist(service: Service) -> None:
    _, _, one = service
    volumes = compose.load("scaled")["volumes"]
    for mount in compose.mounts_of(one):
        if not mount.source.startswith("./"):
            assert mount.source in volumes
            continue
        assert mount.read_only, mount
        # These two folders are filled by other parts of the project.
        if mount.source not in ("./deploy/prometheus", "./deploy/alertmanager", "./deploy/grafana/dashboards"):
            assert (ROOT / mount.source).exists(), mount
    # A volume belongs to one service, and to one only.


def test_no_two_services_share_a_volume() -> None:
    used = [m.source for one in compose.load("scaled")["services"].values() for m in compose.mounts_of(one) if not m.read_only]
    assert sorted(used) == sorted(compose.load("scaled")["volumes"])


def test_health_is_checked(service: Service) -> None:
    _, name, one = service
    check = one["healthcheck"]
    if name == "init":
        assert check == {"disable": True}
        return
    assert check["test"][0] == "CMD"
    assert {"interval", "timeout", "start_period", "retries"} < set(check)
    if image(one) == "weftline":
        assert check["test"][1:] == ["weftline", "health"]
        assert one["environment"]["WEFTLINE_HTTP_HOST"] == "0.0.0.0"
        assert one["environment"]["WEFTLINE_HTTP_PORT"] == "9464"


def test_only_variables_that_somebody_reads_are_set(service: Service) -> None:
    _, name, one = service
    variables = set(one.get("environment", {}))
    if image(one) == "weftline":
        known = {f"WEFTLINE_{field.upper()}" for field in Settings.model_fields} | {SECRETS_VARIABLE}
        unknown = variables - known
        assert unknown == ({"REPLICATION"} if name == "init" else set())
        return
    unknown = variables - DOCUMENTED[image(one)]
    mounted = [ROOT / mount.source for mount in compose.mounts_of(one) if mount.source.startswith("./")]
    # Of a file its folder: another layout mounts the file beside it.
    files = [file for path in mounted for file in (path if path.is_dir() else path.parent).iterdir() if file.is_file()]
    text = "".join(file.read_text("utf-8") for file in files)
    for variable in unknown:
        in_a_loop = rf"^for name in (.*\n)*?.*\b{variable.removesuffix('_FILE')}\b"
        asked = rf"\$\{{env:{variable}\}}|\${variable}\b|from_env=\"{variable}\"|{in_a_loop}"
        assert re.search(asked, text, re.MULTILINE), f"{name}: nobody reads {variable}"


def test_variables_of_the_configuration_are_given(service: Service) -> None:
    _, _, one = service
    if image(one) != "apache/kafka":
        return
    text = (ROOT / "deploy" / "kafka" / "server.properties").read_text("utf-8")
    wanted = set(re.findall(r"\$\{env:([A-Z_]+)\}", text))
    allowed = re.search(r"env\.param\.allowlist\.pattern=(.*)", text)
    assert allowed is not None
    assert wanted == set(allowed[1].split("|"))
    assert wanted | {"CLUSTER_ID"} <= set(one["environment"])


def test_a_command_of_weftline_exists(service: Service) -> None:
    _, name, one = service
    if image(one) != "weftline":
        return
    listed = set(get_command(app).commands)  # type: ignore[attr-defined]
    words = [line.split() for line in one["command"][-1].splitlines()] if name == "init" else [one["command"]]
    for word in words:
        assert word[0] == "weftline"
        assert word[1] in listed


# --- secrets


def test_every_secret_is_made_and_every_one_that_is_made_is_used(tmp_path: Path) -> None:
    made = {path.name for path in make_secrets(tmp_path / "secrets").iterdir()} - {"make.sh"}
    found = compose.load("scaled")
    declared = {name: Path(one["file"]).name for name, one in found["secrets"].items()}
    assert all(one["file"].startswith("./deploy/secrets/") for one in found["secrets"].values())
    # The secret of the cluster reaches the servers within clickhouse.xml.
    assert set(declared.values()) == made - {"clickhouse_cluster_secret"}
    used = {secret.source for one in found["services"].values() for secret in compose.secrets_of(one)}
    assert used == set(declared)


def test_secrets_are_random_stay_and_are_readable_by_containers(tmp_path: Path) -> None:
    folder = make_secrets(tmp_path / "secrets")
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert len({content for name, content in first.items() if name.endswith("password")}) == sum(
        n.endswith("password") for n in first
    )
    assert all(re.fullmatch(rb"[A-Za-z0-9]{40}", content) for name, content in first.items() if name.endswith("password"))
    (folder / "kafka_lag_password").unlink()
    subprocess.run(["sh", str(folder / "make.sh")], check=True, capture_output=True)
    second = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert {name for name in first if first[name] != second[name]} == {"kafka_lag_password"}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir() if path.name != "make.sh"} == {0o444}


def test_secrets_never_enter_the_repository() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "deploy/secrets"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert set(listed) <= {"deploy/secrets/.gitignore", "deploy/secrets/make.sh"}
    ignored = ["git", "check-ignore", "deploy/secrets/kafka_admin_password", "deploy/secrets/clickhouse.xml"]
    assert subprocess.run(ignored, cwd=ROOT, capture_output=True, check=False).returncode == 0
    for text in (FILE.read_text("utf-8"), *(path.read_text("utf-8") for path in (ROOT / "deploy" / "grafana").rglob("*.yaml"))):
        assert not re.search(r"(?i)password:\s*['\"]?(?!\$__file)[a-z0-9]{6,}\s*$", text, re.MULTILINE)


def test_a_program_has_its_own_kafka_user_and_password(service: Service) -> None:
    """Users of programs are the roles of schemas/access.yaml; nobody but ``init`` is admin."""
    _, name, one = service
    if image(one) != "weftline":
        return
    user = one["environment"].get("WEFTLINE_KAFKA_USERNAME")
    given = {secret.target: secret.source for secret in compose.secrets_of(one)}
    programs = {role.name for role in load_roles().values() if role.program}
    if name == "init":
        assert user in BUILT_IN
        assert {f"kafka_{program}_password" for program in programs} <= set(given)
    else:
        assert user == (name if name in programs else None)
    if user is None:
        assert not any("kafka" in target for target in given)
    else:
        assert given["weftline_kafka_password"] == f"kafka_{user}_password"
    if "weftline_clickhouse_password" in given:
        assert given["weftline_clickhouse_password"] == f"clickhouse_{one['environment']['WEFTLINE_CLICKHOUSE_USERNAME']}_password"


def test_files_that_programs_read_are_secrets_of_theirs(service: Service) -> None:
    _, name, one = service
    given = {secret.target for secret in compose.secrets_of(one)}
    mounted = [ROOT / mount.source for mount in compose.mounts_of(one) if mount.source.startswith("./")]
    files = [file for path in mounted for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file()]
    text = "".join(file.read_text("utf-8") for file in files if file.suffix in (".xml", ".properties", ".yaml", ".yml"))
    text += " ".join(str(value) for value in one.get("environment", {}).values())
    wanted = set(re.findall(rf"{SECRETS}[/:]([a-z_.]+)", text))
    assert wanted <= given, name


# --- what depends on what


def test_things_start_in_the_right_order(service: Service) -> None:
    layout, name, one = service
    services = compose.load(layout)["services"]
    for other, how in one.get("depends_on", {}).items():
        if other not in services:
            assert how.get("required") is False, f"{name} needs {other}, which {layout} does not have"
            continue
        assert how["condition"] == ("service_completed_successfully" if other == "init" else "service_healthy")
        assert how.get("required", True) or "profiles" in yaml.safe_load(FILE.read_text("utf-8"))["services"][other]
    if image(one) == "weftline" and name != "init":
        assert set(one["depends_on"]) == {"init"}


@pytest.mark.parametrize("layout", list(LAYOUTS))
def test_nothing_waits_for_itself_and_servers_come_first(layout: str) -> None:
    services = compose.load(layout)["services"]
    order = list(
        TopologicalSorter({name: set(one.get("depends_on", {})) & set(services) for name, one in services.items()}).static_order()
    )
    servers = [name for name in services if name.startswith(("kafka", "clickhouse", "keeper"))]
    assert all(order.index(server) < order.index("init") for server in servers)
    assert all(
        order.index("init") < order.index(name) for name in (*PROCESSORS, "lag", "audit", "watch", "gateway", "notify", "grafana")
    )


# --- ports and addresses


@pytest.mark.parametrize("layout", list(LAYOUTS))
def test_only_what_people_and_partners_need_is_published_and_on_this_machine_alone(layout: str) -> None:
    services = compose.load(layout)["services"]
    published = {name: one["ports"] for name, one in services.items() if "ports" in one}
    kafka = {"kafka": ["127.0.0.1:9094:9094"]}
    if layout == "scaled":
        kafka |= {"kafka-2": ["127.0.0.1:9095:9094"], "kafka-3": ["127.0.0.1:9096:9094"]}
    rest = {"clickhouse": ["127.0.0.1:8123:8123"], "grafana": ["127.0.0.1:3000:3000"], "gateway": ["127.0.0.1:8081:8081"]}
    assert published == {**kafka, **rest}
    assert services["gateway"]["environment"]["WEFTLINE_GATEWAY_PORT"] == "8081"
    for name in kafka:
        environment = services[name]["environment"]
        # What a client is told to connect to is what is published.
        assert services[name]["ports"] == [f"{environment['EXTERNAL_HOST']}:{environment['EXTERNAL_PORT']}:9094"]
        assert environment["INTERNAL_HOST"] == name


@pytest.mark.parametrize("layout", list(LAYOUTS))
def test_the_quorum_of_kafka_is_the_nodes_that_there_are(layout: str) -> None:
    services = compose.load(layout)["services"]
    nodes = {name: one["environment"] for name, one in services.items() if image(one) == "apache/kafka"}
    voters = ",".join(f"{one['NODE_ID']}@{name}:9093" for name, one in nodes.items())
    assert {one["VOTERS"] for one in nodes.values()} == {voters}
    assert len({one["CLUSTER_ID"] for one in nodes.values()}) == 1
    replication = int(nodes["kafka"]["REPLICATION"])
    assert replication == len(nodes) == int(services["init"]["environment"]["REPLICATION"])
    assert int(nodes["kafka"]["MIN_ISR"]) == replication // 2 + 1
    bootstrap = services["orders"]["environment"]["WEFTLINE_KAFKA"]
    assert bootstrap == ",".join(f"{name}:9092" for name in nodes)
    assert services["clickhouse"]["environment"]["REPLICA"] == "clickhouse"


def test_the_two_layouts_do_not_meet() -> None:
    single, scaled = compose.load(), compose.load("scaled")
    assert LAYOUTS["scaled"]["COMPOSE_PROJECT_NAME"] != single["name"]
    ids = {found["services"]["kafka"]["environment"]["CLUSTER_ID"] for found in (single, scaled)}
    assert len(ids) == 2
    # 16 bytes in base64, which Kafka takes for a UUID.
    assert {len(urlsafe_b64decode(f"{one}==")) for one in ids} == {16}


def test_variables_of_the_layouts_are_those_of_the_file() -> None:
    known = set(re.findall(r"\$\{([A-Z_]+):-", FILE.read_text("utf-8"))) | {"COMPOSE_PROJECT_NAME"}
    assert set(LAYOUTS["scaled"]) <= known


def test_servers_of_the_inside_are_reached_through_the_inner_network(service: Service) -> None:
    layout, name, one = service
    networks = compose.load(layout)["networks"]
    assert networks["inner"] == {"internal": True}
    assert "inner" in one["networks"]
    # Whoever is published must stand in the other one too; nobody else, but who has to tell or fetch something outside.
    outside = {"apache/kafka", "clickhouse/clickhouse-server", "grafana/grafana", "prom/alertmanager"}
    assert ("outer" in one["networks"]) <= (image(one) in outside or name in ("gateway", "notify"))
    assert "ports" not in one or "outer" in one["networks"]
