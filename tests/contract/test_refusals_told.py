"""deploy/refusals.md says what the tests ask of a running gateway."""

from __future__ import annotations

from pathlib import Path

from tests.support.refusals import CALLERS, TABLE_OF_REFUSALS, rendered


def test_the_document_has_the_table_of_the_tests() -> None:
    told = (Path(__file__).parents[2] / "deploy" / "refusals.md").read_text("utf-8")
    assert rendered() in told, "python -m tests.support.refusals prints it"


def test_every_row_says_of_each_partner_what_comes_of_it() -> None:
    assert len(CALLERS) == 11
    assert [asked.what for asked in TABLE_OF_REFUSALS if len(asked.outcomes) + 3 != len(CALLERS)] == []
    assert len({asked.what for asked in TABLE_OF_REFUSALS}) == len(TABLE_OF_REFUSALS)
