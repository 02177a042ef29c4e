"""Golden bytes: every example as it was written in its version and in each later one, twice: plainly, and in another of Avro's spellings.

What was once sent lies in somebody's log. These files are never changed; for a new version or example ``WEFTLINE_ACCEPT=1 make test``
adds the missing ones.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest
from tests.contract.test_examples import RANKS
from tests.support.examples import CODEC, REGISTRY
from tests.support.spellings import PLAINLY, Writer

from weftline.contracts.kinds import KINDS, kind_of
from weftline.contracts.mapping import from_json, to_avro
from weftline.contracts.paths import schemas_root
from weftline.domain.alerts import Alert

EXAMPLES = schemas_root() / "examples"
GOLDEN = Path(__file__).parents[1] / "data" / "golden"
IDS = {(subject, version): key for key, (subject, version) in REGISTRY.ids.items()}


class Golden(NamedTuple):
    """An example in one version of its schema."""

    example: str
    version: int

    @property
    def path(self) -> Path:
        subject, _, name = self.example.split("/")
        return GOLDEN / subject / f"v{self.version}" / f"{Path(name).stem}.hex"

    def event(self) -> Any:
        return from_json(json.loads((EXAMPLES / self.example).read_text("utf-8")))

    def written(self) -> str:
        event = self.event()
        number = IDS[kind_of(event).subject, self.version]
        framing = b"\0" + number.to_bytes(4, "big")
        values = [
            framing + Writer(REGISTRY.schema(number), chosen).write(to_avro(event)) for chosen in (PLAINLY, Random(self.version))
        ]
        return "".join(f"{value.hex()}\n" for value in values)


def every() -> list[Golden]:
    newest = {kind.subject: kind.version for kind in KINDS}
    found = []
    for example in RANKS:
        subject, version, _ = example.split("/")
        found += [Golden(example, later) for later in range(int(version[1:]), newest[subject] + 1)]
    return found


@pytest.mark.parametrize("golden", every(), ids=lambda golden: f"{golden.example}-in-v{golden.version}")
def test_golden_bytes_read_as_ever(golden: Golden) -> None:
    if os.environ.get("WEFTLINE_ACCEPT") == "1" and not golden.path.exists():
        golden.path.parent.mkdir(parents=True, exist_ok=True)
        golden.path.write_text(golden.written(), "utf-8")
    event = golden.event()
    topic = kind_of(event).topic
    plain, otherwise = map(bytes.fromhex, golden.path.read_text("utf-8").split())
    assert plain != otherwise
    for value in (plain, otherwise):
        assert CODEC.decode(topic, value) == event
        assert CODEC.decode(topic, value, stored=True) == event
        accepted = CODEC.accept(topic, value)
        assert accepted[:2] == (event, plain)
        if not isinstance(event, Alert):
            assert accepted.rank == CODEC.rank(event, accepted.value) == RANKS[golden.example]
    if golden.example.split("/")[1] == f"v{golden.version}":
        assert CODEC.encode(event) == plain, "and a publisher of today still writes it so"


def test_no_golden_file_is_left_over() -> None:
    assert sorted(GOLDEN.rglob("*.hex")) == sorted(golden.path for golden in every())
