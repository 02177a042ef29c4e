"""Sampling plans against tables that were resolved by others: level II as inspectors use it, and the whole of MIL-STD-105E."""

from __future__ import annotations

import copy
import datetime
import re
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from weftline.contracts.sampling_file import SamplingFile
from weftline.contracts.standards import load_sampling_standard
from weftline.contracts.yaml_reading import parse_yaml
from weftline.domain.sampling import Plan, PlanError, describe
from weftline.domain.vocabulary import Severity
from weftline.errors import UserError

FILE = Path(__file__).parents[2] / "schemas" / "standards" / "iso-2859-1.yaml"
MAPPING: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
STANDARD = load_sampling_standard()

# Level II with the arrows followed: n,Ac,Re for AQL 1.0, 1.5, 2.5, 4.0, by the smallest and largest lot of each range.
RESOLVED = {
    "NORMAL": """
        2-8           | 13,0,1     | 8,0,1     | 5,0,1     | 3,0,1
        9-15          | 13,0,1     | 8,0,1     | 5,0,1     | 3,0,1
        16-25         | 13,0,1     | 8,0,1     | 5,0,1     | 3,0,1
        26-50         | 13,0,1     | 8,0,1     | 5,0,1     | 13,1,2
        51-90         | 13,0,1     | 8,0,1     | 20,1,2    | 13,1,2
        91-150        | 13,0,1     | 32,1,2    | 20,1,2    | 20,2,3
        151-280       | 50,1,2     | 32,1,2    | 32,2,3    | 32,3,4
        281-500       | 50,1,2     | 50,2,3    | 50,3,4    | 50,5,6
        501-1200      | 80,2,3     | 80,3,4    | 80,5,6    | 80,7,8
        1201-3200     | 125,3,4    | 125,5,6   | 125,7,8   | 125,10,11
        3201-10000    | 200,5,6    | 200,7,8   | 200,10,11 | 200,14,15
        10001-35000   | 315,7,8    | 315,10,11 | 315,14,15 | 315,21,22
        35001-150000  | 500,10,11  | 500,14,15 | 500,21,22 | 315,21,22
        150001-500000 | 800,14,15  | 800,21,22 | 500,21,22 | 315,21,22
        500001-9999999 | 1250,21,22 | 800,21,22 | 500,21,22 | 315,21,22
    """,
    "TIGHTENED": """
        2-8           | 20,0,1     | 13,0,1    | 8,0,1     | 5,0,1
        9-15          | 20,0,1     | 13,0,1    | 8,0,1     | 5,0,1
        16-25         | 20,0,1     | 13,0,1    | 8,0,1     | 5,0,1
        26-50         | 20,0,1     | 13,0,1    | 8,0,1     | 20,1,2
        51-90         | 20,0,1     | 13,0,1    | 32,1,2    | 20,1,2
        91-150        | 20,0,1     | 50,1,2    | 32,1,2    | 20,1,2
        151-280       | 80,1,2     | 50,1,2    | 32,1,2    | 32,2,3
        281-500       | 80,1,2     | 50,1,2    | 50,2,3    | 50,3,4
        501-1200      | 80,1,2     | 80,2,3    | 80,3,4    | 80,5,6
        1201-3200     | 125,2,3    | 125,3,4   | 125,5,6   | 125,8,9
        3201-10000    | 200,3,4    | 200,5,6   | 200,8,9   | 200,12,13
        10001-35000   | 315,5,6    | 315,8,9   | 315,12,13 | 315,18,19
        35001-150000  | 500,8,9    | 500,12,13 | 500,18,19 | 315,18,19
        150001-500000 | 800,12,13  | 800,18,19 | 500,18,19 | 315,18,19
        500001-9999999 | 1250,18,19 | 800,18,19 | 500,18,19 | 315,18,19
    """,
}
RESOLVED_CELLS = [
    (severity, *map(int, lots.split("-")), aql, tuple(map(int, cell.split(","))))
    for severity, table in RESOLVED.items()
    for row in table.strip().splitlines()
    for lots, *cells in [row.split("|")]
    for aql, cell in zip(("1.0", "1.5", "2.5", "4.0"), cells, strict=True)
]

