"""Fibre content against the label: GB/T 29862-2013."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.laboratory import (
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
    assert shell.items[0].limit_text != of(filling, traits=("filled",)).items[0].limit_text


def test_fibres_left_out_of_the_label_count_together() -> None:
    traces = (share(0.0, 0.3, "elastane"), share(0.0, 0.3, "nylon"))
    assert {item.outcome for item in of(*traces).items} == {Outcome.FAIL}
    assert of(traces[0]).verdict is PASS


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
