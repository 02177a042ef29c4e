"""A restore begins when no worker is a member of its group any more: one that was killed stays one until its session ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from kafka import TopicPartition
from kafka.errors import BrokerResponseError, CoordinatorLoadInProgressError, NoError, NotCoordinatorError, UnknownMemberIdError

from weftline.errors import UserError
from weftline.runtime.places import Log, Places
from weftline.runtime.settings import load
from weftline.warehouse import restore
from weftline.warehouse.backup_folder import Place


class Groups:
    """Answers one after the other."""

    def __init__(self, answers: Sequence[Mapping[str, int]]) -> None:
        self.answers = list(answers)

    def members(self) -> Mapping[str, int]:
        return self.answers.pop(0)


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restore, "POLL_SECONDS", 0.001)


def test_whoever_was_killed_is_waited_for_and_named_once() -> None:
    said: list[str] = []
    groups = Groups([{"orders": 1, "logistics": 2}, {"orders": 0, "logistics": 1}, {"orders": 0, "logistics": 0}])
    restore.wait_for_nobody(groups.members, 60.0, said.append)
    assert said == ["waiting for logistics, orders to leave Kafka's groups"]
    assert groups.answers == []


def test_whoever_stays_is_named() -> None:
    with pytest.raises(UserError, match="logistics still run; stop all processors first"):
        restore.wait_for_nobody(lambda: {"orders": 0, "logistics": 1}, 0.01, lambda line: None)


class Admin:
    """Of the broker, what sets places: nobody keeps the group yet, then somebody does, who says ``last``."""

    def __init__(self, last: type[BrokerResponseError]) -> None:
        self.answers = [NotCoordinatorError, CoordinatorLoadInProgressError, last]

    def alter_group_offsets(self, _group: str, offsets: Mapping[TopicPartition, object]) -> Mapping[TopicPartition, object]:
        return dict.fromkeys(offsets, self.answers.pop(0))


def test_a_group_that_nobody_keeps_yet_is_asked_again() -> None:
    """The broker says so of each partition, as it says that a worker runs, which does not pass."""
    Places(Admin(NoError), load(), {}).set("orders", "t", {0: 1, 1: 2})  # type: ignore[arg-type]
    with pytest.raises(UserError, match="UnknownMemberIdError; is a worker running"):
        Places(Admin(UnknownMemberIdError), load(), {}).set("orders", "t", {0: 1})  # type: ignore[arg-type]


def test_partitions_that_came_after_the_backup_are_read_from_their_beginning() -> None:
    """Their records are in no backup, whatever the group had read of them."""
    put: dict[int, int] = {}

    class Kept:
        def set(self, _group: str, _topic: str, offsets: Mapping[int, int]) -> None:
            put.update(offsets)

    log = Log(
        "orders",
        "t",
        "id",
        committed={0: 9, 1: 9, 2: 9, 3: 9},
        first={0: 0, 1: 0, 2: 0, 3: 4},
        end=dict.fromkeys(range(4), 9),
        stable={},
    )
    lost = [*restore._set(Kept(), log, Place("t", "id", {0: 5, 1: 9}))]  # type: ignore[arg-type]
    assert put == {0: 5, 1: 9, 2: 0, 3: 4}
    assert lost == ["t/3: 4 records from offset 0 on came after the backup began, and Kafka keeps them no longer"]
