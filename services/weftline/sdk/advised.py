"""What all publishers do before an event goes on its way: tell, or with ``strict`` refuse, what is odd about it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

from weftline.contracts.advice import Advice
from weftline.contracts.kinds import AnyEvent
from weftline.domain.events import Event
from weftline.errors import ContractError, UserError
from weftline.sdk.advice import Adviser
from weftline.sdk.common import Defaults
from weftline.sdk.delivery import DeliveryError, Sent, Transport
from weftline.sdk.methods import EventMethods

log = logging.getLogger("weftline.sdk.publisher")

KEPT_ADVICE = 10_000
"""So many different pieces of advice are remembered and said."""


class AdvisedPublisher(EventMethods[Sent]):
    """A publisher, whatever the way its events go."""

    def __init__(
        self,
        transport: Transport,
        defaults: Defaults,
        *,
        strict: bool,
        on_advice: Callable[[AnyEvent, Advice], None] | None,
        now: Callable[[], int],
    ) -> None:
        super().__init__(defaults)
        self._transport = transport
        self._closed = False
        self._strict = strict
        self._on_advice = on_advice
        self._now = now
        self._adviser: Adviser | None = None
        self._advising = threading.Lock()
        self._told: set[tuple[str, str]] = set()

    def publish(self, event: AnyEvent) -> Sent:
        """Check one event and hand it over. :class:`ContractError` names the field that is wrong; nothing is sent then.

        It waits only when very many events are on their way. Delivery is confirmed by :meth:`flush`.
        """
        advice = self.advise(event)
        if advice and self._strict:
            raise ContractError(advice[0].field, "; ".join([advice[0].problem, *map(str, advice[1:])]))
        for one in advice:
            if self._on_advice is not None:
                self._on_advice(event, one)
            elif one not in self._told and len(self._told) < KEPT_ADVICE:
                self._told.add(one)
                log.warning("event %s: %s", event.event_id, one)
        return self.hand_over(event)

    def advise(self, event: AnyEvent) -> tuple[Advice, ...]:
        """What is odd about an event that is about to be published."""
        if not isinstance(event, Event):
            raise TypeError(f"{type(event).__name__} is no event that is published")
        with self._advising:
            if self._adviser is None:
                self._adviser = Adviser()
            return self._adviser.advise(event, self._now())

    def published(self, event: AnyEvent) -> bool:
        """Whether the event that a declaration is about was published by this publisher, just so."""
        return self._adviser is not None and self._adviser.knows(event)

    def remember(self, event: AnyEvent) -> None:
        """It is on its way."""
        if self._adviser is not None:
            with self._advising:
                self._adviser.remember(event)

    def hand_over(self, event: AnyEvent) -> Sent:
        """As :meth:`publish`, without advice."""
        if self._closed:
            raise UserError("this Publisher is closed")
        if not isinstance(event, Event):
            raise TypeError(f"{type(event).__name__} is no event that is published")
        sent = self._transport.hand_over(event)
        self.remember(event)
        return sent

    def together(self) -> AbstractContextManager[None]:
        """What is published inside goes to a spool's disk as one, all or nothing; without a spool it makes no difference."""
        return self._transport.together()

    def flush(self, timeout: float | None = None) -> int:
        """Wait until everything published has arrived; how many since the last flush.

        Raises :class:`DeliveryError` with what did not. Without ``timeout`` (seconds) the answer is final, because an event is given up
        after the publisher's ``delivery_timeout``; with a shorter one some may still be on their way. Of a publisher with a spool,
        events have arrived when the disk has them.
        """
        return self._transport.flush(timeout)

    def close(self, timeout: float | None = None) -> None:
        """Flush and let go of the connection. What has not arrived within ``timeout`` is given up: :class:`DeliveryError`.

        Of a publisher with a spool nothing is given up: it waits as long as events go on, and what is left is sent by whoever opens the
        spool next.
        """
        if self._closed:
            return
        self._closed = True
        self._transport.close(timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            self.close()
        except DeliveryError as lost:
            if error is None:
                raise
            error.add_note(str(lost))  # what the caller's own fault must not hide
