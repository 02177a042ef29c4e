"""Partners of the HTTP gateway: who they are, what each may say and see, and the tokens by which they are known.

A token is 256 random bits behind a name: ``wft_NAME_SECRET``. It is shown once, when it is made; what is kept is its SHA-256. (A slow hash
would protect what can be guessed. This cannot be.) The name is no secret: it finds the hash, which is then compared in constant time, so
that neither a wrong secret nor an unknown name is told from the other by how long the answer takes.

What is refused does not say why in more than the refused party may know: an unknown token, one that has expired and one of a partner that
was disabled get the same answer, and what is another's is answered as what does not exist.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, NamedTuple

from weftline.contracts import rules
from weftline.contracts.publishers import claims, covers
from weftline.domain.events import AlertReply, Event
from weftline.errors import ContractError, NotAllowed, UserError

#: What a partner may send a minute unless he is given another figure: a center's day of 1,500 events in a quarter of a minute.
PER_MINUTE: Final = 6_000
#: How long a token holds unless somebody says otherwise.
DAYS: Final = 365
_DAY_MS: Final = 86_400_000
_FORM: Final = re.compile(r"wft_([0-9a-f]{12})_[A-Za-z0-9_-]{43}")
_NOBODYS: Final = "0" * 64


class Role(StrEnum):
    """What a partner is."""

    CENTER = "center"
    FACTORY = "factory"
    OFFICER = "officer"
    OPERATOR = "operator"


#: What a role must be bound to, and what it may be bound to beside that.
BOUND_TO: Final = {
    Role.CENTER: (("sources", "centers", "cooperatives"), ("laboratories",)),
    Role.FACTORY: (("factories",), ()),
    Role.OFFICER: (("cooperatives",), ()),
    Role.OPERATOR: ((), ()),
}
LISTS: Final = ("sources", "centers", "cooperatives", "laboratories", "factories")


@dataclass(frozen=True, slots=True, kw_only=True)
class Partner:
    """A partner. A name that ends in * stands for all that begin so. ``per_minute``: requests, or events, that it may send."""

    partner_id: str
    role: Role
    sources: tuple[str, ...] = ()
    centers: tuple[str, ...] = ()
    cooperatives: tuple[str, ...] = ()
    laboratories: tuple[str, ...] = ()
    factories: tuple[str, ...] = ()
    per_minute: int = PER_MINUTE
    disabled: bool = False

    @property
    def publishes(self) -> bool:
        """Whether it publishes at all."""
        return self.role is Role.CENTER

    @property
    def reads_alerts(self) -> bool:
        """Whether it reads alerts at all."""
        return self.role is not Role.CENTER

    @property
    def reads_events(self) -> bool:
        """Whether it may ask what became of an event: its own, those of its cooperatives, all."""
        return self.role is not Role.FACTORY

    def refusals(self, event: Event) -> Iterator[NotAllowed]:
        """For each field of ``event`` by which it would speak for somebody else, why it may not. Whoever sees an alert may answer it."""
        if isinstance(event, AlertReply):
            if not self.sees_alert(event.factory_id, event.cooperative_id):
                yield NotAllowed("factory_id", f"this token does not answer for {rules.shown(event.factory_id)}")
            return
        for field, said, names in claims(event):
            if not covers(getattr(self, names), said):
                yield NotAllowed(field, f"this token does not speak for {rules.shown(said)}")

    def sees_event(self, event: Event) -> bool:
        """Whether it may be told of an event that was published."""
        if self.role is Role.CENTER:
            return not any(True for _ in self.refusals(event))
        return self.role is Role.OPERATOR or (self.role is Role.OFFICER and covers(self.cooperatives, event.cooperative_id))

    def sees_alert(self, factory_id: str, cooperative_id: str) -> bool:
        """Whether an alert is for it to see."""
        if self.role is Role.FACTORY:
            return covers(self.factories, factory_id)
        return self.role is Role.OPERATOR or (self.role is Role.OFFICER and covers(self.cooperatives, cooperative_id))

    def is_told(self, factory_id: str, cooperative_id: str, center_id: str) -> bool:
        """Whether its webhooks are told of an alert: of what it sees, and a center of what arose from its own work."""
        if self.role is Role.CENTER:
            return covers(self.centers, center_id) and covers(self.cooperatives, cooperative_id)
        return self.sees_alert(factory_id, cooperative_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What is kept of a token. Times in ms; ``expires_at`` and ``revoked_at``: it is not taken from then on. None: no end."""

    partner_id: str
    token_id: str
    digest: str
    made_at: int
    expires_at: int | None = None
    revoked_at: int | None = None

    def holds(self, now: int) -> bool:
        """Whether it is taken at ``now``."""
        return all(end is None or now < end for end in (self.expires_at, self.revoked_at))