# MIL-STD-105E (public domain), arrows followed: the row in which the plan stands and its Ac, per code letter, for the 26 AQLs from
# 0.010 to 1000. The figures are those of the R package AQLSchemes 1.7-2, which lists every cell; ours are derived from diagonals.
LETTERS = "ABCDEFGHJKLMNPQR"
SIZES = dict(zip(LETTERS + "S", (2, 3, 5, 8, 13, 20, 32, 50, 80, 125, 200, 315, 500, 800, 1250, 2000, 3150), strict=True))
MIL_STD_105E = {
    "NORMAL": """
        A | Q0 P0 N0 M0 L0 K0 J0 H0 G0 F0 E0 D0 C0 B0 A0 C1 B1 A1 A2 A3 A5 A7 A10 A14 A21 A30
        B | Q0 P0 N0 M0 L0 K0 J0 H0 G0 F0 E0 D0 C0 B0 A0 C1 B1 B2 B3 B5 B7 B10 B14 B21 B30 B44
        C | Q0 P0 N0 M0 L0 K0 J0 H0 G0 F0 E0 D0 C0 B0 D1 C1 C2 C3 C5 C7 C10 C14 C21 C30 C44 B44
        D | Q0 P0 N0 M0 L0 K0 J0 H0 G0 F0 E0 D0 C0 E1 D1 D2 D3 D5 D7 D10 D14 D21 D30 D44 C44 B44
        E | Q0 P0 N0 M0 L0 K0 J0 H0 G0 F0 E0 D0 F1 E1 E2 E3 E5 E7 E10 E14 E21 E30 E44 D44 C44 B44
        F | Q0 P0 N0 M0 L0 K0 J0 H0 G0 F0 E0 G1 F1 F2 F3 F5 F7 F10 F14 F21 E21 E30 E44 D44 C44 B44
        G | Q0 P0 N0 M0 L0 K0 J0 H0 G0 F0 H1 G1 G2 G3 G5 G7 G10 G14 G21 F21 E21 E30 E44 D44 C44 B44
        H | Q0 P0 N0 M0 L0 K0 J0 H0 G0 J1 H1 H2 H3 H5 H7 H10 H14 H21 G21 F21 E21 E30 E44 D44 C44 B44
        J | Q0 P0 N0 M0 L0 K0 J0 H0 K1 J1 J2 J3 J5 J7 J10 J14 J21 H21 G21 F21 E21 E30 E44 D44 C44 B44
        K | Q0 P0 N0 M0 L0 K0 J0 L1 K1 K2 K3 K5 K7 K10 K14 K21 J21 H21 G21 F21 E21 E30 E44 D44 C44 B44
        L | Q0 P0 N0 M0 L0 K0 M1 L1 L2 L3 L5 L7 L10 L14 L21 K21 J21 H21 G21 F21 E21 E30 E44 D44 C44 B44
        M | Q0 P0 N0 M0 L0 N1 M1 M2 M3 M5 M7 M10 M14 M21 L21 K21 J21 H21 G21 F21 E21 E30 E44 D44 C44 B44
        N | Q0 P0 N0 M0 P1 N1 N2 N3 N5 N7 N10 N14 N21 M21 L21 K21 J21 H21 G21 F21 E21 E30 E44 D44 C44 B44
        P | Q0 P0 N0 Q1 P1 P2 P3 P5 P7 P10 P14 P21 N21 M21 L21 K21 J21 H21 G21 F21 E21 E30 E44 D44 C44 B44
        Q | Q0 P0 R1 Q1 Q2 Q3 Q5 Q7 Q10 Q14 Q21 P21 N21 M21 L21 K21 J21 H21 G21 F21 E21 E30 E44 D44 C44 B44
        R | Q0 P0 R1 R2 R3 R5 R7 R10 R14 R21 Q21 P21 N21 M21 L21 K21 J21 H21 G21 F21 E21 E30 E44 D44 C44 B44
    """,
    "TIGHTENED": """
        A | R0 Q0 P0 N0 M0 L0 K0 J0 H0 G0 F0 E0 D0 C0 B0 D1 C1 B1 A1 A2 A3 A5 A8 A12 A18 A27
        B | R0 Q0 P0 N0 M0 L0 K0 J0 H0 G0 F0 E0 D0 C0 B0 D1 C1 B1 B2 B3 B5 B8 B12 B18 B27 B41
        C | R0 Q0 P0 N0 M0 L0 K0 J0 H0 G0 F0 E0 D0 C0 E1 D1 C1 C2 C3 C5 C8 C12 C18 C27 C41 B41
        D | R0 Q0 P0 N0 M0 L0 K0 J0 H0 G0 F0 E0 D0 F1 E1 D1 D2 D3 D5 D8 D12 D18 D27 D41 C41 B41
        E | R0 Q0 P0 N0 M0 L0 K0 J0 H0 G0 F0 E0 G1 F1 E1 E2 E3 E5 E8 E12 E18 E27 E41 D41 C41 B41
        F | R0 Q0 P0 N0 M0 L0 K0 J0 H0 G0 F0 H1 G1 F1 F2 F3 F5 F8 F12 F18 E18 E27 E41 D41 C41 B41
        G | R0 Q0 P0 N0 M0 L0 K0 J0 H0 G0 J1 H1 G1 G2 G3 G5 G8 G12 G18 F18 E18 E27 E41 D41 C41 B41
        H | R0 Q0 P0 N0 M0 L0 K0 J0 H0 K1 J1 H1 H2 H3 H5 H8 H12 H18 G18 F18 E18 E27 E41 D41 C41 B41
        J | R0 Q0 P0 N0 M0 L0 K0 J0 L1 K1 J1 J2 J3 J5 J8 J12 J18 H18 G18 F18 E18 E27 E41 D41 C41 B41
        K | R0 Q0 P0 N0 M0 L0 K0 M1 L1 K1 K2 K3 K5 K8 K12 K18 J18 H18 G18 F18 E18 E27 E41 D41 C41 B41
        L | R0 Q0 P0 N0 M0 L0 N1 M1 L1 L2 L3 L5 L8 L12 L18 K18 J18 H18 G18 F18 E18 E27 E41 D41 C41 B41
        M | R0 Q0 P0 N0 M0 P1 N1 M1 M2 M3 M5 M8 M12 M18 L18 K18 J18 H18 G18 F18 E18 E27 E41 D41 C41 B41
        N | R0 Q0 P0 N0 Q1 P1 N1 N2 N3 N5 N8 N12 N18 M18 L18 K18 J18 H18 G18 F18 E18 E27 E41 D41 C41 B41
        P | R0 Q0 P0 R1 Q1 P1 P2 P3 P5 P8 P12 P18 N18 M18 L18 K18 J18 H18 G18 F18 E18 E27 E41 D41 C41 B41
        Q | R0 Q0 S1 R1 Q1 Q2 Q3 Q5 Q8 Q12 Q18 P18 N18 M18 L18 K18 J18 H18 G18 F18 E18 E27 E41 D41 C41 B41
        R | R0 Q0 S1 R1 R2 R3 R5 R8 R12 R18 Q18 P18 N18 M18 L18 K18 J18 H18 G18 F18 E18 E27 E41 D41 C41 B41
    """,
}

