"""Files that are broken: each of our own, with one thing wrong anywhere in it, is refused with the line of that thing."""

from __future__ import annotations

import copy
import datetime
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from weftline.contracts import yaml_reading
from weftline.contracts.cooperative_file import CooperativeFile
from weftline.contracts.indicators_file import IndicatorsFile
from weftline.contracts.paths import schemas_root
from weftline.contracts.reference_file import ReferenceFile
from weftline.contracts.remedies_file import RemediesFile
from weftline.contracts.sampling_file import SamplingFile
from weftline.contracts.standard_file import StandardFile
from weftline.contracts.standards import load_standards
from weftline.contracts.topics import load_topics
from weftline.contracts.topics_file import TopicsFile
from weftline.contracts.vocabularies_file import CategoriesFile, SpellingsFile
from weftline.contracts.yaml_reading import parse_yaml, read_yaml
from weftline.contracts.yaml_types import Model
from weftline.errors import UserError
from weftline.kafka_admin.access_file import AccessFile

STANDARDS = load_standards()
NAMES = yaml.safe_load((schemas_root() / "standards" / "indicators.yaml").read_text("utf-8"))["code_names"]
KNOWN = {"indicators": STANDARDS.indicators, "categories": STANDARDS.categories}
GRANT = {
    "id": "c1",
    "public_key": "unsigned",
    "valid_from": datetime.date(2024, 1, 1),
    "valid_until": datetime.date(2026, 1, 1),
    "sources": ["https://lims.example/c1", "urn:lims:c1:*"],
    "centers": ["c1"],
    "cooperatives": ["haimen"],
}


class File(NamedTuple):
    """How a file is read, and which keys must be there: by the place of their mapping, in which ``[]`` is any entry and ``*`` any key."""

    model: type[Model]
    context: dict[str, Any]
    required: dict[str, str]


