"""Damaged copies of events: bytes that no reader may take for an event. Each is tried on the codec before it is sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import BytesIO
from random import Random

from fastavro import schemaless_writer

from weftline.contracts.codec import FRAMING, Codec
from weftline.contracts.mapping import to_avro, to_json
from weftline.contracts.topics import topic_of
from weftline.embedded.simulator.world import DomainEvent
from weftline.errors import ContractError

_YEAR_2150 = 5_680_281_600_000


class Damager:
    """Damages events, each kind of damage as often as the others; deterministic from the seed."""

    def __init__(self, codec: Codec, seed: int) -> None:
        self._codec = codec
        self._rng = Random(f"weftline damage {seed}")
        self._ways: tuple[Callable[[DomainEvent, bytes], bytes], ...] = (
            self._truncated,
            self._unknown_schema,
            self._unframed,
            self._flipped,
            self._too_late,
            self._without_identity,
            self._empty,
        )

    def damage(self, event: DomainEvent) -> tuple[bytes, str]:
        """Damaged bytes of ``event``, and the name of the damage."""
        value = self._codec.encode(event)
        way = self._rng.choice(self._ways)
        damaged = way(event, value)
        while self._readable(event, damaged):  # a flipped bit may give another sound event
            damaged = way(event, value) if way == self._flipped else self._truncated(event, value)
        return damaged, way.__name__.strip("_")

    def _readable(self, event: DomainEvent, value: bytes) -> bool:
        try:
            self._codec.decode(topic_of(event), value)
        except ContractError:
            return False
        return True

    def _truncated(self, event: DomainEvent, value: bytes) -> bytes:
        return value[: self._rng.randrange(1, len(value))]

    def _unknown_schema(self, event: DomainEvent, value: bytes) -> bytes:
        return b"\0" + self._rng.randrange(1 << 30, 1 << 31).to_bytes(4, "big") + value[FRAMING:]

    def _unframed(self, event: DomainEvent, value: bytes) -> bytes:
        return json.dumps(to_json(event)).encode()

    def _flipped(self, event: DomainEvent, value: bytes) -> bytes:
        bits = bytearray(value)
        for _ in range(3):
            bits[self._rng.randrange(FRAMING, len(bits))] ^= 1 << self._rng.randrange(8)
        return bytes(bits)

    def _too_late(self, event: DomainEvent, value: bytes) -> bytes:
        return self._written(event, value, event_time=_YEAR_2150)

    def _without_identity(self, event: DomainEvent, value: bytes) -> bytes:
        return self._written(event, value, event_id="")

    def _empty(self, event: DomainEvent, value: bytes) -> bytes:
        return b""

    def _written(self, event: DomainEvent, value: bytes, **broken: object) -> bytes:
        """Sound Avro whose content breaks the contract."""
        out = BytesIO()
        out.write(value[:FRAMING])
        schemaless_writer(out, self._codec.schema_for(event), to_avro(event) | broken)
        return out.getvalue()
