"""Boards: macros as the data source's documentation has them, the grid, the linter, the palette, and the committed dashboards."""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Callable, Iterator
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
from hypothesis import given
from hypothesis import strategies as st
from tests.support.debian import program
from tests.support.metric_names import exported, used
from typer.testing import CliRunner

from weftline.boards import BOARDS
from weftline.boards.columns import columns_of
from weftline.boards.fields import FIELDS
from weftline.boards.grafana import render, uid_of
from weftline.boards.layout import flow, lay_out
from weftline.boards.lint import lint, panels_of
from weftline.boards.macros import Choice, MacroError, expand
from weftline.boards.model import COLUMNS, LANGUAGES, Board, Kind, Panel, Row, Text, Threshold, Tone, Unit
from weftline.boards.targets import statement, targets
from weftline.boards.web import story
from weftline.commands.boards import app
from weftline.pages.palette import DARK_GROUND, LIGHT_GROUND, PALETTE, contrast
from weftline.pages.words import WORDS, words_of

DASHBOARDS = Path(__file__).parents[2] / "deploy" / "grafana" / "dashboards"

# From grafana.com/docs/plugins/grafana-clickhouse-datasource/latest/query-editor/ ("Macros") and, for $__conditionalAll,
# …/template-variables/ ("Using the All option"): the macro, and the output that it gives as an example.
DOCUMENTED = [
    ("$__timeFilter(time)", "time >= toDateTime(1415792726) AND time <= toDateTime(1447328726)"),
    ("$__fromTime", "toDateTime(1415792726)"),
    ("$__toTime", "toDateTime(1447328726)"),
]
BEGIN, END = 1_415_792_726, 1_447_328_726


@pytest.mark.parametrize(("macro", "output"), DOCUMENTED)
def test_macros_are_expanded_as_documented(macro: str, output: str) -> None:
    assert expand(f"SELECT 1 WHERE {macro}", Choice(BEGIN, END)) == f"SELECT 1 WHERE {output}"


def test_all_is_no_condition() -> None:
    sql = "SELECT count() FROM system.tables\nWHERE $__conditionalAll(database IN (${database:sqlstring}), $database)"
    assert expand(sql, Choice(0, 1)) == "SELECT count() FROM system.tables\nWHERE 1=1"
    some = Choice(0, 1, {"database": ["db1", "db2"]})
    assert expand(sql, some) == "SELECT count() FROM system.tables\nWHERE database IN ('db1','db2')"


def test_macros_may_stand_in_one_another() -> None:
    sql = "sumIf(n, $__timeFilter(toDateTime(hour))) AND $__conditionalAll(lower(a) IN (${a:sqlstring}), $a)"
    assert expand(sql, Choice(1, 2, {"a": ["x"]})) == (
        "sumIf(n, toDateTime(hour) >= toDateTime(1) AND toDateTime(hour) <= toDateTime(2)) AND lower(a) IN ('x')"
    )


@pytest.mark.parametrize(
    "sql", ["$__timeInterval(x)", "SELECT $a", "SELECT ${a}", "SELECT ${a:csv}", "$__timeFilter(x", "${missing:sqlstring}"]
)
def test_what_nobody_knows_is_an_error(sql: str) -> None:
    with pytest.raises(MacroError):
        expand(sql, Choice(0, 1, {"a": ["x"]}))


@pytest.mark.parametrize("value", ["day'", "a b", "", "day;", "$__toTime"])
def test_a_bare_value_is_one_word(value: str) -> None:
    with pytest.raises(MacroError):
        expand("dateTrunc('${grain:raw}', t)", Choice(0, 1, {"grain": [value]}))


def test_what_has_no_value_is_called_nothing() -> None:
    assert expand("x IN (${a:sqlstring})", Choice(0, 1, {"a": []})) == "x IN ('')"


_MARKS = {"grain": ["day"], "zone": ["Asia/Shanghai"]}


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.id)
def test_a_selector_without_a_value_hides_only_what_asks_for_it(board: Board) -> None:
    """Whichever selectors have no value: every statement can be sent, and one that does not ask for them is the same as ever."""
    names = [variable.name for variable in board.variables]
    chosen = {name: [f"a {name}"] for name in names}
    for count in range(1, len(names) + 1):
        for missing in combinations(names, count):
            lacking = {**chosen, **dict.fromkeys(missing, ())}
            for panel in board.panels:
                now, ever = (expand(panel.sql, Choice(0, 1, {**values, **_MARKS})) for values in (lacking, chosen))
                assert (now == ever) == (not any(f"${{{name}:" in panel.sql for name in missing)), panel.id


