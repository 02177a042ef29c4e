"""The monthly report as a workbook: tables and charts with Chinese names.

The same report gives the same bytes: nothing in it is of today.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import xlsxwriter

from weftline.domain.cooperative.clocks import Stage
from weftline.domain.cooperative.monthly import Line, Report
from weftline.domain.cooperative.rules import Basis
from weftline.domain.cooperative.trademark import Standing
from weftline.domain.days import offset_minutes
from weftline.pages.cooperative_words import word

_HELD: Final = frozenset({Standing.HOLDS, Standing.FELL_OUT})


class Column(NamedTuple):
    """A column: its head, how wide, and how its values are written (a format of :class:`_Book`)."""

    head: str
    width: int = 12
    form: str = "text"


class Sheet(NamedTuple):
    """A table on a sheet of its own, and the charts beside it: (title, kind, columns of its values)."""

    name: str
    columns: tuple[Column, ...]
    rows: Sequence[Sequence[Any]]
    charts: tuple[tuple[str, str, tuple[int, ...]], ...] = ()


def workbook(report: Report, names: Mapping[str, str], rests_on: tuple[int, str]) -> bytes:
    """The xlsx. ``names``: what factories are called; ``rests_on``: how many records, and the digest over them."""
    target = io.BytesIO()
    # Times of creation would be today's: everything is of the month's end.
    with xlsxwriter.Workbook(target, {"in_memory": True, "remove_timezone": True}) as book:
        created = _local(report.as_of, report.utc_offset)
        book.set_properties({"title": f"质量合作社月报 {report.month}", "subject": report.cooperative_id, "created": created})
        writer = _Book(book)
        for sheet in sheets(report, names, rests_on):
            writer.write(sheet)
    return target.getvalue()


def sheets(report: Report, names: Mapping[str, str], rests_on: tuple[int, str]) -> tuple[Sheet, ...]:
    """What stands on each sheet."""
    day = _days(report.utc_offset)
    return (
        _overview(report, rests_on),
        _series(report),
        _members(report, names, day),
        _officers(report, names),
        _fund(report, names, day),
        _rates(report),
        _failing(report),
        _lists(report, names, day),
        _clocks(report, names, day),
        _rules(report),
    )


def _overview(report: Report, rests_on: tuple[int, str]) -> Sheet:
    last, pool = report.steps[-1], report.pool
    year = [step.tests for step in report.steps]
    passed, judged = sum(one.passed for one in year), sum(one.judged for one in year)
    rows: list[tuple[str, Any, Any, Any]] = [
        ("成员数（月末）", report.members, None, None),
        ("本月加入", last.joined, None, None),
        ("本月退出", last.left, None, None),
        ("首席质量官（在任）", last.chief_officers, None, None),
        ("质量专员（在任）", last.specialists, None, None),
        ("本月检测合格率", last.tests.share, last.tests.passed, last.tests.judged),
        ("近十二个月检测合格率", passed / judged if judged else None, passed, judged),
        (f"{pool.year} 年免费检测额度使用率", _share(pool.used, pool.quota), pool.used, pool.quota),
        (
            f"{pool.year} 年基金预算使用率",
            _share(pool.spent_minor, pool.budget_minor),
            pool.spent_minor / 100,
            _money(pool.budget_minor),
        ),
        (
            f"{pool.year} 年基金预算已用和预留",
            None if report.outlook.share is None else float(report.outlook.share),
            (pool.spent_minor + pool.committed_minor) / 100,
            _money(pool.budget_minor),
        ),
        ("红榜（月末）", sum(entry.list == "RED" for _, entry in report.lists if entry.on_list(report.as_of)), None, None),
        ("黑榜（月末）", sum(entry.list == "BLACK" for _, entry in report.lists if entry.on_list(report.as_of)), None, None),
        ("未结案件", sum(case.closed_at is None for _, case in report.cases), None, None),
        ("其中逾期", sum(case.overdue(report.as_of) for _, case in report.cases), None, None),
        ("准用集体商标的成员", sum(any(s in _HELD for _, s in line.judged.marks) for line in report.lines), None, None),
        ("依据的记录数", rests_on[0], None, None),
    ]
    shown = [
        (name, None if numerator is not None else value, value if numerator is not None else None, numerator, denominator)
        for name, value, numerator, denominator in rows
    ]
    shown.append((f"记录摘要 SHA-256 {rests_on[1]}", None, None, None, None))
    shown.append(
        (f"{report.cooperative_id}，截至 {report.month} 月末；信用等级和红黑榜是合作社自己的，不是官方的", None, None, None, None)
    )
    heads = (
        Column("指标", 34),
        Column("数", 10, "count"),
        Column("比率", 10, "share"),
        Column("分子", 14, "number"),
        Column("分母", 14, "number"),
    )
    return Sheet("概览", heads, shown)


def _series(report: Report) -> Sheet:
    heads = (
        *(Column("月份", 10), Column("成员", 8, "count"), Column("加入", 8, "count"), Column("退出", 8, "count")),
        *(Column("首席质量官", 12, "count"), Column("质量专员", 10, "count"), Column("基金检测批次", 14, "count")),
        *(Column("合格", 8, "count"), Column("已判定", 8, "count"), Column("合格率", 9, "share")),
    )
    rows = [
        (
            *(str(step.month), step.members, step.joined, step.left, step.chief_officers, step.specialists, step.batches),
            *(step.tests.passed, step.tests.judged, step.tests.share),
        )
        for step in report.steps
    ]
    charts = (("成员和质量人员", "line", (1, 4, 5)), ("检测合格率", "line", (9,)), ("基金检测批次", "column", (6,)))
    return Sheet("逐月", heads, rows, charts)


def _members(report: Report, names: Mapping[str, str], day: Callable[[int | None], Any]) -> Sheet:
    heads = (
        *(Column("企业", 28), Column("编号", 14), Column("成员", 7), Column("入社", 12, "day"), Column("规模", 8)),
        *(Column("信用分", 9, "number"), Column("等级（合作社）", 14), Column("官方等级", 14), Column("合格", 7, "count")),
        *(Column("已判定", 8, "count"), Column("合格率（十二个月）", 16, "share"), Column("未结案件", 9, "count")),
        *(Column("榜单（合作社）", 14), Column("集体商标", 26)),
    )

    def row(line: Line) -> Sequence[Any]:
        judged = line.judged
        official = max(judged.officials, key=lambda one: one.year, default=None)
        return (
            *(names.get(line.factory_id, line.factory_id), line.factory_id, "是" if line.is_member else "否", day(line.since)),
            *(word("size", line.size).zh, float(judged.credit.score), judged.credit.grade.zh),
            "" if official is None else f"{official.grade.value}（{official.year}）",
            *(line.year.passed, line.year.judged, line.year.share, sum(case.closed_at is None for case in judged.cases)),
            "、".join(word("list", entry.list.value).zh for entry in judged.listed),
            "、".join(word("standing", standing.value).zh for _, standing in judged.marks),
        )

    return Sheet("成员", heads, [row(line) for line in report.lines])


def _officers(report: Report, names: Mapping[str, str]) -> Sheet:
    heads = (
        Column("企业", 28),
        Column("编号", 14),
        Column("首席质量官", 12, "count"),
        Column("质量专员", 10, "count"),
        Column("培训有效", 10, "count"),
    )
    rows = [
        (names.get(line.factory_id, line.factory_id), line.factory_id, line.chief_officers, line.specialists, line.trained)
        for line in report.lines
        if line.is_member
    ]
    return Sheet("质量人员", heads, rows)


def _fund(report: Report, names: Mapping[str, str], day: Callable[[int | None], Any]) -> Sheet:
    pool = report.pool
    heads = (
        *(
            Column("企业", 34),
            Column("编号", 14),
            Column("额度", 8, "count"),
            Column("预留", 8, "count"),
            Column("已用", 8, "count"),
        ),
        *(
            Column("剩余", 8, "count"),
            Column("使用率", 9, "share"),
            Column(f"金额（{pool.currency or '币种未说明'}）", 18, "number"),
        ),
    )
    total = (
        "合计",
        "",
        pool.quota,
        pool.reserved,
        pool.used,
        # Who was granted more than its quota takes nothing from what the others have left.
        sum(line.left for line in report.lines),
        _share(pool.used, pool.quota),
        None,
    )
    money = [
        ("预算", _money(pool.budget_minor)),
        ("已用（已知价格的批次）", pool.spent_minor / 100),
        ("已承诺", pool.committed_minor / 100),
        ("剩余", _money(pool.left_minor)),
        ("每批价格", None if pool.price_per_batch is None else round(float(pool.price_per_batch) / 100, 2)),
        ("每个不合格的成本", None if pool.price_per_defect is None else round(float(pool.price_per_defect) / 100, 2)),
    ]
    rows: list[Sequence[Any]] = [
        (
            *(names.get(line.factory_id, line.factory_id), line.factory_id, line.quota, line.reserved, line.used, line.left),
            *(_share(line.used, line.quota), None),
        )
        for line in report.lines
        if line.quota or line.used or line.reserved
    ]
    rows.append(total)
    rows += [(name, "", None, None, None, None, None, amount) for name, amount in money]
    rows.append((f"价格不明的批次：{pool.unpriced}", "", None, None, None, None, None, None))
    rows += [(said, "", None, None, None, None, None, None) for said in _burn(report, day)]
    return Sheet(f"检测基金 {pool.year}", heads, rows)


def _burn(report: Report, day: Callable[[int | None], Any]) -> Iterator[str]:
    """Which threshold of the budget is reached, and when the budget ends, with the rules that say so."""
    found, pool = report.outlook, report.pool
    if (reached := found.reached) is not None:
        yield f"{reached.basis.zh}{_unconfirmed(reached.basis)}，自 {day(reached.since):%Y-%m-%d}"
    if found.pace is not None:
        basis, days = found.pace
        ends = "按此进度够用到年底" if found.ends_at is None else f"按此进度预算将于 {day(found.ends_at):%Y-%m-%d} 用完"
        if pool.left_minor is not None and pool.left_minor <= 0:
            ends = "已没有剩余"
        yield f"近 {days} 日（本年内）支出 {found.lately_minor / 100:,.2f}：{ends}{_unconfirmed(basis)}"


def _unconfirmed(basis: Basis) -> str:
    return "（建议稿，未经确认）" if basis.is_proposal else ""


def _rates(report: Report) -> Sheet:
    heads = (
        *(
            Column("品类", 18),
            Column("本月合格", 10, "count"),
            Column("本月已判定", 11, "count"),
            Column("本月合格率", 11, "share"),
        ),
        *(Column("十二个月合格", 13, "count"), Column("十二个月已判定", 15, "count"), Column("十二个月合格率", 15, "share")),
    )
    rows = [
        (word("category", one.category).zh, *one.month, one.month.share, *one.year, one.year.share) for one in report.categories
    ]
    return Sheet("合格率", heads, rows, (("十二个月合格率", "column", (6,)),))


def _failing(report: Report) -> Sheet:
    heads = (Column("项目", 24), Column("代码", 24), Column("本月不合格", 11, "count"), Column("十二个月不合格", 15, "count"))
    rows = [(word("indicator", one.indicator).zh, one.indicator, one.month, one.year) for one in report.failing]
    return Sheet("不合格项目", heads, rows, (("不合格项目（十二个月）", "bar", (3,)),))


def _lists(report: Report, names: Mapping[str, str], day: Callable[[int | None], Any]) -> Sheet:
    heads = (
        *(Column("企业", 28), Column("编号", 14), Column("榜单（合作社自己的）", 18), Column("条目", 14), Column("状态", 18)),
        *(Column("决定", 12, "day"), Column("至", 12, "day"), Column("理由", 40)),
    )
    rows = [
        (
            *(names.get(factory, factory), factory, word("list", entry.list.value).zh, entry.listing_id),
            word("entry", entry.state(report.as_of).value).zh,
            *(
                day(entry.decided_at),
                day(entry.ended_at if entry.ended_at is not None else entry.until),
                word("ground", entry.ground).zh if entry.ground else "",
            ),
        )
        for factory, entry in report.lists
    ]
    return Sheet("红黑榜", heads, rows)


def _clocks(report: Report, names: Mapping[str, str], day: Callable[[int | None], Any]) -> Sheet:
    heads = (
        *(Column("企业", 28), Column("编号", 14), Column("案件", 18), Column("层级", 12), Column("不合格", 12, "day")),
        *(Column("安全项目", 9), Column("阶段", 18), Column("期限", 12, "day"), Column("逾期", 7), Column("结案", 12, "day")),
    )
    rows = [
        (
            *(
                names.get(factory, factory),
                factory,
                case.case_id,
                word("level", case.level.value).zh if case.by_authority else "自检报告",
            ),
            *(day(case.failed_at), "是" if case.safety else "否", word("stage", case.stage.value).zh, day(case.due)),
            *("是" if case.overdue(report.as_of) and case.stage is not Stage.PASSED else "否", day(case.closed_at)),
        )
        for factory, case in report.cases
    ]
    return Sheet("整改时限", heads, rows)


def _rules(report: Report) -> Sheet:
    heads = (Column("起作用、尚未确认的规则（建议稿）", 48), Column("代码", 22), Column("出处", 60))
    return Sheet("规则", heads, [(basis.zh, basis.rule, basis.source) for basis in report.proposals])


class _Book:
    def __init__(self, book: Any) -> None:
        self._book = book
        self._head = book.add_format({"bold": True, "bg_color": "#DDEBF7", "border": 1, "text_wrap": True, "valign": "top"})
        self._forms = {
            "text": book.add_format({}),
            "count": book.add_format({"num_format": "#,##0"}),
            "number": book.add_format({"num_format": "#,##0.00"}),
            "share": book.add_format({"num_format": "0.0%"}),
            "day": book.add_format({"num_format": "yyyy-mm-dd"}),
        }

    def write(self, sheet: Sheet) -> None:
        page = self._book.add_worksheet(sheet.name)
        page.freeze_panes(1, 0)
        page.set_landscape()
        page.set_paper(9)
        page.fit_to_pages(1, 0)
        page.repeat_rows(0)
        for at, column in enumerate(sheet.columns):
            page.set_column(at, at, column.width)
            page.write_string(0, at, column.head, self._head)
        for line, row in enumerate(sheet.rows, 1):
            for at, (value, column) in enumerate(zip(row, sheet.columns, strict=True)):
                # In one column there may be amounts and counts; a count has no hundredths.
                whole = column.form == "number" and isinstance(value, int)
                self._cell(page, line, at, value, self._forms["count" if whole else column.form])
        for place, chart in enumerate(sheet.charts):
            self._chart(page, sheet, place, *chart)

    def _cell(self, page: Any, line: int, at: int, value: Any, form: Any) -> None:
        """Text is text whatever it looks like, for others wrote it; nothing is an empty cell."""
        if isinstance(value, str):
            page.write_string(line, at, value, form)
        elif isinstance(value, datetime):
            page.write_datetime(line, at, value, form)
        elif value is not None:
            page.write_number(line, at, value, form)

    def _chart(self, page: Any, sheet: Sheet, place: int, title: str, kind: str, columns: Iterable[int]) -> None:
        if not sheet.rows:
            return
        chart = self._book.add_chart({"type": kind})
        for at in columns:
            chart.add_series(
                {
                    "name": [sheet.name, 0, at],
                    "categories": [sheet.name, 1, 0, len(sheet.rows), 0],
                    "values": [sheet.name, 1, at, len(sheet.rows), at],
                }
            )
        chart.set_title({"name": title})
        page.insert_chart(len(sheet.rows) + 2 + place * 16, 0, chart)


def _days(utc_offset: str) -> Callable[[int | None], Any]:
    return lambda time: None if time is None else _local(time, utc_offset).replace(hour=0, minute=0, second=0, microsecond=0)


def _local(time: int, utc_offset: str) -> datetime:
    """As a clock there showed it, for a cell knows no zone."""
    return datetime.fromtimestamp(time // 1000 + offset_minutes(utc_offset) * 60, UTC).replace(tzinfo=None)


def _share(part: int, of: int | None) -> float | None:
    return part / of if of else None


def _money(minor: int | None) -> float | None:
    return None if minor is None else minor / 100
