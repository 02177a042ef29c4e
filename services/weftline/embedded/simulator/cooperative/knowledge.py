"""What a cooperative's rules come to, told by whoever played its members: from the dates in :mod:`.lives`, at any moment.

The figures are those of ``schemas/standards/cooperative.yaml``, written down here a second time on purpose, and nothing of
:mod:`weftline.domain.cooperative` is used. So what is found here is something to hold the tables against.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from weftline.domain.vocabulary import FundStep, Payer, QualityList, SafetyClass, TestPurpose
from weftline.embedded.simulator.cooperative.clocks import Clock, begin_of, end_of, year_of
from weftline.embedded.simulator.cooperative.lives import Case, Entry, Member, Request, Test
from weftline.embedded.simulator.measuring import SAFETY
from weftline.embedded.simulator.workdays import DAY, midnight

YEAR: Final = 365 * DAY
ISO_9001: Final = "ISO 9001"
GRADES: Final = (("excellent", 8_500), ("good", 7_000), ("fair", 5_000), ("watch", 0))
_QUOTA, _QUOTA_MOST = 3, 5
_TERMS: Final = {QualityList.RED: 365, QualityList.BLACK: 1_095}
_CLOCKED: Final = (TestPurpose.FUND, TestPurpose.SPOT_CHECK)
_NOT_DONE: Final = (FundStep.REFUSED, FundStep.CANCELLED)


class Known:
    """What is known of a member at a moment: nothing that happens later."""

    def __init__(self, member: Member, laboratory_id: str, mark_id: str, at: int) -> None:
        self.member, self.at = member, at
        self._laboratory_id, self._mark_id = laboratory_id, mark_id
        self.tests = [t for t in member.tests if t.verified <= at and not (t.withdrawn is not None and t.withdrawn <= at)]
        self.clocks = [*self._clocks()]
        self.pledged: int | None = None
        #: From when until when it had joined.
        self.joined: list[tuple[int, int | None]] = []
        #: From when until when it was a member, and not suspended.
        self.spans: list[tuple[int, int | None]] = []
        self.membership = ""
        for time, step in member.membership:
            if time <= at:
                self._moved(time, step)

    def _moved(self, time: int, step: str) -> None:
        self.membership = step
        if step == "JOINED":
            self.joined.append((time, None))
        if step == "PLEDGE_SIGNED":
            self.pledged = time
        if step in ("JOINED", "RESUMED"):
            self.spans.append((time, None))
        if step in ("SUSPENDED", "LEFT") and self.spans and self.spans[-1][1] is None:
            self.spans[-1] = (self.spans[-1][0], time)
        if step == "LEFT":
            self.joined[-1] = (self.joined[-1][0], time)
            self.pledged = None

    def _young(self, time: int, span: int) -> bool:
        return 0 <= self.at - time < span

    # Tests and failures

    def _of_case(self) -> set[str]:
        """Reports for which a case speaks."""
        return {c.spot_check.number for c in self.member.cases if c.failed <= self.at and c.spot_check is not None}

    @property
    def passed(self) -> list[int]:
        """When tests passed that were of all that is required; nothing that confers anything rests on less."""
        return [t.tested for t in self.tests if not t.failing and t.category.safety_class is not SafetyClass.A]

    def failures(self) -> Iterator[tuple[int, str]]:
        """When and how it failed: in a safety item, at a spot check, or at a test."""
        spoken_for = self._of_case()
        for test in self.tests:
            if test.failing and test.number not in spoken_for:
                yield test.tested, "safety" if test.failing & SAFETY else "test"
        for case in self.member.cases:
            if case.failed <= self.at:
                yield case.failed, "safety" if SAFETY & {*case.indicators} else "check"

    def _clocks(self) -> Iterator[Clock]:
        yield from (self._of_authority(case) for case in self.member.cases if case.failed <= self.at)
        spoken_for = self._of_case()
        for test in self.tests:
            if test.failing and test.purpose in _CLOCKED and test.number not in spoken_for:
                yield self._by_itself(test)

    def _of_authority(self, case: Case) -> Clock:
        def come(time: int | None) -> int | None:
            return time if time is not None and time <= self.at else None

        since = come(case.ordered) or case.failed
        retested = tuple((time, passed) for time, passed in case.retested if time <= self.at)
        announced = case.announced if retested and not retested[0][1] else None
        due = case.due if come(case.ordered) and case.due is not None else None
        return Clock(
            case.case_id,
            by_authority=True,
            level=case.level,
            failed=case.failed,
            rectify_by=end_of(since, 60) if due is None else midnight(due) + DAY - 1,
            reinspect_by=end_of(since, 75),
            reported=come(case.reported),
            retested=retested,
            accepted=come(case.accepted) is not None,
            safety=bool(SAFETY & {*case.indicators}),
            slight=case.slight,
            second_from=None if announced is None else midnight(announced) + 60 * DAY,
            second_by=None if announced is None else end_of(announced, 90),
        )

    def _by_itself(self, test: Test) -> Clock:
        again = sorted((t.verified, not t.failing) for t in self.tests if t.original == test.number)
        retested: list[tuple[int, bool]] = []
        for time, passed in again:
            retested.append((time, passed))
            if passed or len(retested) == 2:
                break
        return Clock(
            f"{self._laboratory_id}/{test.number}",
            by_authority=False,
            level="UNKNOWN",
            failed=test.verified,
            rectify_by=end_of(test.verified, 60),
            reinspect_by=end_of(test.verified, 75),
            reported=None,
            retested=tuple(retested),
            accepted=False,
            safety=bool(test.failing & SAFETY),
            slight=False,
        )

    def first_of_its_level(self, case_id: str) -> bool:
        """Whether nothing of that level failed before."""
        own = next(clock for clock in self.clocks if clock.case_id == case_id)
        like = (c for c in self.clocks if (c.by_authority, c.level) == (own.by_authority, own.level))
        return min(like, key=lambda c: (c.failed, c.case_id)).case_id == case_id

    def against(self, clock: Clock) -> list[str]:
        """What speaks against leniency."""
        failed_again = any(not passed for _, passed in clock.retested)
        found = {
            "NOT_FIRST": not self.first_of_its_level(clock.case_id),
            "SAFETY_ITEM": clock.safety,
            "NOT_SLIGHT": not clock.slight,
            "NOT_CORRECTED": failed_again or clock.was_late(self.at),
        }
        return [reason for reason, speaks in found.items() if speaks]

    # What it has

    def in_office(self, *, chief: bool) -> int:
        """People in office."""
        return sum(o.chief is chief and o.appointed <= self.at and not self._over(o.ended) for o in self.member.officers)

    def _over(self, time: int | None) -> bool:
        return time is not None and time <= self.at

    @property
    def trained(self) -> int:
        """People whose training holds."""
        return sum(
            o.trained is not None and o.trained[0] <= self.at <= midnight(o.trained[1]) + DAY - 1 and not self._over(o.ended)
            for o in self.member.officers
        )

    @property
    def certified(self) -> bool:
        """Whether its certificate is valid."""
        said = [step for step in self.member.certificate if step[0] <= self.at]
        if not said or said[-1][1] not in ("GRANTED", "RENEWED"):
            return False
        return said[-1][2] is None or self.at <= midnight(said[-1][2]) + DAY - 1

    def works(self, *steps: str) -> int:
        """Standards that it led, joined or received."""
        return sum(time <= self.at and step in steps for time, step in self.member.standards)

    @property
    def brands(self) -> int:
        """Marks and honours that hold."""
        return sum(
            time <= self.at and (until is None or self.at <= midnight(until) + DAY - 1) for time, _, until in self.member.brands
        )

    # Credit

    @property
    def score(self) -> int:
        """The score, in hundredths of a point."""
        passed = sum(2 * self._share(time, 1, 2) for time in self.passed)
        score = 6_000 + min(passed, 2_000)
        caps = []
        for time, how in self.failures():
            if how == "test":
                score -= 6 * self._share(time, 1, 2)
            else:
                score -= {"check": 10, "safety": 20}[how] * self._share(time, 2, 3)
            if how == "safety":
                caps += [4_900] * self._young(time, 2 * YEAR) + [8_400] * self._young(time, 3 * YEAR)
        for clock in self.clocks:
            if clock.overdue(self.at):
                score -= 1_500
                caps.append(4_900)
            if clock.stage == "PASSED" and not clock.was_late(self.at):
                score += 4 * self._share(clock.retested[-1][0], 2, 3)
        score += 400 * (self.pledged is not None) + 400 * (self.in_office(chief=True) > 0) + 600 * self.certified
        score += 100 * min(self.trained, 3) + 300 * min(self.works("LED", "JOINED"), 2) + 200 * min(self.brands, 2)
        return max(0, min([score, 10_000, *caps]))

    def _share(self, time: int, whole: int, half: int) -> int:
        """Hundredths that its age leaves of a point: all of it for ``whole`` years, a part until ``half``."""
        return 100 if self._young(time, whole * YEAR) else 50 if self._young(time, half * YEAR) else 0

    @property
    def grade(self) -> str:
        """The grade of that score."""
        return next(code for code, least in GRADES if self.score >= least)

    # Fund

    def quota(self, year: int) -> int:
        """Batches that it may ask for in a year."""
        begins, ends = begin_of(year), begin_of(year + 1)
        within = [since for since, until in self.spans if since < ends and (until is None or until > begins)]
        if not within:
            return 0
        first = max(begins, min(within))
        last = max(first, min(self.at, ends - 1))
        new = any(self._new(moment) for moment in (first, last))
        # What it said when it joined for the first time, and of no time before.
        limited = self.member.limited and any(self.member.membership[0][0] <= moment for moment in (first, last))
        return min(_QUOTA + new + limited, _QUOTA_MOST)

    def _new(self, moment: int) -> bool:
        return any(since <= moment and (until is None or moment < until) and moment - since < YEAR for since, until in self.joined)

    def step_of(self, request: Request) -> FundStep | None:
        """How far a free test has come; None before it is asked for."""
        return next((step for time, step in reversed(request.steps) if time <= self.at), None)

    def is_free(self, request: Request) -> bool:
        """Whether it is the re-inspection of a member who put right what failed for the first time at its level."""
        clock = next((c for c in self.clocks if c.by_authority and c.case_id == request.case_id), None)
        if clock is None or not (clock.reported is not None or clock.accepted) or self.step_of(request) in _NOT_DONE:
            return False
        return self.first_of_its_level(clock.case_id)

    def fund(self, year: int) -> dict[str, int]:
        """The member's year of the fund."""
        quota, used, reserved, free = self.quota(year), 0, 0, 0
        for request in self.member.requests:
            step = self.step_of(request)
            if request.year != year or step is None:
                continue
            if self.is_free(request):
                free += request.batches
            elif step is FundStep.DONE:
                used += request.batches
            elif step not in _NOT_DONE:
                reserved += request.batches
        last = min(self.at, begin_of(year + 1) - 1)
        may_ask = any(since <= last and (until is None or last < until) for since, until in self.spans)
        left = max(0, quota - used - reserved) if may_ask else 0
        return {"year": year, "quota": quota, "reserved": reserved, "used": used, "free": free, "left": left}

    def tests_paid(self, year: int) -> list[Test]:
        """The tests that the fund paid in a year: those of its requests, and those that no request has named yet."""
        done = {r.test.number: r.year for r in self.member.requests if r.test is not None and self.step_of(r) is FundStep.DONE}
        paid = [test for test in self.tests if test.payer is Payer.TESTING_FUND]
        return [test for test in paid if done.get(test.number, year_of(test.tested)) == year]

    # Lists and mark

    def entry(self, entry: Entry) -> dict[str, Any] | None:
        """An entry as it stands; None before anybody heard of it."""
        said = [(time, step) for time, step in entry.steps if time <= self.at]
        if not said:
            return None
        decided = next((time for time, step in said if step == "DECIDED"), None)
        until = early = None
        if decided is not None:
            until = entry.expires if entry.expires is not None else end_of(decided, _TERMS[entry.on])
            early = midnight(decided) + YEAR if entry.on is QualityList.BLACK else None
        last = said[-1][1]
        state = "LISTED"
        if last == "LIFTED":
            state = "LIFTED"
        elif decided is None:
            state = "PROPOSED"
        elif until is not None and self.at > until:
            state = "EXPIRED"
        elif last == "APPEALED":
            state = "APPEALED"
        return {
            "listing_id": entry.listing_id,
            "list": entry.on.value,
            "state": state,
            "until": until,
            "early_removal_from": early,
        }

    @property
    def listed(self) -> list[str]:
        """The lists on which it is."""
        found = (self.entry(entry) for entry in self.member.entries)
        return sorted({entry["list"] for entry in found if entry is not None and entry["state"] == "LISTED"})

    def failing(self) -> list[str]:
        """The conditions of the collective trademark that it does not meet."""
        failures = [*self.failures()]
        passed = sum(self._young(time, 2 * YEAR) for time in self.passed)
        tested = passed + sum(self._young(time, 2 * YEAR) for time, _ in failures)
        met = {
            "mark_member": any(until is None and self.at - since >= YEAR for since, until in self.spans),
            "mark_pledge": self.pledged is not None,
            "mark_tests": sum(self._young(time, YEAR) for time in self.passed) >= 3,
            "mark_pass_share": tested > 0 and passed * 100 >= tested * 95,
            "mark_safety": not any(how == "safety" and self._young(time, 3 * YEAR) for time, how in failures),
            "mark_cases": all(clock.closed is not None for clock in self.clocks),
            "mark_lists": "BLACK" not in self.listed,
            "mark_grade": self.grade in ("good", "excellent"),
            "mark_certificate": self.certified,
        }
        return [condition for condition, is_met in met.items() if not is_met]

    @property
    def best(self) -> bool:
        """Whether the red list is open to it."""
        lately = sum(self._young(time, YEAR) for time in self.passed)
        failed = any(self._young(time, 2 * YEAR) for time, _ in self.failures())
        return self.grade == "excellent" and lately >= 3 and not failed

    @property
    def carries(self) -> bool:
        """Whether it may carry the mark."""
        return self.standing in ("HOLDS", "FELL_OUT")

    @property
    def standing(self) -> str | None:
        """Where it stands with the mark."""
        said = [step for step in self.member.mark if step[0] <= self.at]
        if not said:
            return None
        _, step, until = said[-1]
        if step != "GRANTED":
            return step
        if until is not None and self.at > until:
            return "EXPIRED"
        return "FELL_OUT" if self.failing() else "HOLDS"

    def done(self) -> list[str]:
        """Which of the six unifications are done at it."""
        tested = [*self.passed, *(time for time, how in self._by_reports())]
        done = {
            "standards": self.works("COLLECTION_RECEIVED") > 0,
            "testing": any(self._young(time, YEAR) for time in tested),
            "officers": self.in_office(chief=True) > 0,
            "credit": self.pledged is not None and self.grade != "watch",
            "brand": self.brands > 0 or self.carries,
            "enforcement": not any(clock.overdue(self.at) for clock in self.clocks),
        }
        return [unification for unification, is_done in done.items() if is_done]

    def _by_reports(self) -> Iterator[tuple[int, str]]:
        """Failures that count as tests: all but those of a spot check that touch no safety item."""
        return ((time, how) for time, how in self.failures() if how != "check")

    def said(self, years: range) -> dict[str, Any]:
        """All of it, as JSON."""
        return {
            "factory_id": self.member.factory_id,
            "membership": self.membership,
            "chief_quality_officers": self.in_office(chief=True),
            "quality_specialists": self.in_office(chief=False),
            "reports": len(self.tests),
            "reports_failed": sum(bool(test.failing) for test in self.tests),
            "batches_done": sum(r.batches for r in self.member.requests if self.step_of(r) is FundStep.DONE),
            "score": self.score,
            "grade": self.grade,
            "fund": [self.fund(year) for year in years],
            "clocks": [self._clock(clock) for clock in sorted(self.clocks, key=lambda clock: (clock.failed, clock.case_id))],
            "entries": [said for entry in self.member.entries if (said := self.entry(entry)) is not None],
            "listed": self.listed,
            "failing": self.failing(),
            "mark": self.standing,
            "done": self.done(),
        }

    def _clock(self, clock: Clock) -> dict[str, Any]:
        return {
            "case_id": clock.case_id,
            "stage": clock.stage,
            "rectify_by": clock.rectify_by,
            "reinspect_by": clock.reinspect_by,
            "second_from": clock.second_from,
            "second_by": clock.second_by,
            "overdue": clock.overdue(self.at),
            "against": self.against(clock),
        }
