"""The simulator: one seed, one stream of bytes; a believable world; dials that turn; and a truth that nothing on the way changes."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest

from weftline.contracts.codec import Codec
from weftline.contracts.mapping import from_json, to_json
from weftline.contracts.registry import open_registry
from weftline.contracts.standards import load_sampling_standard, load_standards
from weftline.contracts.topics import topic_of
from weftline.domain.alerts import alert_id
from weftline.domain.events import InspectionEvent, LogisticsEvent, OrderEvent
from weftline.domain.fold import History, Record
from weftline.domain.inspections import InspectionRules
from weftline.domain.laboratory import judge
from weftline.domain.logistics import ShipmentRules
from weftline.domain.orders import OrderRules
from weftline.domain.sampling import Mark
from weftline.domain.sampling import judge as judge_lot
from weftline.domain.vocabulary import AlertRule, BusinessStep, InspectionStage, Precision, ReportStatus, TradeMode
from weftline.embedded.simulator.config import Disturbances, Pace, SimulationConfig, demo_config
from weftline.embedded.simulator.cooperative.config import CooperativePlay
from weftline.embedded.simulator.corrupt import Damager
from weftline.embedded.simulator.disturb import Emission, Role
from weftline.embedded.simulator.player import rank_by
from weftline.embedded.simulator.simulation import Simulation
from weftline.embedded.simulator.sinks import encoded
from weftline.embedded.simulator.workdays import DAY, HOUR, MINUTE, clock, worked
from weftline.errors import ContractError, UserError

NOW = 1_793_900_000_123
CODEC = Codec(open_registry(None))
RANK = rank_by(CODEC)
WILD = Disturbances(duplicates=0.05, disorder=0.1, lateness=0.05, corrections=0.08, conflicts=0.08, corrupt=0.02)


def config(seed: int = 1, days: float = 20, per_day: float = 300, **more: Any) -> SimulationConfig:
    return SimulationConfig(seed=seed, start=NOW - int(days * DAY), end=NOW, events_per_day=per_day, **more)


def played(settings: SimulationConfig) -> tuple[Simulation, list[Emission]]:
    simulation = Simulation(settings, RANK)
    return simulation, list(simulation)


def plain(simulation: Simulation) -> dict[str, Any]:
    """The answers as a reader of the file has them."""
    found: dict[str, Any] = json.loads(json.dumps(simulation.answers()))
    return found


def digest(settings: SimulationConfig) -> str:
    """Of every byte that would be sent, and of the answers."""
    simulation = Simulation(settings, RANK)
    found = hashlib.sha256()
    for record in encoded(simulation, CODEC):
        found.update(b"".join((record.topic.encode(), record.key, record.value)))
    found.update(json.dumps(simulation.answers()).encode())
    return found.hexdigest()


def test_a_seed_fixes_every_byte() -> None:
    settings = config(disturbances=WILD, days=8, cooperative=CooperativePlay.small(NOW))
    # In a process of its own, where strings hash differently: an order that comes from a set would show.
    code = "import test_simulator as t; print(t.digest(t.config(disturbances=t.WILD, days=8, cooperative=t.CooperativePlay.small(t.NOW))))"
    other = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONHASHSEED": "12345", "PYTHONPATH": __file__.rpartition("/")[0]},
        capture_output=True,
        text=True,
        check=True,
    )
    assert other.stdout.strip() == digest(settings)
    assert digest(replace(settings, seed=2)) != digest(settings)


def test_a_cooperative_beside_it_moves_no_event_of_the_cluster() -> None:
    """And stopped in the middle, what is true of it is what was told of it."""
    settings = config(days=5, events=900)
    alone = [e.event for e in played(settings)[1]]
    simulation, beside = played(replace(settings, cooperative=CooperativePlay.small(NOW)))
    others = [e.event for e in beside if e.event.cooperative_id != "nantong"]
    assert others[:200] == alone[:200] != []
    answers = simulation.answers()["truth"]
    assert max(e.event.event_time for e in beside if e.event.cooperative_id == "nantong") <= answers["cooperative"]["as_of"]
    assert sum(of["reports"] for of in answers["cooperative"]["members"]) == sum(
        r.verified and not r.withdrawn for r in simulation.world.ledger.reports if r.factory_id.startswith("nantong")
    )


def test_two_runs_never_use_one_identity() -> None:
    identities = [
        {(e.event.source, e.event.event_id) for e in played(settings)[1]}
        for settings in (config(days=5), config(seed=2, days=5), replace(config(days=5), start=NOW - 6 * DAY))
    ]
    assert all(identities)
    assert identities[0].isdisjoint(identities[1])
    assert identities[0].isdisjoint(identities[2])


def test_the_world_is_believable() -> None:
    simulation, emissions = played(config(seed=3, days=60, per_day=1_500))
    truth = plain(simulation)["truth"]
    reports, alerts = truth["reports"], truth["alerts"]
    assert reports["verified"] > 5_000
    assert 0.968 < reports["pass"] / (reports["pass"] + reports["fail"]) < 0.982
    assert 0 < reports["incomplete"] < 0.02 * reports["verified"]
    assert 0 < reports["withdrawn"] < 0.02 * reports["issued"]

    happened = len(emissions) / 60
    assert 0.8 * 1_500 < happened < 1.2 * 1_500
    kept = Counter(r["on_time"] for order in truth["orders"] for r in order["rounds"])
    assert 0.03 < kept[False] / (kept[True] + kept[False]) < 0.2, "mostly kept, some late"
    assert {len(order["rounds"]) for order in truth["orders"]} == {0, 1, 2, 3, 4}
    assert {"APPROVED", "REJECTED", "CANCELLED", "REVISION_REQUESTED", "IN_PRODUCTION"} <= {o["status"] for o in truth["orders"]}

    lots = Counter[str]()
    for row in truth["lots"]:
        if row["class"] == "MAJOR":
            lots.update({key: row[key] for key in ("accepted", "not_accepted", "not_accepted_resubmitted")})
    assert 0.9 < lots["accepted"] / (lots["accepted"] + lots["not_accepted"]) < 0.999
    assert len(alerts["SWITCHED_TO_TIGHTENED"]) >= 4
    assert alerts["INSPECTION_DISCONTINUED"]
    assert truth["corrective_actions"] >= 1
    assert len(alerts["THREE_FAILURES_IN_A_ROW"]) >= 3
    assert alerts["SHIPMENT_OVERDUE"]

    formaldehyde = Counter[str]()
    for row in truth["quality"]:
        if row["indicator"] == "formaldehyde":
            formaldehyde.update({key: row[key] for key in ("tested", "not_detected")})
    assert formaldehyde["not_detected"] > formaldehyde["tested"] / 2

    market = [
        event.declared_value_minor
        for event in (e.event for e in emissions)
        if isinstance(event, LogisticsEvent) and event.trade_mode is TradeMode.MARKET_PROCUREMENT
    ]
    assert max(value for value in market if value is not None) <= 15_000_000
    _hard_to_order(emissions)


def _hard_to_order(emissions: list[Emission]) -> None:
    """Dates without times, several of one shipment on one day beside times of other systems; parts; rounds that nobody numbers."""
    events = [e.event for e in emissions]
    one_day = Counter(
        (e.owner, e.event_time)
        for e in events
        if isinstance(e, LogisticsEvent) and e.precision is Precision.DAY and e.sequence is None
    )
    assert max(one_day.values()) > 1
    precisions: dict[str, set[Precision]] = {}
    for event in events:
        if isinstance(event, OrderEvent):
            precisions.setdefault(event.owner, set()).add(event.precision)
    assert any(len(found) > 1 for found in precisions.values())
    assert any(isinstance(e, LogisticsEvent) and e.partial and e.business_step is BusinessStep.RECEIVING for e in events)
    numbered = {e.owner for e in events if isinstance(e, OrderEvent) and e.round > 1}
    own = {e.owner for e in events if isinstance(e, OrderEvent) and e.round > 1 and e.source.startswith("urn:weftline:center")}
    assert numbered - own, "a center that leaves rounds out, of whose order another system knows the second"


def test_lead_times_follow_the_load() -> None:
    """The same orders at centers with a quarter of the benches take longer: capacity is real."""

    def median_lead(simulation: Simulation) -> int:
        leads = sorted(
            r.dispatched_at - r.confirmed_at
            for o in simulation.world.ledger.orders
            for r in o.rounds
            if r.dispatched_at is not None
        )
        return leads[len(leads) // 2]

    usual = Simulation(config(per_day=600))
    crowded = Simulation(config(per_day=600))
    for center in crowded.world.centers:
        del center.benches[-(-len(center.benches) // 4) :]
    for simulation in (usual, crowded):
        list(simulation)
    assert median_lead(crowded) > 1.5 * median_lead(usual)


DIALS = {
    "none": Disturbances(),
    "duplicates": Disturbances(duplicates=0.1),
    "disorder": Disturbances(disorder=0.3, disorder_window=3 * HOUR),
    "lateness": Disturbances(lateness=0.1),
    "corrections": Disturbances(corrections=0.1),
    "conflicts": Disturbances(conflicts=0.1),
    "corrupt": Disturbances(corrupt=0.1),
}


@pytest.fixture(scope="module")
def by_dial() -> dict[str, tuple[dict[str, Any], list[Emission]]]:
    found = {}
    for name, dials in DIALS.items():
        simulation, emissions = played(config(disturbances=dials, cooperative=CooperativePlay.small(NOW)))
        found[name] = (plain(simulation), emissions)
    return found


def true_events(emissions: Iterable[Emission]) -> set[tuple[str, str]]:
    return {(e.event.source, e.event.event_id) for e in emissions if e.role is Role.TRUE}


def test_no_dial_changes_what_is_true(by_dial: dict[str, tuple[dict[str, Any], list[Emission]]]) -> None:
    calm, emissions = by_dial["none"]
    assert calm["complete"]
    assert {e.role for e in emissions} == {Role.TRUE}
    for answers, disturbed in by_dial.values():
        assert answers["truth"] == calm["truth"]
        assert true_events(disturbed) == true_events(emissions)


@pytest.mark.parametrize(
    ("dial", "role"),
    [("duplicates", Role.DUPLICATE), ("corrections", Role.WRONG), ("conflicts", Role.CONFLICT), ("corrupt", Role.CORRUPT)],
)
def test_a_share_is_kept(dial: str, role: Role, by_dial: dict[str, tuple[dict[str, Any], list[Emission]]]) -> None:
    answers, emissions = by_dial[dial]
    roles = Counter(e.role for e in emissions)
    assert roles[role] == pytest.approx(0.1 * roles[Role.TRUE], rel=0.15)
    published = answers["published"].values()
    assert sum(kind["messages"] for kind in published) == len(emissions)
    assert sum(kind["records"] for kind in published) == len({e.event for e in emissions if e.role is not Role.CORRUPT})
    assert sum(kind["identities"] for kind in published) == len({(e.event.source, e.event.event_id) for e in emissions})


def test_disorder_stays_in_its_window_and_lateness_beyond_it(by_dial: dict[str, tuple[dict[str, Any], list[Emission]]]) -> None:
    turn = {(e.event.source, e.event.event_id): e.turn for e in by_dial["none"][1]}

    def delays(name: str) -> list[tuple[int, int]]:
        """(turn, delay) of every event that did not come in its turn."""
        emissions = by_dial[name][1]
        assert [e.turn for e in emissions] == sorted(e.turn for e in emissions)
        return [(e.turn, delay) for e in emissions if (delay := e.turn - turn[e.event.source, e.event.event_id])]

    disordered = delays("disorder")
    assert len(disordered) == pytest.approx(0.3 * len(turn), rel=0.15)
    assert max(delay for _, delay in disordered) <= 3 * HOUR
    late = delays("lateness")
    assert len(late) == pytest.approx(0.1 * len(turn), rel=0.15)
    # What would come after the end comes at the end.
    assert all(6 * HOUR <= delay <= 5 * DAY for sent, delay in late if sent < NOW)


def test_corrections_come_before_and_after_and_replace(by_dial: dict[str, tuple[dict[str, Any], list[Emission]]]) -> None:
    place: dict[Any, int] = {}
    orders = Counter[bool]()
    replaced = Counter[bool]()
    true = {e.event.event_id for e in by_dial["corrections"][1] if e.role is Role.TRUE}
    for index, e in enumerate(by_dial["corrections"][1]):
        if e.role in (Role.WRONG, Role.DECLARATION):
            bare = replace(e.event, error_declaration=None)
            declaration = e.event.error_declaration
            if declaration is not None:
                assert declaration.declaration_time >= e.event.event_time
                assert set(declaration.corrective_event_ids) <= true
                replaced[bool(declaration.corrective_event_ids)] += 1
            if bare in place:  # the other one came first
                orders[declaration is None] += 1
            place[bare] = index
    assert orders[True] > 10, "declared before the erroneous event arrived"
    assert orders[False] > 10, "declared afterwards"
    assert replaced[True] > 10
    assert replaced[False] > 10


def test_a_conflict_never_stands(by_dial: dict[str, tuple[dict[str, Any], list[Emission]]]) -> None:
    emissions = by_dial["conflicts"][1]
    true = {(e.event.source, e.event.event_id): e.event for e in emissions if e.role is Role.TRUE}
    same_time = 0
    for e in emissions:
        if e.role is Role.CONFLICT:
            stands = true[e.event.source, e.event.event_id]
            assert e.event != stands
            assert e.event.owner == stands.owner
            assert e.event.event_time >= stands.event_time
            if e.event.event_time == stands.event_time:
                same_time += 1
                assert RANK(e.event) < RANK(stands)
    assert same_time > 50


def test_every_event_keeps_its_contract_and_no_corrupt_one_does() -> None:
    settings = config(disturbances=WILD)
    damager, again = Damager(CODEC, settings.seed), Damager(CODEC, settings.seed)
    damages = Counter[str]()
    for e in played(settings)[1]:
        if e.role is not Role.CORRUPT:
            assert CODEC.decode(topic_of(e.event), CODEC.encode(e.event)) == e.event
            continue
        value, damage = damager.damage(e.event)
        damages[damage] += 1
        assert again.damage(e.event) == (value, damage)
        with pytest.raises(ContractError):
            CODEC.decode(topic_of(e.event), value)
    assert set(damages) == {"truncated", "unknown_schema", "unframed", "flipped", "too_late", "without_identity", "empty"}
    sample = played(config(days=6))[1][::20]
    assert all(from_json(json.loads(json.dumps(to_json(e.event)))) == e.event for e in sample)


def standing(emissions: Iterable[Emission], as_of: int) -> dict[str, set[str]]:
    """Ids of the alerts that the domain's rules raise, per rule, whatever the order and however often a record came."""
    standards, sampling = load_standards(), load_sampling_standard()
    start: dict[type, Callable[[], Any]] = {
        OrderEvent: OrderRules,
        LogisticsEvent: ShipmentRules,
        InspectionEvent: lambda: InspectionRules(standards, sampling),
    }
    owners: defaultdict[tuple[type, str], list[Record[Any]]] = defaultdict(list)
    for e in emissions:
        if e.role is not Role.CORRUPT:
            owners[type(e.event), e.event.owner].append(Record(e.event, RANK(e.event)))
    found: defaultdict[str, set[str]] = defaultdict(set)
    for (kind, owner), records in owners.items():
        outcome = History(owner, start[kind]).add(records, as_of)
        assert not outcome.failures
        for row in outcome.rows:
            for alert in row.alerts:
                found[alert.rule].add(alert.alert_id)
    return found


