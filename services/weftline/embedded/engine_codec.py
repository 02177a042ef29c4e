"""Bodies of requests, decoded piece by piece, so that a long insert never stands in memory as a whole."""

from __future__ import annotations

import zlib
from typing import Protocol

import lz4.frame  # type: ignore[import-untyped]
import zstandard

from weftline.errors import UserError


class Decoder(Protocol):
    """Takes encoded bytes as they arrive, gives decoded ones; ``eof`` after the last."""

    def decompress(self, data: bytes) -> bytes: ...

    @property
    def eof(self) -> bool: ...


class CannotDecode(UserError):
    """A body whose encoding is unknown or broken."""


class BodyDecoder:
    """Decodes ``identity``, ``gzip``, ``deflate``, ``lz4`` and ``zstd``, in one frame or several."""

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding.strip().lower() or "identity"
        if self._encoding not in ("identity", "gzip", "deflate", "lz4", "zstd"):
            raise CannotDecode(f"Content-Encoding {encoding!r} is not known here; send gzip, deflate, lz4 or zstd")
        self._decoder: Decoder | None = None

    def feed(self, data: bytes) -> bytes:
        """The bytes that can be decoded by now."""
        if self._encoding == "identity":
            return data
        out = []
        try:
            while data:
                if self._decoder is None:
                    self._decoder = self._fresh()
                out.append(self._decoder.decompress(data))
                data = b""
                if self._decoder.eof:
                    data = getattr(self._decoder, "unused_data", None) or b""
                    self._decoder = None
        except (zlib.error, zstandard.ZstdError, RuntimeError) as error:
            raise CannotDecode(f"the body is no {self._encoding}: {error}") from None
        return b"".join(out)

    def finish(self) -> None:
        """Raise when the body stopped in the middle of a frame: what came so far is not what was sent."""
        if self._decoder is not None:
            raise CannotDecode(f"the {self._encoding} body is cut short")

    def _fresh(self) -> Decoder:
        if self._encoding == "lz4":
            frames: Decoder = lz4.frame.LZ4FrameDecompressor()
            return frames
        if self._encoding == "zstd":
            return zstandard.ZstdDecompressor().decompressobj()
        # 32 + 15: gzip or zlib, told apart by their header.
        return zlib.decompressobj(47)
