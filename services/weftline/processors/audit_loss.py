"""What is lost, for those who only look (``weftline audit``, ``status``, ``losses``): what processors have found, and what they would."""

from __future__ import annotations

from collections.abc import Sequence

from weftline.processors.kinds import Kind
from weftline.processors.reading import MARKS, Loss, Mark, Table, judge
from weftline.processors.registry import kinds as all_kinds
from weftline.processors.takeover import STORED_MARKS, TABLES, logs_of
from weftline.runtime.groups import Group
from weftline.warehouse.client import Reader


def unseen(groups: Sequence[Group], reader: Reader) -> list[str]:
    """A sentence for each loss that is open, and for each that the next worker to take a partition over will find."""
    said = []
    kinds = all_kinds()
    for group in groups:
        kind = kinds[group.name]
        if not group.positions:
            said.append(f"{group.name}: Kafka has no topic {group.topic}")
            continue
        said += [f"{group.name}: partition {loss.partition}: {loss.what}: {loss.detail}" for loss in losses(kind, group, reader)]
    return said


def losses(kind: Kind, group: Group, reader: Reader) -> list[Loss]:
    """What is open, and what the next worker to take a partition over will find."""
    stored = open_losses(reader, kind)
    known = {loss[:4] for loss in stored}
    return [*stored, *(loss for loss in to_come(kind, group, reader) if loss[:4] not in known)]


def open_losses(reader: Reader, kind: Kind) -> list[Loss]:
    """Losses that nobody has mended or accepted."""
    rows = reader.rows(
        "SELECT partition, what, first, last, detail FROM open_losses WHERE kind = {kind:String} ORDER BY found_at, partition",
        {"kind": kind.name},
    )
    return [Loss(*row) for row in rows]


def to_come(kind: Kind, group: Group, reader: Reader) -> list[Loss]:
    """What whoever takes the group's partitions over now will find lost. Accepted ones are left out."""
    names = (*kind.tables, MARKS)
    rows = reader.rows(
        TABLES,
        {"names": list(names), "records": kind.records},
    )
    tables = {name: Table(identity, bool(empty), first, last) for name, identity, empty, first, last, _ in rows}
    marks = {partition: Mark(*mark) for partition, *mark in reader.rows(STORED_MARKS, {"kind": kind.name})}
    accepted = set(
        reader.rows(
            "SELECT partition, what, first, last FROM losses FINAL WHERE kind = {kind:String} AND state = 'accepted'",
            {"kind": kind.name},
        )
    )
    return [
        loss
        for partition, log in logs_of(group).items()
        for loss in judge(partition, log, marks.get(partition), kind.records, kind.made_of_each, tables).losses
        if loss[:4] not in accepted
    ]


def mended(reader: Reader, kind: Kind) -> None:
    """Note that what is made from the records was made anew."""
    reader.command(
        "INSERT INTO losses SELECT * REPLACE ('mended' AS state, now64(3) AS changed_at) FROM (SELECT * FROM losses FINAL "
        "WHERE state = 'open' AND what = 'derived' AND kind = {kind:String})",
        {"kind": kind.name},
    )
