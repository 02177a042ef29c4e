"""Kafka credentials as clients want them. kafka-python and aiokafka use the same words, so this is the one place for both."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from weftline.errors import UserError
from weftline.runtime.tls import trusting

if TYPE_CHECKING:  # the SDK comes here too, and has no use for settings
    from weftline.runtime.settings import Settings


def sasl(username: str | None, password: str | None, ca: str | Path | None = None) -> dict[str, Any]:
    """Keyword arguments of a Kafka client: SASL/SCRAM-SHA-512 for a user, TLS that trusts ``ca`` (:func:`.tls.trusting`), PLAINTEXT
    without either."""
    if (username is None) != (password is None):
        raise UserError("Kafka credentials: give username and password, or neither")
    tls = {} if ca is None else {"ssl_context": trusting(ca)}
    if username is None:
        return {"security_protocol": "SSL", **tls} if tls else {}
    return {
        "security_protocol": "SASL_SSL" if tls else "SASL_PLAINTEXT",
        **tls,
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": username,
        "sasl_plain_password": password,
    }


def credentials(settings: Settings) -> dict[str, Any]:
    """The same by the settings."""
    password = settings.kafka_password
    return sasl(settings.kafka_username, None if password is None else password.get_secret_value(), settings.kafka_ca)
