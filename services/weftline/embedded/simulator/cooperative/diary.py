"""A cooperative's diary, in which those who plan its years look up and write down what happens to its members."""

from __future__ import annotations

from random import Random
from typing import Final

from weftline.domain.vocabulary import FundStep, Payer, SafetyClass, TestPurpose
from weftline.embedded.simulator.catalogue import CATEGORIES
from weftline.embedded.simulator.cooperative.clocks import year_of
from weftline.embedded.simulator.cooperative.config import SLOT_DAYS, CooperativePlay
from weftline.embedded.simulator.cooperative.knowledge import Known
from weftline.embedded.simulator.cooperative.lives import Member, Request, Test
from weftline.embedded.simulator.measuring import FIBRE, choose_failing, plan_of
from weftline.embedded.simulator.workdays import DAY, HOUR

BLENDS: Final = tuple(category for category in CATEGORIES if category.filled and any(len(f) > 1 for f in category.fibres))
PLAIN: Final = tuple(c for c in CATEGORIES if not c.hanging and c not in BLENDS and c.safety_class is not SafetyClass.A)
#: What is tested of infants' goods is less than their standard requires; nobody pays that from the fund.
INFANT: Final = next(category for category in CATEGORIES if category.safety_class is SafetyClass.A)
_SAFETY_SHARE: Final = 0.3


class Diary:
    """The members and all that is written down of them, and the random generator of whoever decides.

    It has one of its own, so that a cooperative beside it moves no event of the simulated cluster.
    """

    def __init__(self, play: CooperativePlay, seed: int, tag: str, laboratory_id: str) -> None:
        self.play, self.tag, self.laboratory_id = play, tag, laboratory_id
        self.mark_id = f"{play.name}-home-textiles"
        self.rng = Random(f"weftline cooperative {seed} {play.name}")
        self.slots = play.days // SLOT_DAYS
        self.reports = self.requests = 0
        self.members: list[Member] = []

    def day(self, number: int) -> int:
        """Local midnight that begins a day of the play."""
        return self.play.first_day + number * DAY

    def hour(self, number: int) -> int:
        """Some moment of that day's working hours."""
        return self.day(number) + self.rng.randrange(9 * HOUR, 17 * HOUR)

    def known(self, member: Member, at: int) -> Known:
        """What is known of a member then."""
        return Known(member, self.laboratory_id, self.mark_id, at)

    def active(self, slot: int) -> list[Member]:
        """Those who are members, and not suspended, from the beginning of a slot to its end."""
        begin, end = self.day(slot * SLOT_DAYS), self.day((slot + 1) * SLOT_DAYS)
        found = []
        for member in self.members:
            steps = [(time, step) for time, step in member.membership if time < end]
            quiet = all(time < begin for time, _ in steps)
            if steps and quiet and steps[-1][1] not in ("SUSPENDED", "LEFT"):
                found.append(member)
        return found

    def test(self, member: Member, slot: int, purpose: TestPurpose, payer: Payer, failing: frozenset[str] = frozenset()) -> Test:
        """A report of a slot; none overlaps with another of the same member, so that nobody can argue about their order."""
        rng, first = self.rng, slot * SLOT_DAYS
        self.reports += 1
        category = rng.choice(BLENDS if FIBRE in failing else (*PLAIN, *BLENDS))
        tested = self.hour(first + rng.randrange(5, 8))
        issued = self.hour(first + 9)
        made = Test(
            f"C{self.tag}-{self.reports:06d}", category, purpose, payer, tested, issued, issued + rng.randrange(2 * HOUR, 30 * HOUR)
        )
        made.failing = failing
        member.tests.append(made)
        member.free.discard(slot)
        return made

    def fails(self) -> frozenset[str]:
        """In which indicators a specimen fails."""
        safety = self.rng.random() < _SAFETY_SHARE
        plan = plan_of(PLAIN[0], fabric=False, auxiliary=False)
        return choose_failing(self.rng, tuple(name for name in plan if name != FIBRE), False) if safety else frozenset({FIBRE})

    def ask(self, member: Member, slot: int, *, case_id: str | None = None) -> Request:
        """Ask for a free test at the beginning of a slot, and have it approved."""
        self.requests += 1
        asked = self.hour(slot * SLOT_DAYS)
        approved = self.hour(slot * SLOT_DAYS + self.rng.randrange(1, 4))
        steps = [(asked, FundStep.REQUESTED), (approved, FundStep.APPROVED)]
        request = Request(f"Q{self.tag}-{self.requests:06d}", year_of(asked), steps, case_id=case_id)
        member.requests.append(request)
        member.free.discard(slot)
        return request

    def do(self, member: Member, slot: int, request: Request, purpose: TestPurpose) -> Test:
        """Do a free test that was approved."""
        made = self.test(member, slot, purpose, Payer.TESTING_FUND)
        request.test = made
        request.steps.append((self.hour(slot * SLOT_DAYS + 12), FundStep.DONE))
        return made

    @property
    def done(self) -> list[tuple[Member, Request]]:
        """Free tests that are done by the end, and whose."""
        return [(member, request) for member in self.members for request in member.requests if request.test is not None]