def test_what_stands_asks_only_for_what_an_alert_says() -> None:
    """An alert says of whom and of what it is; a selector of anything else would hide it where it has no value."""
    for board in BOARDS:
        for panel in board.panels:
            if "_alerts" in panel.sql:
                about, said = board.variables[0].name, {"cooperative", "center", "factory", "product"}
                asked = {variable.name for variable in board.variables if f"${{{variable.name}:" in panel.sql}
                assert asked <= {about, *said}, f"{board.id}/{panel.id}"


def test_a_selector_asks_only_for_those_before_it() -> None:
    for board in BOARDS:
        before: dict[str, list[str]] = {}
        for variable in board.variables:
            assert "$" not in expand(variable.sql, Choice(0, 1, before))
            before[variable.name] = ["x"]


@given(st.text())
def test_a_value_stays_in_its_quotes(value: str) -> None:
    text = expand("${a:sqlstring}", Choice(0, 1, {"a": [value]}))
    assert text[0] == text[-1] == "'"
    inside, at = text[1:-1], 0
    while at < len(inside):
        assert inside[at] != "'"
        at += 2 if inside[at] == "\\" else 1
    assert at == len(inside), "the closing quote is escaped"


@given(st.lists(st.tuples(st.integers(1, COLUMNS), st.integers(1, 30)), max_size=40), st.integers(0, 100))
def test_panels_flow_into_the_grid(sizes: list[tuple[int, int]], top: int) -> None:
    places = flow(sizes, top)
    assert [(place.width, place.height) for place in places] == sizes
    assert all(place.x >= 0 and place.y >= top and place.x + place.width <= COLUMNS for place in places)
    assert not any(one.overlaps(other) for one, other in combinations(places, 2))
    for before, after in pairwise(places):
        if after.y == before.y:
            assert after.x == before.x + before.width
        else:
            assert after.x == 0, "a new line begins at the left"
            assert before.x + before.width + after.width > COLUMNS, "and only when the panel does not fit"


@pytest.mark.parametrize("size", [(0, 1), (COLUMNS + 1, 1), (1, 0)])
def test_a_panel_without_a_place(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="columns wide"):
        flow([size])


def test_rows_stand_below_each_other() -> None:
    for board in BOARDS:
        rows = lay_out(board)
        every = [place for row in rows for place in (row.heading, *(place for _, place in row.panels))]
        assert not any(one.overlaps(other) for one, other in combinations(every, 2))
        assert [row.row for row in rows] == list(board.rows)
        assert [row.heading.y for row in rows] == sorted(row.heading.y for row in rows)


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("SELECT a.b, count() AS n FROM t", ("b", "n")),
        ("SELECT DISTINCT x FROM t", ("x",)),
        ("WITH (SELECT 1 AS y) AS z SELECT if(a, 'FROM, b', c[1, 2]) AS d, e\nFROM (SELECT 1 AS f)", ("d", "e")),
        ("SELECT 1 AS a UNION ALL SELECT 2 AS b", ("a",)),
        ("SELECT now() AS time", ("time",)),
    ],
)
def test_names_of_columns(sql: str, names: tuple[str, ...]) -> None:
    assert columns_of(sql) == names


@pytest.mark.parametrize("sql", ["SELECT count() FROM t", "SELECT 1", "SHOW TABLES", "SELECT *"])
def test_columns_without_a_name(sql: str) -> None:
    with pytest.raises(ValueError, match="without a name"):
        columns_of(sql)


def test_colours_can_be_told_from_their_ground() -> None:
    assert set(PALETTE) == set(Tone)
    for colour in PALETTE.values():
        assert contrast(colour.light, LIGHT_GROUND) >= 4.5
        assert contrast(colour.dark, DARK_GROUND) >= 4.5
        assert min(contrast(colour.both, LIGHT_GROUND), contrast(colour.both, DARK_GROUND)) >= 3
    for kind in ("light", "dark", "both"):
        assert len({getattr(colour, kind) for colour in PALETTE.values()}) == len(Tone)


