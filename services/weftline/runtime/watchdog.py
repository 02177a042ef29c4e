"""The watchdog: finds a processor that has silently stopped, says so on ``/readyz``, and ends it, so that a supervisor starts it anew.

Consumers have been reported to stop without an error while their heartbeats go on (faust #594, #523, #175): for Kafka the member is
alive, for itself there is nothing to do. So nothing that the consumer says of itself is believed. A thread of its own, which a
blocked event loop does not stop, asks the broker over a connection of its own where the group stands. A processor stands still if,
for ``watchdog_seconds`` and with every dependency answering,

- the group's place in a partition that it holds does not move, though records lie beyond it; or
- a step, settle or sweep is in hand and no part of it ends; or
- it holds nothing because the group has no member at all.

What is found must hold still some seconds later; then the program ends. That costs nothing but a restart: what was not
acknowledged is read again.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from weftline.errors import DependencyDown, WeftlineError
from weftline.runtime import logging
from weftline.runtime.groups import Group, Groups, Position, open_groups
from weftline.runtime.health import Status
from weftline.runtime.settings import Settings

log = logging.get(__name__)

#: Between two looks; three small requests to the broker each. With a short patience (tests) it is a fifth of that.
LOOK_SECONDS: Final = 5.0
#: From the first finding, which ``/readyz`` shows at once, to the end: a group that is just being mended must not be torn apart.
CONFIRM_SECONDS: Final = 5.0
#: For the event loop to turn once, and for the dependencies to answer.
ANSWER_SECONDS: Final = 10.0
#: A pause that took so much longer than asked for means that the whole process was stopped (SIGSTOP, a suspended machine).
FROZEN_SECONDS: Final = 3.0


class Stalled(WeftlineError):
    """The processor stood still while every dependency answered."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What one look shows. ``standing_seconds``: work is in hand and none of it ended for so long; None: nothing is in hand.

    ``step_seconds``: the step in hand has taken so long. ``positions`` of all partitions as the broker has them; ``members`` of
    the group: False if there are none.
    """

    held: frozenset[int]
    standing_seconds: float | None
    step_seconds: float
    positions: Mapping[int, Position]
    members: bool


class Patience:
    """Judges looks in succession; pure. Times are seconds of one monotonic clock."""

    def __init__(self, seconds: float, now: float) -> None:
        self._seconds = seconds
        self._places: dict[int, tuple[int, float]] = {}  # partition: the group's place, and since when it is there
        self._outside_since: float | None = None
        self._fresh_since = now

    def forgive(self, now: float) -> None:
        """What was up to now counts for nothing: something was waited for, or the process did not run."""
        self._places.clear()
        self._outside_since = None
        self._fresh_since = now

    def judge(self, now: float, sight: Sight) -> str | None:
        """Why this is a standstill, or None."""
        standing = min(sight.standing_seconds or 0.0, now - self._fresh_since)
        found = f"work is in hand and nothing has ended for {standing:.0f} s" if standing > self._seconds else None
        places: dict[int, tuple[int, float]] = {}
        for partition in sight.held & sight.positions.keys():
            place = sight.positions[partition]
            committed, since = self._places.get(partition, (None, now))
            # A long step (bad records among many are found by halving) moves nothing, and is judged by what ends within it.
            if committed != place.committed or not place.lag or sight.step_seconds > LOOK_SECONDS:
                since = now
            places[partition] = (place.committed, since)
            if now - since > self._seconds:
                found = (
                    f"the group stands at offset {place.committed:,} of partition {partition} for {now - since:.0f} s, "
                    f"though {place.lag:,} records lie beyond it"
                )
        self._places = places
        outside = not sight.held and not sight.members
        self._outside_since = (now if self._outside_since is None else self._outside_since) if outside else None
        if self._outside_since is not None and now - self._outside_since > self._seconds:
            found = f"the group has had no member for {now - self._outside_since:.0f} s, though this one runs"
        return found


class Watchdog:
    """The thread. ``healthy`` raises DependencyDown, as :meth:`weftline.runtime.loop.Handler.healthy`, in the loop that runs now;
    ``give_up`` is called once, from the thread, with the reason."""

    def __init__(
        self,
        processor: str,
        topic: str,
        settings: Settings,
        status: Status,
        healthy: Callable[[], Awaitable[None]],
        give_up: Callable[[str], None],
    ) -> None:
        self._topics = {processor: topic}
        self._settings = settings
        self._status = status
        self._healthy = healthy
        self._give_up = give_up
        self._loop = asyncio.get_running_loop()
        self._patience = Patience(settings.watchdog_seconds, time.monotonic())
        self._connection = ExitStack()
        self._groups: Groups | None = None
        self._topic_id: str | None = None
        self._stopping = threading.Event()
        # A daemon: a broker that hangs must not keep the program from ending.
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Watch no more; does not wait for a look under way."""
        self._stopping.set()

    def _run(self) -> None:
        pause = min(LOOK_SECONDS, self._settings.watchdog_seconds / 5)
        found_at: float | None = None
        before = time.monotonic()
        while not self._stopping.wait(pause):
            if time.monotonic() - before > pause + FROZEN_SECONDS:
                self._patience.forgive(time.monotonic())
            reason = self._look()
            before = now = time.monotonic()
            if reason is None:
                if found_at is not None:
                    log.info("no longer stalled")
                    self._status.stalled(None)
                found_at = None
            elif found_at is None:
                log.error("stalled", reason=reason)
                self._status.stalled(reason)
                found_at = now
            elif now - found_at >= CONFIRM_SECONDS:
                self._give_up(reason)
                break
        with self._connection:
            pass

    def _look(self) -> str | None:
        waits = self._status.handler_waits
        sight = self._sight()
        now = time.monotonic()
        if waits or sight is None:  # for something that does not answer, Kafka included: being patient is all that is needed
            self._patience.forgive(now)
            return None
        reason = self._patience.judge(now, sight)
        if reason is None and self._status.waiting_for is None:
            return None
        try:
            self._ask(asyncio.sleep(0))
        except TimeoutError:
            return reason and f"{reason}; the event loop is blocked"
        try:
            self._ask(self._healthy())
        except DependencyDown as down:
            self._status.unanswered(down.dependency)
        except TimeoutError:
            # Kafka has answered just now, so it is the other one that hangs.
            self._status.unanswered("clickhouse")
        else:
            self._status.unanswered(None)
            return reason
        self._patience.forgive(now)
        return None

    def _ask(self, question: Awaitable[None]) -> None:
        """The event loop's answer; TimeoutError when there is none in time."""

        async def answer() -> None:
            await question

        asked = asyncio.run_coroutine_threadsafe(answer(), self._loop)
        try:
            asked.result(ANSWER_SECONDS)
        except TimeoutError:
            asked.cancel()
            raise

    def _look_at_log(self, group: Group, held: frozenset[int]) -> None:
        """What of the log was lost beneath the processor: it takes its partitions over again, and judges."""
        if not group.positions:
            self._status.topic_gone(f"topic {group.topic} does not exist any more; make it anew: `weftline topics apply`")
            return
        known, self._topic_id = self._topic_id, group.topic_id
        if known not in (None, group.topic_id):
            self._status.doubt(f"topic {group.topic} was deleted and made anew")
        for place in group.positions:
            if place.partition in held and place.place is not None and not place.start <= place.place <= place.end:
                self._status.doubt(
                    f"the group stands at offset {place.place:,} of partition {place.partition}, but the log goes from {place.start:,} to "
                    f"{place.end:,}"
                )
        if held:
            self._status.topic_gone(None)

    def _sight(self) -> Sight | None:
        """What there is to be seen; None if the broker does not answer."""
        held, standing, step = self._status.partitions, self._status.standing_seconds, self._status.step_seconds
        try:
            if self._groups is None:
                self._groups = self._connection.enter_context(open_groups(self._settings, self._topics))
            (group,) = self._groups.read()
        except Exception as error:
            if not self._status.waiting_for:
                log.info("the watchdog has no answer from Kafka", error=repr(error))
            self._groups, closing = None, self._connection
            self._connection = ExitStack()
            closing.close()
            return None
        self._look_at_log(group, held)
        members = group.members is None or bool(group.members)
        return Sight(held, standing, step, {place.partition: place for place in group.positions}, members)