@pytest.mark.parametrize(
    "settings",
    [
        config(seed=7, days=45, disturbances=WILD),
        # Stopped in the middle: the truth is that of the moment.
        config(seed=9, days=60, events=9_000, disturbances=WILD),
        config(seed=10, members=(("a", 7), ("b", 5), ("c", 3)), bad_factories=6, namespace="x-", disturbances=WILD),
    ],
    ids=["whole", "stopped", "few members"],
)
def test_the_rules_agree_with_what_the_simulator_knows(settings: SimulationConfig) -> None:
    """Two roads to one truth: the world's own bookkeeping, and the domain's rules on the disturbed stream."""
    simulation, emissions = played(settings)
    answers = plain(simulation)
    as_of = answers["as_of"]
    if settings.events is not None:
        assert as_of < settings.end
        assert sum(answers["truth"]["events"].values()) == pytest.approx(settings.events, abs=3)
    assert max(e.event.event_time for e in emissions if e.role is Role.TRUE) <= as_of

    factories = {(r.laboratory_id, r.report_number): r.factory_id for r in simulation.world.ledger.reports}
    found = standing(emissions, as_of)
    for rule, subjects in answers["truth"]["alerts"].items():
        expected: dict[str, Any] = {}
        for subject in subjects:
            words = [str(word) for word in subject]
            if rule == "SAFETY_LIMIT_FAILED":
                words.insert(0, factories[words[0], words[1]])
            switching = rule in ("SWITCHED_TO_TIGHTENED", "INSPECTION_DISCONTINUED")
            # The answer file names the lot; which stage and part of it was inspected then stands in the alert's id.
            inspected = [(stage, *part) for stage in InspectionStage for part in ((), ("container-1",))] if switching else [()]
            ids = {alert_id(AlertRule(rule), *words, *more) for more in inspected}
            expected[min(ids & found[rule], default=f"missing: {rule} {subject}")] = subject
        assert set(expected) == found[rule]


