"""The monthly report against the ten members of tests/data/cooperative, whose files say by hand what must come out.

It is read by another library than the one that writes it.
"""

from __future__ import annotations

import datetime
import io
import re
import zipfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from python_calamine import CalamineWorkbook
from tests.support.cooperative import STORIES, history, rulebook, story

from weftline.domain.cooperative.burn import outlook
from weftline.domain.cooperative.history import History
from weftline.domain.cooperative.member import judge_member
from weftline.domain.cooperative.monthly import Month, Report, month_of, report_of
from weftline.files.monthly import sheets, workbook
from weftline.pages.cooperative_words import word

ZONE = "+08:00"
JUNE, MAY, AUGUST_2024 = Month(2026, 6), Month(2026, 5), Month(2024, 8)
NAMES = {f"f-{name[:2]}": f"海门{name[:2]}号家纺" for name in STORIES if not name.startswith("10")}
Row = Mapping[str, Any]


@cache
def report(month: Month) -> Report:
    end, book = month.end(ZONE), rulebook().of("haimen")
    judged = {f"f-{name[:2]}": judge_member(history(story(name)).until(end), book, end, (month.year,)) for name in STORIES}
    return report_of("haimen", month, History(), judged, ZONE, book)


@cache
def read(month: Month) -> dict[str, list[Row]]:
    """The sheets as calamine reads them, each row by its heads."""
    book = CalamineWorkbook.from_object(io.BytesIO(workbook(report(month), NAMES, (17, "ab"))))
    found = {}
    for name in book.sheet_names:
        heads, *rows = book.get_sheet_by_name(name).to_python()
        found[name] = [dict(zip(map(str, heads), row, strict=True)) for row in rows]
    return found


def overview(month: Month) -> dict[str, Row]:
    return {row["指标"]: row for row in read(month)["概览"]}


def told(kind: str, **said: Any) -> list[tuple[str, datetime.date]]:
    """(member, day) of what the files say, by themselves."""
    return [
        (name[:2], one["at"])
        for name in STORIES
        for one in story(name)["events"]
        if kind in one and said.items() <= one[kind].items()
    ]


def inspections_of(first: datetime.date, last: datetime.date) -> list[dict[str, Any]]:
    """Inspections of these days that were verified and not withdrawn by the last of them, as the files have them."""
    return [
        {"member": name[:2], **one}
        for name in STORIES
        for one in story(name)["inspections"]
        if first <= one["tested"] <= last and one["verified"] <= last and one.get("withdrawn", datetime.date.max) > last
    ]


def test_each_member_stands_as_its_file_says_by_hand() -> None:
    rows = {row["编号"]: row for row in read(JUNE)["成员"]}
    assert set(rows) == {f"f-{name[:2]}" for name in STORIES}
    fund = {row["编号"]: row for row in read(JUNE)["检测基金 2026"] if row["编号"]}
    compared = Counter()
    for name in STORIES:
        row = rows[f"f-{name[:2]}"]
        for expected in story(name)["expect"]:
            if expected["as_of"] != datetime.date(2026, 6, 30):  # as of its first moment; nothing happens on that day
                continue
            if "score" in expected:
                assert row["信用分"] == expected["score"], name
                compared["score"] += 1
            if "grade" in expected:
                assert row["等级（合作社）"] == {"excellent": "优", "good": "良", "fair": "中", "watch": "警"}[expected["grade"]], (
                    name
                )
            if "lists" in expected:
                assert row["榜单（合作社）"] == "、".join({"RED": "红榜", "BLACK": "黑榜"}[one] for one in expected["lists"])
                compared["lists"] += 1
            if (of_year := expected.get("fund", {}).get(2026)) is not None:
                line = fund[f"f-{name[:2]}"]
                assert [line[head] for head in ("额度", "预留", "已用", "剩余")] == list(of_year.values()), name
                compared["fund"] += 1
    assert compared["score"] >= 8
    assert compared["fund"] >= 3
    assert compared["lists"] >= 2
    assert rows["f-01"]["企业"] == "海门01号家纺"
    assert rows["f-10"]["企业"] == "f-10", "who has no name keeps its id"
    assert rows["f-09"]["集体商标"] == "准用，但已不符合条件"
    assert {row["编号"]: row for row in read(MAY)["成员"]}["f-09"]["集体商标"] == "准用"


