"""What a caller is told who is refused: RFC 9457, with every field at fault, what is wrong and what to do. One closed list."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, Final, NamedTuple

from starlette.responses import Response

MEDIA_TYPE: Final = "application/problem+json"
#: So many faults are told; a batch of another kind altogether has one at every field.
MOST_FAULTS: Final = 200


class Fault(NamedTuple):
    """A field at fault. ``event``: the place of its event in a batch, from 0."""

    field: str
    problem: str
    event: int | None = None

    def as_json(self) -> dict[str, Any]:
        """As it is told."""
        place = {} if self.event is None else {"event": self.event}
        return {**place, "field": self.field, "problem": self.problem}


class Kind(Enum):
    """Why somebody is refused: status, and a title that never changes."""

    NO_JSON = 400, "The body is no JSON"
    NOT_KNOWN = 401, "No valid token"
    NOT_ALLOWED = 403, "This token may not do that"
    FOREIGN_PAGE = 403, "This request is not served here"
    NOT_FOUND = 404, "There is no such thing"
    METHOD = 405, "This method is not served here"
    SLOW = 408, "The body did not come in time"
    CONFLICT = 409, "The identity stands for something else"
    NO_EDGE = 409, "From the present state that leads nowhere"
    BUSY = 409, "A request with this Idempotency-Key is still under way"
    BUSY_FILE = 409, "Another file of this mapping is still under way"
    ENOUGH = 409, "There are as many as there may be"
    GONE = 410, "This place is not kept any more"
    TOO_LARGE = 413, "The body is too large"
    MEDIA = 415, "This kind of body is not understood"
    CONTRACT = 422, "Not what the contract says"
    TOO_MANY = 429, "Too many requests"
    UNFORESEEN = 500, "Something went wrong here"
    SWITCHED_OFF = 501, "This is switched off here"
    AWAY = 503, "A server behind is away"

    @property
    def status(self) -> int:
        """The HTTP status."""
        return int(self.value[0])

    @property
    def title(self) -> str:
        """The same for every problem of the kind."""
        return str(self.value[1])

    @property
    def uri(self) -> str:
        """By which programs tell it."""
        return f"urn:weftline:problem:{self.name.lower().replace('_', '-')}"


class Problem(Exception):
    """Somebody is refused. ``detail``: what is wrong and what to do, in a sentence or two."""

    def __init__(self, kind: Kind, detail: str, faults: Iterable[Fault] = (), headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.faults = tuple(faults)
        self.headers = dict(headers or {})
        #: What else a program may want to know; RFC 9457 calls them extension members.
        self.more: Mapping[str, Any] = {}

    def as_json(self) -> dict[str, Any]:
        """The body."""
        body: dict[str, Any] = {
            "type": self.kind.uri,
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
            **self.more,
        }
        if self.faults:
            body["faults"] = [fault.as_json() for fault in self.faults[:MOST_FAULTS]]
        if len(self.faults) > MOST_FAULTS:
            body["more_faults"] = len(self.faults) - MOST_FAULTS
        return body

    def response(self) -> Response:
        """The answer."""
        return Response(written(self.as_json()), self.kind.status, self.headers, MEDIA_TYPE)


def written(value: Any) -> bytes:
    """JSON as UTF-8; half a pair of surrogates, which somebody else's text may hold, as JSON escapes it."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace")


def wait(detail: str, seconds: float, kind: Kind = Kind.AWAY) -> Problem:
    """A problem that passes by itself; ``seconds``: when to come again."""
    return Problem(kind, detail, headers={"Retry-After": str(max(1, int(-(-seconds // 1))))})


def of_field(field: str, problem: str, kind: Kind = Kind.CONTRACT) -> Problem:
    """A problem of one field."""
    return Problem(kind, f"{field}: {problem}", [Fault(field, problem)])
