"""The topics: the list in ``schemas/topics.yaml``, keys and partitions, and making a broker agree with the list."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.errors import AuthorizationError, KafkaError

from weftline.contracts.kinds import Message, kind_of
from weftline.contracts.login import refused, wrong_login
from weftline.contracts.paths import schemas_root
from weftline.domain.alerts import Alert
from weftline.errors import DependencyDown, UserError

_DAY_MS = 86_400_000
_MASK = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Topic:
    """One line of the list; ``retention_days`` -1 keeps for ever, ``schema`` is the subject of the values."""

    name: str
    doc: str
    key: str
    partitions: int
    retention_days: int
    schema: str | None = None
    dead_letters: str | None = None

    @property
    def retention_ms(self) -> int:
        """As Kafka writes it: milliseconds, or -1."""
        return -1 if self.retention_days == -1 else self.retention_days * _DAY_MS

    @property
    def configs(self) -> dict[str, str]:
        """What a broker is told about the topic.

        LogAppendTime, because retention goes by the record's time: with CreateTime a year-old event would be deleted at once, and a
        publisher whose clock is an hour ahead refused.
        """
        return {
            "cleanup.policy": "delete",
            "message.timestamp.type": "LogAppendTime",
            "retention.ms": str(self.retention_ms),
        }


def load_topics(path: Path | None = None) -> dict[str, Topic]:
    """The topics by name; :class:`UserError` lists every fault of the file."""
    path = path or schemas_root() / "topics.yaml"
    try:
        listed = yaml.safe_load(path.read_text(encoding="utf-8"))["topics"]
        entries = dict(listed.items())
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
        raise UserError(f"{path} must hold a mapping 'topics': {error}") from None
    faults = [f"  {name}: {problem}" for name, entry in entries.items() for problem in _faults(entry, entries)]
    if faults:
        raise UserError(f"{path} is wrong:\n" + "\n".join(faults))
    return {name: Topic(name, **entry) for name, entry in entries.items()}


def _faults(entry: object, entries: Mapping[str, object]) -> Iterator[str]:
    if not isinstance(entry, dict):
        yield "must be a mapping"
        return
    known = {field.name for field in fields(Topic)} - {"name"}
    missing = known - {"schema", "dead_letters"} - set(entry)
    if unknown := sorted(map(str, set(entry) - known)):
        yield f"unknown: {', '.join(unknown)}"
    if missing:
        yield f"missing: {', '.join(sorted(missing))}"
    partitions, days, letters = entry.get("partitions"), entry.get("retention_days"), entry.get("dead_letters")
    if "partitions" in entry and (type(partitions) is not int or partitions < 1):
        yield f"partitions must be a whole number from 1, not {partitions!r}"
    if "retention_days" in entry and (type(days) is not int or (days < 1 and days != -1)):
        yield f"retention_days must be a whole number from 1, or -1, not {days!r}"
    if letters is not None and letters not in entries:
        yield f"dead_letters names {letters}, which is no topic of the list"


def topic_of(message: Message) -> str:
    """The topic of an event or alert."""
    return kind_of(message).topic


def key_of(message: Message) -> bytes:
    """The Kafka key: the owner of the widest state that a rule needs, for an alert the factory that it is for."""
    return (message.factory_id if isinstance(message, Alert) else message.owner).encode()


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of ``key``, as Java's default partitioner, librdkafka's ``murmur2`` and kafka-python choose it."""
    return (_murmur2(key) & 0x7FFFFFFF) % partitions


def _murmur2(data: bytes) -> int:
    """MurmurHash2, 32 bits, with the seed of Kafka's Java client."""
    multiplier = 0x5BD1E995
    whole = len(data) & ~3
    mixed = 0x9747B28C ^ len(data)
    for at in range(0, whole, 4):
        block = int.from_bytes(data[at : at + 4], "little") * multiplier & _MASK
        block = (block ^ block >> 24) * multiplier & _MASK
        mixed = (mixed * multiplier & _MASK) ^ block
    if whole < len(data):
        mixed = (mixed ^ int.from_bytes(data[whole:], "little")) * multiplier & _MASK
    mixed = (mixed ^ mixed >> 13) * multiplier & _MASK
    return mixed ^ mixed >> 15


@dataclass(frozen=True, slots=True)
class Existing:
    """A topic as a broker has it."""

    partitions: int
    configs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Plan:
    """What would make a broker agree; ``refusals`` says why it must not be done."""

    create: tuple[Topic, ...]
    alter: tuple[tuple[Topic, dict[str, str]], ...]
    refusals: tuple[str, ...]
    lines: tuple[str, ...]


