"""Who is refused what by the gateway: one table. A test asks all of it of a running gateway, another holds deploy/refusals.md to it.

Everything asked for is that of one center (c1), one of its factories (f-1) and their cooperative (haimen).
``python -m tests.support.refusals`` prints what the document has of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from tests.support.spreadsheets import HEADER, ORDERS, ROWS, text_of
from weftline.contracts.partners import Partner, Role, checked
from weftline.contracts.paths import schemas_root

SOURCE, OTHER_SOURCE = "https://lims.example/c1", "urn:weftline:other"
#: The mapping of the center, whose token can be one source, center and cooperative only, so it need not say them.
MAPPING: Final = "\n".join(line for line in ORDERS.splitlines() if not line.startswith("constants"))
TABLE: Final = "\n".join(",".join(map(text_of, row)) for row in [HEADER, *ROWS])


def _partner(name: str, role: Role, **bound: tuple[str, ...]) -> Partner:
    return checked(Partner(partner_id=name, role=role, **bound))


_CENTER = {"sources": (SOURCE,), "centers": ("c1",), "cooperatives": ("haimen",), "laboratories": ("lab-1",)}
#: In whose name others try to speak: there is such a center, and it asks for nothing here.
_THIRD = {"sources": ("urn:weftline:third",), "centers": ("c5",), "cooperatives": ("rugao",), "laboratories": ("lab-5",)}
_OTHER = {"sources": (OTHER_SOURCE,), "centers": ("c9",), "cooperatives": ("nantong",), "laboratories": ("lab-9",)}
#: Those with a token that holds. The supplier is one to whom an alert may be forwarded, and has a factory's token of its own.
PARTNERS: Final = (
    _partner("center", Role.CENTER, **_CENTER),
    _partner("other center", Role.CENTER, **_OTHER),
    _partner("factory", Role.FACTORY, factories=("f-1",)),
    _partner("other factory", Role.FACTORY, factories=("f-2",)),
    _partner("supplier", Role.FACTORY, factories=("SUP-42",)),
    _partner("officer", Role.OFFICER, cooperatives=("haimen",)),
    _partner("other officer", Role.OFFICER, cooperatives=("nantong",)),
    _partner("operator", Role.OPERATOR),
)
THIRD: Final = _partner("third center", Role.CENTER, **_THIRD)
#: And those without: no token at all, one that has expired, one of a center that was disabled.
STRANGERS: Final = ("nobody", "expired", "disabled")
CALLERS: Final = (*(one.partner_id for one in PARTNERS), *STRANGERS)


class Outcome(StrEnum):
    """What comes of it, as the document says it."""

    DONE = "yes"
    EMPTY = "–"  # it is answered, with what is the caller's own, and this is not among it
    NOT_THERE = "404"
    ROLE = "403"
    NAME = "403 name"
    UNKNOWN = "401"
    DOOR = "door"


MEANING: Final[Mapping[Outcome, str]] = {
    Outcome.DONE: "it is done, or told",
    Outcome.EMPTY: "an answer with what is the caller's own, and nothing of this",
    Outcome.NOT_THERE: "404, the same bytes as for what does not exist",
    Outcome.ROLE: "403: nobody with this role may ask that, whatever it is about",
    Outcome.NAME: "403 that names each field in which the caller spoke for somebody else, whether there is such a one or not",
    Outcome.UNKNOWN: "401, one answer to whoever has no token, a wrong one, one that has expired or was disabled",
    Outcome.DOOR: "the page that asks for the token of a factory or a cooperative, the same for whatever is behind it",
}


class Things(NamedTuple):
    """What is asked for. ``NOTHING`` has what nobody has."""

    alert: str
    event: str
    mapping: str
    capture: str
    source: str
    center: str
    laboratory: str
    factory: str
    webhook: str


NOTHING: Final = Things(
    "no-such-alert", "no-such-event", "no-such-mapping", "0" * 32, "urn:no-such", "no-c", "no-lab", "no-f", "wh_none"
)


class Request(NamedTuple):
    """Of HTTP; ``by_page``: by a browser that has signed in with the token."""

    method: str
    path: str
    json: Any = None
    content: str | None = None
    by_page: bool = False
    stream: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """A row: what is asked, and what comes of it for :data:`PARTNERS`, in their order, and for strangers.

    ``done``: the status of an answer that lets the caller do it; ``told``: what stands in it if it is told of the thing.
    """

    what: str
    request: Callable[[Things], Request]
    outcomes: tuple[Outcome, ...]
    done: int = 200
    told: Callable[[Things], str] | None = None
    strangers: Outcome = Outcome.UNKNOWN

    def outcome(self, caller: str) -> Outcome:
        """For a caller."""
        return self.strangers if caller in STRANGERS else self.outcomes[CALLERS.index(caller)]


def _order(of: Things, **more: Any) -> dict[str, Any]:
    said = {"type": "order", "event_time": "2026-11-02T09:30:00+08:00", "cooperative_id": "haimen", "factory_id": "f-1"}
    own = {"source": SOURCE, "center_id": "c1", "event_id": "asked-1", "order_id": "A-1", "product_category": "sheet"}
    return {**said, **own, "status": "CONFIRMED", **more}


def _report(of: Things) -> dict[str, Any]:
    body = json.loads((schemas_root() / "examples/inspection.results.v1-value/v1/laboratory-report.json").read_text("utf-8"))
    own = {"source": SOURCE, "center_id": "c1", "cooperative_id": "haimen", "factory_id": "f-1"}
    return {**body, **own, "laboratory_report": {**body["laboratory_report"], "laboratory_id": of.laboratory}}


def _alert(of: Things, rest: str = "", at: str = "/v1/alerts") -> str:
    return f"{at}/{quote(of.alert, safe='')}{rest}"


D, E, N, R, W, P = Outcome.DONE, Outcome.EMPTY, Outcome.NOT_THERE, Outcome.ROLE, Outcome.NAME, Outcome.DOOR
_PUBLISHES = (R, R, R, R, R, R)
_READS = (R, R, D, N, N, D, N, D)
_LISTS = (R, R, D, E, E, D, E, D)
_PAGE = (P, P, D, P, P, D, P, P)
#: Everybody may have webhooks, and only one's own are there.
_OWN = (N, N, D, N, N, N, N, N)

TABLE_OF_REFUSALS: Final = (
    Asked("publish as center c1", lambda of: Request("POST", "/v1/events", _order(of)), (D, W, *_PUBLISHES), 202),
    Asked(
        "publish from another source",
        lambda of: Request("POST", "/v1/events", _order(of, source=of.source)),
        (W, W, *_PUBLISHES),
    ),
    Asked(
        "publish as another center",
        lambda of: Request("POST", "/v1/events", _order(of, center_id=of.center)),
        (W, W, *_PUBLISHES),
    ),
    Asked("publish for another laboratory", lambda of: Request("POST", "/v1/events", _report(of)), (W, W, *_PUBLISHES)),
    Asked(
        "publish a file by c1's mapping",
        lambda of: Request("POST", f"/v1/files?mapping={of.mapping}&name=orders.csv&dry_run=true", content=TABLE),
        (D, N, *_PUBLISHES),
    ),
    Asked("read c1's mapping", lambda of: Request("GET", f"/v1/mappings/{of.mapping}"), (D, N, *_PUBLISHES)),
    Asked("list mappings", lambda of: Request("GET", "/v1/mappings"), (D, E, *_PUBLISHES), told=lambda of: f'"{of.mapping}"'),
    Asked("ask for c1's EPCIS capture", lambda of: Request("GET", f"/v1/epcis/capture/{of.capture}"), (D, N, *_PUBLISHES)),
    Asked("ask what became of c1's event", lambda of: Request("GET", f"/v1/events/{of.event}"), (D, N, R, R, R, D, N, D)),
    Asked("list alerts", lambda of: Request("GET", "/v1/alerts"), _LISTS, told=lambda of: f'"{of.alert}"'),
    Asked(
        "list the alerts of f-1",
        lambda of: Request("GET", f"/v1/alerts?factory_id={of.factory}"),
        _LISTS,
        told=lambda of: f'"{of.alert}"',
    ),
    Asked("follow alerts (stream)", lambda of: Request("GET", "/v1/alerts/stream?from=beginning", stream=True), _LISTS),
    Asked("read f-1's alert by its id", lambda of: Request("GET", _alert(of)), _READS),
    # Nothing was acknowledged and nothing is held back, so that whoever may answer is told that this leads nowhere.
    Asked("answer f-1's alert", lambda of: Request("POST", _alert(of, "/replies"), {"reply": "accept"}), _READS, 409),
    Asked(
        "hold back or free f-1's lots",
        lambda of: Request("POST", _alert(of, "/replies"), {"reply": "lift", "problem_id": "p-1"}),
        _READS,
        409,
    ),
    Asked(
        "see f-1's alert in the inbox",
        lambda of: Request("GET", "/inbox", by_page=True),
        (P, P, D, E, E, D, E, P),
        told=lambda of: f"/inbox/alerts/{quote(of.alert, safe='')}",
        strangers=P,
    ),
    Asked(
        "open the page of f-1's alert", lambda of: Request("GET", _alert(of, at="/inbox/alerts"), by_page=True), _PAGE, strangers=P
    ),
    Asked(
        "answer f-1's alert from its page",
        lambda of: Request("POST", _alert(of, "/replies", "/inbox/alerts"), content="reply=accept", by_page=True),
        _PAGE,
        303,
        strangers=P,
    ),
    Asked(
        "list webhooks",
        lambda of: Request("GET", "/v1/webhooks"),
        (E, E, D, E, E, E, E, E),
        told=lambda of: f'"{of.webhook}"',
    ),
    Asked("read f-1's webhook", lambda of: Request("GET", f"/v1/webhooks/{of.webhook}"), _OWN),
    Asked("read what became of its deliveries", lambda of: Request("GET", f"/v1/webhooks/{of.webhook}/deliveries"), _OWN),
    Asked("be shown a new secret of f-1's webhook", lambda of: Request("POST", f"/v1/webhooks/{of.webhook}/rotate"), _OWN),
    Asked("read the log of partners", lambda of: Request("GET", "/v1/partners/center/log"), (N,) * len(PARTNERS), strangers=N),
    # The last, for they are done.
    Asked("remove f-1's webhook", lambda of: Request("DELETE", f"/v1/webhooks/{of.webhook}"), _OWN, 204),
    Asked("take back c1's event", lambda of: Request("POST", f"/v1/events/{of.event}/retract"), (D, N, *_PUBLISHES), 202),
)


def rendered() -> str:
    """The table as the document has it."""
    lines = [f"| | {' | '.join(CALLERS)} |", "|---" * (len(CALLERS) + 1) + "|"]
    lines += [f"| {asked.what} | {' | '.join(asked.outcome(caller) for caller in CALLERS)} |" for asked in TABLE_OF_REFUSALS]
    meanings = (f"- **{outcome}**: {meaning}." for outcome, meaning in MEANING.items())
    return "\n".join([*lines, "", *meanings, ""])


if __name__ == "__main__":
    print(rendered())  # noqa: T201
