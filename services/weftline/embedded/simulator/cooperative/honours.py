"""Who comes on a list, and who may carry the trademark: decided by a board that knows what the simulator knows."""

from __future__ import annotations

from typing import Final

from weftline.domain.vocabulary import QualityList
from weftline.embedded.simulator.cooperative.clocks import begin_of, year_of
from weftline.embedded.simulator.cooperative.diary import Diary
from weftline.embedded.simulator.cooperative.knowledge import Known
from weftline.embedded.simulator.cooperative.lives import Entry, Member
from weftline.embedded.simulator.workdays import DAY

#: When the board meets to give the mark, as shares of the whole time.
_ROUNDS: Final = (0.8, 0.95)
_IGNORED_DAYS: Final = 30


def plan_lists(plan: Diary) -> None:
    """The black list, for what was ignored or failed twice; the red one, once a year."""
    for member in plan.members:
        _black(plan, member)
    last = year_of(plan.play.end)
    for number, year in enumerate(range(year_of(plan.play.first_day), last + 1)):
        day = (begin_of(year) - plan.play.first_day) // DAY + 24
        if 60 < day < plan.play.days:
            _red(plan, number, day)


def _black(plan: Diary, member: Member) -> None:
    for case in member.cases:
        ground = begin = None
        if len(case.retested) == 2 and not case.retested[1][1]:
            ground, begin = "black_second_round", case.retested[1][0]
        elif case.reported is None or case.reported > case.ordered + 100 * DAY:
            ground, begin = "black_ignored", case.ordered + (61 + _IGNORED_DAYS) * DAY
        if ground is not None and begin is not None:
            _entry(plan, member, Entry(f"B-{case.case_id}", QualityList.BLACK, ground, (case.case_id,), []), begin)
            return


def _entry(plan: Diary, member: Member, entry: Entry, begin: int) -> None:
    """Proposed, decided, and perhaps appealed against, upheld or lifted, changed, or lifted early."""
    rng = plan.rng
    day = (begin - plan.play.first_day) // DAY + rng.randrange(3, 20)
    entry.steps.append((plan.hour(day), "PROPOSED"))
    member.entries.append(entry)
    if rng.random() < 0.1:
        return
    day += rng.randrange(5, 20)
    entry.steps.append((plan.hour(day), "DECIDED"))
    if rng.random() < 0.2:
        entry.expires = entry.steps[-1][0] + rng.randrange(200, 400) * DAY
    course = rng.random()
    if course < 0.45:
        day += rng.randrange(3, 25)
        entry.steps.append((plan.hour(day), "APPEALED"))
        if course < 0.4:
            day += rng.randrange(5, 29)
            entry.steps.append((plan.hour(day), rng.choice(("UPHELD", "UPHELD", "CHANGED", "LIFTED"))))
    elif course < 0.6:
        entry.steps.append((plan.hour(day + rng.randrange(370, 500)), "LIFTED"))


def _red(plan: Diary, number: int, day: int) -> None:
    """All to whom it is open that day; it is decided some days later, and one in twenty is taken off again."""
    rng = plan.rng
    for member in plan.members:
        if plan.known(member, plan.day(day)).best:
            entry = Entry(f"R{number}-{member.factory_id}", QualityList.RED, "red_best", (), [(plan.hour(day), "PROPOSED")])
            entry.steps.append((plan.hour(day + 9), "DECIDED"))
            if rng.random() < 0.05:
                entry.steps.append((plan.hour(day + rng.randrange(30, 200)), "LIFTED"))
            member.entries.append(entry)


def plan_marks(plan: Diary) -> None:
    """At each round those who hold it and fell out lose it, and those who may have it apply; the best of them get what places are left."""
    rng, play = plan.rng, plan.play
    for share in _ROUNDS:
        day = int(play.days * share)
        for member in plan.members:
            standing = plan.known(member, plan.day(day)).standing
            if standing == "FELL_OUT":
                member.mark.append((plan.hour(day), "SUSPENDED", None))
                if rng.random() < 0.5:
                    member.mark.append((plan.hour(day + 12), "WITHDRAWN", None))
        decided = plan.day(day + 10)
        candidates = [(member, plan.known(member, decided)) for member in plan.members if not member.mark]
        eligible = sorted((pair for pair in candidates if not pair[1].failing()), key=lambda pair: _merits(pair[1]))
        hopeless = [member for member, known in candidates if known.membership and len(known.failing()) == 1]
        left = play.places - sum(plan.known(member, decided).carries for member in plan.members)
        for place, (member, _) in enumerate(eligible):
            if place < left + 5:
                granted = place < left
                until = decided + 3 * 365 * DAY if rng.random() < 0.7 else None
                member.mark += [
                    (plan.hour(day + 2), "APPLIED", None),
                    (plan.hour(day + 11), "GRANTED" if granted else "REFUSED", until if granted else None),
                ]
        for member in rng.sample(hopeless, min(len(hopeless), 4)):
            member.mark += [(plan.hour(day + 3), "APPLIED", None), (plan.hour(day + 11), "REFUSED", None)]


def _merits(known: Known) -> tuple[int, float, int, str]:
    """The best first: by score, share and number of tests passed, and by name where these say nothing."""
    passed, failed = len(known.passed), len([*known.failures()])
    return -known.score, -passed / max(passed + failed, 1), -passed, known.member.factory_id
