"""Requests of ClickHouse's HTTP protocol, read and admitted, before the engine sees them."""

from __future__ import annotations

import base64
import contextlib
import hmac
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from aiohttp import BodyPartReader, web

from weftline.embedded import engine_sql as sql
from weftline.embedded.engine_codec import BodyDecoder
from weftline.errors import WeftlineError

# A body is held back up to this size. So an insert up to it is all there before it begins, and a client that dies in the middle
# leaves nothing behind (the processors' batches are smaller); a longer one is handed on piece by piece, as ClickHouse does.
HELD_BODY = 64 << 20


class Refused(WeftlineError):
    """A request that the engine never sees, with ClickHouse's code and name for it."""

    def __init__(self, code: int, name: str, problem: str) -> None:
        super().__init__(f"Code: {code}. DB::Exception: {problem}. ({name})")


@dataclass(slots=True)
class Request:
    """What a request asks for. ``text`` is the statement, with what came of the body so far; ``rest`` gives what is still to come.

    ``mark`` stands in the engine's ``log_comment``, by which a statement is found to be cancelled; ``None`` if the caller has put
    something of his own there.
    """

    parameters: Mapping[str, str]
    method: str
    text: bytes
    rest: AsyncIterator[bytes]
    query_id: str
    mark: str | None
    began: float = field(default_factory=time.monotonic)

    @property
    def settings(self) -> dict[str, str]:
        """The engine's settings for this statement."""
        settings = sql.settings_of(self.parameters)
        if self.mark is not None:
            settings["log_comment"] = self.mark
        return settings

    @property
    def bound(self) -> dict[str, str]:
        """The values of the statement's parameters, by their names."""
        return {key.removeprefix("param_"): value for key, value in self.parameters.items() if key.startswith("param_")}


async def read(http: web.Request) -> Request:
    """Read address, headers and form, and the body as far as it is held back."""
    parameters = dict(parse_qsl(http.rel_url.raw_query_string, keep_blank_values=True))
    for header, name in (("X-ClickHouse-Database", "database"), ("X-ClickHouse-Format", "default_format")):
        if value := http.headers.get(header):
            parameters.setdefault(name, value)
    if parameters.get("compress") == "1" or parameters.get("decompress") == "1":
        raise Refused(
            48,
            "NOT_IMPLEMENTED",
            "ClickHouse's own block compression is not offered by the embedded engine; set compress=0 in the client",
        )
    if http.content_type == "multipart/form-data":
        await _read_form(http, parameters)
        rest = _nothing()
    else:
        rest = _decoded(http)
    text = bytearray(parameters.get("query", "").encode("utf-8", "surrogateescape"))
    if text:
        text += b"\n"
    async for piece in rest:
        text += piece
        if len(text) > HELD_BODY:
            break
    mark = None if "log_comment" in parameters else f"weftline-{uuid.uuid4()}"
    return Request(parameters, http.method, bytes(text), rest, parameters.get("query_id") or str(uuid.uuid4()), mark)


def check_origin(http: web.Request) -> None:
    """Refuse pages of other sites, and names that were made to point here.

    The port has no password by default; without this, any page that the user has open could read and write through the browser.
    """
    host = http.host.rsplit(":", 1)[0].strip("[]")
    origin = http.headers.get("Origin")
    if host not in ("127.0.0.1", "localhost") or (origin is not None and origin.split("://")[-1] != http.host):
        raise Refused(516, "AUTHENTICATION_FAILED", "Requests from pages of other sites are not served here")


def check_password(http: web.Request, parameters: Mapping[str, str], password: str) -> None:
    """Compare the password, which may come in three places; the user's name does not matter, there is only one user."""
    given = http.headers.get("X-ClickHouse-Key") or parameters.get("password", "")
    kind, _, credentials = http.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "basic":
        with contextlib.suppress(ValueError):
            given = base64.b64decode(credentials).decode("utf-8", "replace").partition(":")[2]
    if password and not hmac.compare_digest(given.encode(), password.encode()):
        raise Refused(516, "AUTHENTICATION_FAILED", "Authentication failed: password is incorrect")


async def _nothing() -> AsyncIterator[bytes]:
    pieces: tuple[bytes, ...] = ()
    for piece in pieces:
        yield piece


async def _decoded(http: web.Request) -> AsyncIterator[bytes]:
    decoder = BodyDecoder(http.headers.get("Content-Encoding", ""))
    async for piece in http.content.iter_any():
        if decoded := decoder.feed(piece):
            yield decoded
    decoder.finish()


async def _read_form(http: web.Request, parameters: dict[str, str]) -> None:
    """A multipart form: the query and its parameters, as clients send them when they are too long for the address."""
    reader = await http.multipart()
    while (part := await reader.next()) is not None:
        if not isinstance(part, BodyPartReader) or part.filename or not part.name:
            raise Refused(48, "NOT_IMPLEMENTED", "External tables are not offered by the embedded engine")
        parameters[part.name] = (await part.read()).decode("utf-8", "surrogateescape")