def plan(topics: Mapping[str, Topic], existing: Mapping[str, Existing], *, allow_shorter_retention: bool = False) -> Plan:
    """Compare the list with what a broker has. Topics that are not in the list are left alone, so is a replication factor."""
    create, alter, refusals, lines = [], [], [], []
    for topic in topics.values():
        found = existing.get(topic.name)
        if found is None:
            create.append(topic)
            lines.append(f"created {topic.name}: {topic.partitions} partitions, kept {_kept(topic.retention_ms)}")
            continue
        if found.partitions != topic.partitions:
            refusals.append(
                f"{topic.name} has {found.partitions} partitions, the list says {topic.partitions}: a count is fixed at creation, "
                "because it decides which worker handles an owner; correct schemas/topics.yaml, or move to a new topic"
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
    return Plan(tuple(create), tuple(alter), tuple(refusals), tuple(lines))


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
    days, rest = divmod(milliseconds, _DAY_MS)
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
    """Make the broker at ``kafka`` (host:port, comma separated) agree with the list; says in lines what was changed.

    Nothing at all is changed when one topic must not be: :class:`UserError` lists all reasons. ``replication_factor`` is for topics
    that are created. ``client``: further options of kafka-python's admin client, such as credentials. ``timeout`` in seconds.
    :class:`DependencyDown` when no broker answers.
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
        if steps.alter:
            answers = admin.alter_configs(
                [ConfigResource(ConfigResourceType.TOPIC, topic.name, change) for topic, change in steps.alter]
            )
            refused = [f"  {name}: {answer}" for name, answer in answers.get("topic", {}).items() if answer != "OK"]
            if refused:
                raise UserError(f"Kafka at {kafka} refused:\n" + "\n".join(refused))
    return list(steps.lines)


def partition_faults(kafka: str, topics: Mapping[str, Topic], *, timeout: float = 30.0, **client: Any) -> list[str]:
    """Topics that are missing or have another number of partitions than the list says; a processor asks this when it starts."""
    with open_admin(kafka, timeout, client) as admin:
        existing = _existing(admin, set(topics))
    faults = []
    for topic in topics.values():
        found = existing.get(topic.name)
        if found is None:
            faults.append(f"topic {topic.name} is missing; run 'weftline topics apply'")
        elif found.partitions != topic.partitions:
            faults.append(f"topic {topic.name} has {found.partitions} partitions, schemas/topics.yaml says {topic.partitions}")
    return faults


def _existing(admin: KafkaAdminClient, names: set[str]) -> dict[str, Existing]:
    counts = {found["name"]: len(found["partitions"]) for found in admin.describe_topics() if found["name"] in names}
    if not counts:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in sorted(counts)]
    described = admin.describe_configs(resources, config_filter="all")["topic"]
    return {
        name: Existing(count, {key: entry["value"] for key, entry in described[name].items()}) for name, count in counts.items()
    }


@contextmanager
def open_admin(kafka: str, timeout: float, client: Mapping[str, Any]) -> Iterator[KafkaAdminClient]:
    """An admin client; what it raises comes out as :class:`DependencyDown` or :class:`UserError`.

    Its constructor leaves a thread behind when nobody answers, so a plain connection is tried before.
    """
    _must_listen(kafka, timeout)
    if refused(kafka, client):
        raise wrong_login(kafka, client["sasl_plain_username"])
    try:
        admin = KafkaAdminClient(
            bootstrap_servers=kafka.split(","), client_id="weftline-admin", bootstrap_timeout_ms=int(timeout * 1000), **client
        )
    except KafkaError as error:
        raise DependencyDown("kafka", f"{kafka} does not answer as a Kafka broker: {error}") from None
    try:
        yield admin
    except KafkaError as error:
        if error.retriable:
            raise DependencyDown("kafka", f"{kafka}: {error}") from None
        if isinstance(error, AuthorizationError):
            who = client.get("sasl_plain_username", "anonymous")
            raise UserError(
                f"Kafka at {kafka} does not allow user {who} to do that: {error}; use a user that may, such as admin, or give this one "
                "a role with `weftline access`"
            ) from None
        raise UserError(f"Kafka at {kafka} refused: {error}") from None
    finally:
        admin.close()


def _must_listen(kafka: str, timeout: float) -> None:
    faults = []
    for address in kafka.split(","):
        host, _, port = address.strip().rpartition(":")
        if not host or not port.isdigit():
            raise UserError(f"Kafka's address must be host:port, comma separated, not {kafka!r}")
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=min(timeout, 5.0)).close()
            return
        except (OSError, OverflowError) as error:
            faults.append(f"{address} {error}")
    raise DependencyDown("kafka", f"nobody answers at {'; '.join(faults)}")
