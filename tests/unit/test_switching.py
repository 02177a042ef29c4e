"""The switching rules: their texts one by one, and their long-run behaviour against the published formula, computed exactly."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weftline.domain.sampling import Due, LotOutcome, Switching, SwitchingRules, Uncounted
from weftline.domain.vocabulary import Severity

RULES = SwitchingRules(window=5, not_accepted=2, accepted=5, discontinue_after=5)
ENDLESS = replace(RULES, discontinue_after=None)

# A lot as the examples write it: "a" accepted, "r" not accepted; capitals: resubmitted.
Lots = list[LotOutcome[int]]


def lots(text: str, first: int = 0) -> Lots:
    return [LotOutcome(first + place, lot in "aA", original=lot.islower()) for place, lot in enumerate(text)]


def fresh() -> Switching[int]:
    return Switching(RULES)


def play(text: str, state: Switching[int] | None = None) -> Switching[int]:
    state = fresh() if state is None else state
    for lot in lots(text):
        state = state.after(lot)
    return state


def on_tightened() -> Switching[int]:
    return play("rr")


@pytest.mark.parametrize(
    ("text", "due", "evidence"),
    [
        ("r", Due.NORMAL, ()),
        ("rr", Due.TIGHTENED, (0, 1)),  # 2 of 2 is 2 of 5 or fewer
        ("raaar", Due.TIGHTENED, (0, 4)),  # first and last of 5
        ("raaaar", Due.NORMAL, ()),  # 2 of 6
        ("raaaarr", Due.TIGHTENED, (5, 6)),
        ("rAAAAAaar", Due.TIGHTENED, (0, 8)),  # resubmitted lots are not there
        ("raRRRaa", Due.NORMAL, ()),
        ("rraaaa", Due.TIGHTENED, ()),
        ("rraaaaa", Due.NORMAL, (2, 3, 4, 5, 6)),
        ("rraaaaraaaa", Due.TIGHTENED, ()),  # a lot not accepted breaks the run
        ("rraaaaraaaaa", Due.NORMAL, (7, 8, 9, 10, 11)),
        ("rraaAaRaa", Due.NORMAL, (2, 3, 5, 7, 8)),
        ("rraaaaar", Due.NORMAL, ()),  # the window began anew
        ("rrrrrr", Due.TIGHTENED, ()),
        ("rrrrrrr", Due.DISCONTINUED, (2, 3, 4, 5, 6)),  # the two that led to tightened do not count
        ("rrraaaaraaaaraaaaraaaar", Due.DISCONTINUED, (2, 7, 12, 17, 22)),  # cumulative, not in a row
        ("rrrrrraaaaarrrrrr", Due.TIGHTENED, ()),  # back on normal ends the sequence: 4 and 4 are not 8
    ],
)
def test_rules_and_their_evidence(text: str, due: Due, evidence: tuple[int, ...]) -> None:
    state = play(text)
    assert state.due is due
    assert state.step is not None
    assert state.step.evidence == evidence
    assert state.step.switched == bool(evidence)


def test_a_lot_is_due_under_the_severity_before_it() -> None:
    first = fresh().after(LotOutcome(0, False))
    second = first.after(LotOutcome(1, False))
    assert second.step is not None
    assert (second.step.before, second.step.after) == (Due.NORMAL, Due.TIGHTENED)


def test_lots_inspected_while_discontinued_do_not_count() -> None:
    state = play("rr" + "rrrrr")
    for lot in lots("aaaaarrr"):
        after = state.after(lot)
        assert after == state
        assert after.step is not None
        assert after.step.uncounted is Uncounted.DISCONTINUED
        assert not after.step.switched


def test_a_corrective_action_resumes_on_tightened_with_an_empty_count() -> None:
    discontinued = play("rr" + "rrrrr")
    resumed = discontinued.corrective_action_accepted(99)
    assert resumed == Switching(RULES, Due.TIGHTENED)
    assert resumed.step is not None
    assert (resumed.step.before, resumed.step.evidence) == (Due.DISCONTINUED, (99,))
    assert play("rrrr", resumed).due is Due.TIGHTENED
    assert play("rrrrr", resumed).due is Due.DISCONTINUED
    assert play("aaaaa", resumed).due is Due.NORMAL


@pytest.mark.parametrize("text", ["", "r", "aaar", "rr", "rrraaa"])
def test_a_corrective_action_has_no_effect_unless_discontinued(text: str) -> None:
    state = play(text)
    after = state.corrective_action_accepted(99)
    assert after == state
    assert after.step is not None
    assert after.step.uncounted is Uncounted.NOT_DISCONTINUED
    assert not after.step.switched


def test_a_lot_accepted_under_a_more_lenient_severity_is_no_way_back_to_normal() -> None:
    state = on_tightened()
    for ref in range(10):
        state = state.after(LotOutcome(ref, True, severity_used=Severity.NORMAL))
        assert state.step is not None
        assert state.step.uncounted is Uncounted.LENIENT
    assert state == on_tightened()
    # Not accepted even so: that counts.
    assert state.after(LotOutcome(11, False, severity_used=Severity.NORMAL)).failed == (11,)
    for ref in range(5):
        state = state.after(LotOutcome(ref, True, severity_used=Severity.TIGHTENED))
    assert state.due is Due.NORMAL


@pytest.mark.parametrize("used", [Severity.NORMAL, Severity.TIGHTENED, Severity.UNKNOWN, None])
def test_a_severity_as_strict_as_due_counts(used: Severity | None) -> None:
    state = fresh().after(LotOutcome(0, True, severity_used=used))
    assert state.step is not None
    assert state.step.uncounted is None
    assert state.recent == ((0, True),)


@given(st.text("arAR", max_size=200))
def test_memory_is_bounded_and_resubmitted_lots_leave_no_trace(text: str) -> None:
    state = play(text)
    assert len(state.recent) <= 4
    assert len(state.failed) <= 4
    # The same original lots, under the numbers they had.
    alone = fresh()
    for lot in lots(text):
        if lot.original:
            alone = alone.after(lot)
    assert alone == state


@given(st.text("ar", max_size=60))
def test_the_rules_as_written_down_a_second_time(text: str) -> None:
    """A naive reading over the whole history since the last switch, with nothing remembered in between."""
    due, since = Due.NORMAL, ""
    for place, lot in enumerate(text):
        since += lot
        if due is Due.NORMAL and since[-5:].count("r") >= 2:
            due, since = Due.TIGHTENED, ""
        elif due is Due.TIGHTENED and since.endswith("aaaaa"):
            due, since = Due.NORMAL, ""
        elif due is Due.TIGHTENED and since.count("r") == 5:
            due, since = Due.DISCONTINUED, ""
        assert play(text[: place + 1]).due is due


# --- long-run behaviour, exactly ---


def reachable(start: Switching[None]) -> list[Switching[None]]:
    """Every state to which lots lead; all lots go by the same name, so that there are finitely many."""
    states = [start]
    for state in states:  # grows while it is walked
        for accepted in (True, False):
            after = state.after(LotOutcome(None, accepted))
            if after not in states:
                states.append(after)
    return states


def stationary(states: list[Switching[None]], accept: dict[Due, Fraction]) -> list[Fraction]:
    """The share of lots that meet each state, in the long run: x P = x, sum x = 1, solved in fractions."""
    size = len(states)
    equations = [[Fraction(0)] * (size + 1) for _ in states]
    for column, state in enumerate(states):
        equations[column][column] -= 1
        for accepted, share in ((True, accept[state.due]), (False, 1 - accept[state.due])):
            equations[states.index(state.after(LotOutcome(None, accepted)))][column] += share
    equations[-1] = [Fraction(1)] * (size + 1)  # one balance equation is a consequence of the others
    for pivot in range(size):
        row = next(row for row in range(pivot, size) if equations[row][pivot])
        equations[pivot], equations[row] = equations[row], equations[pivot]
        head = equations[pivot][pivot]
        equations[pivot] = [value / head for value in equations[pivot]]
        for other in range(size):
            if other != pivot and (factor := equations[other][pivot]):
                equations[other] = [value - factor * base for value, base in zip(equations[other], equations[pivot], strict=True)]
    return [row[-1] for row in equations]


def long_run(normal: Fraction, tightened: Fraction) -> Fraction:
    """The share of lots accepted by our state machine, discontinuation off."""
    states = reachable(Switching(ENDLESS))
    accept = {Due.NORMAL: normal, Due.TIGHTENED: tightened}
    shares = stationary(states, accept)
    return sum((share * accept[state.due] for share, state in zip(shares, states, strict=True)), Fraction(0))


def published(normal: Fraction, tightened: Fraction) -> Fraction:
    """Stephens and Larson 1967 (vignette of AQLSchemes): mean stays on normal and on tightened, a and b, as weights."""
    a = (2 - normal**4) / ((1 - normal) * (1 - normal**4))
    b = (1 - tightened**5) / ((1 - tightened) * tightened**5)
    return (a * normal + b * tightened) / (a + b)


def binomial(accept: int, size: int, share: Fraction) -> Fraction:
    """Probability of at most ``accept`` nonconforming units in a sample."""
    return sum((comb(size, k) * share**k * (1 - share) ** (size - k) for k in range(accept + 1)), Fraction(0))


def shares(*texts: str) -> Iterable[Fraction]:
    return [Fraction(text) for text in texts]


@pytest.mark.parametrize("normal", shares("1/100", "1/2", "7/10", "9/10", "999/1000"))
@pytest.mark.parametrize("tightened", shares("1/100", "1/3", "4/5", "99/100"))
def test_long_run_acceptance_is_exactly_the_published_formula(normal: Fraction, tightened: Fraction) -> None:
    assert long_run(normal, tightened) == published(normal, tightened)


@pytest.mark.parametrize(
    ("size", "normal", "tightened", "share", "value"),
    [(80, 5, 3, "0.03", 0.95923), (80, 5, 3, "0.05", 0.46262), (200, 7, 5, "0.02", 0.93810)],
)
def test_published_values(size: int, normal: int, tightened: int, share: str, value: float) -> None:
    # Ten digits of the binomial are plenty for five of the result, and keep the fractions short.
    accept = [binomial(ac, size, Fraction(share)).limit_denominator(10**10) for ac in (normal, tightened)]
    assert float(long_run(*accept)) == pytest.approx(value, abs=5e-6)


def test_states_that_the_rules_need() -> None:
    # Normal: windows of up to 4 lots with at most one not accepted (1+2+3+4+5); tightened: runs of 0 to 4.
    states = reachable(Switching(ENDLESS))
    assert sum(state.due is Due.NORMAL for state in states) == 15
    assert sum(state.due is Due.TIGHTENED for state in states) == 5
    # With discontinuation: 5 lengths of run times 0 to 4 lots not accepted, and the end.
    assert [sum(state.due is due for state in reachable(Switching(RULES))) for due in Due] == [15, 25, 1]
