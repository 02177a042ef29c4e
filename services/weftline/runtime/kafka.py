"""Kafka as aiokafka wants it: connection options, and the check that a topic is there."""

from __future__ import annotations

import asyncio
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError, UnknownTopicOrPartitionError, for_code
from kafka.errors import KafkaError as KafkaPythonError

from weftline.errors import DependencyDown, UserError
from weftline.kafka_admin.login import check_certificate, refused, wrong_login
from weftline.runtime import logging
from weftline.runtime.credentials import credentials
from weftline.runtime.groups import open_groups
from weftline.runtime.health import Status
from weftline.runtime.retry import Backoff
from weftline.runtime.settings import Settings

log = logging.get(__name__)

REQUEST_TIMEOUT_SECONDS = 10
#: One a second.
PLACING_ATTEMPTS = 10


def client_options(settings: Settings) -> dict[str, Any]:
    """Keyword arguments for any aiokafka client (producer, consumer, admin)."""
    return {"bootstrap_servers": [server.strip() for server in settings.kafka.split(",")], **credentials(settings)}


async def check_topic(topic: str, settings: Settings, status: Status) -> int:
    """Wait until a broker answers, then raise UserError unless the topic exists; how many partitions it has now."""
    backoff = Backoff()
    while True:
        try:
            found = await partitions(topic, settings)
        except (KafkaError, OSError) as error:
            await asyncio.to_thread(check_certificate, settings.kafka, credentials(settings))
            if await asyncio.to_thread(refused, settings.kafka, credentials(settings)):
                raise wrong_login(settings.kafka, str(settings.kafka_username)) from None
            status.wait_for("kafka")
            if backoff.attempts % 10 == 0:
                log.warning("waiting", dependency="kafka", bootstrap=settings.kafka, error=str(error))
        else:
            status.wait_for(None)
            break
        await asyncio.sleep(backoff.next())
    if found is None:
        raise UserError(f"topic {topic} does not exist on {settings.kafka}; run `weftline topics apply`")
    return found


async def place_group(name: str, topic: str, settings: Settings) -> None:
    """Have a new group begin at the oldest record: one that has no place would have to be told by its first member, which takes longer."""

    def place() -> None:
        with open_groups(settings, {name: topic}) as groups:
            (group,) = groups.read()
            fresh = {at.partition: at.start for at in group.positions if at.place is None}
            if fresh and not group.members:
                groups.move(name, fresh)

    for _ in range(PLACING_ATTEMPTS):
        try:
            await asyncio.to_thread(place)
        except (KafkaPythonError, DependencyDown) as error:  # a broker that has just started knows no coordinator for some seconds
            problem = str(error)
        else:
            return
        await asyncio.sleep(1)
    log.info("the first member will place the group", error=problem)


async def partitions(topic: str, settings: Settings) -> int | None:
    """Number of partitions; None if the topic does not exist."""
    admin = AIOKafkaAdminClient(request_timeout_ms=REQUEST_TIMEOUT_SECONDS * 1000, **client_options(settings))
    try:
        await admin.start()
        (found,) = await admin.describe_topics([topic])
    finally:
        await admin.close()
    error = for_code(found["error_code"])
    if error is UnknownTopicOrPartitionError:
        return None
    if error is TopicAuthorizationFailedError:
        raise UserError(
            f"user {settings.kafka_username} may not see topic {topic} on {settings.kafka}; `weftline access apply` gives the programs "
            "their rights"
        ) from None
    if found["error_code"]:
        raise error(topic)
    return len(found["partitions"])
