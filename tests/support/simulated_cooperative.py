"""A simulated cooperative for tests: its records by member, and what the domain's rules say of one in the words of the answer file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tests.support.cooperative import rulebook
from tests.support.examples import CODEC
from weftline.contracts.standards import load_standards
from weftline.domain.cooperative.events import CooperativeEvent
from weftline.domain.cooperative.fund import FundYear
from weftline.domain.cooperative.history import History
from weftline.domain.cooperative.judged import history_of
from weftline.domain.cooperative.lists import Entry
from weftline.domain.cooperative.member import Judgement, judge_member
from weftline.domain.events import InspectionEvent
from weftline.domain.fold import Record
from weftline.embedded.simulator.config import Disturbances, SimulationConfig
from weftline.embedded.simulator.cooperative.config import CooperativePlay
from weftline.embedded.simulator.cooperative.playing import Cooperative
from weftline.embedded.simulator.disturb import Role
from weftline.embedded.simulator.player import rank_by
from weftline.embedded.simulator.simulation import Simulation
from weftline.embedded.simulator.workdays import DAY

RANK = rank_by(CODEC)


@dataclass
class MemberRecords:
    """What was sent of a member: by its cooperative, and by laboratories."""

    own: list[Record[CooperativeEvent]] = field(default_factory=list)
    inspections: list[Record[InspectionEvent]] = field(default_factory=list)

    @cached_property
    def history(self) -> History:
        """What they tell."""
        return history_of(self.own, self.inspections, load_standards())

    def judged(self, cooperative: Cooperative, at: int) -> Judgement:
        """By the rules of the domain, as of a moment."""
        return judge_member(self.history.until(at), rulebook().of(cooperative.play.name), at, years=cooperative.years)


@dataclass
class PlayedCooperative:
    """A cooperative that was played, and its records by member."""

    cooperative: Cooperative
    records: dict[str, MemberRecords]

    def answers(self, at: int) -> dict[str, dict[str, Any]]:
        """What the simulator knows of each member then."""
        return {of["factory_id"]: answer(of) for of in self.cooperative.answers(at)["members"]}


def play(seed: int, of: CooperativePlay, disturbances: Disturbances | None = None) -> PlayedCooperative:
    """Play it beside hardly anything else."""
    config = SimulationConfig(
        seed=seed,
        start=of.end - DAY,
        end=of.end,
        events_per_day=1,
        cooperative=of,
        disturbances=disturbances or Disturbances(),
    )
    simulation = Simulation(config, RANK)
    found: dict[str, MemberRecords] = defaultdict(MemberRecords)
    for emission in simulation:
        event = emission.event
        if emission.role is Role.CORRUPT or event.cooperative_id != of.name or event.factory_id == of.name:
            continue
        if isinstance(event, CooperativeEvent):
            found[event.factory_id].own.append(Record(event, RANK(event)))
        elif isinstance(event, InspectionEvent):
            found[event.factory_id].inspections.append(Record(event, RANK(event)))
    assert simulation.cooperative is not None
    return PlayedCooperative(simulation.cooperative, dict(found))


def answer(of: dict[str, Any]) -> dict[str, Any]:
    """What an answer file says of a member, as far as a judgement says it too."""
    named = ("score", "grade", "fund", "clocks", "listed", "failing", "mark", "done")
    return {name: of[name] for name in named} | {"entries": _sorted(of["entries"])}


def said(judged: Judgement) -> dict[str, Any]:
    """A judgement in the words of the answer file."""
    return {
        "score": round(judged.credit.score * 100),
        "grade": judged.credit.grade.code,
        "fund": [_year(year) for year in judged.fund],
        "clocks": [
            {
                "case_id": case.case_id,
                "stage": case.stage.value,
                "rectify_by": case.rectify_by,
                "reinspect_by": case.reinspect_by,
                "second_from": case.second_from,
                "second_by": case.second_by,
                "overdue": case.overdue(judged.as_of),
                "against": [reason.value for reason in case.against(judged.as_of)],
            }
            for case in judged.cases
        ],
        "listed": sorted({entry.list.value for entry in judged.listed}),
        "failing": [gate.basis.rule for gate in judged.eligibility.failing],
        "mark": next((standing.value for _, standing in judged.marks), None),
        "done": [row.basis.rule for row in judged.scorecard if row.done],
        "entries": _sorted(_entry(entry, judged.as_of) for entry in judged.entries),
    }


def _year(year: FundYear) -> dict[str, int]:
    return {name: getattr(year, name) for name in ("year", "quota", "reserved", "used", "free", "left")}


def _entry(entry: Entry, as_of: int) -> dict[str, Any]:
    return {
        "listing_id": entry.listing_id,
        "list": entry.list.value,
        "state": entry.state(as_of).value,
        "until": entry.until,
        "early_removal_from": entry.early_removal_from,
    }


def _sorted(entries: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(entries, key=lambda entry: str(entry["listing_id"]))
