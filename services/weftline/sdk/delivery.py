"""What becomes of events that were handed over."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from weftline.contracts.kinds import AnyEvent
from weftline.errors import WeftlineError


class Sent(NamedTuple):
    """An event that was accepted and handed over; that it has arrived is said by :meth:`Publisher.flush`.

    ``partition`` is -1 where the gateway chooses it.
    """

    event: AnyEvent
    topic: str
    partition: int


class Undelivered(NamedTuple):
    """An event that Kafka, or the gateway, did not take, and why. ``refused``: for what it says itself, so that it would be again."""

    event: AnyEvent
    topic: str
    reason: str
    refused: bool = False


class Transport(Protocol):
    """A way on which events go. What it is given keeps its contract."""

    def hand_over(self, event: AnyEvent) -> Sent:
        """Take one."""

    def flush(self, timeout: float | None = None) -> int:
        """Wait until all have arrived; how many since the last flush. :class:`DeliveryError` with what did not."""

    def close(self, timeout: float | None = None) -> None:
        """Flush and let go of the way."""

    def together(self) -> AbstractContextManager[None]:
        """What is handed over inside belongs together: where it is written to a disk, it is written at once, all or nothing."""


class DeliveryError(WeftlineError):
    """Some events did not arrive; ``undelivered`` holds them, to be published again once the cause is mended.

    ``where``: whom they were for. ``unknown`` more were still on their way when the time was up; they may yet arrive, and publishing them
    again does no harm.
    """

    def __init__(self, where: str, undelivered: tuple[Undelivered, ...], unknown: int, sent: int) -> None:
        parts = []
        if undelivered:
            first = undelivered[0]
            parts.append(
                f"{len(undelivered)} of {sent} events were not delivered; the first is event {first.event.event_id!r} "
                f"for {first.topic}: {first.reason}"
            )
        if unknown:
            parts.append(f"{unknown} of {sent} events are not acknowledged yet")
        super().__init__(f"{where}: {'; '.join(parts)}")
        self.undelivered = undelivered
        self.unknown = unknown