def test_rates_have_their_numerator_and_denominator() -> None:
    year = inspections_of(datetime.date(2025, 7, 1), datetime.date(2026, 6, 30))
    passed, judged = (sum(one["verdict"] in verdicts for one in year) for verdicts in (("PASS",), ("PASS", "FAIL")))
    assert judged > passed > 0, "else this says little"
    row = overview(JUNE)["近十二个月检测合格率"]
    assert (row["分子"], row["分母"], row["比率"]) == (passed, judged, pytest.approx(passed / judged))
    (category,) = read(JUNE)["合格率"]
    assert (category["十二个月合格"], category["十二个月已判定"]) == (passed, judged)
    by_month = Counter(f"{one['tested']:%Y-%m}" for one in year if one["verdict"] in ("PASS", "FAIL"))
    assert {row["月份"]: row["已判定"] for row in read(JUNE)["逐月"] if row["已判定"]} == by_month
    failing = Counter(code for one in year if one["verdict"] == "FAIL" for code in one["failing"])
    assert {row["代码"]: row["十二个月不合格"] for row in read(JUNE)["不合格项目"]} == failing
    assert all(row["项目"] != row["代码"] for row in read(JUNE)["不合格项目"]), "indicators have Chinese names"


def test_members_and_officers_are_counted_month_by_month() -> None:
    rows = {row["月份"]: row for row in read(JUNE)["逐月"]}
    assert list(rows) == [str(JUNE.back(back)) for back in reversed(range(12))]
    joined = Counter(f"{day:%Y-%m}" for _, day in told("membership", step="JOINED"))
    left = Counter(f"{day:%Y-%m}" for _, day in told("membership", step="LEFT"))
    assert {month: (row["加入"], row["退出"]) for month, row in rows.items()} == {
        month: (joined[month], left[month]) for month in rows
    }
    assert sum(row["加入"] for row in rows.values()) > 0
    assert rows["2026-06"]["成员"] == overview(JUNE)["成员数（月末）"]["数"] == sum(joined.values()) - sum(left.values())
    chiefs = {member for member, day in told("officer", step="APPOINTED", role="CHIEF_QUALITY_OFFICER") if day.year <= 2026}
    assert rows["2026-06"]["首席质量官"] == len(chiefs) - len(told("officer", step="ENDED"))


def test_officers_of_a_factory_that_left_are_none_of_the_cooperatives() -> None:
    events = [
        {"id": "joined", "at": datetime.date(2026, 1, 1), "membership": {"step": "JOINED"}},
        {
            "id": "officer",
            "at": datetime.date(2026, 2, 1),
            "officer": {"step": "APPOINTED", "role": "CHIEF_QUALITY_OFFICER", "person_id": "p1"},
        },
        {"id": "left", "at": datetime.date(2026, 4, 2), "membership": {"step": "LEFT"}},
    ]

    def counted(month: Month) -> tuple[int, int]:
        end, book = month.end(ZONE), rulebook().of("haimen")
        judged = judge_member(history({"events": events, "inspections": []}).until(end), book, end, (month.year,))
        last = report_of("haimen", month, History(), {"f-1": judged}, ZONE, book).steps[-1]
        return last.members, last.chief_officers

    assert [counted(Month(2026, number)) for number in (1, 3, 4)] == [(1, 0), (1, 1), (0, 0)]


def test_clocks_and_lists_of_a_month_that_is_long_past() -> None:
    # By 07-second-round.yaml: both re-inspections failed, and the board listed it; its appeal came on 20 August.
    (entry,) = [row for row in read(AUGUST_2024)["红黑榜"] if row["编号"] == "f-07"]
    assert (entry["榜单（合作社自己的）"], entry["状态"]) == ("黑榜", "申诉中，暂停列示")
    assert overview(AUGUST_2024)["黑榜（月末）"]["数"] == 0, "an appeal suspends"
    cases = {row["编号"]: row for row in read(Month(2025, 12))["整改时限"]}
    # By 06-ignored.yaml: 5 October + 60 days is 4 December, and nothing came.
    assert (cases["f-06"]["期限"], cases["f-06"]["逾期"], cases["f-06"]["阶段"]) == (datetime.date(2025, 12, 4), "是", "待整改")
    assert {row["编号"] for row in read(AUGUST_2024)["成员"]}.isdisjoint({"f-02"}), "nobody who came later"


def listed(month: Month, *steps: tuple[str, datetime.date, dict[str, Any]]) -> list[str]:
    """The states in which the report of a month shows one entry on a list, which has this history."""
    events = [{"id": "joined", "at": datetime.date(2024, 1, 1), "membership": {"step": "JOINED"}}]
    for step, day, more in steps:
        body = {"step": step, "listing_id": "b", "list": "BLACK", "decided_by": "board", **more}
        events.append({"id": step, "at": day, "listing": body})
    end, book = month.end(ZONE), rulebook().of("haimen")
    judged = judge_member(history({"events": events, "inspections": []}).until(end), book, end, (month.year,))
    made = report_of("haimen", month, History(), {"f-1": judged}, ZONE, book)
    sheets = CalamineWorkbook.from_object(io.BytesIO(workbook(made, {}, (1, "ab"))))
    return [row[4] for row in sheets.get_sheet_by_name("红黑榜").to_python()[1:]]


