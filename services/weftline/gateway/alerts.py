"""Alerts as a partner sees them: statements for a page of them and for one, and what is told. Pure functions.

The scope of the token is part of every statement, so what is another's is not there: not in a page, not in a count, not by its id.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, NamedTuple

from weftline.contracts.partners import Partner, Role
from weftline.contracts.rules import iso
from weftline.domain.alerts import Alert
from weftline.domain.next_steps import NEXT
from weftline.domain.vocabulary import AlertRule, AlertSeverity
from weftline.gateway.log import Message
from weftline.gateway.problems import of_field

MOST: Final = 500


class State(StrEnum):
    """Which alerts. ``open``: they stand, their matter is not over, and no answer closed them. ``over``: they stand and are not open.
    ``standing``: what they say happened, open or over."""

    OPEN = "open"
    OVER = "over"
    STANDING = "standing"


_VIEWS: Final = {State.OPEN: "open_alerts", State.OVER: "standing_alerts", State.STANDING: "standing_alerts"}


class Filters(NamedTuple):
    """What a page is narrowed to."""

    state: State = State.OPEN
    rule: AlertRule | None = None
    severity: AlertSeverity | None = None
    factory_id: str | None = None
    center_id: str | None = None
    history: bool = False


class Cursor(NamedTuple):
    """The last alert of a page: the next one begins behind it."""

    occurred_at: int
    alert_id: str

    def written(self) -> str:
        """As a caller hands it back."""
        return base64.urlsafe_b64encode(json.dumps(self, separators=(",", ":")).encode()).decode().rstrip("=")


def cursor(text: str) -> Cursor:
    """The cursor that :meth:`Cursor.written` wrote; :class:`~weftline.gateway.problems.Problem` for anything else."""
    try:
        at, alert_id = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
        if type(at) is int and 0 <= at < 1 << 62 and type(alert_id) is str and len(alert_id) <= 200 and alert_id.isprintable():
            return Cursor(at, alert_id)
    except (ValueError, TypeError, binascii.Error, RecursionError):
        pass
    raise of_field("cursor", "is none that a page gave as `next`; leave it out to begin anew")


class Statement(NamedTuple):
    """SQL and its parameters."""

    sql: str
    parameters: dict[str, Any]


_COLUMNS: Final = (
    *("alert_id", "rule", "severity", "cooperative_id", "center_id", "factory_id", "product_category", "subject"),
    *("text_zh", "text_en", "late_hours", "replaces"),
)
_OCCURRED: Final = "toInt64(toUnixTimestamp64Milli(occurred_at))"


def scope(partner: Partner) -> tuple[list[str], dict[str, Any]]:
    """The conditions that keep a partner to what is his, with their parameters."""
    if partner.role is Role.OPERATOR:
        return [], {}
    if partner.role is Role.FACTORY:
        return [_named("factory_id")], _names(partner.factories)
    if partner.role is Role.OFFICER:
        return [_named("cooperative_id")], _names(partner.cooperatives)
    return ["0"], {}


def _named(column: str) -> str:
    begins = f"arrayExists(name -> startsWith(toString({column}), name), {{mine_begin:Array(String)}})"
    return f"({column} IN {{mine:Array(String)}} OR {begins})"


def _names(names: Iterable[str]) -> dict[str, Any]:
    known = list(names)
    return {
        "mine": [name for name in known if not name.endswith("*")],
        "mine_begin": [name[:-1] for name in known if name.endswith("*")],
    }


def page(partner: Partner, filters: Filters, after: Cursor | None, limit: int) -> Statement:
    """The newest alerts first, and one more than asked for, which says whether there is another page."""
    conditions, parameters = scope(partner)
    for column in ("rule", "severity", "factory_id", "center_id"):
        value = getattr(filters, column)
        if value is not None:
            conditions.append(f"{column} = {{{column}:String}}")
            parameters[column] = str(value)
    if not filters.history:
        conditions.append("NOT too_old_to_be_sent")
    if filters.state is State.OVER:
        conditions.append("alert_id NOT IN (SELECT alert_id FROM open_alerts)")
    if after is not None:
        conditions.append(f"({_OCCURRED} < {{at:Int64}} OR ({_OCCURRED} = {{at:Int64}} AND alert_id < {{id:String}}))")
        parameters |= {"at": after.occurred_at, "id": after.alert_id}
    where = f"WHERE {' AND '.join(conditions)} " if conditions else ""
    sql = (
        f"SELECT {', '.join(_COLUMNS)}, {_OCCURRED} AS occurred, evidence FROM {_VIEWS[filters.state]} {where}"
        "ORDER BY occurred_at DESC, alert_id DESC LIMIT {most:UInt32}"
    )
    return Statement(sql, {**parameters, "most": limit + 1})


def told_page(rows: Sequence[Sequence[Any]], limit: int) -> dict[str, Any]:
    """A page, with the cursor of the next if there is one."""
    told = [_told(row) for row in rows[:limit]]
    more = None
    if len(rows) > limit:
        last = rows[limit - 1]
        more = Cursor(last[len(_COLUMNS)], last[0]).written()
    return {"alerts": told, "next": more}


def _told(row: Sequence[Any]) -> dict[str, Any]:
    named = dict(zip(_COLUMNS, row, strict=False))
    occurred, evidence = row[len(_COLUMNS) :]
    texts = {"zh": named.pop("text_zh"), "en": named.pop("text_en")}
    return {
        **{name: value for name, value in named.items() if name != "replaces"},
        "occurred_at": iso(occurred),
        "text": texts,
        "evidence": _evidence(evidence),
        "replaces": named["replaces"] or None,
    }


def _evidence(text: str) -> list[dict[str, Any]]:
    pieces = json.loads(text or "[]")
    return [
        {name: iso(value) if name == "event_time" and isinstance(value, int) else value for name, value in piece.items()}
        for piece in pieces
    ]


def one(partner: Partner, alert_id: str) -> Statement:
    """One alert, whether it stands or was withdrawn; nothing if it is not the partner's to see."""
    conditions, parameters = scope(partner)
    where = " AND ".join(["alert_id = {id:String}", *conditions])
    sql = (
        f"SELECT {', '.join(_COLUMNS)}, {_OCCURRED} AS occurred, JSONExtractRaw(content, 'evidence') AS evidence, status, revision, "
        "historic, content, alert_id IN (SELECT alert_id FROM open_alerts WHERE alert_id = {id:String}) AS open "
        f"FROM alerts FINAL WHERE {where} LIMIT 1"
    )
    return Statement(sql, {**parameters, "id": alert_id})


