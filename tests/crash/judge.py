"""What the fire is judged by: tables, alerts, dead letters and ``weftline audit``, against what was published (:func:`judge`)."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import uuid4

from tests.crash.publishing import GIANT, PATIENCE_SECONDS, Place, Poisoning
from tests.e2e.commands import environment
from tests.support import tables
from tests.support.hostile import Played
from tests.support.raw_batches import Sent
from tests.support.stack import where
from tests.support.told import each_told, last_told, misinformed, standing
from weftline.embedded.supervisor import Stack
from weftline.errors import WeftlineError
from weftline.runtime.settings import Settings
from weftline.sdk import Subscriber
from weftline.warehouse.client import Reader, reader
from weftline.warehouse.reference import LIVE

#: What is as large as poison is known by its size and its hash.
LETTERS = (
    "SELECT topic, partition, offset, key, if(length(value) > 65536, '', value) AS content, size, sha256, hashed, "
    "concat(reason, ': ', substring(detail, 1, 200)) FROM dead_letters FINAL"
)


class Letter(NamedTuple):
    """A row of ``dead_letters``; see there."""

    place: Place
    key: bytes | None
    value: bytes | None
    size: int | None
    sha256: str
    hashed: int
    why: str

    def __str__(self) -> str:
        return f"{self.place.topic}-{self.place.partition}@{self.place.offset}, key {self.key!r}: {self.why}"

    def bears(self, sent: Sent) -> bool:
        """Whether it says truly what was sent."""
        if self.value is None and self.hashed:
            # Cut before its value begins: size and hash are those of the whole record.
            return self.size is not None and self.size >= len(sent.key or b"") + len(sent.value or b"")
        if sent.value is None:
            return self.size is None
        return self.size == len(sent.value) and (not self.hashed or self.sha256 == sha256(sent.value[: self.hashed]).hexdigest())


@dataclass
class Report:
    """What was done and what was found. ``drift``: table → rows that are missing, extra or different, in words."""

    seed: int
    kills: Counter[str]
    faults: Counter[str]
    broken_statements: Counter[str]
    seconds: float
    seconds_in_all: float = 0.0
    messages: int = 0
    records: int = 0
    damaged: int = 0
    poison_kinds: int = 0
    poison: int = 0
    giant: str = ""
    committed: int = 0
    aborted: int = 0
    facts: int = 0
    drift: dict[str, str] = field(default_factory=dict)
    audit: str = ""
    standing: int = 0
    told: int = 0
    kept_back: int = 0
    misinformed: list[str] = field(default_factory=list)
    rows_of_misinformed: list[str] = field(default_factory=list)
    dead_letters_wrong: list[str] = field(default_factory=list)

    @property
    def right(self) -> bool:
        """Whether the promise was kept."""
        return not (self.drift or self.audit or self.misinformed or self.dead_letters_wrong)

    def lines(self) -> Iterator[str]:
        """For people."""
        yield f"seed {self.seed}, {self.seconds:.0f} s under fire, {self.seconds_in_all:.0f} s until all was judged"
        yield f"kills done            {self.kills.total()} ({_counts(self.kills)})"
        yield f"other faults          {_counts(self.faults)}; {_counts(self.broken_statements) or 'no statement broken'}"
        yield f"events published      {self.messages:,} messages, {self.records:,} distinct records, {self.damaged:,} damaged"
        yield f"poison                {self.poison_kinds} kinds, {self.poison:,} records"
        yield f"giant factory         {self.giant}"
        yield f"transactions          {self.committed:,} committed, {self.aborted:,} aborted"
        yield f"facts                 {self.facts:,}"
        yield f"drift                 {self.drift or 'none'}"
        yield f"audit                 {self.audit or 'no drift'}"
        yield f"alerts standing       {self.standing:,}, of them told to factories {self.told:,}, history {self.kept_back:,}"
        yield f"last told otherwise   {len(self.misinformed)} than stands, or one revision said in two ways"
        yield from (f"  {what}" for what in self.misinformed[:6])
        yield from (f"  in the table, or said: {row}" for row in self.rows_of_misinformed)
        yield f"dead letters wrong    {len(self.dead_letters_wrong)}"
        yield from (f"  {what}" for what in self.dead_letters_wrong[:10])


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counter.most_common())


def judge(report: Report, stack: Stack, played: Played, poisoning: Poisoning, settings: dict[str, str]) -> None:
    """Hold tables, alerts and dead letters against what was published, once the processors have caught up."""
    at = where(stack)
    report.messages, report.damaged = len(played.messages), sum(m.rank is None for m in played.messages)
    report.poison_kinds, report.poison = len(poisoning.kinds), len(poisoning.lies)
    report.records = sum(len(records) for records in played.records.values())
    ought = tables.expected_of_all(played.records, played.answers["as_of"])
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            _compare(report, at, played, poisoning, ought)
        except WeftlineError as error:  # ClickHouse or Kafka is still starting
            report.audit = str(error)
        if report.right:  # what is being read again is an open loss until it is through
            report.audit = _audit(at, settings)
        if report.right or time.monotonic() > deadline:
            break
        time.sleep(1)
    report.audit = report.audit or _audit(at, settings)


def _compare(report: Report, at: Settings, played: Played, poisoning: Poisoning, ought: dict[str, tables.Tables]) -> None:
    report.audit = ""
    with reader(at) as warehouse:
        stored = {name: tables.stored(kind, warehouse) for name, kind in tables.kinds().items()}
        rows = warehouse.rows("SELECT alert_id, historic FROM alerts FINAL WHERE status != 'WITHDRAWN'")
        live = dict(warehouse.rows(LIVE))
        letters = [Letter(Place(*row[:3]), *row[3:]) for row in warehouse.rows(LETTERS, binary=("key", "content"))]
        report.giant = _apart(warehouse)
    report.drift = {table: words for name in stored for table, words in tables.drift(stored[name], ought[name]).items()}
    report.facts = sum(len(stored[name][kind.facts]) for name, kind in tables.kinds().items())
    report.dead_letters_wrong = list(_wrong(letters, played, poisoning))

    # Under a new name each time, for a group goes on from where it was.
    with Subscriber(at.kafka, None, group=f"judge-{uuid4()}", follow=False) as subscriber:
        said = list(subscriber)
    stands = {alert_id: alert for of in ought.values() for alert_id, alert in standing(of["alerts"]).items()}
    told = {alert_id for alert_id, alert in last_told(said).items() if alert.status != "WITHDRAWN"}
    report.standing, report.told = len(stands), len(told)
    report.kept_back = sum(historic for _, historic in rows)
    report.misinformed = [*misinformed(said, stands, live)]
    report.misinformed += [
        f"told, but kept back in the table: {alert_id}" for alert_id, historic in rows if historic and alert_id in told
    ]
    wrong = [alert_id for alert_id in sorted(told | stands.keys()) if any(alert_id in what for what in report.misinformed)][:6]
    said_of = [(alert.alert_id, alert.revision, alert.status) for alert in each_told(said) if alert.alert_id in wrong]
    report.rows_of_misinformed = [f"{row}" for row in (*_alert_rows(at, wrong), *said_of)]


def _alert_rows(at: Settings, alert_ids: list[str]) -> list[tuple[Any, ...]]:
    """Every version of these alerts that the table still has, oldest first."""
    with reader(at) as warehouse:
        return warehouse.rows(
            "SELECT alert_id, owner, partition, status, published, historic, hex(version), revision, toString(stored_at), replaces, "
            "late_hours, subject_table, subject_key FROM alerts WHERE alert_id IN {ids:Array(String)} ORDER BY alert_id, version",
            {"ids": alert_ids},
        )


def _wrong(letters: Sequence[Letter], played: Played, poisoning: Poisoning) -> Iterator[str]:
    """Which letters are too many, too few or not what was sent: each poison where it lies, exactly once; each damaged message."""
    found = {letter.place: letter for letter in letters if letter.place in poisoning.lies}
    for place, sent in poisoning.lies.items():
        if place not in found:
            yield f"none of the poison at {place}"
        elif not found[place].bears(sent):
            yield f"not what was sent: {found[place]}"
    yield from (f"twice: {letter}" for letter in letters if letter.place in found and letter is not found[letter.place])
    # A message that was sent again after a lost acknowledgement lies there twice.
    damaged = Counter((m.topic, m.key, m.value) for m in played.messages if m.rank is None)
    missing = damaged.copy()
    for letter in letters:
        if letter.place not in found:
            what = (letter.place.topic, letter.key, letter.value)
            missing[what] -= 1  # type: ignore[index]
            if what not in damaged and not any(
                topic == letter.place.topic and letter.bears(poison) for topic, poison in poisoning.may_lie
            ):
                yield f"of nothing that is wrong: {letter}"
    yield from (f"none of a damaged message of {topic}, key {key!r}" for topic, key, _ in (+missing).elements())


def _apart(warehouse: Reader) -> str:
    """Whether the giant factory was folded apart, and wholly, in words."""
    ((stored, folded),) = warehouse.rows(
        "SELECT max(stored), max(folded) FROM owners_apart WHERE owner = {owner:String}", {"owner": GIANT}
    )
    return f"folded apart, {folded:,} of {stored:,} records" if stored else "not folded apart"


def _audit(at: Settings, settings: dict[str, str]) -> str:
    """What ``weftline audit`` finds, nothing if all is well."""
    command = [sys.executable, "-m", "weftline", "audit", "--json", "--kafka", at.kafka, "--clickhouse", at.clickhouse]
    more = {name: value for name, value in settings.items() if name != "WEFTLINE_CLICKHOUSE"}
    more["WEFTLINE_CLICKHOUSE_PASSWORD"] = at.clickhouse_password.get_secret_value()
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment(**more))
    if done.returncode == 0:
        return ""
    with contextlib.suppress(ValueError):
        said = json.loads(done.stdout)
        wrong = {
            name: table for name, table in said["tables"].items() if any(table[what] for what in ("missing", "extra", "different"))
        }
        return f"status {done.returncode}: {wrong}, {said['unsettled']} not judged, {said['undecided']} undecided, unseen: {said['unseen']}"
    return f"status {done.returncode}: {done.stderr[-500:]}"