# All levels, lot ranges in order, and where each range begins.
CODE_LETTERS = (
    *("AAAAAAB", "AAAAABC", "AABBBCD", "ABBCCDE", "BBCCCEF", "BBCDDFG", "BCDEEGH", "BCDEFHJ"),
    *("CCEFGJK", "CDEGHKL", "CDFGJLM", "CDFHKMN", "DEGJLNP", "DEGJMPQ", "DEHKNQR"),
)
LOT_BEGINS = (2, 9, 16, 26, 51, 91, 151, 281, 501, 1201, 3201, 10001, 35001, 150001, 500001)
LEVELS = ("S-1", "S-2", "S-3", "S-4", "I", "II", "III")
AQLS = tuple(STANDARD.aqls.values())

lot_sizes = st.one_of(st.integers(2, 600), st.integers(2, 1_000_000))
severities = st.sampled_from(("NORMAL", "TIGHTENED"))


@pytest.mark.parametrize(("severity", "smallest", "largest", "aql", "cell"), RESOLVED_CELLS)
def test_resolved_plans(severity: str, smallest: int, largest: int, aql: str, cell: tuple[int, int, int]) -> None:
    for lot_size in (smallest, largest):
        plan = STANDARD.plan(lot_size, "II", aql, severity)
        assert (plan.table_sample_size, plan.accept, plan.reject) == cell
        assert plan.sample_size == min(cell[0], lot_size)
        assert plan.full_inspection == (cell[0] >= lot_size)


