"""Grades are steps on a scale: half steps between whole ones, and nothing else."""

from __future__ import annotations

import pytest

from weftline.contracts.rules import GRADES
from weftline.domain.laboratory.grades import HALF_STEPS, Scale, grade_text, half_steps


def test_the_grey_scale_has_nine_grades_in_this_order() -> None:
    worst_first = ["1", "1-2", "2", "2-3", "3", "3-4", "4", "4-5", "5"]
    assert list(HALF_STEPS[Scale.GREY]) == worst_first
    steps = [half_steps(grade) for grade in worst_first]
    assert steps == list(range(2, 11))


def test_a_half_step_lies_midway() -> None:
    whole, half, next_whole = half_steps("3"), half_steps("3-4"), half_steps("4")
    assert whole is not None
    assert half is not None
    assert next_whole is not None
    assert half / 2 == 3.5
    assert half - whole == next_whole - half == 1


def test_text_order_would_be_wrong() -> None:
    # "4" < "4-5" < "5" holds for text too, but "3-4" > "3" and "2-3" < "3" do not survive a range or a prefix: the whole order has to.
    grades = ["5", "4-5", "4", "3-4", "3", "2-3", "2", "1-2", "1"]
    assert sorted(grades, key=lambda grade: half_steps(grade) or 0, reverse=True) == grades


def test_blue_wool_goes_to_eight() -> None:
    assert half_steps("8", Scale.BLUE_WOOL) == 16
    assert half_steps("8", Scale.GREY) is None


@pytest.mark.parametrize("grade", ["", "0", "6", "5-6", "3-5", "4-3", "3.5", "3-4 ", "4-Mar", "３", "-1", "5-"])
def test_what_is_not_on_the_scale_is_no_grade(grade: str) -> None:
    assert half_steps(grade) is None


@pytest.mark.parametrize("scale", Scale)
def test_steps_are_written_as_they_were_read(scale: Scale) -> None:
    assert {grade_text(steps): steps for steps in HALF_STEPS[scale].values()} == dict(HALF_STEPS[scale])


def test_whatever_the_contract_lets_pass_is_on_some_scale() -> None:
    known = set(HALF_STEPS[Scale.GREY]) | set(HALF_STEPS[Scale.BLUE_WOOL])
    assert known >= GRADES