def whose(row: Sequence[Any]) -> tuple[str, int]:
    """Factory and moment (ms) of an alert that :func:`one` asked for."""
    return str(row[_COLUMNS.index("factory_id")]), int(row[len(_COLUMNS)])


def told_one(row: Sequence[Any], history: Sequence[Message], complete: bool) -> dict[str, Any]:
    """An alert with its evidence, its history as far as the log of alerts keeps it, and what to do."""
    status, revision, historic, content, open_ = row[len(_COLUMNS) + 2 :]
    said = json.loads(content)
    told = _told(row[: len(_COLUMNS) + 2])
    step = NEXT.get(AlertRule(told["rule"])) if told["rule"] in AlertRule.__members__ else None
    return {
        **told,
        "state": "withdrawn" if status == "WITHDRAWN" else "open" if open_ else "over",
        "status": status,
        "revision": revision,
        "told_to_nobody": bool(historic),
        "style_number": said.get("style_number"),
        "lot_ids": said.get("lot_ids") or [],
        "order_id": said.get("order_id"),
        "shipment_id": said.get("shipment_id"),
        "next_step": None if step is None or status == "WITHDRAWN" else {"zh": step.zh, "en": step.en},
        "history": list(_revisions(told["alert_id"], history)),
        "history_is_complete": complete,
    }


def _revisions(alert_id: str, history: Sequence[Message]) -> Iterable[Mapping[str, Any]]:
    seen = set()
    for message in history:
        for told in message.alert.each if isinstance(message.alert, Alert) else ():
            if told.alert_id == alert_id and told.revision not in seen:
                seen.add(told.revision)
                yield {
                    "revision": told.revision,
                    "status": str(told.status),
                    "told_at": iso(message.at),
                    "text": {"zh": told.text_zh, "en": told.text_en},
                    "replaces": told.replaces,
                }
