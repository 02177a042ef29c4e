"""The view of the cluster, attacked: nobody who does arithmetic on what is published learns of fewer than five members."""

from __future__ import annotations

from decimal import Decimal
from itertools import combinations, product

from hypothesis import given
from hypothesis import strategies as st

from weftline.domain.cooperative.cluster import LEAST, Cell, Measure, Profile, candidates, published, view

_PROFILES = st.lists(
    st.tuples(
        st.sampled_from(["MICRO", "SMALL", "MEDIUM"]),
        st.sampled_from(["YES", "NO"]),
        st.integers(0, 100),
        st.none() | st.integers(0, 100),
    ),
    max_size=40,
)


def profiles(drawn: list[tuple[str, str, int, int | None]]) -> list[Profile]:
    return [
        Profile(
            f"f-{number}",
            {"size": size, "online": online},
            {Measure.SCORE: Decimal(score)} | ({} if share is None else {Measure.PASS_SHARE: Decimal(share)}),
        )
        for number, (size, online, score, share) in enumerate(drawn)
    ]


def attacks(cells: tuple[Cell, ...], together: int) -> list[frozenset[str]]:
    """Groups that sums and differences of so many cells give away: (everybody of the first ones) without (those of the others), each
    member counted as often as it comes. Written without the algebra of the view."""
    groups = list(dict.fromkeys(cell.members for cell in cells))
    found = []
    for count in range(1, together + 1):
        for chosen in combinations(groups, count):
            for signs in product((1, -1), repeat=count - 1):
                times: dict[str, int] = {}
                for sign, group in zip((1, *signs), chosen, strict=True):
                    for member in group:
                        times[member] = times.get(member, 0) + sign
                known = set(times.values()) - {0}
                if len(known) == 1:  # every member that is left is counted equally often: a count and a sum of a group
                    found.append(frozenset(member for member, count_of in times.items() if count_of))
    return found


@given(_PROFILES)
def test_no_sum_and_no_difference_gives_a_small_group_away(drawn: list[tuple[str, str, int, int | None]]) -> None:
    cells = published(candidates(profiles(drawn)))
    assert all(len(cell.members) >= LEAST for cell in cells)
    assert [group for group in attacks(cells, 3) if 0 < len(group) < LEAST] == []


@given(_PROFILES)
def test_everybody_is_shown_the_same_of_others(drawn: list[tuple[str, str, int, int | None]]) -> None:
    found = profiles(drawn)
    seen = {tuple((one.measure, one.group, one.members, one.percentiles) for one in view(found, each.factory_id)) for each in found}
    assert len(seen) <= 1


def test_the_attack_succeeds_where_only_small_cells_are_left_out() -> None:
    """The guard: without complementary suppression the rest of all is four members."""
    drawn = [("SMALL", "YES", score, None) for score in range(8)] + [("MICRO", "YES", 90, None)] * 4
    cells = candidates(profiles(drawn))
    large = tuple(cell for cell in cells if len(cell.members) >= LEAST)
    assert [len(group) for group in attacks(large, 2) if 0 < len(group) < LEAST]
    taken = published(cells)
    assert [(cell.group, len(cell.members)) for cell in taken] == [((), 12), ((("online", "YES"),), 12)]


def test_two_cells_that_overlap_do_not_give_away_what_parts_them() -> None:
    """All who were tested, and all: three were not. So one of the two is left out, though both have members enough."""
    drawn = [("SMALL", "YES", score, 50) for score in range(7)] + [("SMALL", "YES", 9, None)] * 3
    taken = published(candidates(profiles(drawn)))
    assert {cell.measure for cell in taken} == {Measure.SCORE}


def test_several_cells_together_give_nobody_away() -> None:
    """A table of two by two: each row and column is large, and all but one cell too. Rows, columns and three cells give the fourth."""
    drawn = [
        *[("SMALL", "YES", 1, None)] * 6,
        *[("SMALL", "NO", 2, None)] * 6,
        *[("MICRO", "YES", 3, None)] * 6,
        *[("MICRO", "NO", 4, None)] * 2,
    ]
    taken = {cell.group for cell in published(candidates(profiles(drawn)))}
    assert taken == {(), (("online", "NO"),), (("online", "YES"),), (("size", "MICRO"),), (("size", "SMALL"),)}


def test_where_one_stands() -> None:
    found = profiles([("SMALL", "YES", score, None) for score in (10, 20, 30, 40, 50)])
    (cell, *_) = view(found, "f-3")
    assert (cell.members, cell.percentiles, cell.own, cell.below) == (5, (20, 30, 40), 40, 75)
    stranger = view(found, "f-99")
    assert (stranger[0].own, stranger[0].below) == (None, None)