def test_tables_and_limits_agree_with_what_the_simulator_knows() -> None:
    """Plans and limits were written down twice: every lot has the standard's plan, except where an inspector was made to err."""
    standards, sampling = load_standards(), load_sampling_standard()
    simulation, emissions = played(config(seed=11, days=60, per_day=900))
    mismatched = 0
    judgements: dict[tuple[str, str, int], tuple[str, set[str], set[str]]] = {}
    verified: dict[tuple[str, str], int] = {}
    for event in (e.event for e in emissions):
        if not isinstance(event, InspectionEvent):
            continue
        if (lot := event.lot_inspection) is not None:
            verdict = judge_lot(lot, event.event_time, sampling, utc_offset_minutes=480)
            marks = {mark for judged in verdict.classes for mark in judged.marks} | set(verdict.marks)
            assert marks <= {Mark.PLAN_MISMATCH}
            mismatched += bool(marks)
        if (report := event.laboratory_report) is not None:
            judged = judge(report, event.event_time, standards)
            failed = {i.indicator for i in judged.indicators if i.failed}
            not_detected = {i.indicator for i in judged.indicators if i.not_detected}
            assert {i.indicator for i in judged.indicators if i.passed} | failed | set(judged.missing) == {
                i.indicator for i in judged.indicators
            }
            judgements[report.laboratory_id, report.report_number, report.amendment] = (judged.verdict, failed, not_detected)
        if (step := event.report_status) is not None and step.status is ReportStatus.VERIFIED:
            of = (step.laboratory_id, step.report_number)
            verified[of] = max(verified.get(of, 0), step.amendment)
    erred = sum(lot.mismatch for lot in simulation.world.ledger.lots)
    assert mismatched == erred > 0
    # An amendment that nobody verified changes nothing.
    assert {of: judgements[*of, verified.get(of, 0)] for of in {key[:2] for key in judgements}} == {
        (truth.laboratory_id, truth.report_number): (truth.verdict, set(truth.failing), set(truth.not_detected))
        for truth in simulation.world.ledger.reports
    }


