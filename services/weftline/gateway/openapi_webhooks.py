"""What OpenAPI says of the routes of webhooks, as :mod:`.openapi` does of all others."""

from __future__ import annotations

from typing import Any, Final

from weftline.domain.vocabulary import AlertRule, AlertSeverity
from weftline.gateway.bodies import JSON
from weftline.gateway.openapi import SECURITY, problems
from weftline.gateway.problems import Kind

STATE: Final = "Only deliveries in this state; all if it is left out"
EXAMPLE: Final = {
    "url": "https://erp.example/hooks/weftline",
    "severities": ["CRITICAL", "MAJOR"],
    "rules": ["SAFETY_LIMIT_FAILED"],
}


def _words(of: type[AlertRule] | type[AlertSeverity]) -> dict[str, Any]:
    words = [word.value for word in of if word.value != "UNKNOWN"]
    return {"type": "array", "items": {"type": "string", "enum": words}, "minItems": 1, "description": "all if it is left out"}


_TIME: Final = {"type": ["string", "null"], "format": "date-time"}
_WEBHOOK: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "url": {"type": "string"},
        "severities": {"type": ["array", "null"], "items": {"type": "string"}, "description": "null: all"},
        "rules": {"type": ["array", "null"], "items": {"type": "string"}, "description": "null: all"},
        "made_at": {"type": "string", "format": "date-time"},
        "rotated_at": _TIME,
        "former_secret_signs_until": {
            **_TIME,
            "description": "until then deliveries bear a signature of the former secret as well",
        },
        "secret_is_current": {
            "type": "boolean",
            "description": "false: the key of which secrets are made was changed, so the secret that was shown signs nothing; rotate",
        },
        "href": {"type": "string"},
    },
}
_SHOWN: Final = {
    "type": "object",
    "properties": {
        **_WEBHOOK["properties"],
        "secret": {"type": "string", "description": "by which Standard Webhooks are verified; shown here and never again"},
    },
}
_TOLD: Final = {
    "id": "wh_8d6d0c1f0a5be2f7c1f2a3b4",
    **EXAMPLE,
    "made_at": "2026-11-20T01:30:00.000Z",
    "rotated_at": None,
    "former_secret_signs_until": None,
    "secret_is_current": True,
    "href": "/v1/webhooks/wh_8d6d0c1f0a5be2f7c1f2a3b4",
}
_SECRET: Final = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="


def _answer(description: str, schema: dict[str, Any], example: Any) -> dict[str, Any]:
    return {"description": description, "content": {JSON: {"schema": schema, "example": example}}}


REGISTER: Final[dict[str, Any]] = {
    "summary": "Have alerts posted to an address of one's own, signed as Standard Webhooks say",
    "description": (
        "Told are the alerts that the token may see; a center is told of those of its own work. It begins some seconds later, with the "
        "next alert. The secret is shown once: GET tells everything but that."
    ),
    "responses": {
        201: _answer("It is registered", _SHOWN, {**_TOLD, "secret": _SECRET}),
        **problems(Kind.NO_JSON, Kind.ENOUGH, Kind.TOO_LARGE, Kind.CONTRACT, Kind.SWITCHED_OFF),
    },
    "openapi_extra": {
        "security": SECURITY,
        "requestBody": {
            "required": True,
            "content": {
                JSON: {
                    "schema": {
                        "type": "object",
                        "required": ["url"],
                        "properties": {
                            "url": {"type": "string", "maxLength": 2000, "description": "by https, on the public internet"},
                            "severities": _words(AlertSeverity),
                            "rules": _words(AlertRule),
                        },
                        "additionalProperties": False,
                    },
                    "example": EXAMPLE,
                }
            },
        },
    },
}
LIST: Final[dict[str, Any]] = {
    "summary": "One's webhooks, without their secrets",
    "responses": {
        200: _answer(
            "All of them",
            {"type": "object", "properties": {"webhooks": {"type": "array", "items": _WEBHOOK}}},
            {"webhooks": [_TOLD]},
        ),
        **problems(Kind.SWITCHED_OFF),
    },
    "openapi_extra": {"security": SECURITY},
}
GET: Final[dict[str, Any]] = {
    "summary": "A webhook of one's own",
    "responses": {200: _answer("The webhook", _WEBHOOK, _TOLD), **problems(Kind.NOT_FOUND, Kind.SWITCHED_OFF)},
    "openapi_extra": {"security": SECURITY},
}
REMOVE: Final[dict[str, Any]] = {
    "summary": "Remove a webhook; what waits for it is not sent",
    "responses": {204: {"description": "It is removed"}, **problems(Kind.NOT_FOUND, Kind.SWITCHED_OFF)},
    "openapi_extra": {"security": SECURITY},
}
ROTATE: Final[dict[str, Any]] = {
    "summary": "Give a webhook another secret; for a day deliveries bear a signature of the former one as well",
    "responses": {
        200: _answer(
            "The webhook with its new secret",
            _SHOWN,
            {
                **_TOLD,
                "rotated_at": "2026-12-01T01:30:00.000Z",
                "former_secret_signs_until": "2026-12-02T01:30:00.000Z",
                "secret": _SECRET,
            },
        ),
        **problems(Kind.NOT_FOUND, Kind.SWITCHED_OFF),
    },
    "openapi_extra": {"security": SECURITY},
}
DELIVERIES: Final[dict[str, Any]] = {
    "summary": "What became of each delivery to a webhook, the newest first, as it was some seconds ago",
    "responses": {
        200: _answer(
            "waiting: it is tried again; parked: tried for a day, or refused for good; superseded: nobody needs it any more",
            {
                "type": "object",
                "properties": {
                    "deliveries": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "properties": {
                                "alert_id": {"type": "string"},
                                "revision": {"type": "integer"},
                                "state": {"type": "string", "enum": ["waiting", "sent", "parked", "superseded"]},
                                "attempts": {"type": "integer"},
                                "arrived_at": {"type": "string", "format": "date-time"},
                                "last_at": _TIME,
                                "next_at": _TIME,
                                "answer": {"type": "string", "description": "what came of it last"},
                            },
                        },
                    }
                },
            },
            {
                "deliveries": [
                    {
                        **{
                            "alert_id": "lot-not-accepted:35ffaa11ded76ccda252310662",
                            "revision": 21,
                            "state": "sent",
                            "attempts": 1,
                        },
                        **{"arrived_at": "2026-11-20T01:31:07.120Z", "last_at": "2026-11-20T01:31:07.204Z", "next_at": None},
                        "answer": "HTTP 204",
                    }
                ]
            },
        ),
        **problems(Kind.NOT_FOUND, Kind.CONTRACT, Kind.SWITCHED_OFF),
    },
    "openapi_extra": {"security": SECURITY},
}
