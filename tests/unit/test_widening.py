"""Before anything is changed: are all processors of a version that follows its topic?"""

from __future__ import annotations

import pytest

from weftline.errors import UserError
from weftline.runtime import repartition
from weftline.runtime.groups import CLIENT, Group, Member, Position

POSITIONS = tuple(Position(number, 0, 0) for number in range(4))
NEW, OLD = Member("a", (0, 1), CLIENT), Member("b", (2, 3), "faust-0.15.3")


def group(name: str, *members: Member) -> Group:
    return Group(name, "t", "Stable", members, POSITIONS)


def test_processors_of_an_earlier_version_are_named() -> None:
    with pytest.raises(UserError, match=r"nothing was changed: processors of an earlier version run \(logistics, orders\)"):
        repartition._refuse_older([group("orders", NEW, OLD), group("inspections", NEW), group("logistics", OLD)])
    repartition._refuse_older([group("orders", NEW), group("inspections")])
    repartition._refuse_older([Group("orders", "t", "unknown", None, POSITIONS)])  # a broker that does not say


def test_it_waits_until_everything_is_held_and_says_what_nobody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repartition, "POLL_SECONDS", 0.001)
    looks = [[group("orders", NEW)], [group("orders", NEW, OLD)], [group("orders", NEW, OLD), group("logistics")]]
    assert [*repartition._until_taken(lambda: looks.pop(0))] == [
        "orders: 4 partitions are read",
        "logistics: 4 partitions; no processor runs, the next one reads them all",
    ]
    monkeypatch.setattr(repartition, "TAKEN_SECONDS", 0.01)
    with pytest.raises(UserError, match=r"not all were taken over within 0 s: orders \(2 of 4\)"):
        [*repartition._until_taken(lambda: [group("orders", NEW)])]
