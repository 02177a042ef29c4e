"""Reference data as a file: every fault is told at once, with its line; and the names that the simulator gives its own world."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.letters import letters

from weftline.contracts.paths import schemas_root
from weftline.contracts.reference import Center, Factory, Reference, read_reference, write_reference
from weftline.domain.events import OrderEvent
from weftline.domain.vocabulary import OrderStatus
from weftline.embedded.simulator.catalogue import CENTERS
from weftline.embedded.simulator.config import SimulationConfig
from weftline.embedded.simulator.reference import reference_of, write_beside
from weftline.embedded.simulator.simulation import Simulation
from weftline.embedded.simulator.workdays import DAY, HOUR, WORKDAY
from weftline.embedded.simulator.world import Center as SimulatedCenter
from weftline.embedded.simulator.world import World
from weftline.errors import UserError

NOW = 1_793_900_000_123


def config(days: float = 20, per_day: float = 300, namespace: str = "") -> SimulationConfig:
    return SimulationConfig(seed=1, start=NOW - int(days * DAY), end=NOW, events_per_day=per_day, namespace=namespace)


# --- The file ---------------------------------------------------------------------------------------------------------------------


def test_the_example_names_the_simulators_centers() -> None:
    example = read_reference((schemas_root() / "examples" / "reference.yaml").read_text("utf-8"))
    assert {center.id for center in example.centers} == {spec.name for spec in CENTERS}
    hall = [center for center in example.centers if center.id == "dieshiqiao"]
    assert [(one.valid_from, one.rounds_per_day) for one in hall] == [(date(2024, 1, 1), 40), (date(2026, 3, 1), 52.5)]
    assert hall[0].source.startswith("Register of the quality cooperatives")
    assert hall[1].source.startswith("Letter of the center")
    went_live = {center.id: center.live_from for center in example.centers}
    assert went_live["chuanjiang"] == int(datetime(2024, 9, 1, tzinfo=timezone(timedelta(hours=8))).timestamp() * 1000)
    assert went_live["sanxing"] is None
    left = example.factories[-1]
    assert (left.id, left.valid_from, left.cooperative_id) == ("tongzhou-0017", date(2026, 9, 1), "")
    assert {factory.id for factory in example.factories} <= {factory.id for factory in reference_of(config()).factories}


def test_a_center_goes_live_with_its_day_or_at_a_moment() -> None:
    text = "source: s\ncenters:\n  - {{id: c, valid_from: 2026-01-01, name_zh: 名, name_en: Name, live_from: {}}}\n"
    day, moment = (read_reference(text.format(given)).centers[0] for given in ("2026-03-01", "2026-03-01T00:00:00+08:00"))
    midnight = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp() * 1000)
    assert (day.live_from, moment.live_from) == (midnight, midnight - 8 * HOUR)
    assert read_reference(write_reference(Reference(centers=(day, moment)[:1]), "a note")).centers == (day,)


BAD = """\
source: the register
centres: []
centers:
  - id: 0204
    valid_from: 2026-02-30
    name_zh: 名
    nme_en: Name
    name_zh: 又名
  - 7
  - {id: a|b, valid_from: 2026-01-01, name_zh: 名, name_en: No, rounds_per_day: -3, live_from: soon}
  - {id: "a\\tb", valid_from: 1969-12-31, name_zh: ' 名', name_en: Name, cooperative_id: 7, rounds_per_day: .inf}
factories:
  - {id: q, valid_from: 2026-01-01, name_zh: 名, name_en: Name}
  - {id: q, valid_from: 2026-01-02, name_zh: 名, name_en: Name, rounds_per_day: 3}
  - {id: q, valid_from: 2026-01-01, name_zh: 名, name_en: Name}
  - {valid_from: '2026-01-01', name_zh: 名, name_en: Name, source: 2026-01-01}
