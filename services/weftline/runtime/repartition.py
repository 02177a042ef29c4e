"""More partitions for the topics of events, while everything runs: ``weftline topics repartition``.

Kafka adds empty partitions to a topic and moves nothing. So from then on later records of an owner may lie in another partition than the
earlier ones. Nothing in the tables goes by that: records are a set, whoever stores them. The partition that stands in a row of state or
of an alert says which worker sees to it with his sweeps; any will do that somebody holds, so the row stays as it is. Reading marks,
attempts, losses and letters are about a partition's log, which stays what it was. Hence no record is copied, no row written anew, nobody
stopped: publishers go on, and those that know the former number only publish into partitions that are read all the same.

Each topic is widened by one request, and each request is all or nothing. Killed at any point, the command can be run again: it widens
what is left, and waits anew.

Kafka takes no partitions away, and a new topic in place of the old one would leave its log behind, from which tables that are lost are
read again. So there is no way to fewer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Final

from weftline.contracts.kinds import BY_PROCESSOR
from weftline.contracts.topics import load_topics
from weftline.errors import UserError
from weftline.kafka_admin.client import open_admin
from weftline.kafka_admin.topics import counts_of, widen, widenings
from weftline.runtime.credentials import credentials
from weftline.runtime.groups import CLIENT, SECONDS, Group, open_groups
from weftline.runtime.settings import Settings

#: Workers ask for the topic every ten seconds (:data:`weftline.runtime.faust_batches.METADATA_SECONDS`), then the group is assigned anew.
TAKEN_SECONDS: Final = 60.0
POLL_SECONDS: Final = 0.5


def repartition(settings: Settings, wanted: int, say: Callable[[str], None]) -> None:
    """Have every topic of events have so many partitions, and wait until running processors hold them.

    Raises UserError where that cannot be, before anything is changed; DependencyDown if Kafka does not answer.
    """
    topics = load_topics()
    read_by = {name: kind.topic for name, kind in BY_PROCESSOR.items()}
    with open_admin(settings.kafka, SECONDS, credentials(settings)) as admin, open_groups(settings, read_by) as groups:
        to_do = widenings(topics, counts_of(admin, topics), wanted)
        if to_do:
            _refuse_older(groups.read())
        for widening in to_do:
            widen(admin, widening, SECONDS)
            say(f"{widening.topic}: {widening.wanted} partitions instead of {widening.found}")
        for line in _until_taken(groups.read):
            say(line)


def _refuse_older(groups: Iterable[Group]) -> None:
    """A processor of an earlier version would go on, and refuse its next start."""
    older = sorted({group.name for group in groups for member in group.members or () if member.client != CLIENT})
    if older:
        raise UserError(
            f"nothing was changed: processors of an earlier version run ({', '.join(older)}), which would not start again with another "
            "number; upgrade all first"
        )


def _until_taken(read: Callable[[], list[Group]]) -> Iterable[str]:
    """Until every group that has members holds all partitions of its topic; says who has none."""
    deadline = time.monotonic() + TAKEN_SECONDS
    while waiting := [group for group in read() if group.members and _held(group) != len(group.positions)]:
        if time.monotonic() > deadline:
            said = ", ".join(f"{group.name} ({_held(group)} of {len(group.positions)})" for group in waiting)
            raise UserError(
                f"the partitions are there, but not all were taken over within {TAKEN_SECONDS:.0f} s: {said}; see `weftline status`"
            )
        time.sleep(POLL_SECONDS)
    for group in read():
        if group.members:
            yield f"{group.name}: {len(group.positions)} partitions are read"
        elif group.members is not None:
            yield f"{group.name}: {len(group.positions)} partitions; no processor runs, the next one reads them all"


def _held(group: Group) -> int:
    return len({partition for member in group.members or () for partition in member.partitions})
