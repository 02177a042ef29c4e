"""Kafka credentials as clients want them. kafka-python and aiokafka use the same words, so this is the one place for both."""

from __future__ import annotations

from weftline.errors import UserError


def sasl(username: str | None, password: str | None) -> dict[str, str]:
    """Keyword arguments of a Kafka client: SASL/SCRAM-SHA-512 for a user, nothing (PLAINTEXT) without one."""
    if (username is None) != (password is None):
        raise UserError("Kafka credentials: give username and password, or neither")
    if username is None or password is None:
        return {}
    return {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": username,
        "sasl_plain_password": password,
    }
