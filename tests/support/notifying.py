"""Alerts, receivers and a dispatcher that runs, for the tests of notifications."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from weftline.domain.alert_rules import severity_of
from weftline.domain.alerts import Alert, Evidence
from weftline.domain.vocabulary import AlertRule, AlertSeverity, AlertStatus
from weftline.notify.dispatcher import Dispatcher
from weftline.notify.metrics import NotifyMetrics
from weftline.notify.outbox import Outbox
from weftline.notify.receivers import Receiver, Receivers
from weftline.notify.words import Speech

AT = 1_778_031_000_000
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ"
ALL_SEVERITIES = frozenset({AlertSeverity.MINOR, AlertSeverity.MAJOR, AlertSeverity.CRITICAL})
KNOWN_RULES = frozenset(AlertRule) - {AlertRule.UNKNOWN}


def alert(name: str = "a-1", revision: int = 1, **changes: Any) -> Alert:
    """A lot that was not accepted; ``critical=True``: a safety limit that failed."""
    critical = changes.pop("critical", False)
    rule = changes.pop("rule", AlertRule.SAFETY_LIMIT_FAILED if critical else AlertRule.LOT_NOT_ACCEPTED)
    evidence = Evidence(
        **{
            "source": "https://lims.example",
            "event_id": f"e-{name}",
            "event_time": AT,
            "subject": "R-1",
            "indicator": "formaldehyde",
        },
        **{"value": "96 mg/kg", "limit": "≤ 75 mg/kg", "clause": "GB 18401-2010 5.1"},
    )
    said: dict[str, Any] = {
        "alert_id": name,
        "revision": revision,
        "status": AlertStatus.RAISED,
        "rule": rule,
        "severity": AlertSeverity.CRITICAL if critical else AlertSeverity.MAJOR,
        "occurred_at": AT,
        "cooperative_id": "haimen",
        "center_id": "c-1",
        "factory_id": "f-1",
        "product_category": "sheet",
        "style_number": "ST-9",
        "lot_ids": ("L-7",),
        "order_id": None,
        "shipment_id": None,
        "subject": f"lot {name}",
        "evidence": (evidence,),
        "text_zh": f"批次 {name}：不接收。",
        "text_en": f"Lot {name} was not accepted.",
    }
    return Alert(**{**said, **changes})


def receiver(name: str = "r", address: str = "https://erp.example/hook", kind: str = "webhook", **changes: Any) -> Receiver:
    """One that is told everything of factory f-1."""
    plain = Receiver(
        id=name,
        kind=kind,
        address=address,
        factory_id="f-1",
        cooperative_id=None,
        center_id=None,
        severities=ALL_SEVERITIES,
        rules=KNOWN_RULES,
        zh=True,
        secrets=(SECRET,) if kind == "webhook" else (),
        allow_private=True,
        per_minute=100_000,
        digest_minutes=10,
        keyword="",
    )
    return replace(plain, **changes)


assert severity_of(AlertRule.SAFETY_LIMIT_FAILED) is AlertSeverity.CRITICAL


def speech(of: Receiver) -> Speech:
    return Speech(zh=of.zh, board="https://board.example", keyword=of.keyword)


class Running:
    """A dispatcher in a thread of its own."""

    def __init__(self, path: Path, receivers: list[Receiver], contact_minutes: int | None = None, **options: Any) -> None:
        self.outbox = Outbox(path)
        self._inner = Outbox(path)
        self.receivers = receivers
        self.metrics = NotifyMetrics()
        self.dispatcher = Dispatcher(
            Receivers("", tuple(receivers), contact_minutes=contact_minutes), self._inner, speech, self.metrics, **options
        )
        self._loop = asyncio.new_event_loop()
        self._task: asyncio.Task[None] | None = None
        self._began = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._task = self._loop.create_task(self.dispatcher.run())
        self._began.set()
        try:
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            pass
        finally:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    def give(self, *alerts: Alert, now: float) -> None:
        """As the thread that reads does it."""
        self.dispatcher.wake(self.outbox.receive(alerts, self.receivers, now, self.dispatcher.contact_minutes))


@contextmanager
def delivering(path: Path, receivers: list[Receiver], **options: Any) -> Iterator[Running]:
    """A dispatcher that runs until the block ends."""
    running = Running(path, receivers, **options)
    running._thread.start()
    running._began.wait()
    try:
        yield running
    finally:
        task = running._task
        assert task is not None
        if not running._loop.is_closed():
            running._loop.call_soon_threadsafe(task.cancel)
        running._thread.join(60)
        running.outbox.close()
        running._inner.close()


def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait until it holds."""
    over = threading.Event()
    for _ in range(int(seconds / 0.02)):
        if condition():
            return
        over.wait(0.02)
    raise AssertionError("it did not come true in time")
