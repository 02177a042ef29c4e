"""How the file of receivers is written.

Nothing secret stands in the file. A secret, and the token of a bot, are named by a variable of the environment or by a file of their own;
an address that carries one is refused.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Self
from urllib.parse import parse_qsl, urlsplit

import httpx
from pydantic import AfterValidator, Field, PlainValidator, SecretStr, ValidationInfo, model_validator

from weftline.contracts import rules
from weftline.contracts.topics import own_topic
from weftline.contracts.yaml_reading import parse_yaml
from weftline.contracts.yaml_types import Fault, Faults, Model, NotA, Text, checked, mappings, one_of
from weftline.domain.vocabulary import AlertRule, AlertSeverity
from weftline.errors import UserError
from weftline.notify.chat import BOTS
from weftline.notify.receivers import EXAMPLE, WEBHOOK, Receiver, Receivers

KINDS: Final = (WEBHOOK, *BOTS)
_PARTY: Final = ("factory_id", "cooperative_id", "center_id")
_SECRET_IS: Final = "must say where it is, {env: NAME} or {file: PATH}, never what it is"
#: Standard Webhooks asks for 24 to 64 bytes.
_LEAST_SECRET, _MOST_SECRET = 24, 64
#: An ERP that takes ten a second takes these; a receiver may be given less or more.
WEBHOOK_PER_MINUTE: Final = 600
#: Longer ones are cut by servers on the way.
_MOST_URL: Final = 2_000
_NAMES: Final = frozenset({"key", "token", "access_token", "secret", "sign", "signature", "password"})


def _secret(value: Any, info: ValidationInfo) -> SecretStr:
    if not isinstance(value, dict) or len(value) != 1 or not value.keys() <= {"env", "file"}:
        raise Fault(_SECRET_IS)
    ((where, name),) = value.items()
    if not isinstance(name, str) or not name.strip():
        raise Fault(_SECRET_IS)
    context: Mapping[str, Any] = info.context or {}
    if where == "env":
        found = context.get("environment", {}).get(name, "")
        if not found.strip():
            raise Fault(f"the environment has no {name}; set it where `weftline notify run` starts")
        return SecretStr(found.strip())
    path = context.get("folder", Path()) / name
    try:
        found = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Fault(
            f"{path} cannot be read ({getattr(error, 'strerror', None) or 'it is not UTF-8'}); put the secret there"
        ) from None
    if not found:
        raise Fault(f"{path} is empty; put the secret there")
    return SecretStr(found)


def _url(text: str, elsewhere: str = "put it elsewhere, and name it as token: {env: NAME} or {file: PATH}") -> str:
    try:
        parts = urlsplit(text)
        port_is_sound = (parts.port is None or parts.port > 0) and bool(httpx.URL(text))
    except (ValueError, httpx.InvalidURL):
        port_is_sound, parts = False, urlsplit("")
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or not port_is_sound
        or not text.isascii()
        or not text.isprintable()
    ):
        raise NotA("must be an address such as https://erp.example/hooks/weftline (a name with other letters as punycode)")
    if parts.username or parts.password:
        raise Fault("carries a password; leave it out, deliveries are signed")
    if parts.fragment:
        raise Fault("has a #, behind which nothing is sent; leave it out")
    for name, value in parse_qsl(parts.query):  # key= with nothing behind it waits for its token
        if value and name.lower() in _NAMES:
            raise Fault(f"carries a secret ({name}); {elsewhere}")
    return text


def _url_over_http(text: str) -> str:
    """The same for whoever sends it to the gateway, which keeps it."""
    if len(text) > _MOST_URL:
        raise Fault(f"must have {_MOST_URL:,} characters at most")
    return _url(text, "leave it out: what is sent is signed, and the receiver checks that")


def _own_topic(factory_id: str) -> str:
    try:
        own_topic(factory_id)
    except UserError as error:
        raise Fault(str(error)) from None
    return factory_id


def _some(of: Any) -> Callable[[Any], Any]:
    def check(values: list[Any]) -> frozenset[Any]:
        if not values:
            raise Fault(
                f"must not be empty; leave it out for all of {', '.join(word.value for word in of if word.value != 'UNKNOWN')}"
            )
        return frozenset(values)

    return check


def _up_to(most: int, least: int = 1) -> AfterValidator:
    def check(value: int) -> int:
        if not least <= value <= most:
            raise NotA(f"must be a whole number from {least} to {most}")
        return value

    return AfterValidator(check)


Identifier = Annotated[str, checked(rules.identifier)]
Secret = Annotated[SecretStr, PlainValidator(_secret)]
Url = Annotated[str, AfterValidator(_url)]
_SEVERITIES: Final[list[AlertSeverity]] = [severity for severity in AlertSeverity if severity is not AlertSeverity.UNKNOWN]
_RULES: Final[list[AlertRule]] = [rule for rule in AlertRule if rule is not AlertRule.UNKNOWN]


_Severities = Annotated[
    list[Annotated[AlertSeverity, one_of({each.value: each for each in _SEVERITIES})]], AfterValidator(_some(AlertSeverity))
]
_Rules = Annotated[list[Annotated[AlertRule, one_of({each.value: each for each in _RULES})]], AfterValidator(_some(AlertRule))]


class _Receiver(Model):
    valued: ClassVar[frozenset[str]] = frozenset({"severities", "rules", "factory_id", "cooperative_id", "center_id", "secret"})

    id: Annotated[Identifier, Field(description="it is what the receiver is called in lists; keep it when the address changes")]
    kind: Annotated[str, one_of({kind: kind for kind in KINDS}), Field(description=f"it is one of {', '.join(KINDS)}")]
    url: Url | None = None
    token: Secret | None = None
    secret: Secret | None = None
    previous_secret: Secret | None = None
    factory_id: Identifier | None = None
    cooperative_id: Identifier | None = None
    center_id: Identifier | None = None
    all: bool = False
    severities: _Severities = _SEVERITIES
    rules: _Rules = _RULES
    language: Annotated[bool, one_of({"zh": True, "en": False})] = True
    allow_private: bool = False
    per_minute: Annotated[int, _up_to(6_000)] | None = None
    digest_minutes: Annotated[int, _up_to(1_440)] = 10
    keyword: Text = ""
    escalates_to: Identifier | None = None
    after_minutes: Annotated[int, _up_to(10_080)] = 60
    escalations_only: bool = False

    @model_validator(mode="after")
    def _secrets_sign(self) -> Self:
        given = {"secret": self.secret, "previous_secret": self.previous_secret} if self.kind == WEBHOOK else {}
        faults = ((fault_of_secret(secret.get_secret_value()), key) for key, secret in given.items() if secret)
        Faults.raise_any(Fault(fault, key) for fault, key in faults if fault)
        return self

    def receiver(self) -> Receiver:
        bot = BOTS.get(self.kind)
        token = self.token.get_secret_value() if self.token else ""
        return Receiver(
            id=self.id,
            kind=self.kind,
            address=f"{self.url or (bot.base if bot else '')}{token}",
            factory_id=self.factory_id,
            cooperative_id=self.cooperative_id,
            center_id=self.center_id,
            severities=frozenset(self.severities),
            rules=frozenset(self.rules),
            zh=self.language,
            secrets=tuple(each.get_secret_value() for each in (self.secret, self.previous_secret) if each),
            allow_private=self.allow_private,
            per_minute=min(self.per_minute or bot.per_minute, bot.per_minute) if bot else self.per_minute or WEBHOOK_PER_MINUTE,
            digest_minutes=self.digest_minutes,
            keyword=self.keyword,
            escalates_to=self.escalates_to,
            after_minutes=self.after_minutes,
            escalations_only=self.escalations_only,
        )


class Wanted(Model):
    """What a partner says of a webhook of his own. Whom it is told of follows from who he is, so there is no word for that."""

    url: Annotated[str, AfterValidator(_url_over_http), Field(description="it is the address to which alerts are posted")]
    severities: _Severities = []
    rules: _Rules = []

    @classmethod
    def beside(cls, body: Mapping[Any, Any]) -> Iterator[Fault]:
        """Faults of an address on the public internet; where private ones are allowed nobody asks."""
        url = body.get("url")
        if isinstance(url, str) and _is_plain(url):
            yield Fault("is not encrypted; use https", "url")
        if isinstance(url, str) and _is_private(url):
            yield Fault("is an address of a private network, to which nothing is sent from here", "url")


class ReceiversFile(Model):
    board: Url = ""
    inbox: Url = ""
    #: May be empty, as where a stack is set up before anybody is told.
    receivers: Annotated[list[_Receiver], Field(description="it is the list of those who are told")] = []
    own_topics: list[Annotated[Identifier, AfterValidator(_own_topic)]] = []
    contacts_after_minutes: Annotated[int, _up_to(10_080)] | None = None

    @classmethod
    def beside(cls, body: Mapping[Any, Any]) -> Iterator[Fault]:
        first: dict[str, Any] = {}
        for step, entry in mappings(body, "receivers"):
            at = ("receivers", step)
            name = entry.get("id")
            if isinstance(name, str) and (known := first.setdefault(name.strip(), step)) != step:
                yield Fault(
                    f"{name} is in line {{line}} as well; give each an id of its own", *at, "id", first=("receivers", known, "id")
                )
            yield from (Fault(fault.problem, *at, *fault.steps) for fault in _of_its_kind(entry))
        yield from _escalations(body)
        if "receivers" not in body and not body.get("own_topics"):
            yield Fault(
                "receivers is missing; it is the list of those who are told; [] where there are none yet, or own_topics alone"
            )

    def made(self) -> Receivers:
        each = tuple(receiver.receiver() for receiver in self.receivers)
        return Receivers(self.board, each, self.inbox, tuple(dict.fromkeys(self.own_topics)), self.contacts_after_minutes)


def _escalations(body: Mapping[Any, Any]) -> Iterator[Fault]:
    """Whoever is called must be in the file, and must not, by way of others, call himself."""
    called = {
        entry["id"].strip(): entry["escalates_to"].strip() if isinstance(entry.get("escalates_to"), str) else None
        for _, entry in mappings(body, "receivers")
        if isinstance(entry.get("id"), str)
    }
    for step, entry in mappings(body, "receivers"):
        at = ("receivers", step, "escalates_to")
        if entry.get("after_minutes") is not None and entry.get("escalates_to") is None:
            yield Fault("says when, and escalates_to does not say to whom", "receivers", step, "after_minutes")
        if not isinstance(entry.get("escalates_to"), str):
            continue
        name = entry["escalates_to"].strip()
        if name not in called:
            yield Fault(f"{name} is no receiver of this file", *at)
            continue
        seen, following = set[str](), name
        while following is not None and following not in seen:
            seen.add(following)
            following = called.get(following)
        if following is not None:
            yield Fault(f"{' → '.join(sorted(seen))} call one another without end; leave one of them", *at)


def _of_its_kind(entry: Mapping[Any, Any]) -> Iterator[Fault]:
    """What one key asks of another."""
    named, everybody = [key for key in _PARTY if entry.get(key) is not None], entry.get("all") is True
    if not named and not everybody:
        yield Fault(f"does not say whom it is for; give {', '.join(_PARTY)}, or all: true")
    if named and everybody:
        yield Fault(f"says all: true beside {named[0]}; leave one of them", "all")
    kind, url = entry.get("kind"), entry.get("url")
    if kind == WEBHOOK:
        if url is None:
            yield Fault("has no url; a webhook needs the address that is posted to")
        if entry.get("secret") is None:
            yield Fault("has no secret; `weftline notify secret` makes one, name it as {env: NAME} or {file: PATH}")
        for key in ("token", "keyword", "digest_minutes"):
            if entry.get(key) is not None:
                yield Fault("is for group bots; leave it out", key)
    elif bot := BOTS.get(str(kind)):
        if entry.get("token") is None:
            yield Fault(f"has no token; it is what stands last in the address of the bot, after {bot.base}")
        if entry.get("secret") is not None and not bot.signed:
            yield Fault(f"{bot.name} signs nothing; leave it out", "secret")
        if entry.get("previous_secret") is not None:
            yield Fault("bots have one secret at a time; leave it out", "previous_secret")
    if entry.get("previous_secret") is not None and entry.get("secret") is None:
        yield Fault("stands alone; the new one is secret, the one before it previous_secret", "previous_secret")
    if isinstance(url, str) and entry.get("allow_private") is not True and _is_plain(url):
        yield Fault("is not encrypted; use https, or say allow_private: true for one in your own network", "url")
    if isinstance(url, str) and entry.get("allow_private") is not True and _is_private(url):
        yield Fault("is an address of a private network; allow_private: true lets it be", "url")


def _is_plain(url: str) -> bool:
    # Not by its first letters: a scheme may be written in large ones.
    try:
        return urlsplit(url).scheme == "http"
    except ValueError:
        return False


def _is_private(url: str) -> bool:
    # The dispatcher looks again at every attempt, by what a name stands for then.
    try:
        return not ipaddress.ip_address(urlsplit(url).hostname or "").is_global
    except ValueError:
        return False


def fault_of_secret(secret: str) -> str | None:
    """Why a secret signs no webhook; None if it does."""
    try:
        size = len(base64.b64decode(secret.removeprefix("whsec_") + "==", validate=False))
    except (binascii.Error, ValueError):
        size = 0
    if not secret.startswith("whsec_") or not _LEAST_SECRET <= size <= _MOST_SECRET:
        return f"must be whsec_ and {_LEAST_SECRET} to {_MOST_SECRET} bytes in base64, as `weftline notify secret` makes it"
    return None


def load_receivers(path: Path, environment: Mapping[str, str] | None = None) -> Receivers:
    """The receivers of a file; :class:`UserError` that lists every fault with its line."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UserError(f"{path} cannot be read: {reason}; WEFTLINE_RECEIVERS names the file of receivers") from None
    context = {"environment": os.environ if environment is None else environment, "folder": path.parent}
    return parse_yaml(text, ReceiversFile, str(path), context=context, example=EXAMPLE).made()