def test_an_entry_is_in_the_report_of_each_month_in_which_it_stood_or_ended() -> None:
    decided = ("DECIDED", datetime.date(2026, 3, 10), {"expires_at": datetime.date(2026, 5, 20)})
    months = [Month(2026, number) for number in (2, 3, 4, 5, 6)]
    assert [listed(month, decided) for month in months] == [[], ["在榜"], ["在榜"], ["已到期"], []], "in May it was on the list"
    appealed = ("APPEALED", datetime.date(2026, 3, 20), {"decided_by": None})
    assert [len(listed(month, decided, appealed)) for month in months[1:4]] == [1, 1, 1], "in April the appeal waits"
    lifted = ("LIFTED", datetime.date(2026, 4, 2), {})
    assert [len(listed(month, decided, appealed, lifted)) for month in months] == [0, 1, 1, 0, 0]


def test_the_sums_of_the_fund_are_those_of_its_lines() -> None:
    rows = read(JUNE)["检测基金 2026"]
    (total,) = [row for row in rows if row["企业"] == "合计"]
    lines = [row for row in rows if row["编号"]]
    assert any(row["额度"] < row["预留"] + row["已用"] for row in lines), "else this says little"
    for head in ("额度", "预留", "已用", "剩余"):
        assert total[head] == sum(row[head] for row in lines), head


def test_a_budget_that_comes_to_its_end_stands_there_with_its_rule() -> None:
    """RMB 2,960 are paid by the end of June, which shall be nine tenths: 328.89 are left. Of the last 90 days are 592."""
    end, book = JUNE.end(ZONE), rulebook().of("haimen")
    made = report(JUNE)
    burning = replace(made, pool=replace(made.pool, budget_minor=made.pool.spent_minor * 10 // 9, currency="CNY"))
    burning = replace(burning, outlook=outlook(burning.pool, book, end))
    sheet = {one.name: one for one in sheets(burning, NAMES, (17, "ab"))}
    said = [row[0] for row in sheet["检测基金 2026"].rows]
    assert [line.split("，自")[0] for line in said if "80%" in line] == [
        "年度预算已用和预留达 80%：请决定还检测谁（建议稿，未经确认）"
    ]
    assert "近 90 日（本年内）支出 592.00：按此进度预算将于 2026-08-19 用完（建议稿，未经确认）" in said, "fifty days more"
    (share,) = [row for row in sheet["概览"].rows if row[0] == "2026 年基金预算已用和预留"]
    assert abs(share[2] - 0.9) < 0.001
    assert not [line for line in (row[0] for row in sheets(made, NAMES, (17, "ab"))[4].rows) if "建议稿" in line], (
        "without a budget"
    )


def test_no_number_ends_with_a_point() -> None:
    with zipfile.ZipFile(io.BytesIO(workbook(report(JUNE), NAMES, (17, "ab")))) as files:
        forms = re.findall(r'formatCode="([^"]*)"', files.read("xl/styles.xml").decode())
    assert "#,##0.00" in forms
    assert [form for form in forms if re.search(r"\.#*$", form)] == []


def test_the_same_records_give_the_same_file_and_nothing_in_it_is_of_today() -> None:
    made = workbook(report(JUNE), NAMES, (17, "ab"))
    assert made == workbook(report(JUNE), dict(reversed(NAMES.items())), (17, "ab"))
    with zipfile.ZipFile(io.BytesIO(made)) as files:
        assert {one.date_time for one in files.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        core = files.read("docProps/core.xml").decode()
        assert set(re.findall(r"\d{4}-\d\d-\d\dT[0-9:]+Z", core)) == {"2026-06-30T23:59:59Z"}
        charts = [name for name in files.namelist() if re.fullmatch(r"xl/charts/chart\d+\.xml", name)]
        assert len(charts) == 5


def test_text_that_looks_like_a_formula_stays_text() -> None:
    book = CalamineWorkbook.from_object(io.BytesIO(workbook(report(JUNE), {"f-01": "=1+1"}, (17, "ab"))))
    assert book.get_sheet_by_name("成员").to_python()[1][0] == "=1+1"


def test_months() -> None:
    assert (Month(2026, 1).back(1), Month(2025, 12).next, Month(2026, 3).back(15)) == (
        Month(2025, 12),
        Month(2026, 1),
        Month(2024, 12),
    )
    assert month_of(JUNE.end(ZONE), ZONE) == JUNE
    assert month_of(JUNE.end(ZONE) + 1, ZONE) == Month(2026, 7)


def test_products_and_grounds_have_their_names_and_other_words_stay() -> None:
    assert word("category", "summer-quilt").zh == "夏凉被"  # codes with a dash are looked up as everybody else spells them
    assert word("ground", "black_ignored").zh == "逾期 30 日仍未整改或复检"
    assert word("ground", "a year without a failure").zh == "a year without a failure"
