"""A cooperative's years, decided in advance: who joins and is in office, what is tested and fails, who is listed and who gets the mark."""

from __future__ import annotations

from typing import Final

from weftline.domain.vocabulary import FundStep, Payer, SizeClass, TestPurpose
from weftline.embedded.simulator.cooperative.checks import plan_checks
from weftline.embedded.simulator.cooperative.clocks import year_of
from weftline.embedded.simulator.cooperative.config import SLOT_DAYS, CooperativePlay
from weftline.embedded.simulator.cooperative.diary import BLENDS, INFANT, Diary
from weftline.embedded.simulator.cooperative.honours import plan_lists, plan_marks
from weftline.embedded.simulator.cooperative.lives import Member, Officer, Test
from weftline.embedded.simulator.measuring import FIBRE
from weftline.embedded.simulator.workdays import DAY, HOUR, MINUTE
from weftline.errors import UserError

#: How much more often those are tested, lately, who want the mark.
_EAGER: Final = 4.0
_EAGER_DAYS: Final = 420
_COMMISSIONED: Final = 0.08
_GIVEN_BACK: Final = 0.04
_WITHDRAWN_FIRST: Final = 0.02


class Plan(Diary):
    """Everything that happens, and who makes it happen."""

    def __init__(self, play: CooperativePlay, seed: int, tag: str, laboratory_id: str) -> None:
        super().__init__(play, seed, tag, laboratory_id)
        self.members = self._members()
        self._offices()
        plan_checks(self)
        self._fund_tests()
        self._answers_to_failures()
        self._commissioned()
        plan_lists(self)
        plan_marks(self)

    # Who takes part

    def _members(self) -> list[Member]:
        play, rng = self.play, self.rng
        grown = int(self.play.days * 0.9)
        days = sorted(rng.randrange(1, grown) for _ in range(play.members + play.leavers - play.founders))
        sizes = (SizeClass.MICRO, SizeClass.SMALL, SizeClass.MEDIUM, SizeClass.LARGE)
        members = []
        for factory_id, joined in zip(play.member_ids, [*[0] * play.founders, *days], strict=True):
            size = rng.choices(sizes, (35, 45, 16, 4))[0]
            membership = [(self.day(joined), "JOINED")]
            if rng.random() < 0.92:
                membership.append((self.day(joined + rng.randrange(1, 40)), "PLEDGE_SIGNED"))
            limited = size is SizeClass.MICRO and rng.random() < 0.4
            members.append(Member(factory_id, size, rng.random() < 0.4, limited, membership, free={*range(self.slots)}))
        # Of those who have a day left on which they can leave: a short play may end before somebody has signed.
        for member in rng.sample([m for m in members if m.membership[-1][0] < self.day(play.days - 1)], play.leavers):
            joined = (member.membership[-1][0] - self.play.first_day) // DAY
            left = rng.randrange(joined + 1, self.play.days)
            member.membership.append((self.day(left), "LEFT"))
        # Some pause for a while, and one of the founders leaves, comes back and signs again.
        comer = next(member for member in members if member.membership[-1][1] != "LEFT")
        left = self.play.days // 3
        comer.membership += [(self.day(left + days), step) for days, step in ((0, "LEFT"), (90, "JOINED"), (97, "PLEDGE_SIGNED"))]
        staying = [
            m for m in members if m.membership[-1][1] != "LEFT" and m.membership[-1][0] < self.day(grown // 2) and m is not comer
        ]
        for member in rng.sample(staying, min(len(staying) // 4, 1 + len(members) // 60)):
            since = (member.membership[-1][0] - self.play.first_day) // DAY + rng.randrange(20, grown // 3)
            member.membership += [(self.day(since), "SUSPENDED"), (self.day(since + rng.randrange(10, 60)), "RESUMED")]
        return members

    def _present(self) -> list[Member]:
        """Those who never leave."""
        return [member for member in self.members if member.membership[-1][1] != "LEFT"]

    def _offices(self) -> None:
        """Officers and their training, certificates, official grades, standards and brands."""
        play, rng, present = self.play, self.rng, self._present()
        for role, wanted in ((True, play.chiefs), (False, play.specialists)):
            of = rng.sample(present, wanted) if wanted <= len(present) else rng.choices(present, k=wanted)
            for number, member in enumerate(of):
                self._officer(member, f"p-{'c' if role else 's'}{number:04d}", chief=role)
        for member in rng.sample(present, play.certified):
            self._certificate(member)
        for number, member in enumerate(rng.sample(present, play.graded)):
            joined = member.membership[0][0]
            told = self._between(joined, self.play.end)
            member.grades.append((told, year_of(told) - 1, "AA" if number == 0 else "A"))
        for member in present:
            joined = member.membership[0][0]
            if rng.random() < 0.8:
                member.standards.append((self._between(joined, self.play.end), "COLLECTION_RECEIVED"))
            if rng.random() < 0.06:
                member.standards.append((self._between(joined, self.play.end), rng.choice(("LED", "JOINED"))))
            if rng.random() < 0.3:
                member.brands.append((self._between(joined, self.play.end), "MARK_REGISTERED", None))
            if rng.random() < 0.08:
                since = self._between(joined, self.play.end)
                member.brands.append((since, "HONOURED", since + rng.choice((300, 700)) * DAY))

    def _between(self, begin: int, end: int) -> int:
        """Midnight of some day after ``begin`` and before ``end``."""
        first = (begin - self.play.first_day) // DAY + 1
        return self.day(self.rng.randrange(first, max((end - self.play.first_day) // DAY, first + 1)))

    def _officer(self, member: Member, person: str, *, chief: bool) -> None:
        rng = self.rng
        appointed = self._between(member.membership[0][0], self.play.end)
        officer = Officer(person, chief, appointed)
        if rng.random() < 0.7:
            trained = appointed + rng.randrange(1, 60) * DAY
            officer.trained = (trained, trained + rng.choice((365, 730)) * DAY)
        member.officers.append(officer)
        if rng.random() < 0.08 and appointed + 110 * DAY < self.play.end:
            officer.ended = self._between(appointed + 90 * DAY, self.play.end - 3 * DAY)
            member.officers.append(Officer(f"{person}-b", chief, officer.ended + DAY))

    def _certificate(self, member: Member) -> None:
        """Granted for three years in the first half of the membership; renewed in time, as a rule; sometimes suspended."""
        rng = self.rng
        joined = member.membership[0][0]
        granted = self._between(joined, joined + (self.play.end - joined) // 2)
        until = granted + 3 * 365 * DAY
        member.certificate.append((granted, "GRANTED", until))
        if rng.random() < 0.06:
            suspended = self._between(granted + 30 * DAY, until - 60 * DAY)
            member.certificate.append((suspended, "SUSPENDED", None))
            if rng.random() < 0.5:
                member.certificate.append((suspended + 45 * DAY, "RENEWED", until))
        elif rng.random() < 0.9:
            member.certificate.append((until - rng.randrange(5, 60) * DAY, "RENEWED", until + 3 * 365 * DAY))

    # Tests

    def _fund_tests(self) -> None:
        """As many as are wanted, besides those that answer to a spot check, over the slots by how many members there are."""
        rng, wanted = self.rng, self.play.batches - len(self.done)
        crowds = [self.active(slot) for slot in range(self.slots)]
        chosen = sorted(rng.choices(range(self.slots), [len(crowd) for crowd in crowds], k=wanted))
        eager_from = self.slots - _EAGER_DAYS // SLOT_DAYS
        behind = 0
        for slot, crowd in enumerate(crowds):
            behind += chosen.count(slot)
            free = [member for member in crowd if slot in member.free]
            weights = [_EAGER if member.certificate and slot >= eager_from else 1.0 for member in free]
            while behind and free:
                at = rng.choices(range(len(free)), weights)[0]
                member = free.pop(at)
                weights.pop(at)
                behind -= self._ask_and_do(member, slot)
        if behind:
            raise UserError(f"the cooperative cannot be played: {behind} of its batches are more than its members may ask for")
        tests = [request.test for _, request in self.done if request.case_id is None]
        for test in rng.sample([test for test in tests if test is not None], self.play.failed):
            test.failing = self.fails()
            test.category = rng.choice(BLENDS) if FIBRE in test.failing else test.category
        self._pay()

    def _ask_and_do(self, member: Member, slot: int) -> bool:
        """Whether a batch was done."""
        rng = self.rng
        begin = self.day(slot * SLOT_DAYS)
        left = self.known(member, begin).fund(year_of(begin + DAY))["left"]
        request = self.ask(member, slot)
        asked, approved = request.steps
        if left < 1 and rng.random() < 0.7:
            request.steps = [asked, (approved[0], FundStep.REFUSED)]
            request.reason = "the quota of the year is used up"
            return False
        request.by_exception = left < 1
        if rng.random() < _GIVEN_BACK:
            request.batches = rng.randrange(1, 3)
            request.steps.append((approved[0] + rng.randrange(HOUR, DAY), FundStep.CANCELLED))
            return False
        if slot == self.slots - 1 and rng.random() < 0.5:
            del request.steps[rng.randrange(1, 3) :]  # nobody has decided yet, or tested
            return False
        made = self.do(member, slot, request, TestPurpose.FUND)
        if rng.random() < _WITHDRAWN_FIRST:
            self._mixed_up(member, slot, made)
        return True

    def _mixed_up(self, member: Member, slot: int, test: Test) -> None:
        """Before it, a report of another specimen was verified by mistake, and withdrawn."""
        first = slot * SLOT_DAYS
        tested, issued, verified, withdrawn = (self.hour(first + day) for day in (2, 3, 4, 5))
        self.reports += 1
        number = f"C{self.tag}-{self.reports:06d}"
        wrong = Test(number, test.category, test.purpose, test.payer, tested, issued, verified, self.fails(), withdrawn=withdrawn)
        wrong.category = self.rng.choice(BLENDS) if FIBRE in wrong.failing else wrong.category
        test.tested = max(test.tested, withdrawn + HOUR)
        member.tests.append(wrong)

    def _pay(self) -> None:
        """What each batch costs; together the budget."""
        done = sorted(self.done, key=lambda pair: pair[1].steps[-1])
        total, count = self.play.budget_minor, len(done)
        for number, (_, request) in enumerate(done):
            request.paid_minor = total * (number + 1) // count - total * number // count

    def _answers_to_failures(self) -> None:
        """Re-inspections of what failed at a free test: most soon, some late, some never, some failing again."""
        rng = self.rng
        for member, request in self.done:
            failed = request.test
            if failed is None or not failed.failing or rng.random() < 0.12:
                continue
            slot = (failed.verified - self.play.first_day) // DAY // SLOT_DAYS
            for outcome in (False, True) if rng.random() < 0.12 else (True,):
                slot += rng.choice((1, 2, 2, 3, 6))
                slot = next((later for later in range(slot, self.slots) if later in member.free), self.slots)
                if slot >= self.slots:
                    break
                again = self.test(member, slot, TestPurpose.RE_INSPECTION, Payer.FACTORY)
                again.category, again.original = failed.category, failed.number
                again.failing = frozenset() if outcome else failed.failing

    def _commissioned(self) -> None:
        """Tests that members pay themselves, the eager ones more; some are withdrawn after weeks."""
        rng = self.rng
        for _ in range(int(self.play.batches * _COMMISSIONED)):
            slot = rng.randrange(self.slots)
            free = [member for member in self.active(slot) if slot in member.free]
            if free:
                member = rng.choices(free, [_EAGER if member.certificate else 1.0 for member in free])[0]
                made = self.test(member, slot, TestPurpose.COMMISSIONED, Payer.FACTORY)
                made.failing = self.fails() if rng.random() < 0.05 else frozenset()
                made.category = rng.choice(BLENDS) if FIBRE in made.failing else rng.choice((made.category, INFANT))
                if rng.random() < 0.1:
                    made.withdrawn = made.verified + rng.randrange(10 * DAY, 70 * DAY) + MINUTE