EDITION = File(
    StandardFile,
    KNOWN,
    {
        "": "standard edition zh en valid_from confidence safety source",
        "out_of_scope": "clause categories",
        "limits[]": "indicator clause",
        "limits[].label_share": "trace pure textile filling filling_kinds filling_trait filling_parts label_needed sum_tolerance",
        "limits[].label_share.trace": "clause maximum",
        "limits[].label_share.pure": "clause tolerance",
        "limits[].label_share.textile[]": "clause up_to tolerance",
        "limits[].label_share.filling[]": "clause up_to tolerance",
        "exceptions[]": "trait clause indicators",
        "requires[]": "indicators",
    },
)
FILES = {
    "topics.yaml": File(TopicsFile, {}, {"": "topics", "topics.*": "doc key partitions retention_days"}),
    "access.yaml": File(AccessFile, {"topics": load_topics()}, {"": "roles", "roles.*": "doc"}),
    "examples/reference.yaml": File(
        ReferenceFile,
        {},
        {
            "centers[]": "id valid_from name_zh name_en",
            "factories[]": "id valid_from name_zh name_en",
            "publishers[]": "id public_key valid_from sources centers cooperatives",
        },
    ),
    "standards/indicators.yaml": File(
        IndicatorsFile,
        {},
        {
            "": "code_names",
            "indicators[]": "code zh en kind readings scale codes",
            "indicators[].methods[]": "name",
            "programmes[]": "code zh en status source indicators",
        },
    ),
    "standards/spellings.yaml": File(
        SpellingsFile,
        {"code_names": NAMES},
        {"": "source no_unit methods", "units[]": "name", "codes[]": "name", "methods": "adopted_by"},
    ),
    "standards/remedies.yaml": File(
        RemediesFile, {}, {"": "remedies", "remedies[]": "code zh en how_zh how_en ask confidence source"}
    ),
    "standards/categories.yaml": File(CategoriesFile, {}, {"": "source confidence", "categories[]": "code zh en"}),
    "standards/iso-2859-1.yaml": File(
        SamplingFile,
        {},
        {
            "": "id source confidence editions code_letters sample_sizes aql tables reduced common_sample switching critical",
            "editions[]": "standard edition valid_from confidence source",
            "code_letters": "levels lots",
            "code_letters.lots[]": "from letters",
            "aql": "steps percent_up_to",
            "tables": "NORMAL TIGHTENED",
            "tables.*": "zero_at before diagonal after beyond cells",
            "tables.*.cells[]": "letter aql cell",
            "reduced": "enabled reason",
            "common_sample": "allowed",
            "switching": "window not_accepted accepted",
            "critical": "accept",
        },
    ),
    "standards/cooperative.yaml": File(
        CooperativeFile,
        {},
        {
            "": "editions",
            "editions[]": "cooperative edition zh en valid_from utc_offset source confidence fund clocks credit lists trademark"
            " unifications work",
            "editions[].fund": "quota free_reinspection",
            "editions[].fund.quota": "id zh en least most",
            "editions[].fund.more[]": "batches when",
            "editions[].fund.next[]": "weight when",
            "editions[].clocks": "rectify reinspect second_round counting own_tests leniency warn",
            "editions[].clocks.second_round": "from_days to_days",
            "editions[].clocks.own_tests": "purposes",
            "editions[].credit": "start least most points grades",
            "editions[].credit.points[]": "id zh en signals points",
            "editions[].credit.points[].decay[]": "days share",
            "editions[].credit.caps[]": "signals most",
            "editions[].credit.grades[]": "id zh en from",
            "editions[].lists": "red_term black_term early_removal appeal",
            "editions[].lists.red_term": "id days",
            "editions[].lists.proposals[]": "list when",
            "editions[].trademark": "places conditions",
            "editions[].trademark.places": "number",
            "editions[].trademark.conditions[]": "cure_zh cure_en when",
            "editions[].unifications[]": "id zh en when",
            "editions[].work": "expiring news",
        },
    ),
    **{f"standards/{name}.yaml": EDITION for name in ("gb-18401-2010", "gb-31701-2015", "gb-t-29862-2013", "gb-t-22796-2021")},
}
# Lists of ten aliases, thirty levels of them.
BILLION = (
    "topics:\n  a0: &a0 [x]\n"
    + "".join(f"  a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 30))
    + "  c: *a29\n"
)
DAYS = {"valid_from", "valid_to", "valid_until", "live_from"}
TOKEN, TOKEN_DAY = "zz-token", datetime.date(1999, 9, 9)


@cache
def body(name: str) -> Any:
    found = yaml.safe_load(written(yaml.safe_load((schemas_root() / name).read_text("utf-8"))))  # without what an alias shares
    return found | {"publishers": [GRANT]} if name.endswith("reference.yaml") else found


class Plain(yaml.CSafeDumper):
    """Writes every value on a line of its own, and what stands twice twice."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def written(value: Any) -> str:
    return str(yaml.dump(value, Dumper=Plain, allow_unicode=True, sort_keys=False, default_flow_style=False, width=100_000))


def line_of(text: str, token: object) -> int:
    (found,) = [number for number, line in enumerate(text.split("\n"), 1) if str(token) in line]
    return found


def faults(name: str, text: str) -> list[tuple[int, str]]:
    """Line and rest of each fault that is told of the file; none if it is taken."""
    file = FILES[name]
    try:
        parse_yaml(text, file.model, "a.yaml", context=file.context)
    except UserError as error:
        said = str(error)
    else:
        return []
    told = re.findall(r"^(?:a\.yaml,| ) line (\d+)(?:, column \d+)?: (.*)$", said, re.M)
    assert len(told) == max(1, said.count("\n")), said
    return [(int(line), rest) for line, rest in told]


Path_ = tuple[Any, ...]


def places(value: Any, path: Path_ = ()) -> Iterator[Path_]:
    """The paths of everything in a file."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in items:
        yield from places(inner, (*path, step))


def at(value: Any, path: Path_) -> Any:
    for step in path:
        value = value[step]
    return value


def changed(name: str, path: Path_, new: Any) -> Any:
    found = copy.deepcopy(body(name))
    at(found, path[:-1])[path[-1]] = new
    return found


def a_place(*kinds: type) -> st.SearchStrategy[tuple[str, Path_]]:
    """A place of any file, the files being equally likely; with what is of these kinds."""
    found = {
        name: [path for path in places(body(name)) if path and isinstance(at(body(name), path), kinds or object)] for name in FILES
    }
    return st.sampled_from(sorted(FILES)).flatmap(lambda name: st.tuples(st.just(name), st.sampled_from(found[name])))


@pytest.mark.parametrize("name", FILES)
def test_our_own_files_are_taken_however_they_are_laid_out(name: str) -> None:
    assert faults(name, (schemas_root() / name).read_text("utf-8")) == []
    assert faults(name, written(body(name))) == []
    assert faults(name, written(body(name)).replace("\n", "\r\n")) == []


@given(a_place())
def test_another_type_is_refused_at_its_line(place: tuple[str, Path_]) -> None:
    name, path = place
    token = TOKEN if path[-1] in DAYS else TOKEN_DAY
    text = written(changed(name, path, token))
    told = [rest for line, rest in faults(name, text) if line == line_of(text, token)]
    assert told, text
    assert any(rest.endswith(f", not {token}") for rest in told)


@given(a_place(int, float, str, datetime.date))
def test_nothing_is_read_as_something_else(place: tuple[str, Path_]) -> None:
    """A number in quotes is text, text is no number; days and truth are written as such."""
    name, path = place
    value = at(body(name), path)
    if value in ("up", "down"):  # the cell of a table is an arrow or a number
        return
    new = 987_654_321 if isinstance(value, str) else str(value).lower()
    text = written(changed(name, path, new))
    before = written(body(name)).split("\n")
    line = next(number for number, (old, now) in enumerate(zip(before, text.split("\n"), strict=True), 1) if old != now)
    assert line in [line for line, _ in faults(name, text)]


@given(a_place(dict))
def test_a_key_that_nobody_knows_is_refused_at_its_line(place: tuple[str, Path_]) -> None:
    name, path = place
    text = written(changed(name, (*path, TOKEN), TOKEN_DAY))
    told = [rest for line, rest in faults(name, text) if line == line_of(text, TOKEN)]
    # Beside mappings of fixed keys there are those of any words, such as units; of them the value is refused.
    assert any(f"unknown key {TOKEN}" in rest or ": must be " in rest for rest in told), text


@given(st.sampled_from(sorted(FILES)), st.randoms(use_true_random=False))
def test_a_key_that_stands_twice_is_refused_at_its_second_line(name: str, random: Any) -> None:
    lines = written(body(name)).split("\n")
    keys = [
        (number, found) for number, line in enumerate(lines) if (found := re.fullmatch(r"( *)((?:- )*)([\w.]+): [^|>&].*", line))
    ]
    number, found = random.choice(keys)
    lines.insert(number + 1, found[1] + " " * len(found[2]) + lines[number][found.start(3) :])
    told = faults(name, "\n".join(lines))
    assert [(line, rest.rpartition(": ")[2]) for line, rest in told if "twice" in rest] == [
        (number + 2, f"{found[3].strip()} stands twice, first in line {number + 1}; leave one")
    ]


def required_places() -> list[tuple[str, Path_]]:
    found = []
    for name, file in FILES.items():
        for path in places(body(name)):
            where = "".join("[]" if isinstance(step, int) else f".{step}" for step in path[:-1]).removeprefix(".")
            for pattern, keys in file.required.items():
                form = re.escape(pattern).replace(r"\*", r"[^\[]+")
                if path and path[-1] in keys.split() and re.fullmatch(form, where):
                    found.append((name, path))
    return found


REQUIRED = required_places()


def test_each_required_key_is_somewhere() -> None:
    for name, file in FILES.items():
        found = {path[-1] for other, path in REQUIRED if other == name}
        # Not in every edition of a standard is everything.
        assert name.startswith("standards/gb") or found == {key for keys in file.required.values() for key in keys.split()}
    dropped = {".".join(map(str, path)) for name, path in REQUIRED if name == "standards/gb-18401-2010.yaml"}
    assert {"confidence", "source", "out_of_scope.clause", "limits.0.clause", "exceptions.1.trait"} <= dropped


@given(st.sampled_from(REQUIRED), st.booleans())
def test_a_key_that_must_be_there_is_asked_for_where_it_lacks(place: tuple[str, Path_], empty: bool) -> None:
    name, path = place
    above = path[:-1]
    if empty:
        text = written(changed(name, path, TOKEN)).replace(f" {TOKEN}\n", "\n")
        expected = line_of(written(changed(name, path, TOKEN)), TOKEN)
    else:
        broken = copy.deepcopy(body(name))
        del at(broken, above)[path[-1]]
        text = written(broken)
        # The mapping that lacks it stands where its key does, or as an entry of a list where its first key does.
        marked = copy.deepcopy(broken)
        inner = at(marked, above)
        rest = dict(inner)
        inner.clear()
        inner.update({TOKEN: 1} | rest)
        expected = line_of(written(marked), TOKEN) - (1 if above and isinstance(above[-1], str) else 0)
    lacks = re.compile(rf"\b{path[-1]} is missing; |\b{path[-1]}: must be .*, not nothing$")
    assert any(line == expected and lacks.search(rest) for line, rest in faults(name, text)), (
        expected,
        faults(name, text),
    )


def test_faults_of_different_kinds_are_told_together(tmp_path: Path) -> None:
    path = tmp_path / "topics.yaml"
    path.write_text(
        "topics:\n  a: {doc: d, doc: e, key: k, partitions: '8', retention_days: 2026-02-30}\n  b:\n    schem: x\n    <<: {}\n"
    )
    with pytest.raises(UserError) as caught:
        read_yaml(path, TopicsFile)
    assert str(caught.value).splitlines() == [
        f"{path} is wrong:",
        "  line 2, column 15: topics: a: doc stands twice, first in line 2; leave one",
        "  line 2, column 31: topics: a: partitions: must be a whole number, not '8'",
        "  line 2, column 48: topics: a: retention_days: must be a whole number, not 2026-02-30",
        "  line 3: topics: b: doc is missing; add it",
        "  line 3: topics: b: key is missing; add it",
        "  line 3: topics: b: partitions is missing; add it",
        "  line 3: topics: b: retention_days is missing; add it",
        "  line 4: topics: b: unknown key schem (did you mean schema?); known are "
        "doc, key, partitions, retention_days, schema, dead_letters, max_bytes",
        "  line 5: topics: b: << is no key; write each key out, as text",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ", line 1: topics is missing; it maps each topic to what it is"),
        ("# nothing\n---\n", ", line 3: topics is missing; it maps each topic to what it is"),
        ("- a", ", line 1: must be a mapping, `key: value` on each line, not a list"),
        ("topics: {a: 1}\n---\ntopics: {}\n", ", line 2, column 1: is no YAML: expected a single document in the stream"),
        ("topics:\n\t- a", ", line 2, column 1: is no YAML: while scanning for the next token, found character '\\t'"),
        ("topics: *gone", ", line 1, column 9: is no YAML: found undefined alias 'gone'"),
        ("topics:\n  a: \0", ", line 2: is no YAML: unacceptable character #x0000"),
        ("topics: &a {a: *a}", "line 1, column 13: topics: a: is within itself; write it out instead of the alias"),
        ("topics:\n  a: {doc: d, key: k, partitions: 1, retention_days: 1}\n  a: 3", "line 3: topics: a: must be a mapping"),
        (BILLION, "c: must be a mapping, `key: value` on each line, not a list"),
        ("topics: !!python/name:os.system x", ", line 1: topics: must be a mapping, `key: value` on each line, not x"),
        ("topics: !!set {a}", ", line 1: topics: must be a mapping, `key: value` on each line, not a mapping"),
        ("topics: {? [a] : 1}", ", line 1, column 12: topics: a list is no key; write each key out, as text"),
        ("topics: {7: {}}", "topics: 7: must be text (quoted, if it looks like a number), not 7"),
        ("topics: {a: !!binary aGk=}", ", line 1, column 10: topics: a: must be a mapping"),
        ("topics: " + "[" * 200_000, " is no YAML that can be read: it is nested too deeply"),
        ("topics: " + "- " * 200_000, "is no YAML"),
    ],
)
@pytest.mark.parametrize("loader", ["libyaml", "PyYAML"])
def test_what_no_model_sees(text: str, said: str, loader: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if loader == "PyYAML":
        monkeypatch.setattr(yaml_reading, "_LOADER", yaml.SafeLoader)
    with pytest.raises(UserError) as caught:
        parse_yaml(text, TopicsFile, "a.yaml")
    assert str(caught.value).startswith("a.yaml")
    assert said in str(caught.value)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"topics\.yaml does not exist; it belongs to the installation, install weftline again$"):
        read_yaml(tmp_path / "topics.yaml", TopicsFile)
    with pytest.raises(UserError, match=r" cannot be read: Is a directory$"):
        read_yaml(tmp_path, TopicsFile)
    (tmp_path / "latin.yaml").write_bytes(b"topics: {a: {doc: caf\xe9}}")
    with pytest.raises(UserError, match=r"latin\.yaml is no YAML: it is not UTF-8 at byte 21; save it as UTF-8$"):
        read_yaml(tmp_path / "latin.yaml", TopicsFile)


