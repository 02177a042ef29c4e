"""Places in the log of alerts, as the ``id`` of a server-sent event has them: ``PARTITION-OFFSET``, of several with dots between.

The id of an event is the place *behind* it in every partition that the stream reads, so whoever comes back with it as ``Last-Event-ID``
goes on exactly there, whatever had arrived from which partition. It names the partitions, so that it is of no use to a stream of others.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from weftline.contracts.partners import Partner, Role
from weftline.contracts.topics import partition_of
from weftline.gateway.problems import of_field

Places = Mapping[int, int]
"""The next offset to read, by partition."""

_FORM = re.compile(r"\d{1,5}-\d{1,18}(\.\d{1,5}-\d{1,18})*")
_HEADER = "Last-Event-ID"


def partitions_for(partner: Partner, count: int) -> frozenset[int]:
    """The partitions in which the alerts of a partner can be: of a factory's names one each, of others all."""
    if partner.role is Role.FACTORY and not any(name.endswith("*") for name in partner.factories):
        return frozenset(partition_of(name.encode(), count) for name in partner.factories)
    return frozenset(range(count))


def written(places: Places) -> str:
    """As an id."""
    return ".".join(f"{partition}-{offset}" for partition, offset in sorted(places.items()))


def read(text: str, partitions: Collection[int]) -> dict[int, int]:
    """The places in an id; :class:`Problem` for one that is none, or of other partitions."""
    if len(text) > 10_000 or not _FORM.fullmatch(text):
        raise of_field(_HEADER, "is no id of an event of this stream; leave it out, or send the last one that you got")
    pairs = [pair.split("-") for pair in text.split(".")]
    places = {int(partition): int(offset) for partition, offset in pairs}
    if len(places) != len(pairs) or places.keys() != set(partitions):
        raise of_field(_HEADER, "is of another stream: what this token reads has changed; GET /v1/alerts, then begin a new one")
    return places
