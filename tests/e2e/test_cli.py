"""The commands against a real stack that ``weftline up`` started, and without one."""

from __future__ import annotations

import json
import os
import pty
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.e2e.commands import Program, environment, left, until, weftline
from weftline.cli import app
from weftline.contracts.kinds import BY_PROCESSOR
from weftline.contracts.topics import load_topics
from weftline.embedded.ports import free_ports
from weftline.embedded.stack_folder import find_running
from weftline.runtime.settings import load
from weftline.warehouse.client import reader

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "schemas" / "examples"
NOBODY = {"WEFTLINE_KAFKA": "127.0.0.1:1", "WEFTLINE_CLICKHOUSE": "http://127.0.0.1:1"}


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """What a user is told: one line, and a status that is not 0."""
    lines = done.stderr.splitlines()
    assert done.returncode != 0, done.stdout
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("weftline: ")
    return lines[0]


# --- without any server


def test_plan_of_a_lot(tmp_path: Path) -> None:
    done = weftline("plan", "--lot-size", "3201", "--level", "II", "--aql", "1.5", "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["code_letter"], found["sample_size"], found["accept"], found["reject"]) == ("L", 200, 7, 8)


def test_judge_a_report_and_a_lot(tmp_path: Path) -> None:
    folder = EXAMPLES / "inspection.results.v1-value" / "v1"
    report = weftline("judge", str(folder / "laboratory-report.json"), "--json", folder=tmp_path)
    assert report.returncode == 0, report.stderr
    assert json.loads(report.stdout)["verdict"] in ("PASS", "FAIL", "INCOMPLETE")
    lot = weftline("judge", "-", folder=tmp_path, stdin=(folder / "lot-inspection.json").read_text("utf-8"))
    assert lot.returncode == 0, lot.stderr
    assert "MAJOR     NOT_ACCEPTED  6 units, n 80, Ac 5, Re 6" in lot.stdout
    bare = json.loads((folder / "laboratory-report.json").read_text("utf-8"))["laboratory_report"]
    alone = weftline("judge", "-", "--json", folder=tmp_path, stdin=json.dumps(bare))
    assert json.loads(alone.stdout) == json.loads(report.stdout)


def test_every_command_has_help_with_an_example() -> None:
    run = CliRunner().invoke
    listed = run(app, ["--help"]).stdout
    commands = [
        "up",
        "demo",
        "board",
        "simulate",
        "publish",
        "alerts",
        "status",
        "plan",
        "judge",
        "migrate",
        *BY_PROCESSOR,
    ]
    for command in (
        *commands,
        "retract",
        "map",
        "indicators",
        "categories",
        "pack",
        "cluster",
        "topics",
        "reference",
        "lag",
        "watch",
        "gateway",
        "partner",
        "access",
        "health",
    ):
        assert f" {command} " in listed
        done = run(app, [command, *(["apply"] if command == "topics" else []), "--help"])
        assert done.exit_code == 0
        assert f"weftline {command}" in done.stdout[done.stdout.index("Example") :]


@pytest.mark.parametrize(
    ("arguments", "more", "said"),
    [
        (["plan", "--lot-size", "many", "--aql", "1.5"], {}, "weftline plan --help"),
        (["plan", "--lot-size", "3201", "--aql", "1.7"], {}, "1.7"),
        (["health"], {}, "WEFTLINE_HTTP_PORT is not set"),
        (["health"], {"WEFTLINE_HTTP_PORT": "1"}, "http://127.0.0.1:1/readyz does not answer"),
        (["judge", "nowhere.json"], {}, "nowhere.json: cannot be read: No such file"),
        (["judge", "-"], {}, "is no JSON"),
        (["publish", "nowhere.jsonl", "--kafka", "there"], {}, "'there' is not host:port"),
        (["publish", "nowhere.jsonl"], NOBODY, "`weftline up` starts everything"),
        (["alerts"], NOBODY, "127.0.0.1:1"),
        (["alerts", "--new", "--from-beginning"], NOBODY, "contradict"),
        (["simulate", "--rate", "0"], NOBODY, "rate must be greater than 0"),
        (["topics", "apply"], NOBODY, "nobody answers at 127.0.0.1:1"),
        (["migrate"], NOBODY, "clickhouse"),
        (["migrate"], {"WEFTLINE_CLICKHOUSE": "there"}, "WEFTLINE_CLICKHOUSE"),
        (["status"], {"WEFTLINE_SWEEP_SECONDS": "never"}, "WEFTLINE_SWEEP_SECONDS"),
        (["up", "--data", "/proc/weftline"], {}, "/proc/weftline"),
        (["nonsense"], {}, "nonsense"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_users_error_ends_in_one_line(tmp_path: Path, arguments: list[str], more: dict[str, str], said: str) -> None:
    assert said in one_line(weftline(*arguments, folder=tmp_path, **more))


@pytest.mark.parametrize(
    ("module", "command", "extra"), [("clickhouse_connect", "status", "processors"), ("uvicorn", "board", "boards")]
)
def test_a_missing_extra_is_named(tmp_path: Path, module: str, command: str, extra: str) -> None:
    code = f"import sys; sys.modules[{module!r}] = None; sys.argv[1:] = [{command!r}]; from weftline.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path, env=environment()
    )
    assert f"pip install '.[{extra}]'" in one_line(done)


def test_status_says_what_is_down(tmp_path: Path) -> None:
    done = weftline("status", "--json", folder=tmp_path, **NOBODY)
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert not found["healthy"]
    assert not found["kafka"]["answers"]
    assert not found["clickhouse"]["answers"]
    assert [problem.split(":")[0] for problem in found["problems"]] == ["kafka", "clickhouse"]


# --- with one


class Stack:
    """A stack that ``weftline up`` started in a folder; further commands find it because they run in the same folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kafka_port, self.clickhouse_port = free_ports(2)
        ports = ("--kafka-port", str(self.kafka_port), "--clickhouse-port", str(self.clickhouse_port))
        self.program = Program("up", *ports, folder=folder)
        self.program.wait_for("data, logs")

    def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return weftline(*arguments, folder=self.folder, stdin=stdin)

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run("status", "--json").stdout)
        return found


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(tmp_path_factory.mktemp("stack"))
    family = stack.program.family()
    assert len(family) == 5 + len(BY_PROCESSOR)  # it, Kafka, ClickHouse, the board, the gateway, and the processors
    yield stack
    assert stack.program.stop() == 0
    assert stack.program.lines[-1] == "stopped"
    assert left(family) == []


def test_up_names_the_board_first_and_it_answers(stack: Stack) -> None:
    told = stack.program.wait_for("Board  ")
    assert stack.program.lines.index(told) < stack.program.lines.index(stack.program.wait_for("Kafka  "))
    with urllib.request.urlopen(f"{told.split()[1]}/readyz", timeout=10) as answer:
        assert json.load(answer) == {"board": "idle", "waiting_for": None, "fault": "", "degraded": {}}


def report(number: str, formaldehyde: float) -> list[dict[str, Any]]:
    """A report of today, and its verification."""
    now = datetime.now(UTC).replace(microsecond=0)
    common = {
        "type": "inspection",
        "source": "https://laboratory.example",
        "event_time_zone_offset": "+08:00",
        "cooperative_id": "haimen",
        "center_id": "dieshiqiao",
        "factory_id": "f-204",
        "product_category": "duvet-cover",
        "style_number": "A-17",
    }
    example = json.loads((EXAMPLES / "inspection.results.v1-value" / "v1" / "laboratory-report.json").read_text("utf-8"))
    body = example["laboratory_report"] | {"report_number": number}
    values = {"formaldehyde": formaldehyde, "ph": 7.0}
    body["measurements"] = [
        {name: of[name] for name in ("indicator", "method", "unit") if name in of}
        | {"kind": "NUMBER", "value": values[of["indicator"]]}
        if of["indicator"] in values
        else of
        for of in body["measurements"]
    ]
    status = {"laboratory_id": body["laboratory_id"], "report_number": number, "status": "VERIFIED"}
    return [
        common | {"kind": "LABORATORY_REPORT", "event_id": f"{number}-1", "event_time": now.isoformat(), "laboratory_report": body},
        common
        | {
            "kind": "REPORT_STATUS",
            "event_id": f"{number}-2",
            "event_time": (now + timedelta(seconds=1)).isoformat(),
            "report_status": status,
        },
    ]


def test_publish_see_rows_and_alerts(stack: Stack) -> None:
    good = [json.dumps(event) for event in report("R-1", 380.0)]
    lines = [good[0], '{"type": "inspection", "event_id": "x"}', "no JSON at all", "", good[1]]
    done = stack.run("publish", "-", stdin="\n".join(lines))
    assert done.returncode == 1
    assert done.stdout == "2 published, 2 refused\n"
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == ["line 2", "line 3"]

    found: list[dict[str, Any]] = []

    def alerted() -> bool:
        answer = stack.run("alerts", "--factory", "f-204", "--json")
        found.extend(json.loads(line) for line in answer.stdout.splitlines())
        return bool(found)

    until(alerted, "an alert for f-204")
    (alert,) = found
    assert (alert["rule"], alert["status"], alert["style_number"]) == ("SAFETY_LIMIT_FAILED", "RAISED", "A-17")
    # Acknowledged: the next call goes on behind it, and another factory has none.
    assert stack.run("alerts", "--factory", "f-204").stdout == ""
    assert stack.run("alerts", "--factory", "f-205").stdout == ""
    again = stack.run("alerts", "--factory", "f-204", "--from-beginning", "--lang", "zh")
    assert "f-204" in again.stdout
    assert "甲醛" in again.stdout

    def settled() -> bool:
        return all(processor["lag"] == 0 for processor in stack.status()["processors"])

    until(settled, "no lag")
    status = stack.status()
    assert status["healthy"], status["problems"]
    inspections = next(processor for processor in status["processors"] if processor["name"] == "inspections")
    assert inspections["records"] == 2
    assert [member["partitions"] for member in inspections["members"]] == [
        list(range(load_topics()["inspection.results.v1"].partitions))
    ]
    assert status["alerts"]["standing"] == {"CRITICAL": 1}
    assert {table["name"]: table["rows"] for table in status["tables"]}["inspection_facts"] >= 2
    assert "f-204" in stack.run("status").stdout


def test_publish_a_document_of_epcis(stack: Stack) -> None:
    document = str(ROOT / "tests" / "data" / "epcis" / "shipment.jsonld")
    assert "this is EPCIS" in one_line(stack.run("publish", document))
    who = ("--source", "https://center.example", "--cooperative", "haimen", "--center", "dieshiqiao", "--factory", "f-204")
    done = stack.run("publish", document, *who)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("3 published, 1 EPCIS events left out")


def test_what_will_come_to_nothing_is_told_and_what_was_wrong_is_retracted(stack: Stack) -> None:
    now = datetime.now(UTC).isoformat()
    line = {
        **{"type": "order", "source": "https://center.example", "event_id": "told-1", "event_time": now, "factory_id": "f-204"},
        **{
            "cooperative_id": "haimen",
            "center_id": "dieshiqiao",
            "order_id": "TOLD",
            "status": "CONFIRMED",
            "product_category": "shet",
        },
    }
    refused = stack.run("publish", "-", "--strict", stdin=json.dumps(line))
    assert (refused.returncode, refused.stdout) == (1, "0 published, 1 refused\n")
    told = stack.run("publish", "-", stdin=json.dumps(line))
    assert told.returncode == 0
    assert "line 1: warning: product_category: 'shet' is no category that a rule knows (did you mean sheet?)" in told.stderr
    assert told.stdout == "1 published, 1 with warnings (--strict refuses such)\n"

    declaration = {"declaration_time": now, "reason": "INCORRECT_DATA", "corrective_event_ids": []}
    lost = {**line, "product_category": "sheet", "event_id": "told-none", "error_declaration": declaration}
    assert "which is not in the tables" in stack.run("publish", "-", stdin=json.dumps(lost)).stderr
    running = find_running(stack.folder / ".weftline")
    assert running is not None
    with reader(load(clickhouse=running.clickhouse, **running.credentials("weftline"))) as server:
        lists = "SELECT event_id FROM unmatched_declarations"
        until(lambda: [row[0] for row in server.rows(lists)] == ["told-none"], "the view has it")
        stored = "SELECT count() FROM order_facts FINAL WHERE event_id = 'told-1' AND counts"
        until(lambda: server.rows(stored)[0][0] == 1, "the event is in the tables")
        assert stack.run("retract", "https://center.example", "told-1").stdout.startswith(
            "declared erroneous: order dieshiqiao|TOLD, "
        )
        until(lambda: server.rows(stored)[0][0] == 0, "it counts nothing any more")
    assert "was declared erroneous already" in one_line(stack.run("retract", "https://center.example", "told-1"))
    assert "is in the tables; `weftline status`" in one_line(stack.run("retract", "https://center.example", "told-9"))
    again = stack.run("publish", "-", stdin=json.dumps({**line, "quantity": 7}))
    assert "was declared erroneous, so this counts nothing" in again.stderr


def test_following_ends_with_the_place_kept(stack: Stack) -> None:
    assert stack.run("publish", "-", stdin="\n".join(map(json.dumps, report("R-2", 390.0)))).returncode == 0
    follower = Program("alerts", "--follow", "--factory", "f-204", "--group", "follower", folder=stack.folder)
    follower.wait_for("R-2")
    assert follower.stop() == 0
    assert stack.run("alerts", "--factory", "f-204", "--group", "follower").stdout == ""


def test_the_folder_and_the_ports_belong_to_one_stack(stack: Stack, tmp_path: Path) -> None:
    assert "already runs" in one_line(weftline("up", folder=stack.folder))
    assert f"port {stack.kafka_port} for kafka is taken" in one_line(
        weftline("up", "--kafka-port", str(stack.kafka_port), folder=tmp_path)
    )


def test_simulate_finds_the_stack(stack: Stack) -> None:
    done = stack.run("simulate", "--events", "300", "--namespace", "sim-", "--answers", "truth.json")
    assert done.returncode == 0, done.stderr
    answers = json.loads((stack.folder / "truth.json").read_text("utf-8"))
    assert answers["complete"]
    assert sum(answers["truth"]["events"].values()) >= 300
    # It names those who take part, and leaves it to the user to load them.
    assert "who takes part: reference.yaml (`weftline reference apply reference.yaml` gives them names)" in done.stdout
    known = stack.run("reference", "show", "--json")
    assert [party["id"] for party in json.loads(known.stdout)["centers"]["parties"] if party["id"].startswith("sim-")] == []
    assert stack.run("reference", "apply", "reference.yaml").stdout.startswith("673 new, 0 changed, ")
    known = stack.run("reference", "show", "--json")
    assert json.loads(known.stdout)["centers"]["parties"][-1]["name_en"] == "Xianfeng Shared Sampling Center (simulated)"


def test_a_reader_that_goes_away_is_no_error(stack: Stack) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "weftline", "status"],
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
        cwd=stack.folder,
        env=environment(),
    )
    os.close(write)
    assert done.stderr == ""


def test_a_port_that_another_program_has(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"port {port}" in one_line(weftline("up", "--clickhouse-port", str(port), folder=tmp_path))


def test_publish_shows_its_progress_on_a_terminal(stack: Stack) -> None:
    file = stack.folder / "orders.jsonl"
    example = json.loads((EXAMPLES / "sample.orders.v1-value" / "v1" / "confirmed.json").read_text("utf-8"))
    file.write_text("\n".join(json.dumps(example | {"event_id": f"e-{n}"}) for n in range(600)), "utf-8")
    terminal, its_end = pty.openpty()
    command = [sys.executable, "-m", "weftline", "publish", str(file)]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=its_end, cwd=stack.folder, env=environment(TERM="xterm")
    ) as process:
        os.close(its_end)
        shown = b""
        while piece := _read(terminal):
            shown += piece
        assert process.stdout is not None
        # Reference data were loaded above, and do not know the example's center: said once, and counted.
        assert process.stdout.read().startswith(b"600 published")
    os.close(terminal)
    assert process.returncode == 0
    assert b"600 events" in shown


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # the other end was closed
        return b""
