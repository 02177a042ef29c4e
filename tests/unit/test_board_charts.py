"""What the built-in board draws, without a browser: options of charts, rows of tables, lines of values, addresses, colours."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import hypothesis
import pytest
from hypothesis import strategies as st

from weftline.boards import BOARDS
from weftline.boards.model import Kind, Panel, Text, Threshold, Tone, Unit
from weftline.boards.web.address import Address, grain_of, language_of, read
from weftline.boards.web.board import span_at
from weftline.boards.web.charts import Span, buckets, chart, summary
from weftline.boards.web.look import Look, tone_of
from weftline.boards.web.source import Found, plain, tables_read
from weftline.boards.web.tables import as_csv, columns, rows
from weftline.pages.palette import colour, contrast, surface
from weftline.pages.reader import figure, moment, sentence
from weftline.pages.strip import Measure, line_of, measure, of_count

SHANGHAI = ZoneInfo("Asia/Shanghai")
EN = Look("en", SHANGHAI, False)
ZH = replace(EN, language="zh")
DAY = 86_400
MIDNIGHT = int(datetime(2026, 5, 3, 16, tzinfo=UTC).timestamp())  # Monday 2026-05-04 in Shanghai
WEEK = Span(MIDNIGHT, MIDNIGHT + 7 * DAY - 1, "day")
BOARD_IDS = frozenset({"center", "factory"})


def panel(kind: Kind, unit: Unit = Unit.COUNT, **more: Any) -> Panel:
    return Panel(id="p", title=Text("题", "Title"), question=Text("问", "Question"), kind=kind, unit=unit, sql="SELECT 1", **more)


def days(*numbers: int) -> list[int]:
    return [(MIDNIGHT + number * DAY) * 1000 for number in numbers]


def data_of(option: dict[str, Any]) -> dict[str, list[Any]]:
    return {series["name"]: series["data"] for series in option["series"]}


def test_lines_of_counts_have_a_zero_where_nothing_was_counted() -> None:
    found = Found({"time": days(0, 2), "confirmed": [5, 7], "dispatched": [1, 2]})
    option = chart(panel(Kind.LINES), found, EN, WEEK)
    confirmed = data_of(option)["Confirmed"]
    assert [value for _, value in confirmed] == [5, 0, 7, 0, 0, 0, 0]
    # The axis is UTC and gets the clocks of Shanghai: a day begins at midnight.
    assert [at % (DAY * 1000) for at, _ in confirmed] == [0] * 7
    assert option["useUTC"]
    # The last day still runs, and is shaded.
    ((begin, end),) = option["series"][0]["markArea"]["data"]
    assert (begin["xAxis"], end["xAxis"]) == (confirmed[-2][0], option["xAxis"]["max"])
    assert option["legend"]["show"]


def test_shares_are_in_per_cent_and_nothing_is_made_up_between_them() -> None:
    found = Found({"time": days(0, 0, 3), "series": ["b", "a", "a"], "value": [0.5, 0.9, 1.0]})
    option = chart(panel(Kind.LINES, Unit.RATIO), found, EN, WEEK)
    assert {name: [value for _, value in data] for name, data in data_of(option).items()} == {"a": [90, 100], "b": [50]}
    assert (option["yAxis"]["min"], option["yAxis"]["max"], option["yAxis"]["interval"]) == (50, 100, 10)
    near = chart(panel(Kind.LINES, Unit.RATIO), Found({"time": days(0), "pass_rate": [0.973]}), EN, WEEK)
    assert (near["yAxis"]["min"], near["yAxis"]["interval"]) == (97, 1)
    full = chart(panel(Kind.LINES, Unit.RATIO), Found({"time": days(0), "pass_rate": [1.0]}), EN, WEEK)
    assert (full["yAxis"]["min"], full["yAxis"]["max"]) == (99, 100)
    assert option["yAxis"]["axisLabel"]["formatter"] == "{value} %"
    assert "'%'" in option["tooltip"][":valueFormatter"].replace(" %", "%")


def test_durations_are_told_in_days_once_they_are_long() -> None:
    short = chart(panel(Kind.LINES, Unit.HOURS), Found({"time": days(0), "lead_time_p50": [48.0]}), EN, WEEK)
    long = chart(panel(Kind.LINES, Unit.HOURS), Found({"time": days(0), "lead_time_p50": [96.0]}), ZH, WEEK)
    assert (data_of(short)["Lead time p50"][0][1], short["yAxis"]["axisLabel"]["formatter"]) == (48.0, "{value} h")
    assert (data_of(long)["打样周期 P50"][0][1], long["yAxis"]["axisLabel"]["formatter"]) == (4.0, "{value} 天")


def test_a_stack_has_a_bar_for_each_stretch_of_the_range() -> None:
    found = Found({"time": days(1), "on_time": [3], "late": [1]})
    option = chart(panel(Kind.STACK), found, EN, WEEK)
    assert option["xAxis"]["data"] == [f"05-{day:02}" for day in range(4, 11)]
    bars = data_of(option)
    assert {name: data[:-1] for name, data in bars.items()} == {"On time": [None, 3, *[None] * 4], "Late": [None, 1, *[None] * 4]}
    assert bars["Late"][-1]["itemStyle"]["opacity"] < 1  # the day that still runs
    assert {series["stack"] for series in option["series"]} == {"all"}


def test_parts_of_a_whole_stand_on_each_other_and_others_side_by_side() -> None:
    parts = chart(panel(Kind.BARS, horizontal=True), Found({"rule": ["ORDER_OVERDUE"], "critical": [0], "major": [2]}), ZH, WEEK)
    assert parts["yAxis"]["data"] == ["打样逾期"]
    assert [series["stack"] for series in parts["series"]] == ["all", "all"]
    found = Found({"sample_type": ["PROTO"], "lead_time_p50": [1.0], "lead_time_p90": [2.0]})
    apart = chart(panel(Kind.BARS, Unit.HOURS), found, EN, WEEK)
    assert all("stack" not in series for series in apart["series"])


def test_a_cumulative_share_is_a_line_on_an_axis_of_its_own() -> None:
    option = chart(panel(Kind.BARS), Found({"indicator": ["ph", "azo_amines"], "failed": [8, 2], "share": [0.8, 1.0]}), EN, WEEK)
    bars, line = option["series"]
    assert (bars["type"], line["type"], line["yAxisIndex"], line["data"]) == ("bar", "line", 1, [80, 100])
    assert option["xAxis"]["data"][0] == "pH value"
    assert len(option["yAxis"]) == 2


def test_two_series_of_one_chart_never_share_a_colour() -> None:
    option = chart(
        panel(Kind.LINES), Found({"time": days(0), "requested": [1], "cancelled": [1], "reports": [2], "lots": [3]}), EN, WEEK
    )
    assert len({series["color"] for series in option["series"]}) == 4


def test_points_lie_by_shape_within_beyond_and_not_detected() -> None:
    found = Found(
        {
            "time": days(0, 1, 2, 3),
            "value": [70.0, 75.0, 96.0, 20.0],
            "low": [None] * 4,
            "high": [75.0, 75.0, 75.0, 300.0],
            "not_detected": [0, 0, 0, 1],
            "what": ["R-1", "R-2", "R-3", "<b>R-4</b>"],
            "marked": [0, 0, 1, 0],
        }
    )
    option = chart(panel(Kind.POINTS, Unit.NONE), found, EN, WEEK)
    shapes = {series["name"]: series for series in option["series"] if series["type"] == "scatter"}
    assert [point["name"] for point in shapes["Within the limit"]["data"]] == ["R-1", "R-2"]  # on the limit is within
    assert [point["name"] for point in shapes["Beyond the limit"]["data"]] == ["R-3"]
    assert "itemStyle" in shapes["Beyond the limit"]["data"][0]  # the one that is pointed out
    assert shapes["Not detected (ND)"]["symbol"] == "emptyTriangle"
    assert shapes["Not detected (ND)"]["label"]["formatter"] == "ND"
    limits = [series["data"][0][1] for series in option["series"] if series["type"] == "line"]
    assert limits == [75.0, 300.0]
    # Names reach the page as data of the library, which escapes them; there is no script with a name in it.
    assert "<b>" not in json.dumps({key: value for key, value in option.items() if key != "series"})


def test_every_kind_survives_what_queries_give() -> None:
    nulls: dict[Kind, dict[str, Sequence[Any]]] = {
        Kind.LINES: {"time": days(0, 1), "orders": [None, None]},
        Kind.AREAS: {"time": days(0), "work_in_progress": [0]},
        Kind.STACK: {"time": days(0), "late": [None]},
        Kind.BARS: {"round": ["1"], "orders": [None]},
        Kind.POINTS: {"time": days(0), "value": [None], "low": [None], "high": [None], "not_detected": [0], "what": [""]},
    }
    for (kind, given), unit, look in itertools.product(nulls.items(), Unit, (EN, replace(ZH, dark=True))):
        option = chart(panel(kind, unit), Found(given), look, WEEK)
        json.dumps(option, allow_nan=False)
        assert summary(panel(kind, unit), Found(given), look)


def test_stretches_are_cut_as_the_server_cuts_them() -> None:
    half_day = MIDNIGHT + DAY // 2
    assert buckets(Span(half_day, half_day + DAY, "day"), EN) == days(0, 1)
    assert buckets(Span(half_day + 2 * DAY, half_day + 9 * DAY, "week"), EN) == days(0, 7)
    assert len(buckets(Span(half_day, half_day + DAY, "hour"), EN)) == 25
    berlin = replace(EN, zone=ZoneInfo("Europe/Berlin"))
    spring = int(datetime(2026, 3, 28, 23, tzinfo=UTC).timestamp())  # midnight; clocks go forward on the 29th
    assert [one - spring * 1000 for one in buckets(Span(spring, spring + 2 * DAY, "day"), berlin)] == [
        0,
        23 * 3600_000,
        47 * 3600_000,
    ]
    assert len(buckets(Span(spring, spring + 23 * 3600 - 1, "hour"), berlin)) == 23


def test_the_range_moves_on_in_steps_and_ends_after_now() -> None:
    first, second = span_at(1_800_000_000.2, 30), span_at(1_800_000_100.0, 30)
    assert first == second  # so that two pages, and two looks, ask the same
    assert first.end >= 1_800_000_001
    assert first.end - first.begin == 30 * DAY
    assert [grain_of(number * DAY) for number in (1, 2, 7, 92, 365)] == ["hour", "hour", "day", "day", "week"]


def test_cells_have_words_links_and_a_value_to_sort_by() -> None:
    found = Found(
        {
            "occurred_at": days(0),
            "severity": ["CRITICAL"],
            "rule": ["SAFETY_LIMIT_FAILED"],
            "factory_id": ["f 1&x=2"],
            "factory": [""],
            "alert_text": ["<script>"],
            "alert_id": ["a:1"],
            "late_h": [30.0],
            "orders": [12345],
        }
    )
    shown = columns(found, EN)
    assert [column["label"] for column in shown] == [
        "Occurred",
        "Severity",
        "Rule",
        "Factory",
        "What happened",
        "Late by",
        "Orders",
    ]
    here = Address("/overview", "en", "7d")
    (row,) = rows(found, EN, here, BOARD_IDS)
    assert row["occurred_at_"]["text"] == "2026-05-04 00:00"
    assert row["occurred_at"] == MIDNIGHT * 1000
    assert (row["severity_"]["text"], row["severity_"]["tone"]) == ("Critical", "bad")
    assert row["factory_id_"]["href"] == "/factory?factory=f+1%26x%3D2&range=7d&lang=en"
    assert row["alert_text_"] == {"text": "<script>", "href": "/alert/a%3A1?lang=en"}
    assert (row["late_h_"]["text"], row["orders_"]["text"]) == ("30.0 h", "12,345")
    assert rows(found, EN, here, frozenset())[0]["factory_id_"]["href"] == ""  # no such board, no link to it


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (None, Unit.COUNT, ("–", "")),
        (1234567, Unit.COUNT, ("1,234,567", "")),
        (0.98765, Unit.RATIO, ("98.8", "%")),
        (1.0, Unit.RATIO, ("100.0", "%")),
        (5.25, Unit.HOURS, ("5.2", "h")),
        (240, Unit.HOURS, ("10.0", "d")),
        (59, Unit.SECONDS, ("59", "s")),
        (600, Unit.SECONDS, ("10", "min")),
        (7200, Unit.SECONDS, ("2.0", "h")),
        (1.8333, Unit.NONE, ("1.83", "")),
        (3 << 20, Unit.BYTES, ("3.0", "MiB")),
    ],
)
def test_figures_are_written_for_people(value: float | None, unit: Unit, shown: tuple[str, str]) -> None:
    assert figure(value, unit, EN) == shown


def test_moments_are_told_in_the_zone_of_the_board() -> None:
    assert moment(MIDNIGHT * 1000, EN) == "2026-05-04 00:00"
    assert moment(None, EN) == "–"


def test_thresholds_hold_from_their_value_upwards() -> None:
    limits = (Threshold(Tone.BAD), Threshold(Tone.WARN, 0.9), Threshold(Tone.GOOD, 0.95))
    assert [tone_of(value, limits) for value in (None, 0.5, 0.9, 0.95)] == [None, Tone.BAD, Tone.WARN, Tone.GOOD]


def test_a_value_stands_on_its_line_beside_the_limit() -> None:
    above = measure(96.0, None, 75.0)
    assert above is not None
    assert not above.passes
    line = line_of([above])
    begin, end = line.passing(above)
    assert 0 == begin < end < line.at(above.value) < 100
    between = measure(7.1, 4.0, 8.5)
    assert between is not None
    assert between.passes
    line = line_of([between])
    begin, end = line.passing(between)
    assert 0 < begin < line.at(between.value) < end < 100
    none_allowed = of_count("1 units", "Ac 0")
    assert none_allowed is not None
    assert not none_allowed.passes
    assert line_of([none_allowed]).passing(none_allowed)[1] > 0  # there is a side that passes, if only for none
    assert measure(None, None, 75.0) is None
    assert measure(7.0, None, None) is None
    assert of_count("none", "Ac 0") is None
    assert line_of([]).at(0.0) > 0


@hypothesis.given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), min_size=1, max_size=5))
def test_on_the_line_of_an_alert_places_compare_as_values_do(pairs: list[tuple[float, float]]) -> None:
    """Three reports of one alert beside each other: whoever is further on is larger."""
    several = [Measure(value, None, limit) for value, limit in pairs]
    line = line_of(several)
    places = sorted((one.value, line.at(one.value)) for one in several)
    assert all(0 <= at <= 100 for _, at in places)
    assert [at for _, at in places] == sorted(at for _, at in places)


def test_a_sentence_tells_its_moments_in_the_zone_of_the_board() -> None:
    text = "Shipment W-1 had not arrived by the expected 2026-05-04T06:00:00+08:00."
    assert sentence(text, EN) == f"Shipment W-1 had not arrived by the expected {moment(MIDNIGHT * 1000 + 6 * 3_600_000, EN)}."
    assert sentence("批次 L-2026-05-04：无", ZH) == "批次 L-2026-05-04：无"


def test_an_address_says_everything_and_only_what_is_known() -> None:
    (center,) = [board for board in BOARDS if board.id == "center"]
    asked = [("center", "c/1"), ("center", "c-2"), ("product", "sheet"), ("product", "quilt"), ("range", "7d"), ("other", "x")]
    here = read("/center", asked, center.variables, "zh")
    assert here.href == "/center?center=c%2F1&product=sheet&product=quilt&range=7d&lang=zh"
    assert read("/center", [("range", "never")], center.variables, "en").href == "/center?lang=en"
    assert here.alert("a:b/c").href == "/alert/a%3Ab/c?lang=zh"


@pytest.mark.parametrize(
    ("query", "cookies", "accepted", "language"),
    [
        ({"lang": "zh"}, {"weftline_lang": "en"}, "en", "zh"),
        ({"lang": "fr"}, {"weftline_lang": "zh"}, "en", "zh"),
        ({}, {}, "zh-CN,zh;q=0.9", "zh"),
        ({}, {}, "de-DE", "en"),
        ({}, {}, "", "en"),
    ],
)
def test_the_language_is_the_address_then_the_readers_then_the_browsers(
    query: dict[str, str], cookies: dict[str, str], accepted: str, language: str
) -> None:
    assert language_of(query, cookies, accepted) == language


def test_tables_behind_views_are_known() -> None:
    views = {"alerts": "", "orders_raw": "", "standing": "SELECT * FROM alerts FINAL", "both": "SELECT 1 FROM standing, orders_raw"}
    assert tables_read("SELECT count() FROM both WHERE alerts_x = 1", views) == {"alerts", "orders_raw"}
    assert tables_read("SELECT 1", views) == frozenset()


def test_columns_come_as_milliseconds_and_finite_figures() -> None:
    assert plain([1, None], "Nullable(DateTime('UTC'))") == [1000, None]
    assert plain([1500], "DateTime64(3, 'UTC')") == [1500]
    assert plain([float("nan"), float("inf"), 1.5, None], "Nullable(Float64)") == [None, None, 1.5, None]


@pytest.mark.parametrize("dark", [False, True])
def test_every_tone_is_legible_as_text(dark: bool) -> None:
    card, page = surface("card", dark), surface("page", dark)
    for tone in Tone:
        assert contrast(colour(tone, dark), card) >= 4.5
        # Chips: the tone on its own pale shade, as style.css mixes it.
        assert contrast(colour(tone, dark), _mixed(colour(tone, dark), card, 0.09)) >= 4.5
    for text in ("text", "soft"):
        assert contrast(surface(text, dark), card) >= 4.5  # type: ignore[arg-type]
        assert contrast(surface(text, dark), page) >= 4.5  # type: ignore[arg-type]
    assert len({colour(tone, dark) for tone in Tone}) == len(Tone)
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


def _mixed(one: str, other: str, share: float) -> str:
    parts = [(int(one[at : at + 2], 16), int(other[at : at + 2], 16)) for at in (1, 3, 5)]
    return "#" + "".join(f"{round(a * share + b * (1 - share)):02x}" for a, b in parts)


_CELLS = st.one_of(st.none(), st.integers(-(10**6), 10**6), st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0")))


@hypothesis.given(st.lists(st.tuples(_CELLS, st.sampled_from(["CRITICAL", "MAJOR", "=1+1"])), max_size=6))
def test_a_spreadsheet_reads_what_the_table_says(given_rows: list[tuple[Any, str]]) -> None:
    """Whatever a publisher calls things: as many rows and cells as there are, figures as figures, and no cell is a formula."""
    found = Found({"owner": [one for one, _ in given_rows], "severity": [two for _, two in given_rows]})
    heading, *said = list(csv.reader(io.StringIO(as_csv(found, ZH), newline="")))
    assert heading == ["对象", "级别"]
    assert len(said) == len(given_rows)
    for (value, code), (cell, word) in zip(given_rows, said, strict=True):
        assert word == {"CRITICAL": "危急", "MAJOR": "重要"}.get(code, "'=1+1")
        if isinstance(value, int):
            assert cell == str(value)
        else:
            assert not cell.startswith(("=", "+", "-", "@", "\t"))
            assert cell in (value or "", f"'{value}", "" if value == "–" else value)