def test_there_are_sixty_cells_for_each_severity() -> None:
    assert len(RESOLVED_CELLS) == 120


@pytest.mark.parametrize("severity", MIL_STD_105E)
def test_every_cell_of_the_master_tables(severity: str) -> None:
    rows = [row.split("|") for row in MIL_STD_105E[severity].strip().splitlines()]
    assert [letter.strip() for letter, _ in rows] == list(LETTERS)
    for letter, cells in rows:
        for aql, printed in zip(AQLS, cells.split(), strict=True):
            cell = STANDARD.cells[Severity(severity), letter.strip(), Decimal(aql)]
            assert (cell.letter, cell.accept) == (printed[0], int(printed[1:])), f"{letter} at {aql}"
            assert (cell.sample_size, cell.reject) == (SIZES[cell.letter], cell.accept + 1)


def test_code_letters_of_all_levels() -> None:
    ends = [*(begin - 1 for begin in LOT_BEGINS[1:]), 10**9]
    for begin, end, letters in zip(LOT_BEGINS, ends, CODE_LETTERS, strict=True):
        for level, letter in zip(LEVELS, letters, strict=True):
            assert (STANDARD.code_letter(begin, level), STANDARD.code_letter(end, level)) == (letter, letter)


@given(lots=st.tuples(lot_sizes, lot_sizes), level=st.sampled_from(LEVELS), aql=st.sampled_from(AQLS), severity=severities)
def test_a_larger_lot_never_has_a_smaller_plan(lots: tuple[int, int], level: str, aql: str, severity: str) -> None:
    small, large = (STANDARD.plan(lot, level, aql, severity) for lot in sorted(lots))
    assert small.sample_size <= large.sample_size
    assert small.accept <= large.accept


@given(lot=lot_sizes, level=st.sampled_from(LEVELS), aqls=st.tuples(*[st.sampled_from(AQLS)] * 2), severity=severities)
def test_a_larger_aql_never_accepts_less(lot: int, level: str, aqls: tuple[str, str], severity: str) -> None:
    strict, lax = (STANDARD.plan(lot, level, aql, severity) for aql in sorted(aqls, key=Decimal))
    assert strict.accept <= lax.accept


@given(lot=lot_sizes, pair=st.sampled_from(list(pairwise(LEVELS))), aql=st.sampled_from(AQLS), severity=severities)
def test_a_higher_level_never_draws_less(lot: int, pair: tuple[str, str], aql: str, severity: str) -> None:
    lower, higher = (STANDARD.plan(lot, level, aql, severity) for level in pair)
    assert lower.table_sample_size <= higher.table_sample_size


@given(lot=lot_sizes, level=st.sampled_from(LEVELS), aql=st.sampled_from(AQLS), severity=severities)
def test_shape_of_every_plan(lot: int, level: str, aql: str, severity: str) -> None:
    plan = STANDARD.plan(lot, level, aql, severity)
    assert 1 <= plan.sample_size <= lot
    assert plan.full_inspection == (plan.sample_size == lot)
    assert plan.reject == plan.accept + 1
    assert plan.per_hundred_units == (Decimal(aql) > 10)
    assert plan.accept < plan.table_sample_size or plan.per_hundred_units


