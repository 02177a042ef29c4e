"""Making a broker agree with the list of topics."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from kafka import TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient, OffsetSpec
from kafka.errors import IncompatibleBrokerVersion

from weftline.contracts.topics import DAY_MS, Topic, load_topics
from weftline.errors import DependencyDown, UserError
from weftline.kafka_admin.client import open_admin


@dataclass(frozen=True, slots=True)
class Existing:
    """A topic as a broker has it."""

    partitions: int
    configs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TopicPlan:
    """What would make a broker agree; ``refusals`` says why it must not be done, ``narrow`` has topics with fewer partitions than a new
    one would get, with how many: they are left so."""

    create: tuple[Topic, ...]
    alter: tuple[tuple[Topic, dict[str, str]], ...]
    refusals: tuple[str, ...]
    lines: tuple[str, ...]
    narrow: tuple[tuple[Topic, int], ...] = ()

    @property
    def left(self) -> list[str]:
        """What is said of topics that are narrower than new ones."""
        several = {(found, topic.partitions): [of.name for of, has in self.narrow if has == found] for topic, found in self.narrow}
        return [
            f"left as they are: {', '.join(names)} with {found} partitions each. A new stack gets {listed}; "
            "`weftline topics repartition` adds the others, while everything runs"
            for (found, listed), names in several.items()
        ]


def plan(topics: Mapping[str, Topic], existing: Mapping[str, Existing], *, allow_shorter_retention: bool = False) -> TopicPlan:
    """Compare the list with what a broker has. Topics that are not in the list are left alone, so is a replication factor."""
    create, alter, refusals, lines, narrow = [], [], [], [], []
    for topic in topics.values():
        found = existing.get(topic.name)
        if found is None:
            create.append(topic)
            lines.append(f"created {topic.name}: {topic.partitions} partitions, kept {_kept(topic.retention_ms)}")
            continue
        if topic.grows and found.partitions < topic.partitions:
            narrow.append((topic, found.partitions))
        elif not topic.grows and found.partitions != topic.partitions:
            refusals.append(
                f"{topic.name} has {found.partitions} partitions, the list says {topic.partitions}: its count is fixed at creation, "
                "because it decides where its readers look; correct schemas/topics.yaml"
            )
        change = {key: value for key, value in topic.configs.items() if found.configs.get(key) != value}
        kept_now = _kept_ms(found.configs)
        shorter = topic.retention_ms >= 0 and (kept_now < 0 or kept_now > topic.retention_ms)
        if shorter and not allow_shorter_retention:
            refusals.append(
                f"{topic.name} is kept {_kept(kept_now)}, the list says {_kept(topic.retention_ms)}: older records would be "
                "deleted; allow it with --allow-shorter-retention, or correct schemas/topics.yaml"
            )
        if change:
            alter.append((topic, change))
            lines += [f"changed {topic.name}: {_change(key, found.configs.get(key), to)}" for key, to in change.items()]
    return TopicPlan(tuple(create), tuple(alter), tuple(refusals), tuple(lines), tuple(narrow))


def _kept_ms(configs: Mapping[str, str]) -> int:
    """How long a broker keeps records; -1, for ever, also where the topic is only compacted."""
    deletes = "delete" in configs.get("cleanup.policy", "delete")
    return int(configs.get("retention.ms", -1)) if deletes else -1


def _change(key: str, before: str | None, after: str) -> str:
    if key == "retention.ms" and before is not None:
        return f"kept {_kept(int(after))} instead of {_kept(int(before))}"
    return f"{key} from {before} to {after}"


def _kept(milliseconds: int) -> str:
    if milliseconds < 0:
        return "for ever"
    days, rest = divmod(milliseconds, DAY_MS)
    return f"{milliseconds} ms" if rest else f"{days} day{'' if days == 1 else 's'}"


def apply_topics(
    kafka: str,
    *,
    topics: Mapping[str, Topic] | None = None,
    replication_factor: int = 1,
    allow_shorter_retention: bool = False,
    timeout: float = 30.0,
    **client: Any,
) -> list[str]:
    """Make the broker at ``kafka`` (host:port, comma separated) agree with the list; says in lines what was changed, and what was left.

    Nothing at all is changed when one topic must not be: :class:`UserError` lists all reasons. Whoever asks afterwards is told of the
    change. ``replication_factor`` is for topics that are created. ``client``: further options of kafka-python's admin client, such as
    credentials. ``timeout`` in seconds. :class:`DependencyDown` when no broker answers.
    """
    topics = load_topics() if topics is None else topics
    with open_admin(kafka, timeout, client) as admin:
        steps = plan(topics, _existing(admin, set(topics)), allow_shorter_retention=allow_shorter_retention)
        if steps.refusals:
            raise UserError("nothing was changed:\n" + "\n".join(f"  {reason}" for reason in steps.refusals))
        if steps.create:
            admin.create_topics(
                {
                    topic.name: {
                        "num_partitions": topic.partitions,
                        "replication_factor": replication_factor,
                        "configs": topic.configs,
                    }
                    for topic in steps.create
                },
                timeout_ms=int(timeout * 1000),
            )
            admin.wait_for_topics([topic.name for topic in steps.create], timeout_ms=int(timeout * 1000))
            _wait_until_led(admin, {topic.name: topic.partitions for topic in steps.create}, timeout)
        if steps.alter:
            answers = admin.alter_configs(
                [ConfigResource(ConfigResourceType.TOPIC, topic.name, change) for topic, change in steps.alter]
            )
            refused = [f"  {name}: {answer}" for name, answer in answers.get("topic", {}).items() if answer != "OK"]
            if refused:
                raise UserError(f"Kafka at {kafka} refused:\n" + "\n".join(refused))
            _wait_until_told(admin, {topic.name: topic for topic, _ in steps.alter}, timeout)
    return [*steps.lines, *steps.left]


def _wait_until_told(admin: KafkaAdminClient, topics: Mapping[str, Topic], timeout: float) -> None:
    """Until the broker tells the configuration that its controller has taken: the one learns it from the other's log, a little later."""
    deadline = time.monotonic() + timeout
    while plan(topics, _existing(admin, set(topics)), allow_shorter_retention=True).alter:
        if time.monotonic() > deadline:
            raise DependencyDown("kafka", f"what was changed of {', '.join(topics)} is not in force after {timeout:.0f} s")
        time.sleep(0.05)