def test_boards_are_sound() -> None:
    assert len({board.id for board in BOARDS}) == len(BOARDS)
    for board in BOARDS:
        assert len({panel.id for panel in board.panels}) == len(board.panels)
        for panel in board.panels:
            assert bool(panel.sql) != bool(panel.promql), f"{board.id}/{panel.id}: SQL or PromQL, one of them"
            assert not panel.thresholds or panel.thresholds[0].at is None
    for name, field in FIELDS.items():
        assert field.words is None or words_of(field.words), name


def test_every_field_and_every_word_is_used() -> None:
    stories = [panel for panel in vars(story).values() if isinstance(panel, Panel)]
    panels = [panel for panel in (*stories, *(panel for board in BOARDS for panel in board.panels)) if panel.sql]
    columns = {name for panel in panels for sql in (panel.sql, statement(panel, "en")) for name in columns_of(sql)}
    assert set(FIELDS) - columns == set()
    assert {field.words for field in FIELDS.values()} - {None, "indicator"} == set(WORDS)


# --- The dashboards ---------------------------------------------------------------------------------------------------------


def committed() -> dict[str, dict[str, Any]]:
    return {str(path.relative_to(DASHBOARDS)): json.loads(path.read_text("utf-8")) for path in sorted(DASHBOARDS.rglob("*.json"))}


def test_the_committed_dashboards_are_what_the_boards_make() -> None:
    """If this fails: ``weftline boards render``."""
    rendered = {str(path): text for path, text in render().items()}
    assert {name: json.loads(text) for name, text in rendered.items()} == committed()
    assert {name: (DASHBOARDS / name).read_text("utf-8") for name in rendered} == rendered, "to the byte"
    assert len(rendered) == len(LANGUAGES) * len(BOARDS)


def test_the_linter_finds_nothing() -> None:
    assert lint(committed()) == ()


def test_grafanas_own_types_read_them() -> None:
    """There and back through the SDK's types, which keep what they know: nothing is lost."""
    register_default_plugins()
    for name, board in committed().items():
        again = json.loads(JSONEncoder().encode(Dashboard.from_json(copy.deepcopy(board))))
        for link in again["links"]:
            link.pop("placement", None)
        assert again == board, name
        assert board["schemaVersion"] >= 39


def test_both_languages_say_the_same() -> None:
    boards = committed()
    for board in BOARDS:
        english, chinese = (boards[f"{language}/{board.id}.json"] for language in ("en", "zh"))
        for left, right in zip(panels_of(english), panels_of(chinese), strict=True):
            assert (left["type"], left["id"], left["gridPos"]) == (right["type"], right["id"], right["gridPos"])
            assert left["title"] != right["title"] or left["title"].isascii()
        assert english["uid"] + "-zh" == chinese["uid"]
        assert f"/d/{chinese['uid']}" in json.dumps(english["links"])
        assert f'/d/{english["uid"]}"' in json.dumps(chinese["links"])


def test_a_drill_down_gives_a_variable_that_the_board_has() -> None:
    boards = {board.id: board for board in BOARDS}
    for board in BOARDS:
        for panel in filter(lambda panel: panel.sql, board.panels):
            for name in columns_of(statement(panel, "en")):
                link = FIELDS[name].link
                if link and link.board in boards:
                    assert link.variable in {variable.name for variable in boards[link.board].variables}


def test_a_column_is_told_once_in_its_words() -> None:
    for language in LANGUAGES:
        for board in BOARDS:
            drawn = [panel for panel in panels_of(committed()[f"{language}/{board.id}.json"]) if panel["type"] != "row"]
            for panel, made in zip(board.panels, drawn, strict=True):
                told = [entry["matcher"]["options"] for entry in made["fieldConfig"]["overrides"]]
                assert not panel.sql or told == list(columns_of(statement(panel, language)))


POINTS = Panel(
    id="points",
    title=Text("点", "Points"),
    question=Text("", ""),
    kind=Kind.POINTS,
    unit=Unit.NONE,
    sql="SELECT a AS time, b AS value, c AS low, d AS high, e AS not_detected, f AS what FROM t ORDER BY time DESC",
)


def test_points_come_in_order_and_those_not_detected_apart() -> None:
    sql = statement(POINTS, "en")
    assert columns_of(sql) == ("time", "number", "not_detected", "low", "high")
    assert sql.endswith("ORDER BY time")


