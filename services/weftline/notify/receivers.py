"""Who is told, and what of an alert is for whom: the values of the file of receivers (:mod:`.receivers_file`), and of webhooks that
partners registered (:mod:`.registered`)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from weftline.contracts.partners import Partner, Role
from weftline.domain.alerts import ListedAlert
from weftline.domain.vocabulary import AlertRule, AlertSeverity

#: The kind of a receiver that is a program; all others are group bots (:data:`weftline.notify.chat.BOTS`).
WEBHOOK: Final = "webhook"
EXAMPLE: Final = "schemas/examples/receivers.yaml"


@dataclass(frozen=True, slots=True)
class Receiver:
    """One endpoint. Of the party's ids, None stands for all; ``address`` and ``secrets`` are not shown.

    ``escalates_to``: the receiver that is called if nobody acknowledges an alert within ``after_minutes``; ``escalations_only``: it is told
    of nothing else. ``partner``: whose webhook it is, by whose rights it is told what it is told; None for those of the file.
    """

    id: str
    kind: str
    address: str
    factory_id: str | None
    cooperative_id: str | None
    center_id: str | None
    severities: frozenset[AlertSeverity]
    rules: frozenset[AlertRule]
    zh: bool
    secrets: tuple[str, ...]
    allow_private: bool
    per_minute: int
    digest_minutes: int
    keyword: str
    escalates_to: str | None = None
    after_minutes: int = 0
    escalations_only: bool = False
    partner: Partner | None = None

    def __repr__(self) -> str:
        return f"Receiver({self.id!r}, {self.kind!r}, {self.host!r})"

    @property
    def host(self) -> str:
        """Where it is, without what nobody shall see."""
        return urlsplit(self.address).hostname or ""

    @property
    def party(self) -> tuple[str | None, ...]:
        """Whose it is: another one of the same party is told if it is switched off."""
        named = self.factory_id, self.cooperative_id, self.center_id
        # A partner who is not one factory, cooperative or center is a party of its own, and not all of them.
        several = self.partner is not None and self.partner.role is not Role.OPERATOR and not any(named)
        return (self.partner.partner_id,) if self.partner is not None and several else named

    @property
    def for_people(self) -> bool:
        """Whether a person reads it; a program is sent every revision, and at once."""
        return self.kind != WEBHOOK

    @property
    def is_a_factorys(self) -> bool:
        """Whether one factory reads it, and no center: then a message may carry a link to the factory's inbox."""
        return self.for_people and self.factory_id is not None and self.center_id is None

    @property
    def mark(self) -> str:
        """Changes with the endpoint: another one has not failed yet."""
        return hashlib.blake2b(f"{self.kind}\x1f{self.address}".encode(), digest_size=8).hexdigest()

    def may_read(self, alert: ListedAlert) -> bool:
        """Whether an alert is of the party that reads here."""
        return (
            self.factory_id in (None, alert.factory_id)
            and self.cooperative_id in (None, alert.cooperative_id)
            and self.center_id in (None, alert.center_id)
        )

    def wants(self, alert: ListedAlert) -> bool:
        """Whether an alert is for it. A word that this version does not know is left out by no list."""
        return (
            not self.escalations_only
            and (self.partner is None or self.partner.is_told(alert.factory_id, alert.cooperative_id, alert.center_id))
            and self.may_read(alert)
            and (alert.severity in self.severities or alert.severity is AlertSeverity.UNKNOWN)
            and (alert.rule in self.rules or alert.rule is AlertRule.UNKNOWN)
        )


@dataclass(frozen=True, slots=True)
class Receivers:
    """Those of the file. ``board``: where the links lead; ``inbox``: the gateway, where those for a factory alone lead instead;
    ``own_topics``: factories with a topic of their own (:mod:`.own_topics`); ``contact_minutes``: after so long without an
    acknowledgement the contacts of the reference data are called (:mod:`.contacts`), None: never."""

    board: str
    each: tuple[Receiver, ...]
    inbox: str = ""
    own_topics: tuple[str, ...] = ()
    contact_minutes: int | None = None
