"""A cooperative's events through the real programs: published in disorder, the processor killed in between; the audit finds no drift."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest
from python_calamine import CalamineWorkbook
from tests.e2e.commands import until, weftline
from tests.support import stories
from tests.support.examples import MEMBER, verified_report
from tests.support.stack import SWEEP, stack_at, where

from weftline.contracts.mapping import to_json
from weftline.domain.days import DAY
from weftline.domain.events import Measurement
from weftline.domain.vocabulary import MeasurementKind, ReportStatus
from weftline.embedded.supervisor import Stack
from weftline.warehouse.client import reader

pytestmark = pytest.mark.timeout(600)
#: After everything that is published here, and before today: no simulated clock is ahead of the wall's, and rules turn at new year.
AS_OF = 1_790_000_000_000  # 2026-09-21


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with stack_at(tmp_path_factory.mktemp("stack"), AS_OF, ("inspections", "cooperative")) as running:
        yield running


def rows(stack: Stack, statement: str) -> list[tuple[Any, ...]]:
    with reader(where(stack)) as server:
        return [tuple(row) for row in server.rows(statement)]


def publish(stack: Stack, folder: Path, events: list[dict[str, Any]]) -> None:
    file = folder / "events.jsonl"
    file.write_text("".join(json.dumps(event) + "\n" for event in events), "utf-8")
    done = weftline("publish", str(file), "--kafka", where(stack).kafka, folder=folder)
    assert done.returncode == 0, done.stdout + done.stderr


def asked(stack: Stack, folder: Path, *command: str) -> Any:
    """What a command says of the stored records, as JSON."""
    clock = {"WEFTLINE_SIMULATED_CLOCK": f"0,{AS_OF},0"}
    ended = weftline(*command, "--json", "--clickhouse", where(stack).clickhouse, folder=folder, **clock)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return json.loads(ended.stdout)


def explained(stack: Stack, folder: Path, factory: str) -> tuple[int, str]:
    """Score, in hundredths, and grade as `weftline credit explain` folds them from the records."""
    said = asked(stack, folder, "credit", "explain", factory)
    return round(Decimal(said["score"]) * 100), said["grade"]


def audited(stack: Stack, folder: Path) -> None:
    """No table drifts from the records."""
    settings = where(stack)
    at = ["--as-of", str(AS_OF), "--kafka", settings.kafka, "--clickhouse", settings.clickhouse]
    ended = weftline("audit", *at, folder=folder, WEFTLINE_SWEEP_SECONDS=SWEEP)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_a_story_in_any_order_and_through_a_kill(stack: Stack, tmp_path: Path) -> None:
    story = stories.cooperative()
    chosen = Random(7)
    chosen.shuffle(story)
    publish(stack, tmp_path, story[: len(story) // 2])
    until(lambda: rows(stack, "SELECT count() > 0 FROM cooperative_records") == [(1,)], "records are stored", 60)
    os.kill(stack.pid("cooperative"), signal.SIGKILL)
    publish(stack, tmp_path, story[len(story) // 3 :])  # some of them again
    stored = "SELECT uniqExact(owner, event_time, source, event_id, rank) FROM cooperative_records"
    until(lambda: rows(stack, stored) == [(len(story),)], "all is stored", 120)

    audited(stack, tmp_path)
    found = rows(stack, "SELECT factory_id, membership, red_listed, black_listed, tests_done FROM members ORDER BY factory_id")
    # The entry of F-0300 names nobody who decided it, so it lists nobody.
    assert found == [("F-0217", "PLEDGE_SIGNED", 1, 0, 2), ("F-0300", "LEFT", 0, 0, 0), ("F-0400", "JOINED", 0, 1, 1)]
    assert rows(stack, "SELECT sum(tests_done), sum(joined) FROM cooperative_activity_per_day") == [(3, 3)]
    assert rows(stack, "SELECT amount_minor, currency FROM matters WHERE kind = 'FUND' AND factory_id = cooperative_id") == [
        (45_000_000, "CNY")
    ]
    scores = rows(stack, "SELECT factory_id, credit_score, credit_grade FROM members ORDER BY factory_id")
    assert [(factory, *explained(stack, tmp_path, factory)) for factory, *_ in scores] == scores
    planned = asked(stack, tmp_path, "fund", "plan", "--year", "2026")
    assert (planned["members"], planned["budget_minor"], planned["currency"]) == (3, 45_000_000, "CNY"), (
        "who left in July had a quota"
    )
    # What the views say of all members, and what the rules say of them in memory.
    (pool,) = rows(
        stack, "SELECT members, quota, reserved, used, batches, unpriced, spent_minor, left_minor FROM fund_pools WHERE year = 2026"
    )
    names = ("members", "quota", "reserved", "used", "batches", "unpriced", "spent_minor", "left_minor")
    assert pool == tuple(planned[name] for name in names)
    (burn,) = rows(stack, "SELECT budget_minor, used_minor, reserved_minor, left_minor, rule FROM fund_burn WHERE year = 2026")
    assert burn == (*(planned[name] for name in ("budget_minor", "spent_minor", "committed_minor", "left_minor")), "")
    assert planned["reached"] is None
    ranked = rows(stack, "SELECT factory_id, place, within, behind FROM trademark_ranking ORDER BY place")
    gates = {one["factory_id"]: one["trademark"] for one in asked(stack, tmp_path, "members", "trademark")["members"]}
    assert ranked == [(name, gates[name]["place"], int(gates[name]["within"]), gates[name]["behind"]) for name, *_ in ranked]
    waiting = rows(stack, "SELECT factory_id, task, desk, about FROM work ORDER BY ALL")
    told = asked(stack, tmp_path, "members", "work")["work"]
    assert waiting == sorted((one["factory_id"], one["task"], one["desk"], one["about"]) for one in told)
    sixes = rows(stack, "SELECT rule, done, members FROM unifications_together ORDER BY rule")
    together = asked(stack, tmp_path, "members", "unifications")["together"]
    assert sixes == sorted((one["rule"], one["done"], one["members"]) for one in together)
    # Who was on a list on a day of the past, by the row of now and by a fold of what had happened then.
    days = [f"2026-09-{day:02}T12:00:00+08:00" for day in (2, 5, 12)] + ["2026-05-08T12:00:00+08:00"]
    for day in days:
        then = asked(stack, tmp_path, "members", "lists", "--as-of", day)["members"]
        on = sorted((one["factory_id"], name) for one in then for name in one["lists"]["on"])
        at = f"parseDateTime64BestEffort('{day}', 3)"
        assert (
            rows(stack, f"SELECT factory_id, list FROM listed WHERE since <= {at} AND (until IS NULL OR until > {at}) ORDER BY ALL")
            == on
        )
    rules = (
        "SELECT DISTINCT rule FROM standing_alerts WHERE rule IN ('RECTIFICATION_DUE', 'RECTIFICATION_OVERDUE', 'LISTING_PROPOSED')"
    )
    assert len(rows(stack, rules)) == 3


def test_what_people_take_away(stack: Stack, tmp_path: Path) -> None:
    """A pack that a bank checks, and that changes no grade; the same report of a month twice; a view that shows three members nothing."""
    at = ("--clickhouse", where(stack).clickhouse)
    clock = {"WEFTLINE_SIMULATED_CLOCK": f"0,{AS_OF},0"}

    def run(*command: str, **more: str) -> str:
        ended = weftline(*command, folder=tmp_path, **clock, **more)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    before = explained(stack, tmp_path, "F-0217")
    (tmp_path / "c.jwk").write_text(run("pack", "key", "c.pem"), "utf-8")
    asking = ("--for", "a bank", "--key", "c.pem", "--out", "packs", "--kafka", where(stack).kafka, *at, "--json")
    made = json.loads(run("pack", "loan", "F-0217", *asking))
    assert run("pack", "verify", *made["files"], "--key", "c.jwk").count("unchanged") == 2
    pack = json.loads((tmp_path / made["files"][0]).read_text("utf-8"))["pack"]
    assert (round(Decimal(pack["credit"]["score"]) * 100), pack["credit"]["grade"]["code"]) == before
    assert (pack["pack_id"], pack["made_for"]) == (made["pack_id"], "a bank")
    told = f"SELECT step, about FROM matters WHERE kind = 'PACK' AND factory_id = 'F-0217' AND matter_id = '{made['pack_id']}'"
    until(lambda: rows(stack, told) == [("MADE", "LOAN")], "its making is an event", 120)
    scores = rows(stack, "SELECT credit_score, credit_grade FROM members WHERE factory_id = 'F-0217'")
    assert scores == [before] == [explained(stack, tmp_path, "F-0217")]
    again = json.loads(run("pack", "trademark", "F-0217", *asking))
    other = json.loads((tmp_path / again["files"][0]).read_text("utf-8"))["pack"]
    assert other["rests_on"] == pack["rests_on"], "nothing rests on a pack"

    for name in ("one.xlsx", "two.xlsx"):
        run("cooperative", "report", "--month", "2026-06", "--out", name, *at)
    assert (tmp_path / "one.xlsx").read_bytes() == (tmp_path / "two.xlsx").read_bytes()
    book = CalamineWorkbook.from_path(tmp_path / "one.xlsx")
    assert ["成员数（月末）", 3] in [row[:2] for row in book.get_sheet_by_name("概览").to_python()], "who left in July was a member"
    assert weftline("cooperative", "report", "--month", "2026-09", "--out", "x.xlsx", *at, folder=tmp_path, **clock).returncode == 1
    assert json.loads(run("cluster", "F-0217", *at, "--json"))["cells"] == []


def test_a_report_that_is_withdrawn_restates_what_stands_of_a_member(stack: Stack, tmp_path: Path) -> None:
    """The report is the inspections' and stands in their tables alone. What is said of the member follows it, whoever comes first."""
    at = 1_777_000_000_000
    measured = (Measurement(indicator="formaldehyde", kind=MeasurementKind.NUMBER, value=400.0, unit="mg/kg"),)
    content, verified = verified_report("F-0500", "r-500", at, measured)
    withdrawn = replace(
        verified,
        event_id="r-500-w",
        event_time=at + DAY,
        report_status=replace(verified.report_status, status=ReportStatus.WITHDRAWN),
    )
    member = replace(MEMBER, factory_id="F-0500", event_id="coop-500", event_time=at - DAY)
    standing = "SELECT reports, reports_failed, last_tested_at IS NOT NULL FROM members WHERE factory_id = 'F-0500'"

    publish(stack, tmp_path, [to_json(event) for event in (content, verified)])
    until(lambda: rows(stack, "SELECT verdict FROM reports WHERE factory_id = 'F-0500'") == [("FAIL",)], "it is judged", 120)
    publish(stack, tmp_path, [to_json(member)])
    until(lambda: rows(stack, standing) == [(1, 1, 1)], "it counts for the member", 120)
    publish(stack, tmp_path, [to_json(withdrawn)])
    until(lambda: rows(stack, standing) == [(0, 0, 0)], "it counts no more", 120)
    audited(stack, tmp_path)
