"""From records and a judgement to the signed files of a pack, and the event that says that it was made."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from weftline.contracts.mapping import to_json
from weftline.contracts.signing import SigningKey
from weftline.domain.cooperative.events import CooperativeEvent, Pack
from weftline.domain.cooperative.member import Judgement
from weftline.domain.cooperative.pack import Order, content
from weftline.domain.fold import Record
from weftline.domain.vocabulary import CooperativeKind, PackStep
from weftline.packs.signed import Form, public_of, signed


class Digest(NamedTuple):
    """How many records, and the digest over them."""

    records: int
    sha256: str


def digest(records: Iterable[Record[Any]], until: int) -> Digest:
    """Of the records of what happened until then (ms). Nothing rests on packs, so they are not among them."""
    lines = sorted(
        hashlib.sha256(orjson.dumps(to_json(record.event), option=orjson.OPT_SORT_KEYS)).hexdigest()
        for record in records
        if record.event.event_time <= until and getattr(record.event, "kind", None) is not CooperativeKind.PACK
    )
    return Digest(len(lines), hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest())


@dataclass(frozen=True, slots=True)
class Made:
    """A pack: its files by the ending of their names, and what the event of its making says."""

    files: dict[str, bytes]
    said: Pack


def make(
    judged: Judgement,
    order: Order,
    rests_on: Digest,
    key: SigningKey,
    page: Callable[[dict[str, Any], str, str], bytes],
) -> Made:
    """Both files of a pack. ``page`` draws it, given the content, the digest of its JSON and the thumbprint of the key."""
    bare = content(judged, order, *rests_on)
    pack = {"pack_id": hashlib.sha256(_json(bare)).hexdigest()[:32], **bare}
    said = _json(pack)
    sha256 = hashlib.sha256(said).hexdigest()
    drawn = page(pack, sha256, public_of(key).thumbprint)
    files = {"json": signed(Form.JSON, said, key), "html": signed(Form.HTML, drawn, key)}
    return Made(
        files,
        Pack(
            step=PackStep.MADE,
            pack_id=pack["pack_id"],
            purpose=order.purpose,
            made_for=order.made_for,
            content_sha256=sha256,
            records=rests_on.records,
            records_sha256=rests_on.sha256,
        ),
    )


def event(made: Made, order: Order, source: str, center_id: str, offset: str) -> CooperativeEvent:
    """The event that says that the pack was made."""
    return CooperativeEvent(
        source=source,
        event_id=f"pack-{made.said.pack_id}",
        event_time=order.made_at,
        event_time_zone_offset=offset,
        cooperative_id=order.cooperative_id,
        center_id=center_id,
        factory_id=order.factory_id,
        kind=CooperativeKind.PACK,
        pack=made.said,
    )


def _json(pack: dict[str, Any]) -> bytes:
    return orjson.dumps(pack, option=orjson.OPT_INDENT_2)
