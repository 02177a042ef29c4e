"""Webhooks that a partner registers: read, kept, told, rotated and removed, always his own.

No request names whose alerts a webhook is told of: that follows from the partner, at the moment of sending (:mod:`weftline.notify`). A
webhook of somebody else is answered as one that does not exist.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from pydantic import ValidationError

from weftline.contracts.rules import iso, shown
from weftline.contracts.webhooks import MOST, Registered, Secrets, new_id
from weftline.contracts.yaml_types import Fault as Found
from weftline.contracts.yaml_types import Faults, keys_of
from weftline.gateway import bodies
from weftline.gateway.problems import Fault, Kind, Problem
from weftline.gateway.tables import Tables
from weftline.notify.receivers_file import Wanted
from weftline.warehouse import webhooks as tables

NO_WEBHOOK: Final = "There is no webhook of this id for this token; GET /v1/webhooks names those that there are"
#: A page of deliveries.
MOST_DELIVERIES: Final = 500


def read(data: bytes, *, allow_private: bool) -> Wanted:
    """The body of a registration; :class:`Problem` with every fault."""
    value = bodies.parse(data)
    if not isinstance(value, dict):
        raise Problem(Kind.CONTRACT, "The body is an object", [Fault("body", f"must be an object, not {shown(value)}")])
    faults = [] if allow_private else [_fault("url", fault) for fault in Wanted.beside(value)]
    try:
        wanted = Wanted.model_validate(value)
    except ValidationError as error:
        faults += [one for told in error.errors(include_url=False) for one in _faults(dict(told))]
    if faults:
        raise Problem(Kind.CONTRACT, f"{faults[0].field}: {faults[0].problem}", faults)
    return wanted


def _faults(told: dict[str, Any]) -> list[Fault]:
    """What pydantic found, in the words of the rule that found it."""
    field = ".".join(map(str, told["loc"])) or "body"
    if told["type"] == "missing":
        return [Fault(field, f"is missing; {keys_of(Wanted)[field].description}")]
    if told["type"] == "extra_forbidden":
        return [Fault(ascii(field)[1:-1], f"is no field here; there are {', '.join(map(str, keys_of(Wanted)))}")]
    found = told.get("ctx", {}).get("error")
    if isinstance(found, Faults):
        return [_fault(field, one) for one in found.faults]
    return [_fault(field, found) if isinstance(found, Found) else Fault(field, str(told["msg"]))]


def _fault(field: str, found: Found) -> Fault:
    return Fault(field, found.problem)


class Webhooks:
    """Those of all partners. ``secrets``: None where none are taken; ``now`` gives ms."""

    def __init__(self, source: Tables, secrets: Secrets | None, *, allow_private: bool, now: Callable[[], int]) -> None:
        self._source = source
        self._secrets = secrets
        self._allow_private = allow_private
        self._now = now

    async def register(self, partner: str, data: bytes) -> dict[str, Any]:
        """Keep one, and show its secret."""
        secrets, wanted = self._on(), read(data, allow_private=self._allow_private)
        now = self._now()
        webhook = Registered(
            webhook_id=new_id(),
            partner_id=partner,
            url=wanted.url,
            severities=tuple(sorted(map(str, wanted.severities))),
            rules=tuple(sorted(map(str, wanted.rules))),
            generation=1,
            key_id=secrets.key_id,
            made_at=now,
            rotated_at=None,
            removed=False,
            changed_at=now,
        )
        if len(await self._of(partner)) >= MOST:
            raise _enough()
        await tables.put(self._source, webhook)
        # Whoever registers many at one time finds room for each. So it is looked again: of too many the last sees all of them.
        if len(await self._of(partner)) > MOST:
            await tables.put(self._source, replace(webhook, removed=True, changed_at=now + 1))
            raise _enough()
        return self._told(webhook, with_secret=True)

    async def listed(self, partner: str) -> list[dict[str, Any]]:
        """All of a partner, without their secrets."""
        self._on()
        return [self._told(webhook) for webhook in await self._of(partner)]

    async def get(self, partner: str, webhook_id: str) -> dict[str, Any]:
        """One of them."""
        self._on()
        return self._told(await self._one(partner, webhook_id))

    async def rotate(self, partner: str, webhook_id: str) -> dict[str, Any]:
        """Give it another secret, and show that; the former one signs too for a day."""
        secrets, known = self._on(), await self._one(partner, webhook_id)
        now = max(self._now(), known.changed_at + 1)
        fresh = replace(known, generation=known.generation + 1, key_id=secrets.key_id, rotated_at=now, changed_at=now)
        await tables.put(self._source, fresh)
        return self._told(fresh, with_secret=True)

    async def remove(self, partner: str, webhook_id: str) -> None:
        """Send nothing to it any more."""
        self._on()
        known = await self._one(partner, webhook_id)
        await tables.put(self._source, replace(known, removed=True, changed_at=max(self._now(), known.changed_at + 1)))

    async def deliveries(self, partner: str, webhook_id: str, state: str, most: int) -> list[dict[str, Any]]:
        """What became of each delivery, the newest first, as the dispatcher last told."""
        self._on()
        known = await self._one(partner, webhook_id)
        asked = {"webhook": known.webhook_id, "state": state, "most": most}
        return [_delivery(row) for row in await self._source.rows(tables.DELIVERIES, asked)]

    def _on(self) -> Secrets:
        if self._secrets is None:
            raise Problem(
                Kind.SWITCHED_OFF,
                "Webhooks are not registered here; whoever runs Weftline lets partners do so with WEFTLINE_WEBHOOKS=public",
            )
        return self._secrets

    async def _of(self, partner: str) -> list[Registered]:
        return [tables.webhook_of(row) for row in await self._source.rows(tables.OF_PARTNER, {"partner": partner})]

    async def _one(self, partner: str, webhook_id: str) -> Registered:
        for known in await self._of(partner):
            if known.webhook_id == webhook_id:
                return known
        raise Problem(Kind.NOT_FOUND, NO_WEBHOOK)

    def _told(self, webhook: Registered, *, with_secret: bool = False) -> dict[str, Any]:
        secrets, former = self._on(), webhook.former_until(self._now())
        return {
            "id": webhook.webhook_id,
            "url": webhook.url,
            "severities": list(webhook.severities) or None,
            "rules": list(webhook.rules) or None,
            "made_at": iso(webhook.made_at),
            "rotated_at": None if webhook.rotated_at is None else iso(webhook.rotated_at),
            "former_secret_signs_until": None if former is None else iso(former),
            "secret_is_current": webhook.key_id == secrets.key_id,
            "href": f"/v1/webhooks/{webhook.webhook_id}",
            **({"secret": secrets.of(webhook.webhook_id, webhook.generation)} if with_secret else {}),
        }


def _enough() -> Problem:
    return Problem(Kind.ENOUGH, f"A partner may have {MOST} webhooks; remove one that is not needed any more")


def _delivery(row: Any) -> dict[str, Any]:
    told = dict(zip(tables.TOLD_COLUMNS, row, strict=True))
    times = {name: None if told[name] is None else iso(told[name]) for name in ("arrived_at", "last_at", "next_at")}
    return {name: value for name, value in {**told, **times}.items() if name != "webhook_id"}