def test_a_legend_that_names_a_field_speaks_the_language() -> None:
    panel = Panel(
        id="p",
        title=Text("甲", "A"),
        question=Text("", ""),
        kind=Kind.STAT,
        promql={"late": "sum(x)", "{{topic}}": "y"},
        thresholds=(Threshold(Tone.GOOD),),
    )
    built: list[Any] = [query.build() for query in targets(panel, "zh")]
    assert [query.legend_format for query in built] == [FIELDS["late"].title.zh, "{{topic}}"]
    assert [query.ref_id for query in built] == ["A", "B"]


# --- The linter can fail -----------------------------------------------------------------------------------------------------


def first(board: dict[str, Any], kind: str) -> dict[str, Any]:
    found: dict[str, Any] = next(panel for panel in board["panels"] if panel["type"] == kind)
    return found


def _no_unit(board: dict[str, Any]) -> None:
    for panel in board["panels"]:
        panel.get("fieldConfig", {}).get("defaults", {}).pop("unit", None)
        panel.get("fieldConfig", {})["overrides"] = []


def _query_variable(board: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(entry for entry in board["templating"]["list"] if entry["type"] == "query")
    return found


SPOILS: list[tuple[str, Callable[[dict[str, Any]], object]]] = [
    ("title", lambda board: board.pop("title")),
    ("description", lambda board: board.pop("description")),
    ("title", lambda board: first(board, "stat").pop("title")),
    ("title", lambda board: first(board, "row").update(title="")),
    ("description", lambda board: first(board, "table").update(description="")),
    ("unit", _no_unit),
    ("uid", lambda board: board.pop("uid")),
    ("uid", lambda board: board.update(uid=uid_of("overview", "zh"))),
    ("panel id", lambda board: first(board, "stat").update(id=first(board, "table")["id"])),
    ("panel id", lambda board: first(board, "stat").pop("id")),
    ("grid", lambda board: first(board, "stat")["gridPos"].update(x=COLUMNS - 1)),
    ("grid", lambda board: first(board, "stat")["gridPos"].update(x=-1)),
    ("grid", lambda board: first(board, "stat")["gridPos"].update(h=40)),
    ("grid", lambda board: first(board, "stat").pop("gridPos")),
    ("data source", lambda board: first(board, "stat")["datasource"].update(uid="weftline-clickhouse")),
    ("data source", lambda board: first(board, "stat").pop("datasource")),
    ("data source", lambda board: first(board, "stat")["targets"][0].pop("datasource")),
    ("data source", lambda board: _query_variable(board)["datasource"].update(uid="abc")),
    ("data source", lambda board: board["annotations"]["list"][0]["datasource"].update(uid="abc")),
    ("query", lambda board: first(board, "stat")["targets"][0].update(rawSql=" ")),
    ("query", lambda board: first(board, "stat").update(targets=[])),
    ("link", lambda board: board["links"][1].update(url="/d/weftline-nowhere")),
    ("link", lambda board: first(board, "stat").update(links=[{"url": "https://grafana.example/d/gone?var-a=b"}])),
    ("variable", lambda board: first(board, "stat")["targets"][0].update(rawSql="SELECT ${missing:sqlstring}")),
    ("variable", lambda board: first(board, "stat").update(title="of $missing")),
    ("variable", lambda board: first(board, "stat").update(title="of [[missing]]")),
    ("variable", lambda board: _query_variable(board)["query"].update(rawSql="")),
    ("timezone", lambda board: board.update(timezone="browser")),
    ("timezone", lambda board: board.update(timezone="UTC")),
]


@pytest.mark.parametrize(("rule", "spoil"), SPOILS, ids=[f"{rule}-{number}" for number, (rule, _) in enumerate(SPOILS)])
def test_each_rule_of_the_linter_can_fail(rule: str, spoil: Callable[[dict[str, Any]], object]) -> None:
    boards = committed()
    spoil(boards["en/overview.json"])
    findings = lint(boards)
    assert any(finding.rule == rule and "en/overview.json" in finding.where for finding in findings), findings


# --- PromQL ------------------------------------------------------------------------------------------------------------------


def expressions() -> Iterator[tuple[str, str]]:
    for board in BOARDS:
        for panel in board.panels:
            for expression in (panel.promql or {}).values():
                yield f"{board.id}/{panel.id}", expression


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ('sum by (program) (rate(weftline_records_total{program=~"orders|x"}[5m]))', {"weftline_records_total"}),
        ("time() - max(weftline_a_seconds) by (kind)", {"weftline_a_seconds"}),
        ("histogram_quantile(0.99, sum(rate(a_bucket[$__rate_interval])) by (le, phase))", {"a_bucket"}),
        ("a / on(x) group_left(y) b > bool 1e3", {"a", "b"}),
        ("a offset 5m or vector(0)", {"a"}),
        ('{__name__="a"}', set()),
        ("label_replace(up, 'dst', '$1', 'src', '(.*)')", {"up"}),
        ("count(up == 1) and sum(b)", {"up", "b"}),
    ],
)
def test_names_of_metrics_in_promql(expression: str, names: set[str]) -> None:
    assert used(expression) == names