def test_working_hours_count_both_ways() -> None:
    monday = 1_793_577_600_000  # 2026-11-02 08:00 at UTC+8
    assert clock(worked(monday)) == monday
    assert worked(monday + 10 * HOUR) == worked(monday + 24 * HOUR), "closed for the night"
    assert worked(monday + 7 * DAY) - worked(monday) == 60 * HOUR, "six days of ten hours"
    for minutes in range(0, 14 * 24 * 60, 7):
        time = monday + minutes * MINUTE
        assert worked(clock(worked(time))) == worked(time)
        assert clock(worked(time)) >= time - 16 * HOUR


def test_a_pace_turns_event_time_into_seconds() -> None:
    settings, pace = demo_config(NOW, 60, seed=1)
    assert settings.end == NOW
    assert pace.due(settings.start, 0) == 0
    assert pace.due(NOW, 0) == pytest.approx(60)
    assert pace.due(NOW - 2 * DAY, 0) == pytest.approx(20), "a third of the time for all but the last two days"
    # In the last two days an hour at night is played twenty times as fast as an hour of work.
    seconds = {pace.due(NOW - hours * HOUR, 0) - pace.due(NOW - (hours + 1) * HOUR, 0) for hours in range(48)}
    assert max(seconds) == pytest.approx(21 * min(seconds), rel=0.01)
    steady = Pace.at_speed(settings, 3_600)
    assert steady.due(settings.start + 2 * HOUR, 0) == pytest.approx(2)
    assert Pace(rate=200).due(0, 100) == 0.5
    assert Pace().due(NOW, 10) == 0


def test_faults_of_a_configuration_are_told_together() -> None:
    with pytest.raises(UserError, match=r"(?s)end must be after start.*duplicates must be 0 to 1, got 2") as caught:
        config(days=-1, disturbances=Disturbances(duplicates=2.0))
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="namespace"):
        config(namespace="a|b")
    with pytest.raises(UserError, match="greater than 0"):
        Pace(rate=0)
