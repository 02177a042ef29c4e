"""Every kind of event has its place wherever there is one for each; a kind that is in the registry alone is missed in all of them."""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from tests.crash.test_model import PLAYED
from tests.support import stories
from tests.support.strategies import EVENTS
from tests.unit.test_fold import RULES
from typer.main import get_command

from weftline import sdk
from weftline.boards import BOARDS, common
from weftline.cli import app
from weftline.contracts.dates import BY_ITS_BEGIN, BY_ITS_END
from weftline.contracts.kinds import BY_PROCESSOR, KINDS, Message, MessageKind
from weftline.contracts.mapping import faults, from_json
from weftline.contracts.topics import load_topics
from weftline.domain import events
from weftline.domain.cooperative import events as cooperative
from weftline.domain.events import AlertReply, Event, OrderEvent
from weftline.kafka_admin.access import load_roles
from weftline.processors.kinds import GRAINS
from weftline.processors.registry import kinds
from weftline.sdk.methods import EventMethods

ROOT = Path(__file__).parents[2]


@dataclasses.dataclass(frozen=True, slots=True)
class Toy:
    """An event of a kind that is in the registry and nowhere else."""

    toy_id: str


TOY = MessageKind(
    *("toy", Toy, "toy.events.v1", "toy.events.v1-value", 1),  # type: ignore[arg-type]
    *("org.weftline.v1.ToyEvent", "org.weftline.toy.event.v1", "toys", "toy"),
)


