"""What was said of one alert, and when: its revisions as the log of alerts has them, within bounds."""

from __future__ import annotations

import time
from typing import Final

from weftline.contracts.topics import partition_of
from weftline.errors import DependencyDown
from weftline.gateway.log import AlertLog, Message

#: A page is waited for. A factory's partition has some thousand alerts in the time that its alert is old.
SECONDS: Final = 3.0


async def history(log: AlertLog, factory_id: str, occurred: int, alert_id: str) -> tuple[list[Message], bool]:
    """The messages about an alert of a factory that occurred then (ms), oldest first, and whether these are all.

    The log keeps them for 90 days, and reading takes time.
    """
    try:
        return await _read(log, factory_id, occurred, alert_id)
    except DependencyDown:
        return [], False  # the tables know what stands, which is what was asked for


async def _read(log: AlertLog, factory_id: str, occurred: int, alert_id: str) -> tuple[list[Message], bool]:
    found: list[Message] = []
    partition = partition_of(factory_id.encode(), await log.partitions())
    deadline = time.monotonic() + SECONDS
    async with log.follow([partition]) as following:
        begins, ends = await following.bounds()
        # Nobody is told of something before it happened, whatever the clocks of two machines say.
        begin = await following.since(max(0, occurred - 3_600_000))
        following.seek(begin)
        at = begin[partition]
        while at < ends[partition]:
            if time.monotonic() > deadline:
                return found, False
            for message in await following.next(0.5):
                at = message.offset + 1
                if message.alert is not None and any(one.alert_id == alert_id for one in message.alert.each):
                    found.append(message)
    return found, begin[partition] > begins[partition] or begins[partition] == 0
