"""A quality cooperative that is played beside the cluster: what happens in it, and what is true of it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final

from weftline.embedded.simulator.cooperative.clocks import year_of
from weftline.embedded.simulator.cooperative.config import CooperativePlay
from weftline.embedded.simulator.cooperative.knowledge import Known
from weftline.embedded.simulator.cooperative.planning import Plan
from weftline.embedded.simulator.cooperative.writing import Writer
from weftline.embedded.simulator.workdays import HOUR
from weftline.embedded.simulator.world import Process, World

#: What the parts of the answers mean.
DEFINITIONS: Final = {
    "truth.cooperative.as_of": "when it holds, ms UTC: that of the answers, or before what was not played any more",
    "truth.cooperative.members": "each member by the rules; score in hundredths, dates in ms, of clocks the last moment",
    "truth.cooperative.members[].steady": "false if it becomes another by itself within an hour",
    "truth.cooperative.fund": "per year: budget, quota of all members, batches tested, passed and failed, what was paid (hundredths)",
}


class Cooperative:
    """A cooperative in a world. Its past may be longer than the world's: what happened before is then told at the beginning."""

    def __init__(self, play: CooperativePlay, world: World) -> None:
        self.play, self._world = play, world
        tag = hashlib.blake2b(repr((world.tag, play)).encode(), digest_size=3).hexdigest()
        self.plan = Plan(play, world.config.seed, tag, f"{play.name}-lab")
        self._happenings = Writer(self.plan, world, world.centers[0].center_id).happenings()
        #: When the next thing happens that was not told yet.
        self._next = self._happenings[0].time

    def live(self) -> Process:
        """Let it happen."""
        for happening in self._happenings:
            self._next = happening.time
            if happening.time > self.play.end:
                return
            yield happening.time
            self._world.emit(happening.write())
        self._next = self.play.end + 1

    def known(self, factory_id: str, at: int) -> Known:
        """What is true of a member at a moment."""
        (member,) = (member for member in self.plan.members if member.factory_id == factory_id)
        return self.plan.known(member, at)

    @property
    def years(self) -> range:
        """The years of the fund."""
        return range(year_of(self.play.first_day), year_of(self.play.end) + 1)

    def answers(self, as_of: int) -> dict[str, Any]:
        """All that is true then, as JSON."""
        at = min(as_of, self._next - 1)
        known = [self.plan.known(member, at) for member in self.plan.members]
        known = [one for one in known if one.membership]
        members = []
        for one in known:
            said = one.said(self.years)
            members.append({**said, "steady": said == self.plan.known(one.member, at + HOUR).said(self.years)})
        return {
            "as_of": at,
            "cooperative_id": self.play.name,
            "members": members,
            "fund": [self._fund(known, y) for y in self.years],
        }

    def _fund(self, known: Sequence[Known], year: int) -> dict[str, int]:
        quotas = [one.quota(year) for one in known]
        done = [
            request for one in known for request in one.member.requests if request.year == year and one.step_of(request) == "DONE"
        ]
        tests = [test for one in known for test in one.tests_paid(year)]
        return {
            "year": year,
            "members": sum(quota > 0 for quota in quotas),
            "quota": sum(quotas),
            "batches": sum(request.batches for request in done),
            "spent_minor": sum(request.paid_minor for request in done),
            "passed": sum(not test.failing for test in tests),
            "failed": sum(bool(test.failing) for test in tests),
        }
