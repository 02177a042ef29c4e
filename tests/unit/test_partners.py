"""The door of the gateway: who is known by a token, what he may say and see, and that nothing else lets anybody in."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.examples import DECLARED, ORDER, REPORT, VERIFIED

from weftline.contracts.partners import Partner, Partners, Role, checked, digest, new_token, revoked
from weftline.domain.events import Event
from weftline.errors import UserError

NOW = 1_800_000_000_000
DAY = 86_400_000


def center(event: Event = ORDER, **more: object) -> Partner:
    """A center that may say what ``event`` says."""
    own: dict[str, object] = {
        "partner_id": "c",
        "role": Role.CENTER,
        "sources": (event.source,),
        "centers": (event.center_id,),
        "cooperatives": (event.cooperative_id,),
    }
    return checked(Partner(**{**own, **more}))  # type: ignore[arg-type]


def test_a_token_is_known_by_its_hash_alone() -> None:
    made = new_token("c", NOW, 30)
    assert made.text not in repr(made.token)
    assert made.token.digest == digest(made.text)
    assert len(made.text) == len("wft_") + 12 + 1 + 43
    assert new_token("c", NOW, 30).text != made.text
    door = Partners([center()], [made.token])
    found = door.caller(made.text, NOW)
    assert found is not None
    assert (found.partner, found.token) == (center(), made.token)


def test_nobody_else_is_let_in() -> None:
    made, other = new_token("c", NOW, 1), new_token("c", NOW, 1)
    door = Partners([center()], [made.token])
    assert door.caller(made.text, NOW + DAY - 1) is not None
    assert door.caller(made.text, NOW + DAY) is None  # expired
    assert door.caller(other.text, NOW) is None  # of nobody
    name = made.text.split("_")[1]
    assert door.caller(f"wft_{name}_{other.text.split('_', 2)[2]}", NOW) is None  # the right name, another's secret
    for text in ("", "wft_", made.text[:-1], made.text + "A", made.text.upper(), f" {made.text}", made.token.digest):
        assert door.caller(text, NOW) is None
    assert Partners([replace(center(), disabled=True)], [made.token]).caller(made.text, NOW) is None
    assert Partners([], [made.token]).caller(made.text, NOW) is None
    ended = revoked(made.token, NOW + 5)
    door = Partners([center()], [ended])
    assert door.caller(made.text, NOW + 4) is not None
    assert door.caller(made.text, NOW + 5) is None
    assert revoked(ended, NOW + 9) == ended  # what has ended is not put off


@given(st.text(max_size=80))
def test_no_text_lets_anybody_in(text: str) -> None:
    assert Partners([center()], [new_token("c", NOW, None).token]).caller(text, NOW) is None


def test_whoever_was_let_in_is_looked_at_again() -> None:
    made = new_token("c", NOW, None)
    door = Partners([center()], [made.token])
    caller = door.caller(made.text, NOW)
    assert caller is not None
    assert door.still(caller, NOW + 400 * DAY) == caller
    assert Partners([replace(center(), disabled=True)], [made.token]).still(caller, NOW) is None
    assert Partners([center()], [revoked(made.token, NOW)]).still(caller, NOW) is None
    wider = replace(center(), centers=("c-1", "c-2"))
    assert Partners([wider], [made.token]).still(caller, NOW) == (wider, made.token)


def test_a_center_speaks_for_itself_and_for_nobody_else() -> None:
    mine = center()
    assert list(mine.refusals(ORDER)) == []
    assert list(mine.refusals(replace(DECLARED, **{n: getattr(ORDER, n) for n in ("source", "center_id", "cooperative_id")}))) == []
    for field in ("source", "center_id", "cooperative_id"):
        (refused,) = mine.refusals(replace(ORDER, **{field: "another"}))
        assert (refused.field, refused.reason) == (field, "not_allowed")
    all_at_once = replace(ORDER, source="x", center_id="y", cooperative_id="z")
    assert [one.field for one in mine.refusals(all_at_once)] == ["source", "cooperative_id", "center_id"]


def test_a_laboratory_is_bound_as_well() -> None:
    mine = center(REPORT)
    assert [one.field for one in mine.refusals(REPORT)] == ["laboratory_report.laboratory_id"]
    assert [one.field for one in center(VERIFIED).refusals(VERIFIED)] == ["report_status.laboratory_id"]
    assert REPORT.laboratory_report is not None
    assert list(center(REPORT, laboratories=(REPORT.laboratory_report.laboratory_id,)).refusals(REPORT)) == []
    assert list(center(REPORT, laboratories=("*",)).refusals(REPORT)) == []


def test_who_sees_what() -> None:
    factory = Partner(partner_id="f", role=Role.FACTORY, factories=("f-1", "g-*"))
    officer = Partner(partner_id="o", role=Role.OFFICER, cooperatives=("haimen",))
    operator = Partner(partner_id="p", role=Role.OPERATOR)
    seen = {
        one.partner_id: [one.sees_alert(*alert) for alert in (("f-1", "haimen"), ("f-2", "haimen"), ("g-7", "other"), ("f-10", ""))]
        for one in (factory, officer, operator, center())
    }
    assert seen == {
        "f": [True, False, True, False],
        "o": [True, True, False, False],
        "p": [True, True, True, True],
        "c": [False, False, False, False],
    }
    events = [ORDER, replace(ORDER, cooperative_id="haimen"), replace(ORDER, source="another")]
    assert [center().sees_event(one) for one in events] == [True, False, False]
    assert [factory.sees_event(one) for one in events] == [False, False, False]
    assert [officer.sees_event(one) for one in events] == [one.cooperative_id == "haimen" for one in events]
    assert all(operator.sees_event(one) for one in events)


def test_every_fault_of_a_partner_is_told() -> None:
    wrong = Partner(partner_id=" c", role=Role.CENTER, sources=("a*b",), factories=("f",), per_minute=0)
    with pytest.raises(UserError) as told:
        checked(wrong)
    text = str(told.value)
    for part in ("its id must not begin", "names its centers", "names its cooperatives", "has no factories", "'a*b'", "at least 1"):
        assert part in text
    assert checked(Partner(partner_id="p", role=Role.OPERATOR)).role is Role.OPERATOR
    for role, need in ((Role.FACTORY, "factories"), (Role.OFFICER, "cooperatives")):
        with pytest.raises(UserError, match=f"names its {need}"):
            checked(Partner(partner_id="p", role=role))