class Made(NamedTuple):
    """A new token: the text that is shown once, and what is kept."""

    text: str
    token: Token


class Caller(NamedTuple):
    """Who is known by a token."""

    partner: Partner
    token: Token


def digest(text: str) -> str:
    """What is kept of the text of a token."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def new_token(partner_id: str, now: int, days: int | None) -> Made:
    """A token that nobody else has; ``days``: for how long it holds, None without end."""
    token_id = secrets.token_hex(6)
    text = f"wft_{token_id}_{secrets.token_urlsafe(32)}"
    expires = None if days is None else now + days * _DAY_MS
    return Made(text, Token(partner_id=partner_id, token_id=token_id, digest=digest(text), made_at=now, expires_at=expires))


def revoked(token: Token, at: int) -> Token:
    """The same, no longer taken from ``at`` on; what ends sooner stays so."""
    ends = at if token.revoked_at is None else min(at, token.revoked_at)
    return replace(token, revoked_at=ends)


def checked(partner: Partner) -> Partner:
    """The partner, or a :class:`UserError` that lists every fault."""
    faults = []
    try:
        rules.identifier(partner.partner_id)
    except ContractError as error:
        faults.append(f"its id {error.problem}")
    needed, allowed = BOUND_TO[partner.role]
    for names in LISTS:
        given = getattr(partner, names)
        if not given and names in needed:
            faults.append(f"a partner with the role {partner.role} names its {names}")
        if given and names not in (*needed, *allowed):
            faults.append(f"a partner with the role {partner.role} has no {names}")
        for name in given:
            try:
                rules.identifier(name)
            except ContractError as error:
                faults.append(f"{names}: {error.problem}")
            if "*" in name[:-1]:
                faults.append(f"{names}: {rules.shown(name)} must have its * at the end, or nowhere")
    if partner.per_minute < 1:
        faults.append(f"it may send at least 1 a minute, not {partner.per_minute}")
    if faults:
        raise UserError(f"partner {partner.partner_id}:\n" + "\n".join(f"  {fault}" for fault in faults))
    return partner


class Partners:
    """All partners and tokens. :meth:`caller` is the door: a pure function of them, of a text and of the time."""

    def __init__(self, partners: Iterable[Partner], tokens: Iterable[Token]) -> None:
        self.partners = {partner.partner_id: partner for partner in partners}
        self.tokens = {token.token_id: token for token in tokens}

    def caller(self, text: str, now: int) -> Caller | None:
        """Who is known by a text; None for whoever is not let in, whatever the reason."""
        form = _FORM.fullmatch(text)
        token = self.tokens.get(form[1]) if form else None
        right = hmac.compare_digest(digest(text), _NOBODYS if token is None else token.digest)
        partner = None if token is None else self.partners.get(token.partner_id)
        if token is None or partner is None or not right or partner.disabled or not token.holds(now):
            return None
        return Caller(partner, token)

    def still(self, caller: Caller, now: int) -> Caller | None:
        """The same caller as he is known now, without his secret; None if he would not be let in any more."""
        known = self.known(caller.token.token_id, now)
        return None if known is None or known.token.digest != caller.token.digest else known

    def known(self, token_id: str, now: int) -> Caller | None:
        """Whose token has this name, which is no secret: for those who have shown its secret before. None if it is not taken any more."""
        token = self.tokens.get(token_id)
        partner = None if token is None else self.partners.get(token.partner_id)
        if token is None or partner is None or partner.disabled or not token.holds(now):
            return None
        return Caller(partner, token)

    def has(self, role: Role, now: int) -> bool:
        """Whether anybody with this role would be let in."""
        return any(
            self.still(Caller(partner, token), now)
            for token in self.tokens.values()
            if (partner := self.partners.get(token.partner_id)) is not None and partner.role is role
        )

    def ends_at(self, partner_id: str) -> int | None:
        """When the last of a partner's tokens ends (ms), 0 if he has none; None if one holds for good."""
        ends = []
        for token in self.tokens_of(partner_id):
            known = [end for end in (token.expires_at, token.revoked_at) if end is not None]
            if not known:
                return None
            ends.append(min(known))
        return max(ends, default=0)

    def tokens_of(self, partner_id: str) -> list[Token]:
        """The tokens of a partner, the newest first."""
        mine = [token for token in self.tokens.values() if token.partner_id == partner_id]
        return sorted(mine, key=lambda token: (-token.made_at, token.token_id))