def _wait_until_led(admin: KafkaAdminClient, partitions: Mapping[str, int], timeout: float) -> None:
    """Until the leader of each partition answers for it. A broker tells of a leader before that one has made its log: for two seconds of
    a slow machine with 48 partitions a topic, publishers were refused with NOT_LEADER_OR_FOLLOWER, and told that nothing was delivered."""
    every = [TopicPartition(topic, number) for topic, count in partitions.items() for number in range(count)]
    admin.list_partition_offsets(dict.fromkeys(every, OffsetSpec.EARLIEST), timeout_ms=int(timeout * 1000))


class Widening(NamedTuple):
    """A topic that is to get more partitions: how many it has, and is to have."""

    topic: str
    found: int
    wanted: int


def widenings(topics: Mapping[str, Topic], counts: Mapping[str, int], wanted: int) -> list[Widening]:
    """What has to be done so that every topic of events has as many partitions; UserError if it cannot be."""
    growing = [topic.name for topic in topics.values() if topic.grows]
    missing = [name for name in growing if name not in counts]
    if missing:
        raise UserError(f"Kafka has no topic {', '.join(missing)}; run `weftline topics apply`")
    wider = [f"  {name} has {counts[name]}" for name in growing if counts[name] > wanted]
    if wider:
        raise UserError(f"nothing was changed: Kafka takes no partitions away, so there cannot be {wanted} of\n" + "\n".join(wider))
    return [Widening(name, counts[name], wanted) for name in growing if counts[name] < wanted]


def widen(admin: KafkaAdminClient, widening: Widening, timeout: float) -> None:
    """Add partitions to a topic, and wait until the broker tells of them. Those that are there stay as they are."""
    try:
        admin.create_partitions({widening.topic: widening.wanted}, timeout_ms=int(timeout * 1000))
    except IncompatibleBrokerVersion:
        raise UserError(
            "this broker cannot add partitions to a topic; the one in memory makes its topics anew at each start"
        ) from None
    deadline = time.monotonic() + timeout
    while counts_of(admin, [widening.topic])[widening.topic] < widening.wanted:
        if time.monotonic() > deadline:
            raise DependencyDown("kafka", f"the new partitions of {widening.topic} are not there after {timeout:.0f} s")
        time.sleep(0.05)
    _wait_until_led(admin, {widening.topic: widening.wanted}, timeout)


def counts_of(admin: KafkaAdminClient, names: Collection[str]) -> dict[str, int]:
    """Numbers of partitions of those of the topics that there are."""
    return {found["name"]: len(found["partitions"]) for found in admin.describe_topics() if found["name"] in names}


def _existing(admin: KafkaAdminClient, names: set[str]) -> dict[str, Existing]:
    counts = counts_of(admin, names)
    if not counts:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in sorted(counts)]
    described = admin.describe_configs(resources, config_filter="all")["topic"]
    return {
        name: Existing(count, {key: entry["value"] for key, entry in described[name].items()}) for name, count in counts.items()
    }