"""


def test_every_fault_is_told_at_once_with_its_line() -> None:
    with pytest.raises(UserError) as caught:
        read_reference(BAD, "parties.yaml")
    head, *faults = str(caught.value).splitlines()
    assert head == "parties.yaml is wrong (schemas/examples/reference.yaml shows how it is written):"
    days = "must be a day like 2026-03-01, without quotes, 1970-01-01 to 2149-06-06"
    text = "must be text (quoted, if it looks like a number)"
    keys = "id, valid_from, name_zh, name_en, source, cooperative_id"
    lists = "source, cooperatives, centers, factories, products, contacts, aliases, publishers"
    assert [fault.strip() for fault in faults] == [
        f"line 2: unknown key centres (did you mean centers?); known are {lists}",
        "line 4: centers[0] (0204): name_en is missing; where there is none, repeat name_zh",
        f"line 4: centers[0] (0204): id: {text}, not 0204",
        f"line 5: centers[0] (0204): valid_from: {days}, not 2026-02-30",
        f"line 7: centers[0] (0204): unknown key nme_en (did you mean name_en?); known are {keys}, rounds_per_day, live_from, capacity",
        "line 8: centers[0] (0204): name_zh stands twice, first in line 6; leave one",
        "line 9: centers[1]: must be a mapping, `key: value` on each line, not 7",
        "line 10, column 6: centers[2] (a|b): id: must not contain '|': 'a|b'",
        f"line 10, column 51: centers[2] (a|b): name_en: {text}, not No",
        "line 10, column 64: centers[2] (a|b): rounds_per_day: must be greater than 0 (leave it out if nobody knows), not -3",
        f"line 10, column 84: centers[2] (a|b): live_from: {days}, or a time with its offset like 2026-03-01T00:00:00+08:00, not soon",
        "line 11, column 6: centers[3] ('a\\tb'): id: must not contain the control character U+0009",
        f"line 11, column 18: centers[3] ('a\\tb'): valid_from: {days}, not 1969-12-31",
        "line 11, column 42: centers[3] ('a\\tb'): name_zh: must not begin or end with white space: ' 名'",
        f"line 11, column 72: centers[3] ('a\\tb'): cooperative_id: {text}, not 7",
        "line 11, column 91: centers[3] ('a\\tb'): rounds_per_day: must be a number of at most 15 digits, not .inf",
        f"line 14, column 64: factories[1] (q): unknown key rounds_per_day; known are {keys}",
        "line 15: factories[2] (q): 2026-01-01 is in line 13 as well; leave one, or change its valid_from",
        "line 16: factories[3]: id is missing; it is what its events call it",
        f"line 16, column 6: factories[3]: valid_from: {days}, not '2026-01-01'",
        f"line 16, column 59: factories[3]: source: {text}, not 2026-01-01",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: names nobody; add entries under `cooperatives:`, `centers:`, `factories:`, "),
        (
            "source: s\ncontacts: [{contact: first, valid_from: 2026-01-01, factory_id: f, center_id: c}]",
            "contacts[0]: says whose contact it is by one of factory_id, cooperative_id, center_id",
        ),
        ("source: s\naliases: [{kind: mill}]", "kind: must be one of cooperative, center, factory, not mill"),
        ("- id: a", "line 1: must be a mapping, `key: value` on each line, not a list"),
        ("source: nobody\n", "line 1: names nobody; add entries under `cooperatives:`, `centers:`, `factories:`, "),
        ("centers: {a: 2026-02-30}\nfactories: ~", "line 1: centers: must be a list, each entry begun with `- `"),
        ("centers: 7", "line 1: centers: must be a list, each entry begun with `- `"),
        (
            "factories: [{id: a, valid_from: 2026-01-01, name_zh: a, name_en: a}]",
            "line 1, column 13: factories[0] (a): source is missing; say who said so",
        ),
        (
            "source: s\nfactories:\n" + "- {valid_from: 2026-01-01, name_zh: a, name_en: a}\n" * 2,
            "\n  line 4: factories[1]: id is missing; it is what its events call it",
        ),
        ("centers: [", "is no YAML: while parsing"),
        ("centers: \x07", "is no YAML: unacceptable character #x0007"),
    ],
)
def test_what_is_no_list_of_parties(text: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        read_reference(text, "f.yaml")
    assert said in str(caught.value)
    assert "as well" not in str(caught.value), "whoever has no id is not the same as another"


def test_a_contact_is_one_of_its_party_by_its_day() -> None:
    text = "source: s\ncontacts:\n" + "- {{contact: second, valid_from: 2026-01-01, {}: f}}\n" * 2
    assert len(read_reference(text.format("factory_id", "center_id")).contacts) == 2
    with pytest.raises(UserError, match=r"line 4: contacts\[1\]: 2026-01-01 is in line 3 as well"):
        read_reference(text.format("factory_id", "factory_id"))


texts = st.text(letters | st.just(" "), min_size=1, max_size=20).filter(lambda text: text == text.strip())
common = {
    "id": texts.filter(lambda text: "|" not in text),
    "valid_from": st.dates(date(1970, 1, 1), date(2149, 6, 6)),
    "cooperative_id": st.just("") | texts,
    "name_zh": texts,
    "name_en": texts | st.sampled_from(["No", "0204", "2026-01-01", "null", "~", "- a", "#"]),
    "source": texts,
}
rounds = st.none() | st.decimals("0.1", 100_000, places=1).map(float)


def by_day(party: Center | Factory) -> tuple[str, date]:
    return party.id, party.valid_from


@given(
    st.lists(st.builds(Center, **common, rounds_per_day=rounds), unique_by=by_day, max_size=3),
    st.lists(st.builds(Factory, **common), unique_by=by_day, min_size=1, max_size=3),
)
def test_what_is_written_is_read_again(centers: list[Center], factories: list[Factory]) -> None:
    reference = Reference(tuple(centers), tuple(factories))
    assert read_reference(write_reference(reference, "a note")) == reference


# --- The simulator's world --------------------------------------------------------------------------------------------------------


def test_the_world_knows_all_who_act_in_it() -> None:
    simulation = Simulation(config(namespace="x-"))
    known = reference_of(simulation.config)
    events = [event for _, step in simulation.undisturbed() for event in step]
    factories = {factory.id: factory for factory in known.factories}
    assert {event.center_id for event in events} == {center.id for center in known.centers}
    assert {(event.factory_id, event.cooperative_id) for event in events} <= {
        (factory.id, factory.cooperative_id) for factory in known.factories
    }
    assert {center.cooperative_id for center in known.centers} == {"x-haimen", "x-tongzhou"}
    assert len(factories) == len(known.factories) == 553 + 116
    assert len({factory.name_zh for factory in known.factories}) == len({factory.name_en for factory in known.factories}) == 669
    first = min(event.event_time for event in events)
    assert all(one.valid_from < date.fromtimestamp(first / 1000) for one in (*known.centers, *known.factories))


def test_a_name_follows_from_the_id_and_says_that_it_is_invented() -> None:
    known, later = reference_of(config()), reference_of(config(days=3, per_day=1_000))
    assert [factory.name_zh for factory in known.factories] == [factory.name_zh for factory in later.factories]
    assert known.factories[203].id == "haimen-0204"
    assert known.factories[203].name_zh.endswith("家纺（模拟204号）")
    assert known.factories[203].name_en.endswith(" Home Textiles (simulated no. 204)")
    assert known.centers[0].name_zh == "叠石桥共享打样中心（模拟）"
    assert known.centers[0].name_en == "Dieshiqiao Shared Sampling Center (simulated)"


def test_the_capacity_is_what_the_benches_can_do(monkeypatch: pytest.MonkeyPatch) -> None:
    works: list[int] = []
    occupy = World.occupy

    def watched(self: World, center: SimulatedCenter, work: int) -> tuple[int, int]:
        works.append(work)
        return occupy(self, center, work)

    monkeypatch.setattr(World, "occupy", watched)
    simulation = Simulation(config(days=40, per_day=1_500))
    dispatched = sum(
        isinstance(event, OrderEvent) and event.status is OrderStatus.DISPATCHED
        for _, step in simulation.undisturbed()
        for event in step
    )
    assert dispatched > 1_500
    hours = sum(works) / len(works) / HOUR
    for center, known in zip(simulation.world.centers, reference_of(simulation.config).centers, strict=True):
        assert known.rounds_per_day == pytest.approx(len(center.benches) * WORKDAY / HOUR / hours, rel=0.05)


def test_the_file_beside_the_answers(tmp_path: Path) -> None:
    answers = tmp_path / "new" / "truth.json"
    path = write_beside(answers, config())
    assert path == tmp_path / "new" / "reference.yaml"
    assert read_reference(path.read_text("utf-8")) == reference_of(config())
    assert write_beside(answers, config(namespace="y-")) == path
    assert read_reference(path.read_text("utf-8")).centers[0].id == "y-dieshiqiao"
    path.write_text("centers: []  # by hand\n", "utf-8")
    with pytest.raises(UserError, match="was not written by `weftline simulate` and is not replaced"):
        write_beside(answers, config())
    assert path.read_text("utf-8") == "centers: []  # by hand\n"