def test_tightened_is_nowhere_more_lenient_than_normal() -> None:
    for (severity, letter, aql), tightened in STANDARD.cells.items():
        if severity is Severity.TIGHTENED:
            normal = STANDARD.cells[Severity.NORMAL, letter, aql]
            assert tightened.sample_size >= normal.sample_size
            assert tightened.accept <= normal.accept
            assert tightened != normal


@pytest.mark.parametrize("aql", [2.5, "2.5", "2.50", Decimal("2.5")])
def test_an_aql_is_exact_however_it_is_written(aql: float | str | Decimal) -> None:
    plan = STANDARD.plan(1000, "ii", aql, "tightened")
    assert (plan.aql, plan.level, plan.severity) == ("2.5", "II", Severity.TIGHTENED)
    assert (plan.sample_size, plan.accept, plan.reject) == (80, 3, 4)


def test_every_aql_is_found_as_a_float() -> None:
    assert [STANDARD.plan(1000, "II", float(aql)).aql for aql in AQLS] == list(AQLS)


@pytest.mark.parametrize(
    ("arguments", "argument", "told"),
    [
        ((1, "II", 1.5), "lot_size", "1 is below the tables, which begin at 2; inspect the unit itself"),
        ((-3, "II", 1.5), "lot_size", "begin at 2"),
        ((10.0, "II", 1.5), "lot_size", "whole number"),
        ((True, "II", 1.5), "lot_size", "whole number"),
        ((100, "IV", 1.5), "level", "S-1, S-2, S-3, S-4, I, II, III"),
        ((100, "II", 3), "aql", "1.5, 2.5, 4.0"),
        ((100, "II", 2.4999999), "aql", "1.5, 2.5, 4.0"),
        ((100, "II", True), "aql", "1.5, 2.5, 4.0"),
        ((100, "II", float("nan")), "aql", "1.5, 2.5, 4.0"),
        ((100, "II", "major"), "aql", "1.5, 2.5, 4.0"),
        ((100, "II", "sNaN"), "aql", "1.5, 2.5, 4.0"),
        ((100, "II", 1.5, "REDUCED"), "severity", "switched off"),
        ((100, "II", 1.5, "DISCONTINUED"), "severity", "corrective action"),
        ((100, "II", 1.5, "strict"), "severity", "use normal or tightened"),
    ],
)
def test_errors_name_the_argument_and_what_is_allowed(arguments: tuple[Any, ...], argument: str, told: str) -> None:
    with pytest.raises(PlanError) as caught:
        STANDARD.plan(*arguments)
    assert caught.value.argument == argument
    assert str(caught.value).startswith(f"{argument}: ")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("switching", "window"), None, "switching: window is missing; add it"),
        (("switching", "not_accepted"), 6, "switching: not_accepted: cannot be more than window (5)"),
        (("reduced", "enabled"), True, "reduced: enabled: cannot be true"),
        (("sample_sizes", "Q"), "many", "sample_sizes: Q: must be a whole number, not many"),
        (("sample_sizes", "Q"), 0, "sample_sizes: Q: must be a whole number from 1, not 0"),
        (
            ("code_letters", "lots", 3, "letters"),
            "ABBCCD",
            "code_letters: lots[3]: letters: must have one letter for each of the 7",
        ),
        (("code_letters", "lots", 3, "letters"), "ABBCCDI", "sample_sizes: has no I, to which level III leads"),
        (("code_letters", "lots", 3, "from"), 16, "code_letters: lots[3]: from: must be a whole number from 17, not 16"),
        (("aql", "steps", 4), 0.065, "aql: steps[4]: must be text (quoted, if it looks like a number), not 0.065"),
        (("aql", "steps", 4), "-1", "aql: steps[4]: must be above zero, not '-1'"),
        (("aql", "steps", 4), "6.5", "aql: steps: must ascend"),
        (
            ("tables", "NORMAL", "diagonal", 1),
            "left",
            "tables: NORMAL: diagonal[1]: must be a whole number from 0, or one of up, down",
        ),
        (
            ("tables", "NORMAL", "cells", 1, "cell"),
            "down",
            "tables: NORMAL: from letter R at AQL 0.015 the arrows lead out of the table",
        ),
        (
            ("tables", "TIGHTENED", "cells", 2, "aql"),
            "0.040",
            "TIGHTENED: from letter Q at AQL 0.025 the arrows lead out of the table",
        ),
        (("tables", "TIGHTENED", "cells", 2, "aql"), "0.041", "tables: TIGHTENED: cells[2]: aql: must be one of the AQL steps"),
        (("tables", "TIGHTENED", "cells", 2, "letter"), "T", "tables: TIGHTENED: cells[2]: letter: must be one of A, B, C"),
        (("tables", "NORMAL", "beyond", "letters"), "AZ", "tables: NORMAL: beyond: letters: has Z, which is no row of the table"),
        (("editions", 1, "valid_from"), "2026-02-30", "editions[1]: valid_from: must be a day like 2011-08-01, without quotes"),
        (("editions", 0, "valid_to"), datetime.date(1990, 1, 1), "editions[0]: valid_to: must not be before valid_from"),
        (("confidence",), "sure", "confidence: must be one of confirmed, unconfirmed, not sure"),
        (
            ("tables", "NORMAL", "sign"),
            "up",
            "tables: NORMAL: unknown key sign (did you mean diagonal?); known are zero_at, before",
        ),
    ],
)
def test_a_broken_file_is_refused_at_its_key(path: tuple[str | int, ...], value: object, told: str) -> None:
    mapping = copy.deepcopy(MAPPING)
    place: Any = mapping
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(UserError) as caught:
        parse_yaml(yaml.safe_dump(mapping, sort_keys=False, default_flow_style=False), SamplingFile, "iso.yaml")
    assert told in str(caught.value)
    assert re.match(r"iso\.yaml, line \d+: ", str(caught.value))


