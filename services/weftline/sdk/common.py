"""What all methods of a publisher share: what every event carries, and what a publisher says once for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NotRequired, Protocol, Required, TypedDict

from weftline.contracts.kinds import AnyEvent
from weftline.domain.vocabulary import Precision
from weftline.sdk.values import Day


class HasEvent(Protocol):
    """What :meth:`Publisher.publish` returns."""

    @property
    def event(self) -> AnyEvent:
        """The event that was published."""


class Common(TypedDict):
    """What every event carries.

    ``event_time``: when it happened. A datetime gives the local offset too; for milliseconds and dates it is ``time_zone_offset``, else the
    publisher's. A date says that only the day is known (``precision`` DAY). ``source``, ``cooperative_id`` and ``center_id`` may stand in
    the publisher instead. ``event_id``: identity within the source; without one it is derived from the content (:func:`content_id`).
    ``sequence``: the source's own running number, if it has one.
    """

    event_time: Required[Day]
    factory_id: Required[str]
    event_id: NotRequired[str | None]
    sequence: NotRequired[int | None]
    precision: NotRequired[Precision | str]
    source: NotRequired[str | None]
    cooperative_id: NotRequired[str | None]
    center_id: NotRequired[str | None]
    time_zone_offset: NotRequired[str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What a publisher says once for all its events; ``time_zone_offset`` is the local offset of times given as milliseconds."""

    source: str | None = None
    cooperative_id: str | None = None
    center_id: str | None = None
    time_zone_offset: str = "+08:00"
