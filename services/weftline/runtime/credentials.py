"""Kafka credentials as clients want them. kafka-python and aiokafka use the same words, so this is the one place for both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weftline.errors import UserError

if TYPE_CHECKING:  # the SDK comes here too, and has no use for settings
    from weftline.runtime.settings import Settings


def sasl(username: str | None, password: str | None) -> dict[str, Any]:
    """Keyword arguments of a Kafka client: SASL/SCRAM-SHA-512 for a user, nothing (PLAINTEXT) without one."""
    if (username is None) != (password is None):
        raise UserError("Kafka credentials: give username and password, or neither")
    if username is None:
        return {}
    return {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": username,
        "sasl_plain_password": password,
    }


def credentials(settings: Settings) -> dict[str, Any]:
    """The same by the settings."""
    password = settings.kafka_password
    return sasl(settings.kafka_username, None if password is None else password.get_secret_value())
