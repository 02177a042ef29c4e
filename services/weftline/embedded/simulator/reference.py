"""Who takes part in a simulated world, as reference data. All names are invented, and say so."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

from weftline.contracts.reference import Center, Factory, Reference, write_reference
from weftline.embedded.simulator.catalogue import CENTERS
from weftline.embedded.simulator.config import SimulationConfig
from weftline.embedded.simulator.orders import hours_per_round
from weftline.embedded.simulator.workdays import HOUR, WORKDAY
from weftline.embedded.simulator.world import World
from weftline.errors import UserError

FILE: Final = "reference.yaml"
NOTE: Final = "Written by `weftline simulate`: who takes part in the simulation. `weftline reference apply` loads it."
SOURCE: Final = "weftline simulator (invented)"

_FIRST: Final = (
    *(("云", "Cloud"), ("晨", "Morning"), ("青", "Green"), ("银", "Silver"), ("雪", "Snow"), ("柳", "Willow"), ("星", "Star")),
    *(("枫", "Maple"), ("溪", "Brook"), ("竹", "Bamboo"), ("白", "White"), ("秋", "Autumn"), ("远", "Distant"), ("静", "Quiet")),
    *(("蓝", "Blue"), ("松", "Pine")),
)
_SECOND: Final = (
    *(("帆", "Sail"), ("鹭", "Heron"), ("桥", "Bridge"), ("禾", "Grain"), ("荷", "Lotus"), ("燕", "Swallow"), ("棠", "Crabapple")),
    *(("舟", "Boat"), ("羽", "Feather"), ("泉", "Spring"), ("岚", "Mist"), ("石", "Stone"), ("梭", "Shuttle"), ("月", "Moon")),
    *(("丝", "Thread"), ("灯", "Lantern")),
)


def reference_of(config: SimulationConfig) -> Reference:
    """The centers and factories of the world of ``config``; entries hold from the day before its span on, those of a
    cooperative's members from the day before its first.

    (The day before, because the day on which the span begins begins later on some clocks.)
    """
    world = World(config)
    since = _day_before(config.start)
    per_bench = WORKDAY / HOUR / hours_per_round()
    centers = tuple(
        Center(
            id=center.center_id,
            valid_from=since,
            cooperative_id=f"{config.namespace}{config.members[center.cooperative][0]}",
            name_zh=f"{spec.zh}共享打样中心（模拟）",
            name_en=f"{spec.name.title()} Shared Sampling Center (simulated)",
            source=SOURCE,
            rounds_per_day=round(len(center.benches) * per_bench, 1),
        )
        for center, spec in zip(world.centers, CENTERS, strict=True)
    )
    factories = []
    parties = [(factory.factory_id, factory.cooperative_id, since) for factory in world.factories]
    if (play := config.cooperative) is not None:
        founded = _day_before(min(play.start, config.start))
        parties += [(member, play.name, founded) for member in play.member_ids]
    for factory_id, cooperative_id, since in parties:
        zh, en = _factory_name(factory_id)
        factories.append(
            Factory(
                id=factory_id,
                valid_from=since,
                cooperative_id=cooperative_id,
                name_zh=zh,
                name_en=en,
                source=SOURCE,
            )
        )
    return Reference(centers, tuple(factories))


def _day_before(time: int) -> date:
    return (datetime.fromtimestamp(time / 1000, UTC) - timedelta(days=1)).date()


def _factory_name(factory_id: str) -> tuple[str, str]:
    """A name made of two words and the factory's number, which tells apart those to which chance gives the same words."""
    digest = hashlib.blake2b(factory_id.encode(), digest_size=2).digest()
    (zh_1, en_1), (zh_2, en_2) = _FIRST[digest[0] % len(_FIRST)], _SECOND[digest[1] % len(_SECOND)]
    number = int(factory_id.rpartition("-")[2])
    return f"{zh_1}{zh_2}家纺（模拟{number}号）", f"{en_1} {en_2} Home Textiles (simulated no. {number})"


def write_beside(answers: Path, config: SimulationConfig) -> Path:
    """Write ``reference.yaml`` beside an answer file. Raises UserError rather than replace a file that it has not written."""
    path = answers.with_name(FILE)
    if path.exists() and not path.read_text("utf-8", "replace").startswith(f"# {NOTE}\n"):
        raise UserError(
            f"{path} was not written by `weftline simulate` and is not replaced; put the answer file elsewhere (--answers)"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(write_reference(reference_of(config), NOTE), "utf-8")
    return path