def test_faults_of_roles_are_told_at_once(tmp_path: Path) -> None:
    text = """\
roles:
  x:
    doc: 3
    program: "true"
    topics: {nope: [READ], sample.orders.v1: READ, quality.alerts.v1: [RED]}
    groups: {a: [WRITE]}
    quota: {producer_byte_rat: 1, consumer_byte_rate: 0, request_percentage: .inf}
    owner: me
"""
    assert faults("access.yaml", text) == [
        (3, "roles: x: doc: must be text (quoted, if it looks like a number), not 3"),
        (4, "roles: x: program: must be true or false, not 'true'"),
        (5, "roles: x: topics: sample.orders.v1: must be a list, each entry begun with `- `, not READ"),
        (5, "roles: x: topics: quality.alerts.v1[0]: must be one of READ, WRITE, DESCRIBE (did you mean READ?), not RED"),
        (6, "roles: x: groups: a[0]: must be one of READ, DESCRIBE, DELETE, not WRITE"),
        (
            7,
            "roles: x: quota: producer_byte_rat: must be one of producer_byte_rate, consumer_byte_rate, request_percentage "
            "(did you mean producer_byte_rate?), not producer_byte_rat",
        ),
        (7, "roles: x: quota: consumer_byte_rate: must be a number greater than 0, not 0"),
        (7, "roles: x: quota: request_percentage: must be a number greater than 0, not .inf"),
        (8, "roles: x: unknown key owner; known are doc, program, topics, groups, quota"),
    ]
    assert faults("access.yaml", "roles: {x: {doc: d, topics: {nope: [READ]}}}") == [
        (1, "roles: x: topics: nope: nope does not stand in topics.yaml")
    ]
    own = (
        "roles: {x: {doc: d, topics: {'quality.alerts.v1.{user}': [READ], 'quality.alerts.v1.*': [WRITE], 'nope.{user}': [READ]}}}"
    )
    assert faults("access.yaml", own) == [(1, "roles: x: topics: nope.{user}: nope.{user} does not stand in topics.yaml")]


