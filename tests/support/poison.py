"""Records that a broker takes, that no client would send, and each of which once stopped a processor for good: :data:`POISON`."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.support.examples import CODEC
from tests.support.raw_batches import Sent, batch
from weftline.contracts.topics import key_of

BOMB = 100 << 20
#: Just as large as the broker takes: what a letter says about it comes on top.
LARGEST = 1_048_588
NOISE = Random(1).randbytes(LARGEST)

#: By name: a batch, as its codec and its records; None stands for a sound event.
POISON: dict[str, tuple[int, list[Sent | None]]] = {
    "neither key nor value": (0, [Sent(None, None)]),
    "empty": (0, [Sent(b"", b"")]),
    "as large as the broker takes": (0, [Sent(b"c|o", NOISE[: LARGEST - 81])]),
    "a key as large": (0, [Sent(NOISE[: LARGEST - 81], b"v")]),
    "headers as large": (0, [Sent(b"k", b"v", ((b"h", NOISE[: LARGEST - 85]),))]),
    "many headers": (0, [Sent(b"k", b"v", ((b"", None),) * 100_000)]),
    "a bomb": (1, [None, Sent(b"bomb", bytes(BOMB)), None]),
    "a bomb in zstd": (4, [None, Sent(b"bomb", bytes(BOMB)), None]),
    "a bomb of many": (4, [None, *[Sent(b"bomb", bytes(900_000))] * 60, None]),
    "a bomb of a key": (1, [None, Sent(bytes(BOMB), b"v"), None]),
    "names of headers that are no UTF-8": (0, [None, Sent(b"k", b"v", ((b"\xff\xfe\xc3", b"x"),)), None]),
    "headers that a letter has too": (0, [Sent(b"k", b"v", ((b"weftline_reason", None),) * 3)]),
}


def of(event: Any, *headers: tuple[bytes, bytes | None]) -> Sent:
    """An event as it is sent."""
    return Sent(key_of(event), CODEC.encode(event), headers)


def packed(*sent: Sent, codec: int = 0) -> bytes:
    """Records as one batch."""
    return batch(list(sent), codec=codec)
