"""What users install: the wheel, in environments of its own that hold what the locks name and nothing else.

It reads every codec, works on every Python that it claims and that this machine has, and is typed for a partner's strict mypy.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.commands import environment, until
from tests.support.examples import ALERT, CODEC, ORDER
from tests.support.foreign import CLIENTS, CODECS
from tests.support.packs import made
from weftline.contracts.signing import SigningKey
from weftline.contracts.topics import key_of, topic_of
from weftline.kafka_admin.topics import apply_topics
from weftline.runtime.settings import load
from weftline.warehouse.client import reader
from weftline.warehouse.migrations import migrate

if TYPE_CHECKING:
    from tests.conftest import Server

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).with_name("uv")
EACH = 5  # records by each client with each codec


def run(*command: object, folder: Path, seconds: float = 240, **more: str) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
        cwd=folder,
        env=environment(**more),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, folder=ROOT)
    (built,) = folder.glob("*.whl")
    return built


def installed(wheel: Path, lock: str, folder: Path, interpreter: str | Path = sys.executable) -> Path:
    """The folder of programs of a fresh environment, made as the image is made (deploy/docker/Dockerfile)."""
    python = folder / "venv" / "bin" / "python"
    run(UV, "venv", "--quiet", "--python", interpreter, folder / "venv", folder=folder)
    run(UV, "pip", "sync", "--quiet", "--python", python, "--require-hashes", ROOT / "deploy/locks" / lock, folder=folder)
    run(UV, "pip", "install", "--quiet", "--python", python, "--no-deps", "--offline", wheel, folder=folder)
    return python.parent


CLAIMED = re.findall(r":: Python :: (3\.\d+)", (ROOT / "pyproject.toml").read_text("utf-8"))


def interpreter(version: str) -> Path | None:
    """A Python of this version, on the path or among those that pyenv keeps."""
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    kept = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    on_path = shutil.which(f"python{version}")
    several = [*([Path(sys.executable)] if version == own else []), *([Path(on_path)] if on_path else [])]
    for each in [*several, *sorted(kept.glob(f"{version}.*/bin/python"))]:
        if subprocess.run([each, "-c", "import venv"], capture_output=True, check=False).returncode == 0:
            return each
    return None


@pytest.mark.parametrize("version", CLAIMED)
def test_on_every_python_that_is_claimed(version: str, wheel: Path, kafka: str, tmp_path: Path) -> None:
    found = interpreter(version)
    if found is None:
        pytest.skip(f"this machine has no Python {version}")
    programs = installed(wheel, "sdk.txt", tmp_path, found)
    assert run(programs / "python", "-c", "import sys; print(*sys.version_info[:2], sep='.')", folder=tmp_path).strip() == version

    plan = json.loads(run(programs / "weftline", "plan", "--lot-size", 3201, "--aql", "1.5", "--json", folder=tmp_path))
    assert (plan["sample_size"], plan["accept"], plan["reject"]) == (200, 7, 8)  # code letter L, ISO 2859-1:1999, table 2-A
    reports = ROOT / "schemas/examples/inspection.results.v1-value/v1"
    judged = json.loads(run(programs / "weftline", "judge", reports / "laboratory-report.json", "--json", folder=tmp_path))
    assert (judged["verdict"], judged["scope"]["coverage"]) == ("FAIL", "PARTIAL")

    # A bank has a pack, the cooperative's public key, and this environment.
    (tmp_path / "c.jwk").write_text(run(programs / "weftline", "pack", "key", "c.pem", folder=tmp_path), "utf-8")
    files = made("01-seasoned.yaml", date(2026, 6, 30), private=SigningKey.load(tmp_path / "c.pem")).files
    for ending, data in files.items():
        (tmp_path / f"pack.{ending}").write_bytes(data)
    checked = run(programs / "weftline", "pack", "verify", "pack.json", "pack.html", "--key", "c.jwk", folder=tmp_path)
    assert checked.count("unchanged") == 2

    apply_topics(kafka)
    name = uuid.uuid4().hex
    event = json.loads((ROOT / "schemas/examples/sample.orders.v1-value/v1/confirmed.json").read_text("utf-8"))
    (tmp_path / "events.jsonl").write_text(json.dumps({**event, "event_id": name}) + "\n", "utf-8")
    assert run(programs / "weftline", "publish", "events.jsonl", "--kafka", kafka, folder=tmp_path).startswith("1 published")


def test_a_partners_strict_mypy_sees_its_types(wheel: Path, tmp_path: Path) -> None:
    programs = installed(wheel, "sdk.txt", tmp_path)
    (tmp_path / "partner.py").write_text(
        "from weftline.sdk import Publisher, Subscriber\n"
        "def alerts(kafka: str) -> list[str]:\n"
        "    with Subscriber(kafka, 'f-1', follow=False) as told:\n"
        "        return [alert.alert_id for alert in told]\n"
        "reveal_type(Publisher.order)\n"
        "wrong: int = alerts('there')\n",
        "utf-8",
    )
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--python-executable", programs / "python", "partner.py"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    errors = [line for line in checked.stdout.splitlines() if ": error:" in line]
    assert len(errors) == 1, checked.stdout + checked.stderr
    assert 'has type "list[str]", variable has type "int"' in errors[0]
    assert "Any" not in checked.stdout.split("Revealed type")[1].split("->")[1]


def test_a_partner_who_installs_nothing_else_reads_every_codec(wheel: Path, kafka: str, tmp_path: Path) -> None:
    programs = installed(wheel, "sdk.txt", tmp_path)
    apply_topics(kafka)
    factory = f"f-{uuid.uuid4().hex[:8]}"
    published = set()
    for publish in CLIENTS.values():
        for codec in CODECS:
            alerts = [dataclasses.replace(ALERT, alert_id=uuid.uuid4().hex, factory_id=factory) for _ in range(EACH)]
            publish(kafka, topic_of(ALERT), codec, [(key_of(alert), CODEC.encode(alert)) for alert in alerts])
            published |= {alert.alert_id for alert in alerts}
    script = (
        "import sys; from weftline.sdk import Subscriber\n"
        "with Subscriber(sys.argv[1], sys.argv[2], follow=False) as alerts:\n"
        "    print(*[alert.alert_id for alert in alerts])\n"
    )
    assert set(run(programs / "python", "-c", script, kafka, factory, folder=tmp_path).split()) == published
    lines = run(programs / "weftline", "alerts", "--kafka", kafka, "--factory", factory, "--json", folder=tmp_path).splitlines()
    assert {json.loads(line)["alert_id"] for line in lines} == published


def test_the_programs_of_the_image_read_every_codec(
    wheel: Path, start_kafka: Callable[[], Server], start_clickhouse: Callable[[], Server], tmp_path: Path
) -> None:
    programs = installed(wheel, "image.txt", tmp_path)
    kafka, clickhouse = start_kafka().address, start_clickhouse().address
    apply_topics(kafka)
    settings = load(kafka=kafka, clickhouse=clickhouse)
    migrate(settings)
    where = {"WEFTLINE_KAFKA": kafka, "WEFTLINE_CLICKHOUSE": clickhouse, "WEFTLINE_HTTP_PORT": "0"}
    published = 0
    for client, publish in CLIENTS.items():
        for codec in CODECS:
            names = [f"{client} {codec} {number}" for number in range(EACH)]
            orders = [dataclasses.replace(ORDER, order_id=name, event_id=name) for name in names]
            publish(kafka, topic_of(ORDER), codec, [(key_of(order), CODEC.encode(order)) for order in orders])
            published += EACH
    log = tmp_path / "orders.log"
    with log.open("wb") as said:
        processor = subprocess.Popen(
            [programs / "weftline", "orders"], stdout=said, stderr=said, cwd=tmp_path, env=environment(**where)
        )
    try:
        with reader(settings) as warehouse:
            until(
                lambda: warehouse.rows("SELECT uniqExact(event_id) FROM order_records") == [(published,)], "all of them are stored"
            )
        audited = json.loads(run(programs / "weftline", "audit", "--json", folder=tmp_path, **where))
        assert (audited["drift_rows"], audited["dead_letters"]) == (0, 0)
    finally:
        processor.terminate()
        assert processor.wait(30) == 0, log.read_text()