@pytest.mark.parametrize(
    "value", ["true", "'1'", ".nan", ".inf", "0.12345678901234567", "1234567890123456", "[1]", "2026-01-01", "1_0.5x"]
)
def test_a_figure_of_a_standard_is_a_number_that_a_double_can_say(value: str) -> None:
    text = written(body("standards/gb-18401-2010.yaml")).replace("A: 20\n", f"A: {value}\n", 1)
    ((_, told),) = faults("standards/gb-18401-2010.yaml", text)
    assert told.startswith("limits[0] (formaldehyde): maximum: A: must be a number")


@pytest.mark.parametrize(
    ("name", "path", "told"),
    [
        (
            "access.yaml",
            ("roles", "publisher", "quota"),
            "roles: publisher: quota: must be a mapping, `key: value` on each line, not null",
        ),
        ("topics.yaml", ("topics", "sample.orders.v1.dlq", "max_bytes"), "max_bytes: must be a whole number, not null"),
        (
            "standards/gb-18401-2010.yaml",
            ("limits", 0, "minimum"),
            "limits[0] (formaldehyde): minimum: must be a number, not null",
        ),
        ("standards/indicators.yaml", ("indicators", 4, "codes"), "indicators[4] (cf_water): codes: must be a mapping"),
    ],
)
def test_a_limit_that_lacks_its_figure_is_not_taken_for_none(name: str, path: Path_, told: str) -> None:
    ((_, said),) = faults(name, written(changed(name, path, None)))
    assert told in said