@cache
def text(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


@cache
def migrations() -> str:
    return "".join(path.read_text("utf-8") for path in sorted((ROOT / "schemas/clickhouse").glob("*.sql")))


@cache
def views() -> dict[str, str]:
    """Each view as it was made last."""
    made = re.findall(r"CREATE (?:OR REPLACE )?VIEW (?:IF NOT EXISTS )?(\w+)(.*?);", migrations(), re.DOTALL)
    return dict(made)


@cache
def views_of_all(tables: str) -> dict[str, str]:
    """Views that read the tables so named (records, facts) of more than one kind, with what their columns were last said to hold."""
    said = dict(re.findall(r"ALTER TABLE (\w+) \{on_cluster\}(\s+COMMENT COLUMN kind '[^']*')", migrations()))
    every = [getattr(kind, tables) for kind in BY_PROCESSOR.values()]
    found = {name: view + said.get(name, "") for name, view in views().items() if sum(of in view for of in every) > 1}
    assert found
    return found


@cache
def tables() -> frozenset[str]:
    return frozenset(re.findall(r"CREATE TABLE IF NOT EXISTS (\w+)", migrations()))


@cache
def compose() -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = yaml.safe_load(text("docker-compose.yml"))
    return found


def watched() -> list[list[str]]:
    """The programs of each rule that is about processors."""
    return [names.split("|") for names in re.findall(r'program=~"([^"]*orders[^"]*)"', text("deploy/prometheus/rules/alerts.yml"))]


def taken_by_a_method(cls: type) -> bool:
    """Whether some method of the SDK takes whatever such an event says, but for the bodies that it may have one of."""
    bodies = {name for name, of in {**vars(events), **vars(cooperative)}.items() if dataclasses.is_dataclass(of)}
    common = {field.name for field in dataclasses.fields(Event)}
    own = {field.name for field in dataclasses.fields(cls) if not bodies & {*re.findall(r"\w+", str(field.type))}}
    methods = [method for name, method in vars(EventMethods).items() if callable(method) and not name.startswith("_")]
    return any(own - common - {"kind"} <= inspect.signature(method).parameters.keys() for method in methods)


def state(kind: MessageKind) -> bool:
    """Whether its tables of state are made, and the views that show them."""
    known = kinds().get(kind.processor)
    return known is not None and all(of.name in tables() and of.view.name in views() for of in known.states.values())


def examples(kind: MessageKind) -> list[dict[str, Any]]:
    return [json.loads(path.read_text("utf-8")) for path in (ROOT / "schemas/examples" / kind.subject).glob("v*/*.json")]


def key(kind: MessageKind) -> list[str]:
    """The fields of which the list of topics says that its key is."""
    return load_topics()[kind.topic].key.split("|") if kind.topic in load_topics() else []


def keyed(kind: MessageKind) -> bool:
    """Whether the list of topics and the comments of its tables say of what its owner is."""
    events: list[Any] = [from_json(example) for example in examples(kind)]
    said = kind.processor in kinds() and kinds()[kind.processor].says.owner.split("|") == key(kind)
    return said and all("|".join(getattr(event, field) for field in key(kind)) == event.owner for event in events)


def refused(kind: MessageKind, field: str, **wrong: str) -> bool:
    """Whether each example of it is refused for a field if it says what is wrong."""
    found = examples(kind)
    return bool(found) and all(field in {fault.field for fault in faults({**example, **wrong})} for example in found)


def chosen(kind: MessageKind) -> bool:
    """Whether boards let its cooperatives, centers and factories be chosen. Those of an answer are chosen by its alert."""
    known = kinds().get(kind.processor)
    if kind.cls is AlertReply or known is None:
        return kind.cls is AlertReply
    shown = {*known.states, *(of.view.name for of in known.states.values())}
    choices = [{*re.findall(r"\w+", of.sql)} for of in (common.COOPERATIVE, common.CENTER, common.FACTORY, common.ONE_FACTORY)]
    return all(choice & {*shown, f"{kind.rollup}_hour"} for choice in choices)


def told(kind: MessageKind) -> bool:
    """Whether the README names all its tables and views."""
    known = kinds().get(kind.processor)
    if known is None:
        return False
    views = (view.name for of in known.states.values() for view in (of.view, *of.shows))
    named = (kind.records, kind.facts, f"{kind.rollup}_*", f"{known.says.view}_per_minute", *known.states, *views)
    return all(f"`{name}`" in text("README.md") for name in named)


def words(name: str, of: str) -> bool:
    return re.search(rf"\b{of}\b", text(name)) is not None


#: Where there is one for each kind of event, and whether a kind has its own there.
PLACES: dict[str, Callable[[MessageKind], bool]] = {
    "an event of the model": lambda kind: kind.cls in get_args(Message),
    "topics.yaml": lambda kind: kind.topic in (topics := load_topics()) and topics[kind.topic].schema == kind.subject,
    "topics.yaml: its key": keyed,
    "an owner that cannot be taken for another": lambda kind: (
        kind.topic in load_topics() and all(refused(kind, field, **{field: "a|b"}) for field in key(kind)[:-1])
    ),
    "a date where it may say a time": lambda kind: (
        issubclass(kind.cls, Event)
        and {field.name for field in dataclasses.fields(kind.cls) if field.name.endswith("_at")} <= {*BY_ITS_BEGIN, *BY_ITS_END}
    ),
    "a day that begins where it is told to": lambda kind: refused(
        kind, "event_time", event_time="2026-05-20T09:00:00+08:00", precision="DAY"
    ),
    "its dead letters": lambda kind: f"{kind.topic}.dlq" in load_topics(),
    "schemas/avro": lambda kind: (ROOT / "schemas/avro" / kind.subject / f"v{kind.version}.avsc").is_file(),
    "schemas/examples": lambda kind: (ROOT / "schemas/examples" / kind.subject / f"v{kind.version}").is_dir(),
    "a table of records": lambda kind: kind.records in tables(),
    "a table of facts": lambda kind: kind.facts in tables(),
    "its tables of state": state,
    "factory and cooperative of each fact": lambda kind: (
        kind.processor in kinds() and {"factory_id", "cooperative_id"} <= {*kinds()[kind.processor].amount_columns}
    ),
    "a life cycle": lambda kind: "life_cycle" in vars(kind.cls),
    "random histories": lambda kind: kind.processor in EVENTS,
    "the properties of the fold": lambda kind: kind.processor in RULES,
    "the schedules of the model check": lambda kind: kind.processor in {played.kind for played in PLAYED.values()},
    "a story": lambda kind: hasattr(stories, kind.processor),
    "its rollups": lambda kind: {f"{kind.rollup}_{grain}" for grain in GRAINS} <= tables(),
    "views of the records of all kinds": lambda kind: all(kind.records in view for view in views_of_all("records").values()),
    "views of the facts of all kinds": lambda kind: all(kind.facts in view for view in views_of_all("facts").values()),
    "what views of all kinds say of the column kind": lambda kind: all(
        re.search(rf"COMMENT COLUMN kind '[^']*\b{kind.processor}\b", view)
        for view in (*views_of_all("records").values(), *views_of_all("facts").values())
    ),
    "rules and tables of its processor": lambda kind: kind.processor in kinds(),
    "a command": lambda kind: kind.processor in get_command(app).commands,  # type: ignore[attr-defined]
    "a class of the SDK": lambda kind: kind.cls.__name__ in sdk.__all__,
    "a method of the SDK": lambda kind: taken_by_a_method(kind.cls),
    "JSON": lambda kind: words("services/weftline/contracts/mapping.py", kind.cls.__name__),
    "access.yaml: its processor": lambda kind: (
        kind.processor in (roles := load_roles()) and kind.topic in str(roles[kind.processor])
    ),
    "access.yaml: its group": lambda kind: (
        kind.processor in (roles := load_roles()) and f"weftline-{kind.processor}'" in str(roles[kind.processor])
    ),
    "access.yaml: who publishes": lambda kind: kind.topic in str(load_roles()["publisher"]),
    "access.yaml: the gateway": lambda kind: kind.topic in str(load_roles()["gateway"]),
    "access.yaml: who replays": lambda kind: all(
        f"{topic}'" in str(load_roles()["operator"]) for topic in (kind.topic, f"{kind.topic}.dlq")
    ),
    "access.yaml: the lag": lambda kind: kind.topic in str(load_roles()["lag"]),
    "access.yaml: the audit": lambda kind: kind.topic in str(load_roles()["audit"]),
    "compose: a service": lambda kind: compose()["services"].get(kind.processor, {}).get("command") == ["weftline", kind.processor],  # type: ignore[attr-defined]
    "compose: a password": lambda kind: f"kafka_{kind.processor}_password" in compose()["secrets"],
    "compose: a host that may be asked": lambda kind: words(
        "docker-compose.yml", f"WEFTLINE_HTTP_ALLOWED_HOSTS:.*{kind.processor}"
    ),
    "Prometheus: what is scraped": lambda kind: words("deploy/prometheus/prometheus.yml", kind.processor),
    "Prometheus: told when it is absent": lambda kind: f'program="{kind.processor}"' in text("deploy/prometheus/rules/alerts.yml"),
    "Prometheus: told when it is down or stands still": lambda kind: all(kind.processor in names for names in watched()),
    "the board's freshness": lambda kind: any(kind.records in panel.sql for board in BOARDS for panel in board.panels if panel.sql),
    "the boards' choices": chosen,
    "the README: its tables and views": told,
    "design.md: its topic and its program": lambda kind: all(
        f"`{name}`" in text("deploy/design.md") for name in (kind.topic, kind.processor)
    ),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", BY_PROCESSOR.values(), ids=BY_PROCESSOR)
def test_each_kind_of_event_has_its_place(place: str, kind: MessageKind) -> None:
    assert PLACES[place](kind), f"{kind.name} is missing: {place}"


@pytest.mark.parametrize("place", PLACES)
def test_a_kind_that_is_only_registered_is_missed(place: str) -> None:
    assert not PLACES[place](TOY)


def test_names_are_of_one_kind_each() -> None:
    assert (
        len(KINDS) == len({kind.name for kind in KINDS}) == len({kind.topic for kind in KINDS}) == len({kind.cls for kind in KINDS})
    )
    assert list(kinds()) == list(BY_PROCESSOR)
    assert BY_PROCESSOR["orders"].cls is OrderEvent
    assert all(kind.of is BY_PROCESSOR[name] for name, kind in kinds().items())
