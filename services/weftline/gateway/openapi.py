"""What OpenAPI says of the routes beside what FastAPI finds out itself: examples, and what each status means.

Events are described by the Avro schemas that they are stored in, and the examples are those of ``schemas/examples``.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, Final

from weftline.contracts.kinds import KINDS, MessageKind
from weftline.contracts.paths import schemas_root
from weftline.contracts.registry import local_schema
from weftline.domain.alerts import Alert
from weftline.domain.vocabulary import ReplyKind
from weftline.gateway.bodies import CLOUD_EVENT, CLOUD_EVENTS, JSON, MAX_BODY_BYTES, MAX_EVENTS
from weftline.gateway.problems import MEDIA_TYPE, Kind

DESCRIPTION: Final = """
Publish events and read quality alerts without Kafka. Every request carries `Authorization: Bearer wft_…`; `weftline partner add` makes
the token. A center publishes as itself and nobody else, a factory reads its own alerts, an officer those of his cooperatives, an operator
all. What is another's is answered as what does not exist.

Whatever is refused is answered as RFC 9457 has it (`application/problem+json`), with `faults`: the field, what is wrong with it and, in a
batch, the place of its event. 202 means that Kafka has the events on every in-sync replica. Any request may be sent again: an event is
known by `source` and `event_id` (made of its content where it has none), and saying it twice changes nothing.
"""
IDEMPOTENCY_KEY: Final = "The same key with the same body gives the same answer; with another body it is refused"
SOURCE: Final = "The event's source, where several have used the same id"
STATE: Final = "open: what still waits for somebody; over: dealt with, or closed by an answer; standing: all that happened, both"
HISTORY: Final = "Also what happened before its center went live, of which nobody is told"
CURSOR: Final = "`next` of the page before"
FROM: Final = "Where a stream without Last-Event-ID begins: now, or at the oldest alert that is kept (90 days)"
LAST_EVENT_ID: Final = "The id of the last event that arrived: the stream goes on behind it"

_EPCIS: Final = schemas_root() / "examples" / "epcis-shipment.jsonld"
_EVENTS: Final = tuple(kind for kind in KINDS if kind.cls is not Alert)


def problems(*kinds: Kind) -> dict[int | str, dict[str, Any]]:
    """Answers of these kinds, and of those that any request may get."""
    schema = {"$ref": "#/components/schemas/Problem"}
    found: dict[int | str, dict[str, Any]] = {}
    for kind in (*kinds, Kind.NOT_KNOWN, Kind.NOT_ALLOWED, Kind.TOO_MANY, Kind.AWAY):
        said: dict[str, Any] = {"description": kind.title, "content": {MEDIA_TYPE: {"schema": schema}}}
        if kind in (Kind.TOO_MANY, Kind.AWAY):
            said["headers"] = {"Retry-After": {"description": "Seconds", "schema": {"type": "integer"}}}
        found[kind.status] = said
    return found


def _example(kind: MessageKind) -> Any:
    folder = schemas_root() / "examples" / kind.subject / "v1"
    return json.loads(sorted(folder.glob("*.json"))[0].read_text("utf-8"))


@lru_cache(1)
def _body() -> dict[str, Any]:
    examples = {kind.name: _example(kind) for kind in _EVENTS}
    first = _EVENTS[0]
    order = examples[first.name]
    cloud = {
        "specversion": "1.0",
        "id": order["event_id"],
        "source": order["source"],
        "type": first.ce_type,
        "time": order["event_time"],
        "datacontenttype": JSON,
        "data": {name: value for name, value in order.items() if name not in ("type", "event_id", "source", "event_time")},
    }
    one = {"oneOf": [schema_of(kind) for kind in _EVENTS]}
    envelope = {"type": "object", "required": ["specversion", "id", "source", "type", "data"], "properties": {"data": one}}
    batch = {"type": "array", "items": one, "minItems": 1, "maxItems": MAX_EVENTS}
    listed = {name: {"value": value} for name, value in examples.items()} | {"batch": {"value": [order]}}
    return {
        "required": True,
        "description": f"One event, or up to {MAX_EVENTS}; at most {MAX_BODY_BYTES >> 20} MB",
        "content": {
            JSON: {"schema": {"oneOf": [*one["oneOf"], batch]}, "examples": listed},
            CLOUD_EVENT: {"schema": envelope, "example": cloud},
            CLOUD_EVENTS: {"schema": {"type": "array", "items": envelope}, "example": [cloud]},
        },
    }


def schema_of(kind: MessageKind) -> dict[str, Any]:
    """The JSON Schema of a kind of event, from its newest Avro schema."""
    found = _of_avro(local_schema(kind.subject, kind.version), {})
    found["properties"] = {"type": {"const": kind.name}, **found["properties"]}
    # The id may be left out, and what a token stands for alone.
    left_out = {"event_id", "source", "cooperative_id", "center_id", "event_time_zone_offset"}
    found["required"] = ["type", *(name for name in found["required"] if name not in left_out)]
    return found


_PLAIN: Final = {
    "string": "string",
    "int": "integer",
    "long": "integer",
    "double": "number",
    "float": "number",
    "boolean": "boolean",
}


def _of_avro(avro: Any, named: dict[str, Any]) -> dict[str, Any]:
    if isinstance(avro, list):
        inner = [_of_avro(branch, named) for branch in avro if branch != "null"]
        return inner[0] if len(inner) == 1 else {"anyOf": inner}
    if isinstance(avro, str):
        return {"type": _PLAIN[avro]} if avro in _PLAIN else dict(named[avro])
    if avro.get("logicalType") == "timestamp-millis":
        return {"type": "string", "format": "date-time"}
    kind = avro["type"]
    if kind == "array":
        return {"type": "array", "items": _of_avro(avro["items"], named)}
    if kind == "enum":
        named[avro["name"]] = named[f"{avro.get('namespace', '')}.{avro['name']}"] = {
            "type": "string",
            "enum": list(avro["symbols"]),
        }
        return dict(named[avro["name"]])
    if kind != "record":
        return _of_avro(kind, named)
    properties, required = {}, []
    for field in avro["fields"]:
        properties[field["name"]] = {**_of_avro(field["type"], named), **({"description": field["doc"]} if "doc" in field else {})}
        if "default" not in field:
            required.append(field["name"])
    found = {"type": "object", "title": avro["name"], "properties": properties, "required": required, "additionalProperties": False}
    named[avro["name"]] = found
    return found


#: Of every route but that of the description.
SECURITY: Final[list[dict[str, list[str]]]] = [{"token": []}]
PUBLISH: Final[dict[str, Any]] = {
    "summary": "Publish one event or several",
    "responses": {
        202: {"description": "Kafka has all of them. `warnings` tell of what will come to nothing all the same"},
        **problems(Kind.NO_JSON, Kind.CONFLICT, Kind.TOO_LARGE, Kind.MEDIA, Kind.CONTRACT),
    },
    "openapi_extra": {"requestBody": _body(), "security": SECURITY},
}
FILE_NAME: Final = "What the file is called, for the report"
DRY_RUN: Final = "Send nothing; tell what would be sent, how it would be judged, and every warning"
SKIP_FAULTY: Final = "Leave out rows at fault and send the rest; else one such row holds up all"
MAPPING_NAME: Final = "Of a mapping that was PUT before"
_TABLE: Final = ("text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "application/octet-stream")
FILE: Final[dict[str, Any]] = {
    "summary": "Publish a spreadsheet: CSV, xlsx, xls or ods, read by a mapping",
    "responses": {
        202: {
            "description": "Kafka has what is new. The same file again changes nothing; an edited row declares its old event erroneous"
        },
        200: {"description": "Of a dry run: what would be sent"},
        **problems(Kind.NOT_FOUND, Kind.CONFLICT, Kind.TOO_LARGE, Kind.MEDIA, Kind.CONTRACT),
    },
    "openapi_extra": {
        "security": SECURITY,
        "requestBody": {
            "required": True,
            "content": {media: {"schema": {"type": "string", "format": "binary"}} for media in _TABLE},
        },
    },
}
_MAPPING_BODY: Final = {"application/yaml": {"schema": {"type": "string"}}}
PUT_MAPPING: Final[dict[str, Any]] = {
    "summary": "Keep what the columns of one's spreadsheets mean, as `weftline map init` writes it",
    "responses": {
        200: {"description": "It is kept, in place of what had this name"},
        **problems(Kind.TOO_LARGE, Kind.MEDIA, Kind.CONTRACT),
    },
    "openapi_extra": {"security": SECURITY, "requestBody": {"required": True, "content": _MAPPING_BODY}},
}
MAPPING: Final[dict[str, Any]] = {
    "summary": "A mapping of one's own",
    "responses": {200: {"description": "The mapping", "content": _MAPPING_BODY}, **problems(Kind.NOT_FOUND, Kind.CONTRACT)},
    "openapi_extra": {"security": SECURITY},
}
MAPPINGS: Final[dict[str, Any]] = {
    "summary": "The names of one's mappings, with hashes and dates",
    "responses": {200: {"description": "All of them"}, **problems()},
    "openapi_extra": {"security": SECURITY},
}
FACTORY: Final = "The factory that the shipments are for; EPCIS has no word for it"
BEHAVIOUR: Final = "rollback: all of the document or nothing; proceed: what is right goes on, and the job names the rest"
CAPTURE: Final[dict[str, Any]] = {
    "summary": "Capture an EPCIS 2.0 document: what it says of shipments",
    "responses": {
        202: {"description": "Captured; Location is the job, which is done"},
        **problems(Kind.NO_JSON, Kind.CONFLICT, Kind.TOO_LARGE, Kind.MEDIA, Kind.CONTRACT),
    },
    "openapi_extra": {
        "security": SECURITY,
        "requestBody": {
            "required": True,
            "content": {
                media: {"schema": {"type": "object"}, "example": json.loads(_EPCIS.read_text("utf-8"))}
                for media in ("application/ld+json", JSON)
            },
        },
    },
}
JOB: Final[dict[str, Any]] = {
    "summary": "What became of a capture",
    "responses": {200: {"description": "The job, as EPCIS 2.0 has it"}, **problems(Kind.NOT_FOUND)},
    "openapi_extra": {"security": SECURITY},
}
RETRACT: Final[dict[str, Any]] = {
    "summary": "Declare an event of one's own erroneous",
    "responses": {202: {"description": "Kafka has the declaration"}, **problems(Kind.NOT_FOUND, Kind.CONFLICT, Kind.CONTRACT)},
    "openapi_extra": {
        "security": SECURITY,
        "requestBody": {
            "content": {
                JSON: {
                    "schema": {
                        "type": "object",
                        "properties": {
                            "reason": {"type": "string", "enum": ["did_not_occur", "incorrect_data"], "default": "incorrect_data"},
                            "corrective_event_ids": {"type": "array", "items": {"type": "string"}},
                            "all": {"type": "boolean", "default": False},
                        },
                        "additionalProperties": False,
                    },
                    "example": {"reason": "incorrect_data", "corrective_event_ids": ["o-17-4"]},
                }
            }
        },
    },
}
EVENT: Final[dict[str, Any]] = {
    "summary": "What became of an event: accepted, stored, judged how, or a dead letter and why",
    "responses": {200: {"description": "The events with this id that the token may see"}, **problems(Kind.NOT_FOUND)},
    "openapi_extra": {"security": SECURITY},
}
ALERTS: Final[dict[str, Any]] = {
    "summary": "Alerts, the newest first",
    "responses": {
        200: {"description": "A page; `next` is the cursor of the next one, null at the end"},
        **problems(Kind.CONTRACT),
    },
    "openapi_extra": {"security": SECURITY},
}
ALERT: Final[dict[str, Any]] = {
    "summary": "One alert: its evidence, what was said of it and when, and what to do next",
    "responses": {200: {"description": "The alert, whether it stands or was withdrawn"}, **problems(Kind.NOT_FOUND)},
    "openapi_extra": {"security": SECURITY},
}
REPLY: Final[dict[str, Any]] = {
    "summary": "Answer an alert, or hold its lots back and set them free",
    "responses": {
        202: {"description": "Kafka has the reply"},
        **problems(Kind.NO_JSON, Kind.NOT_FOUND, Kind.NO_EDGE, Kind.TOO_LARGE, Kind.CONTRACT),
    },
    "openapi_extra": {
        "security": SECURITY,
        "requestBody": {
            "required": True,
            "content": {
                JSON: {
                    "schema": {
                        "type": "object",
                        "required": ["reply"],
                        "properties": {
                            "reply": {"type": "string", "enum": [kind.value.lower() for kind in ReplyKind if kind != "UNKNOWN"]},
                            "reason": {"type": "string", "description": "why; `decline` must give one"},
                            "target_date": {"type": "string", "description": "by when; a date ends with its day"},
                            "by": {"type": "string", "description": "person or role; the partner if it is left out"},
                            "severity": {"type": "string", "enum": ["MINOR", "MAJOR", "CRITICAL"]},
                            "supplier_id": {"type": "string", "description": "whose notification; left out: the factory's own"},
                            "forwarded_by": {"type": "string", "description": "`forward`: the supplier who hands it on"},
                            "lot_ids": {
                                "type": "array",
                                "items": {"type": "string"},
                                "description": "`block`: else those of the alert",
                            },
                            "problem_id": {"type": "string"},
                            "counterpart_problem_id": {"type": "string"},
                        },
                        "additionalProperties": False,
                    },
                    "example": {"reply": "acknowledge", "target_date": "2026-05-27", "by": "质量主管"},
                }
            },
        },
    },
}
STREAM: Final[dict[str, Any]] = {
    "summary": "Alerts as they are told, as server-sent events",
    "responses": {
        200: {"description": "Events named `alert`, each a message as factories get it; the id is the place behind it"},
        **problems(Kind.GONE, Kind.CONTRACT),
    },
    "openapi_extra": {"security": SECURITY},
}
COMPONENTS: Final[dict[str, Any]] = {
    "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "wft_…"}},
    "schemas": {
        "Problem": {
            "type": "object",
            "required": ["type", "title", "status", "detail"],
            "properties": {
                "type": {"type": "string", "enum": [kind.uri for kind in Kind]},
                "title": {"type": "string"},
                "status": {"type": "integer"},
                "detail": {"type": "string"},
                "faults": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["field", "problem"],
                        "properties": {
                            "event": {"type": "integer", "description": "Place in the batch, from 0"},
                            "field": {"type": "string"},
                            "problem": {"type": "string"},
                        },
                    },
                },
                "more_faults": {"type": "integer"},
            },
        }
    },
}