def test_promql_names_only_metrics_that_we_export() -> None:
    known = exported()
    assert {"weftline_records_total", "weftline_phase_seconds_bucket", "kafka_consumergroup_lag", "weftline_audit_seconds"} <= known
    unknown = {where: missing for where, expression in expressions() if (missing := used(expression) - known)}
    assert unknown == {}


@pytest.mark.parametrize("broken", [False, True])
def test_prometheus_understands_the_promql(broken: bool, tmp_path: Path) -> None:
    """As recording rules: promtool parses them."""
    asked = [("example", "sum(up)"), *expressions(), *([("broken", "sum(up")] if broken else [])]
    rules = [{"record": f"panel{number}", "expr": expression} for number, (_, expression) in enumerate(asked)]
    file = tmp_path / "rules.json"
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}), "utf-8")
    ended = subprocess.run([program("promtool"), "check", "rules", str(file)], capture_output=True, text=True, timeout=60)
    assert (ended.returncode != 0) == broken, ended.stderr


def _prometheus(kind: Kind) -> Board:
    panel = Panel(
        id="up",
        title=Text("在运行", "Up"),
        question=Text("都在运行吗？", "Do all run?"),
        kind=kind,
        promql={"{{instance}}": "up", "late": "sum(up)"},
        thresholds=(Threshold(Tone.BAD), Threshold(Tone.GOOD, 1)),
    )
    words = Text("探", "Probe")
    return Board(id="probe", title=words, question=words, variables=(), rows=(Row(words, (panel,)),))


@pytest.mark.parametrize("kind", [Kind.STAT, Kind.LINES, Kind.AREAS, Kind.STACK, Kind.TABLE])
def test_a_board_that_asks_prometheus_alone(kind: Kind) -> None:
    board = _prometheus(kind)
    made = {str(path): json.loads(text) for path, text in render([board]).items()}
    assert lint(made) == ()
    english = made["en/probe.json"]
    assert [variable["name"] for variable in english["templating"]["list"]] == ["prometheus"]
    assert not english["annotations"].get("list")
    drawn = panels_of(english)[1]
    assert [query["legendFormat"] for query in drawn["targets"]] == ["{{instance}}", "Late"]
    assert all(bool(query.get("instant")) == (kind in (Kind.STAT, Kind.TABLE)) for query in drawn["targets"])


def test_bars_need_names() -> None:
    with pytest.raises(ValueError, match="column of names"):
        render([_prometheus(Kind.BARS)])


# --- The command -------------------------------------------------------------------------------------------------------------


def test_render_writes_and_checks(tmp_path: Path) -> None:
    def run(*arguments: str) -> tuple[int, str]:
        said = CliRunner().invoke(app, ["boards", *arguments])
        return said.exit_code, said.output

    to = ("--to", str(tmp_path))
    assert run("render", "--check", *to)[0] == 1
    assert run("render", *to) == (0, f"{len(render())} dashboards in {tmp_path}, {len(render())} of them written anew\n")
    assert run("render", "--check", *to)[0] == 0
    files = sorted(map(str, tmp_path.rglob("*.json")))
    assert run("lint", *files) == (0, f"{len(files)} dashboards, no findings\n")
    (tmp_path / "en" / "overview.json").write_text("{}", "utf-8")
    code, output = run("render", "--check", *to)
    assert (code, "overview.json" in output) == (1, True)
    assert run("lint", *files)[0] == 1
    assert "1 of them" in run("render", *to)[1]
    (tmp_path / "en" / "mine.json").write_text("[]", "utf-8")
    assert "no board makes it" in run("render", "--check", *to)[1]
