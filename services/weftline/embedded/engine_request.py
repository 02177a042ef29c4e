"""Requests of ClickHouse's HTTP protocol, read and admitted, before the engine sees them."""

from __future__ import annotations

import base64
import contextlib
import re
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from aiohttp import BodyPartReader, web

from weftline.embedded import engine_sql as sql
from weftline.embedded.engine_codec import BodyDecoder
from weftline.embedded.engine_sql import Refused
from weftline.embedded.engine_users import User, authenticated
from weftline.errors import WeftlineError

# A body is held back up to this size. So an insert up to it is all there before it begins, and a client that dies in the middle
# leaves nothing behind (the processors' batches are smaller); a longer one is handed on piece by piece, as ClickHouse does.
HELD_BODY = 64 << 20
# A statement that somebody wrote, or a BI tool, has some kilobytes.
READERS_BODY = 1 << 20

_ODD = re.compile(r"[\x00-\x1f\x7f-\x9f]")
#: Parameters that never reach a header or a SET as they are.
_FREE = frozenset({"query"})


@dataclass(slots=True)
class Request:
    """What ``user`` asks for. ``text`` is the statement, with what came of the body so far; ``rest`` gives what is still to come.

    ``mark`` stands in the engine's ``log_comment``, by which a statement is found to be cancelled; ``None`` if the caller has put
    something of his own there.
    """

    user: User
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


async def read(http: web.Request, user: User) -> Request:
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
    try:
        if http.content_type == "multipart/form-data":
            await _read_form(http, parameters)
            rest = _nothing()
        else:
            # A few bytes may unpack to gigabytes: only our own programs send packed bodies.
            rest = _decoded(http, http.headers.get("Content-Encoding", "") if user.trusted else "")
            if not user.trusted and http.headers.get("Content-Encoding", "identity") != "identity":
                raise Refused(36, "BAD_ARGUMENTS", "Readers send their statements as plain text, without Content-Encoding")
        text = bytearray(parameters.get("query", "").encode("utf-8", "surrogateescape"))
        if text:
            text += b"\n"
        async for piece in rest:
            text += piece
            if len(text) > (HELD_BODY if user.trusted else READERS_BODY):
                break
    except (WeftlineError, ConnectionError):
        raise
    except Exception as error:  # aiohttp has a dozen for a body that is none: no boundary, a cut part, a length that is no number
        raise Refused(
            36, "BAD_ARGUMENTS", f"The body cannot be read: {' '.join(str(error).split())[:200] or type(error).__name__}"
        ) from None
    if odd := sorted(
        name[:50] for name, value in parameters.items() if _ODD.search(name) or (name not in _FREE and _is_odd(name, value))
    ):
        raise Refused(
            36, "BAD_ARGUMENTS", f"A parameter holds a line end or another control character: {', '.join(map(repr, odd))}"
        )
    if not user.trusted and len(text) > READERS_BODY:
        raise Refused(307, "TOO_MANY_BYTES", f"A reader's statement of more than {READERS_BODY >> 10} KiB is refused")
    # A reader's mark is always ours: a statement that he marked himself could not be cancelled.
    mark = None if user.trusted and "log_comment" in parameters else f"weftline-{uuid.uuid4()}"
    return Request(user, parameters, http.method, bytes(text), rest, parameters.get("query_id") or str(uuid.uuid4()), mark)


def _is_odd(name: str, value: str) -> bool:
    return not name.startswith("param_") and _ODD.search(value) is not None


def authenticate(http: web.Request, users: Mapping[str, User]) -> User:
    """Who asks, by name and password, which may come in three places. Before the body is read: whoever has no password sends none."""
    address = dict(parse_qsl(http.rel_url.raw_query_string, keep_blank_values=True))
    name = http.headers.get("X-ClickHouse-User") or address.get("user", "default")
    given = http.headers.get("X-ClickHouse-Key") or address.get("password", "")
    kind, _, credentials = http.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "basic":
        with contextlib.suppress(ValueError):
            name, _, given = base64.b64decode(credentials).decode("utf-8", "replace").partition(":")
    user = authenticated(users, name, given)
    if user is None:
        # No WWW-Authenticate: a browser would ask for the password, keep it, and send it for every page that points here.
        raise Refused(
            516,
            "AUTHENTICATION_FAILED",
            f"{name[:50]}: Authentication failed: the password is incorrect, or there is no such user. The passwords of the embedded "
            "ClickHouse stand in the folder passwords of its data folder; `weftline up` names the reader's",
        )
    return user


async def _nothing() -> AsyncIterator[bytes]:
    pieces: tuple[bytes, ...] = ()
    for piece in pieces:
        yield piece


async def _decoded(http: web.Request, encoding: str) -> AsyncIterator[bytes]:
    decoder = BodyDecoder(encoding)
    async for piece in http.content.iter_any():
        if decoded := decoder.feed(piece):
            yield decoded
    decoder.finish()


async def _read_form(http: web.Request, parameters: dict[str, str]) -> None:
    """A multipart form: the query and its parameters, as clients send them when they are too long for the address."""
    reader, size = await http.multipart(), 0
    while (part := await reader.next()) is not None:
        if not isinstance(part, BodyPartReader) or part.filename or not part.name:
            raise Refused(48, "NOT_IMPLEMENTED", "External tables are not offered by the embedded engine")
        value = bytearray()
        while piece := await part.read_chunk():
            value += piece
            size += len(piece)
            if size > HELD_BODY:
                raise Refused(307, "TOO_MANY_BYTES", f"A form of more than {HELD_BODY >> 20} MiB is refused")
        parameters[part.name] = value.decode("utf-8", "surrogateescape")