def test_description_of_a_plan() -> None:
    told = describe(STANDARD, 1000, "II", 1.5, on=datetime.date(2025, 6, 1))
    assert told == {
        "lot_size": 1000,
        "level": "II",
        "aql": "1.5",
        "severity": "normal",
        "code_letter": "J",
        "plan_letter": "J",
        "sample_size": 80,
        "accept": 3,
        "reject": 4,
        "full_inspection": False,
        "standard": "ISO 2859-1",
        "edition": "1999",
        "confidence": "confirmed",
        "switching": "2 of 5 or fewer consecutive lots not accepted: go to tightened (n 80, Ac 2, Re 3 for such a lot).",
        "warnings": [],
    }


@pytest.mark.parametrize(
    ("on", "edition"), [("1999-11-17", None), ("1999-11-18", "1999"), ("2026-01-21", "1999"), ("2026-01-22", "2026")]
)
def test_the_edition_is_the_one_in_force_on_the_day(on: str, edition: str | None) -> None:
    told = describe(STANDARD, 1000, "II", 1.5, on=datetime.date.fromisoformat(on))
    assert told["edition"] == edition
    assert bool(told["warnings"]) == (edition != "1999")  # unknown edition, or one whose tables nobody has read


def test_warnings_say_what_an_inspector_must_do_differently() -> None:
    told = describe(STANDARD, 10, "II", 1.0, "tightened", on=datetime.date(2025, 6, 1))
    assert (told["sample_size"], told["accept"], told["full_inspection"]) == (10, 0, True)
    assert [warning.split(":")[0] for warning in told["warnings"]] == [
        "100 % inspection",
        "Letter B has no plan at AQL 1.0; the arrow leads to letter F and its sample size of 20.",
    ]
    assert "discontinue until a corrective action is accepted" in told["switching"]
    per_hundred = describe(STANDARD, 1000, "II", 15, on=datetime.date(2025, 6, 1))
    assert "nonconformities per hundred units" in per_hundred["warnings"][-1]


def test_a_plan_is_a_value() -> None:
    first, second = (STANDARD.plan(1000, "II", aql) for aql in ("1.5", 1.5))
    assert isinstance(first, Plan)
    assert first == second
    assert hash(first) == hash(second)
