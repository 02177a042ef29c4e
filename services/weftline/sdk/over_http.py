"""Publish through the HTTP gateway, for whoever has no Kafka: the same methods, the same checks, the same errors.

Events are gathered and sent in batches; a batch is acknowledged when Kafka has all of it. One that the gateway does not take for the
fault of some of its events is sent again without these, which :meth:`HttpTransport.flush` raises. While the gateway asks to wait, or
does not answer, the batch is sent again: saying an event twice changes nothing.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any, Final

import httpx

from weftline.contracts.advice import Advice
from weftline.contracts.kinds import AnyEvent
from weftline.contracts.mapping import to_json
from weftline.contracts.topics import topic_of
from weftline.errors import UserError
from weftline.runtime.tls import trusting
from weftline.sdk.advised import AdvisedPublisher
from weftline.sdk.common import Defaults
from weftline.sdk.delivery import DeliveryError, Sent, Undelivered
from weftline.sdk.spooling import SpoolTransport

#: Of both the gateway takes twice as much.
BATCH_EVENTS: Final = 500
BATCH_BYTES: Final = 2 << 20
#: Between two attempts where nothing is said about it, and at most.
PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 60.0
#: Faults of these are those of some events of a batch.
_OF_EVENTS: Final = (403, 409, 422)


class HttpTransport:
    """A way to the gateway at ``url``; parameters as of :meth:`weftline.sdk.Publisher.over_http`."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        ca: Path | str | None = None,
        delivery_timeout: float,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if delivery_timeout < 1:
            raise UserError(f"delivery_timeout must be at least 1 second, not {delivery_timeout}")
        try:
            address = httpx.URL(url)
        except (httpx.InvalidURL, TypeError):
            address = httpx.URL("")
        if address.scheme not in ("http", "https") or not address.host:
            raise UserError(f"gateway address {url!r} is none, such as https://gateway.example")
        self._url = url.rstrip("/")
        self._timeout = delivery_timeout
        self._sleep = sleep
        self._clock = clock
        self._client = httpx.Client(
            headers={"Authorization": f"Bearer {token}"},
            timeout=min(30.0, delivery_timeout),
            verify=True if ca is None else trusting(ca),
            transport=transport,
        )
        self._sending = threading.RLock()
        self._gathered: list[tuple[AnyEvent, bytes]] = []
        self._size = 0
        self._sent = 0
        self._failed: list[Undelivered] = []

    def hand_over(self, event: AnyEvent) -> Sent:
        """Gather one; send what was gathered before it where that is enough."""
        body = json.dumps(to_json(event), ensure_ascii=False).encode()
        with self._sending:
            if self._gathered and (len(self._gathered) >= BATCH_EVENTS or self._size + len(body) > BATCH_BYTES):
                self._send(self._timeout)
            self._gathered.append((event, body))
            self._size += len(body)
            self._sent += 1
        return Sent(event, topic_of(event), -1)

    def flush(self, timeout: float | None = None) -> int:
        """Send what was gathered; how many arrived since the last flush. :class:`DeliveryError` with what did not, and why."""
        with self._sending:
            self._send(self._timeout if timeout is None else timeout)
            failed, sent = tuple(self._failed), self._sent
            self._failed, self._sent = [], 0
        if failed:
            raise DeliveryError(f"gateway at {self._url}", failed, 0, sent)
        return sent

    def close(self, timeout: float | None = None) -> None:
        """Flush and let go of the connection."""
        try:
            self.flush(timeout)
        finally:
            self._client.close()

    def together(self) -> AbstractContextManager[None]:
        """Nothing needs to be done for it."""
        return nullcontext()

    def _send(self, seconds: float) -> None:
        """Send what was gathered; what is refused or comes to nothing in time is among the failed."""
        left, self._gathered, self._size = self._gathered, [], 0
        deadline = self._clock() + seconds
        while left:
            try:
                answer = self._client.post(
                    f"{self._url}/v1/events",
                    content=b"[" + b",".join(body for _, body in left) + b"]",
                    headers={"Content-Type": "application/json"},
                )
            except httpx.TransportError as error:
                status, said, pause = 0, {"detail": f"{type(error).__name__}: {error}"}, PAUSE_SECONDS
            else:
                if answer.status_code == 202:
                    return
                status, said, pause = answer.status_code, _said(answer), _pause(answer)
            why = str(said.get("detail") or f"the gateway answered {status}")
            if status == 401:
                self._give_up(left, why)
                raise UserError(f"gateway at {self._url}: {why}")
            at_fault = _at_fault(said, len(left)) if status in _OF_EVENTS else {}
            if at_fault:
                self._failed += [
                    Undelivered(left[n][0], topic_of(left[n][0]), reason, refused=True) for n, reason in at_fault.items()
                ]
                left = [one for n, one in enumerate(left) if n not in at_fault]
            elif status in (0, 429, 503) and self._clock() + pause <= deadline:
                self._sleep(pause)
            else:
                self._give_up(left, why)
                return

    def _give_up(self, left: list[tuple[AnyEvent, bytes]], why: str) -> None:
        self._failed += [Undelivered(event, topic_of(event), why) for event, _ in left]


class HttpPublisher(AdvisedPublisher):
    """What :meth:`weftline.sdk.Publisher.over_http` gives; see there."""

    def __init__(
        self,
        url: str,
        token: str,
        defaults: Defaults,
        *,
        ca: Path | str | None = None,
        delivery_timeout: float,
        strict: bool,
        on_advice: Callable[[AnyEvent, Advice], None] | None,
        now: Callable[[], int],
        spool: Path | str | None = None,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        connect = partial(
            HttpTransport, url, token, ca=ca, delivery_timeout=delivery_timeout, transport=transport, sleep=sleep, clock=clock
        )
        way = connect() if spool is None else SpoolTransport(spool, connect, delivery_timeout)
        super().__init__(way, defaults, strict=strict, on_advice=on_advice, now=now)


def _said(answer: httpx.Response) -> dict[str, Any]:
    try:
        said = answer.json()
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _pause(answer: httpx.Response) -> float:
    told = answer.headers.get("retry-after", "")
    return min(float(told), LONGEST_PAUSE_SECONDS) if told.isascii() and told.isdigit() else PAUSE_SECONDS


def _at_fault(said: dict[str, Any], count: int) -> dict[int, str]:
    """Why, by place in the batch; nothing where no event is named."""
    found: dict[int, str] = {}
    for fault in said.get("faults") or ():
        place = fault.get("event") if isinstance(fault, dict) else None
        if isinstance(place, int) and 0 <= place < count:
            text = f"{fault.get('field')}: {fault.get('problem')}"
            found[place] = f"{found[place]}; {text}" if place in found else text
    return found
