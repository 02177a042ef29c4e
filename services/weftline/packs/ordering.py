"""From who is asked for to what is handed out: the member's records are read and judged, the pack is signed, its making is published.

The event comes before the files: a pack that nobody noted must not get out, while an event without a file does no harm.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass

from weftline.contracts.signing import SigningKey
from weftline.domain.cooperative.events import CooperativeEvent
from weftline.domain.cooperative.pack import Order
from weftline.domain.vocabulary import PackPurpose
from weftline.errors import UserError
from weftline.packs.making import Made, digest, event, make
from weftline.pages.pack import page
from weftline.processors.member_asking import ask
from weftline.runtime.clock import clock_of
from weftline.runtime.settings import Settings
from weftline.sdk.common import Defaults
from weftline.sdk.opening import publisher_of
from weftline.warehouse.client import reader
from weftline.warehouse.reference import names_of_factories

#: The earliest time that an archive can give its files; the pack itself says when it was made.
_NO_TIME = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What somebody asks for. ``cooperative_id``: needed where the factory is in several; ``as_of`` and ``since``: ms, see :class:`Order`.

    ``source``: who publishes the event of its making, else ``urn:weftline:pack:COOPERATIVE``.
    """

    purpose: PackPurpose
    factory_id: str
    made_for: str | None = None
    cooperative_id: str | None = None
    as_of: int | None = None
    since: int | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class HandedOut:
    """A pack whose making was published. ``name``: of its files, without their endings."""

    made: Made
    event: CooperativeEvent
    name: str

    @property
    def files(self) -> dict[str, bytes]:
        """The files by their names."""
        return {f"{self.name}.{ending}": content for ending, content in self.made.files.items()}

    @property
    def archive(self) -> bytes:
        """All files in one, as a browser takes them; of one pack always the same bytes."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in self.files.items():
                archive.writestr(zipfile.ZipInfo(name, _NO_TIME), content, zipfile.ZIP_DEFLATED)
        return packed.getvalue()


def hand_out(settings: Settings, wanted: Wanted, key: SigningKey, before: Callable[[], None] = lambda: None) -> HandedOut:
    """Make a pack, and publish that it was made. ``before``: called once all is known and nothing is published yet.

    Raises :class:`UserError` where nothing had happened of such a member, and whatever reading and publishing raise.
    """
    found = ask(settings, wanted.cooperative_id, wanted.factory_id, wanted.as_of)
    (member,) = found.members
    judged = found.judge(member)
    if not judged.history.events:
        raise UserError(f"nothing had happened of {wanted.factory_id} in {member.cooperative_id} then")
    with reader(settings) as server:
        names = names_of_factories(server, judged.as_of)
        now = clock_of(settings.simulated_clock, server.clock())()
    order = Order(
        purpose=wanted.purpose,
        cooperative_id=member.cooperative_id,
        factory_id=wanted.factory_id,
        made_at=now,
        made_for=wanted.made_for,
        since=wanted.since,
        names=names.get(wanted.factory_id),
        publishers_known=settings.publishers == "bound",
    )
    made = make(judged, order, digest((*member.own, *member.inspections), judged.as_of), key, page)
    source = wanted.source or f"urn:weftline:pack:{member.cooperative_id}"
    told = event(made, order, source, judged.history.events[-1].center_id, judged.rules.utc_offset)
    before()
    with publisher_of(settings, Defaults())() as publisher:
        publisher.publish(told)
    safe = re.sub(r"[^\w.-]", "_", wanted.factory_id)
    return HandedOut(made, told, f"{wanted.purpose.value.lower()}-{safe}-{made.said.pack_id[:8]}")
