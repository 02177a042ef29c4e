"""Fibre content against the label: GB/T 29862-2013."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.laboratory import (
    COMPLETE_B,
    INCOMPLETE,
    PASS,
    RAW,
    not_detected,
    number,
    of,
    only,
    share,
)

from weftline.domain.laboratory import (
    Outcome,
    Reason,
    RemarkCode,
)


# Fibre content, GB/T 29862-2013: (label, measured) in percent.
@pytest.mark.parametrize(
    ("label", "measured", "expected"),
    [
        (10.0, 13.0, Outcome.PASS),
        (10.0, 13.1, Outcome.FAIL),
        (10.0, 6.9, Outcome.FAIL),
        (3.0, 0.0, Outcome.FAIL),  # within 3 points, and not there
        (3.0, 0.1, Outcome.PASS),
        (3.1, 0.1, Outcome.PASS),
        (4.4, 1.4, Outcome.PASS),  # the difference of the doubles is 3.0000000000000004
        (100.0, 99.5, Outcome.PASS),  # the rest is a trace
        (0.0, 0.5, Outcome.PASS),  # left out of the label
        (0.0, 0.6, Outcome.FAIL),
    ],
)
def test_fibre_shares_that_decide(label: float, measured: float, expected: Outcome) -> None:
    assert only(of(share(label, measured))) == (expected, None)


@pytest.mark.parametrize(
    ("label", "measured", "indication"),
    [
        (10.1, 15.1, Outcome.PASS),
        (65.0, 60.0, Outcome.PASS),
        (65.0, 59.9, Outcome.FAIL),
        (15.0, 18.1, Outcome.PASS),  # "3 for all shares" is wrong
        (12.0, 15.7, Outcome.PASS),  # so are the 15 % and 30 % of the predecessor: 30 % of 12 is 3.6
        (100.0, 99.4, Outcome.FAIL),
        (100.0, 95.0, Outcome.FAIL),
    ],
)
def test_fibre_shares_whose_tolerance_nobody_confirmed_are_shown(label: float, measured: float, indication: Outcome) -> None:
    verdict = of(share(label, measured), *COMPLETE_B)
    item = verdict.items[0]
    assert (item.outcome, item.reason, item.indication) == (Outcome.NOT_JUDGED, Reason.UNCONFIRMED_LIMIT, indication)
    assert verdict.verdict is PASS


@pytest.mark.parametrize(
    ("label", "measured", "expected"),
    [
        (20.0, 25.0, Outcome.PASS),
        (20.0, 25.1, Outcome.FAIL),
        (5.0, 0.0, Outcome.FAIL),
        (5.0, 0.1, Outcome.PASS),
        (20.1, 30.1, Outcome.PASS),
        (60.0, 50.0, Outcome.PASS),
        (60.0, 49.9, Outcome.FAIL),
    ],
)
def test_fillings_have_wider_tolerances(label: float, measured: float, expected: Outcome) -> None:
    filling = share(label, measured)
    assert only(of(filling, traits=("filled",))) == (expected, None)
    assert only(of(filling, specimen=RAW, specimen_kind="wadding")) == (expected, None)
    assert only(of(replace(filling, component="filling/cotton"))) == (expected, None)
    shell = of(replace(filling, component="shell/cotton"), traits=("filled",))
    said, filling_said = shell.items[0], of(filling, traits=("filled",)).items[0]
    assert (said.clause_text, said.limit_text) != (filling_said.clause_text, filling_said.limit_text)


def test_fibres_left_out_of_the_label_count_together() -> None:
    traces = (share(0.0, 0.3, "elastane"), share(0.0, 0.3, "nylon"))
    assert {item.outcome for item in of(*traces).items} == {Outcome.FAIL}
    assert of(traces[0]).verdict is PASS


@pytest.mark.parametrize(
    "components",
    [
        ("shell/elastane", "lining/nylon"),  # parts
        ("面料/氨纶", "里料/锦纶"),
        ("shell/red/elastane", "shell/white/nylon"),  # colours
        ("shell ／ elastane", "lining/elastane"),
        ("elastane", "elastane"),  # replicates
        ("elastane (1)", "Elastane (2)"),
        ("elastane #1", "elastane #2"),
    ],
)
def test_shares_of_different_parts_colours_or_replicates_are_never_added(components: tuple[str, str]) -> None:
    """GB/T 29862-2013 clause 7.5: the 0.5 % is of one part."""
    assert {item.outcome for item in of(*(share(0.0, 0.3, name) for name in components)).items} == {Outcome.PASS}
    assert {item.outcome for item in of(*(share(0.0, 0.6, name) for name in components)).items} == {Outcome.FAIL}


@given(
    parts=st.lists(
        st.lists(st.integers(1, 4), min_size=1, max_size=3), min_size=1, max_size=3
    ),  # per part the shares of its traces, in tenths of a percent
    order=st.randoms(use_true_random=False),
)
def test_traces_are_judged_part_by_part(parts: list[list[int]], order: Random) -> None:
    """GB/T 29862-2013 clause 7.5, whatever the order of the measurements."""
    traces = [
        (place, share(0.0, tenths / 10, f"part {place}/fibre-{name}"))
        for place, part in enumerate(parts)
        for name, tenths in zip("abc", part, strict=False)
    ]
    order.shuffle(traces)
    verdict = of(*(trace for _, trace in traces))
    for (place, _), item in zip(traces, verdict.items, strict=True):
        assert item.outcome is (Outcome.PASS if sum(parts[place]) <= 5 else Outcome.FAIL)


def test_the_text_of_the_limit_says_not_0_where_the_rule_does() -> None:
    """GB/T 29862-2013 clause 7.4: never zero up to 3 %, in a filling up to 5 %."""
    limits = {label: of(share(label, label), traits=("filled",)).items[0].limit_text for label in (3.0, 5.0, 5.1, 10.0, 20.0)}
    assert {label for label, text in limits.items() if text and "not 0" in text} == {3.0, 5.0}
    assert "not 0" not in str(of(share(4.0, 4.0)).items[0].limit_text)
    assert "not 0" in str(of(share(3.0, 3.0)).items[0].limit_text)


def test_shares_that_are_not_100_together_are_remarked_and_decide_nothing() -> None:
    whole = of(share(60.0, 60.4), share(40.0, 39.8, "polyester"), *COMPLETE_B)
    assert (whole.verdict, whole.remarks) == (PASS, ())
    odd = of(share(60.0, 64.0), share(40.0, 86.0, "polyester"), *COMPLETE_B)
    assert odd.verdict is PASS
    (remark,) = odd.remarks
    assert remark.code is RemarkCode.FIBRE_SHARES_NOT_100
    assert "150 %" in remark.en
    assert "150 %" in remark.zh
    by_part = of(share(100.0, 100.0, "shell/cotton"), share(100.0, 90.0, "lining/polyester"), *COMPLETE_B)
    assert [remark.en for remark in by_part.remarks] == ["the fibre shares of lining are 90 % together, not 100 %"]


def test_a_fibre_that_was_not_found() -> None:
    assert only(of(not_detected("fibre_content", labelled_value=3.0))) == (Outcome.FAIL, None)
    assert only(of(not_detected("fibre_content", labelled_value=8.0))) == (Outcome.FAIL, None)


def test_a_share_without_a_label() -> None:
    finished = of(share(None, 60.0))
    assert (only(finished), finished.verdict) == ((Outcome.NOT_JUDGED, Reason.LABEL_MISSING), INCOMPLETE)
    assert finished.missing == ("fibre_content",)
    fabric = of(share(None, 60.0), number("ph", 7.0), specimen=RAW, specimen_kind="fabric")
    assert (fabric.items[0].reason, fabric.verdict) == (Reason.NO_LIMIT, PASS)


def test_an_indicator_passes_only_if_all_its_readings_do() -> None:
    verdict = of(share(95.0, 40.0), share(5.0, 5.0, "elastane"))
    assert verdict.indicators[0].not_judged
    assert not verdict.indicators[0].passed
