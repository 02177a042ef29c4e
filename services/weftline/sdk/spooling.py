"""Publish by way of a disk: what is published is kept first and sent on in order, as soon as and as often as it takes.

One thread sends, over a transport that it opens itself. It takes what waits in order, waits until all of it has arrived, and only then
forgets it; whoever is killed in between has the same sent again, which changes nothing. Order holds per key: the transport keeps the
order of what is on its way (over Kafka the idempotent producer, which is given no time after which it would give one event up and go on
with the next), and a new transport begins at the first that is not known to have arrived.
"""

from __future__ import annotations

import logging
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from weftline.contracts.kinds import AnyEvent
from weftline.contracts.mapping import to_avro
from weftline.contracts.topics import topic_of
from weftline.errors import ContractError, WeftlineError
from weftline.sdk.delivery import DeliveryError, Sent, Transport
from weftline.sdk.spool import Spool, SpoolStatus

log = logging.getLogger(__name__)

LASTING_SECONDS: Final = 20 * 86_400.0
"""After which a transport gives an event up: never, as far as kafka-python can say it (a 32-bit number of ms)."""

BATCH: Final = 1_000
"""Sent, waited for and forgotten together."""

LOOK_SECONDS: Final = 1.0
"""How often it is looked for what another process has appended, whether a line is back, and whether whoever else sent is gone."""

ANSWER_SECONDS: Final = 10.0
"""For so long an answer is waited for before it is said that the line is away; it is waited for on."""


class Sender(threading.Thread):
    """Sends what waits in a spool, until it is stopped. ``trouble``: why nothing goes on now, or nothing."""

    def __init__(self, spool: Spool, connect: Callable[[], Transport]) -> None:
        super().__init__(name="weftline-spool", daemon=True)
        self._spool = spool
        self._connect = connect
        self._changed = threading.Condition()
        self._stopping = False
        self.trouble = ""
        self._arrived: list[int] = []  # and not forgotten yet

    def news(self) -> None:
        """Something was appended."""
        with self._changed:
            self._changed.notify_all()

    def stop(self) -> None:
        """Ask it to end; what is on its way stays in the spool."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def drain(self, seconds: float) -> None:
        """Wait until nothing waits any more, or nothing goes on."""
        deadline = time.monotonic() + seconds
        # The spool is asked without our lock: whoever writes into it in one go (Spool.together) tells us so while it holds its own.
        while self.is_alive() and not self.trouble and self._spool.waiting(1) and (left := deadline - time.monotonic()) > 0:
            with self._changed:
                self._changed.wait(min(LOOK_SECONDS, left))

    def run(self) -> None:
        """Take over from whoever sends, and send."""
        while not self._stopping:
            with self._spool.sending() as ours:
                if ours:
                    self._try()
                else:
                    self._say(f"spool {self._spool.folder}: another process sends what waits")
            self._rest()

    def _try(self) -> None:
        transport: Transport | None = None
        try:
            self._forget()
            if not self._spool.waiting(1):
                self._say("")
                return
            transport = self._connect()
            while not self._stopping:
                self._pass_on(transport)
                self._rest()
        except WeftlineError as error:
            self._say(str(error))
        except Exception as error:  # a thread that ends in silence would leave events waiting for ever
            log.exception("spool %s", self._spool.folder)
            self._say(f"{type(error).__name__}: {error}")
        finally:
            if transport is not None:
                _let_go(transport)

    def _pass_on(self, transport: Transport) -> None:
        """Send all that waits. :class:`DeliveryError` where it has to be begun anew."""
        while not self._stopping and (batch := self._spool.waiting(BATCH)):
            refused = []
            for number, event in batch:
                try:
                    transport.hand_over(event)
                except ContractError as error:
                    refused.append((number, str(error)))
            try:
                self._flush(transport)
            except DeliveryError as error:
                numbers = {id(event): number for number, event in batch}
                refused += [(numbers[id(one.event)], one.reason) for one in error.undelivered if one.refused]
                if error.unknown or not all(one.refused for one in error.undelivered):
                    raise
            finally:
                if refused:
                    self._spool.refuse(refused)
                    log.error("spool %s: %d events are put aside: %s", self._spool.folder, len(refused), refused[0][1])
            aside = {number for number, _ in refused}
            self._arrived = [number for number, _ in batch if number not in aside]
            self._forget()
            self._say("")

    def _flush(self, transport: Transport) -> None:
        """Wait until all is answered, however long it takes; :class:`DeliveryError` for what has failed, or when it is asked to end."""
        while True:
            try:
                transport.flush(ANSWER_SECONDS)
                return
            except DeliveryError as error:
                if error.undelivered or self._stopping:
                    raise
                self._say(str(error))

    def _forget(self) -> None:
        """What has arrived is not sent again because a full disk kept it from being forgotten."""
        self._spool.arrived(self._arrived)
        self._arrived = []

    def _say(self, trouble: str) -> None:
        if trouble and trouble != self.trouble:
            log.warning("%s", trouble)
        with self._changed:
            self.trouble = trouble
            self._changed.notify_all()

    def _rest(self) -> None:
        with self._changed:
            if not self._stopping:
                self._changed.wait(LOOK_SECONDS)


def _let_go(transport: Transport) -> None:
    try:
        transport.close(0)
    except WeftlineError:
        log.debug("what did not arrive stays in the spool", exc_info=True)


class SpoolTransport:
    """A way that goes over a disk. ``connect`` opens the way beyond it; ``patience``: for so many seconds closing waits for it."""

    def __init__(self, folder: Path | str, connect: Callable[[], Transport], patience: float) -> None:
        self._spool = Spool(folder)
        self._patience = patience
        self._sender = Sender(self._spool, connect)
        self._forgotten = weakref.finalize(self, self._sender.stop)
        self._counted = 0
        self._sender.start()

    def hand_over(self, event: AnyEvent) -> Sent:
        """Keep one on disk. A breach of its contract is told now, not when it is sent."""
        to_avro(event)
        self._spool.append(event)
        self._counted += 1
        self._sender.news()
        return Sent(event, topic_of(event), -1)

    def together(self) -> AbstractContextManager[None]:
        """As :meth:`Spool.together`."""
        return self._spool.together()

    def flush(self, timeout: float | None = None) -> int:
        """How many came since the last flush: all of them are on disk. With a ``timeout`` it waits that long for them to be sent."""
        if timeout is not None:
            self._sender.drain(timeout)
        counted, self._counted = self._counted, 0
        return counted

    def close(self, timeout: float | None = None) -> None:
        """Wait while events go on; what is left is said, and stays on disk."""
        self._sender.drain(self._patience if timeout is None else timeout)
        self._forgotten()
        self._sender.join()
        left = self._spool.status()
        if left.waiting:
            why = f" ({self._sender.trouble})" if self._sender.trouble else ""
            log.warning("spool %s: %d events wait to be sent%s", self._spool.folder, left.waiting, why)
        self._spool.close()

    def status(self) -> SpoolStatus:
        """How much waits."""
        return self._spool.status()
