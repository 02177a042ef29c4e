"""Contacts of the reference data: who of a factory is called when nobody acknowledges an alert, where the file of receivers names no steps.

The factory's first contact has a receiver of the file and is told like any other; nobody answering, its second contact is called, and
then the first of its cooperative. An entry says by which receiver somebody is reached, so how he is reached, and with which secret,
stays in the file. It must be a receiver that may read what he is called for: another factory's never is. Pure, but for :class:`Following`.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Final, NamedTuple, Protocol

from weftline.contracts.reference import Contact
from weftline.domain.alerts import ListedAlert
from weftline.errors import WeftlineError
from weftline.notify.receivers import Receiver
from weftline.runtime import logging

log = logging.get(__name__)

FIRST, SECOND = "first", "second"
FACTORY, COOPERATIVE = "factory", "cooperative"
#: What is loaded is known after so long: nobody is called in less than a minute.
LOOK_SECONDS: Final = 20.0
#: While they cannot be read it is looked again sooner: what was never read holds up every call.
AGAIN_SECONDS: Final = 3.0
#: So many are named on ``/readyz``.
MOST_NAMED: Final = 20

#: (kind of party, its id, first or second)
Key = tuple[str, str, str]


class Called(NamedTuple):
    """A contact as he is called; ``why``: why he cannot be, empty if he can."""

    party: str
    id: str
    contact: str
    receiver: str
    why: str

    def __str__(self) -> str:
        return f"{self.party} {self.id}, {self.contact} contact, {self.receiver}{self.why and f': {self.why}'}"


class Source(Protocol):
    """Where contacts stand."""

    async def contacts(self) -> list[Contact]:
        """Every entry, of all days."""

    async def close(self) -> None:
        """Let go of whatever it holds."""


class Keeping(Protocol):
    """What keeps them for whoever calls."""

    async def keep_contacts(self, found: Sequence[Contact]) -> None: ...

    @property
    def receivers(self) -> tuple[Receiver, ...]: ...


def key_of(contact: Contact) -> Key | None:
    """Whose contact it is; None for those of centers, who are not called for a factory's alert."""
    if contact.factory_id:
        return FACTORY, contact.factory_id, contact.contact
    return (COOPERATIVE, contact.cooperative_id, contact.contact) if contact.cooperative_id else None


def day_of(now: float) -> date:
    """The day by which entries hold, in UTC as everywhere in reference data; ``now``: seconds."""
    return datetime.fromtimestamp(now, UTC).date()


def in_force(contacts: Iterable[Contact], day: date) -> dict[Key, Contact]:
    """Who is whose contact on a day; without those of whom an entry says that there is nobody any more."""
    found: dict[Key, Contact] = {}
    for contact in sorted(contacts, key=lambda contact: contact.valid_from):
        if contact.valid_from <= day and (key := key_of(contact)) is not None:
            found[key] = contact
    return {key: contact for key, contact in found.items() if contact.receiver}


def has_own_steps(factory_id: str, receivers: Iterable[Receiver]) -> bool:
    """Whether the file says itself who of a factory is called: then the reference data do not."""
    return any(each.factory_id == factory_id and each.escalates_to is not None for each in receivers)


def fault_of(contact: Contact, receivers: Mapping[str, Receiver], alert: ListedAlert | None = None) -> str:
    """Why a contact cannot be called, of a certain alert or at all; empty if he can."""
    receiver = receivers.get(contact.receiver)
    if receiver is None or receiver.partner is not None:
        return "the file of receivers has no receiver of this id"
    named = {"factory": receiver.factory_id, "cooperative": receiver.cooperative_id, "center": receiver.center_id}
    allowed = (
        {"factory": contact.factory_id, "cooperative": receiver.cooperative_id}
        if contact.factory_id
        else {"cooperative": contact.cooperative_id}
    )
    for party, name in named.items():
        if name is not None and name != allowed.get(party):
            return f"that receiver is for {party} {name} alone"
    if contact.factory_id and contact.contact == FIRST and receiver.escalations_only:
        return "that receiver is told of escalations alone (escalations_only), and so not of an alert when it comes"
    if alert is not None and not receiver.may_read(alert):
        return "that receiver is not for this alert's cooperative"
    return ""


def calls_on(contacts: Iterable[Contact], receivers: Sequence[Receiver], day: date) -> list[Called]:
    """Those who would be told or called on a day. Where the file has steps of its own for a factory, its contacts are not asked for."""
    by_id = {each.id: each for each in receivers}
    return [
        Called(*key, contact.receiver, fault_of(contact, by_id))
        for key, contact in sorted(in_force(contacts, day).items(), key=lambda item: item[0])
        if not (key[0] == COOPERATIVE and key[2] == SECOND) and not (key[0] == FACTORY and has_own_steps(key[1], receivers))
    ]


class Following:
    """Keeps the outbox's contacts as the tables have them.

    ``fault``: why they cannot be read now, empty while they can; ``looks``: how often it was looked; ``unreached``: as of the last look.
    """

    def __init__(self, source: Source, keeping: Keeping, clock: Callable[[], float] = time.time) -> None:
        self._source = source
        self._keeping = keeping
        self._clock = clock
        self.fault = "they were not read yet"
        self.looks = 0
        self.unreached: list[Called] = []

    async def run(self) -> None:
        """Look again and again."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS if not self.fault else AGAIN_SECONDS)

    async def look(self) -> None:
        """Read them and keep them. Whatever fails is said, and waits for the next time; what was read before stays."""
        try:
            found = await self._source.contacts()
            await self._keeping.keep_contacts(found)
        except (WeftlineError, sqlite3.Error) as error:
            if str(error) != self.fault:
                log.warning("waiting", dependency="contacts", error=str(error))
            self.fault = str(error)
        else:
            if self.fault:
                log.info("reading contacts", count=len(found))
            self.fault = ""
            known = calls_on(found, self._keeping.receivers, day_of(self._clock()))
            missing = [one for one in known if one.why]
            if missing and missing != self.unreached:
                log.warning("contacts cannot be called", contacts=[str(one) for one in missing[:MOST_NAMED]], count=len(missing))
            self.unreached = missing
        self.looks += 1
