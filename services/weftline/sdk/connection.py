"""How the SDK reaches Kafka, and what it says when it does not."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any, NoReturn

from kafka.errors import AuthorizationError, KafkaError, SaslAuthenticationFailedError

from weftline.errors import DependencyDown, KafkaRefuses, UserError
from weftline.kafka_admin.login import check_certificate, refused, wrong_login
from weftline.runtime.credentials import sasl

CONNECT_SECONDS = 3.0
"""A broker that accepts no TCP connection within this time is taken for absent. kafka-python alone goes on trying for its whole
bootstrap timeout even when the connection is refused, and leaves its thread behind."""

BOOTSTRAP_SECONDS = 10.0


def settings(kafka: str, username: str | None, password: str | None, ca: str | Path | None = None) -> dict[str, Any]:
    """kafka-python's settings for the brokers ``kafka`` (``host:port``, comma separated); makes sure that one of them listens.

    With ``username`` the connection is SASL/SCRAM-SHA-512, with ``ca`` TLS (:func:`weftline.runtime.tls.trusting`). Raises
    :class:`UserError` for an address that is none, for a login that is refused and for a certificate that is not trusted,
    :class:`DependencyDown` when nobody answers.
    """
    credentials = sasl(username, password, ca)
    reach(kafka)
    check_certificate(kafka, credentials)
    if username is not None and refused(kafka, credentials):
        raise wrong_login(kafka, username)
    return {
        "bootstrap_servers": kafka.split(","),
        "bootstrap_timeout_ms": int(BOOTSTRAP_SECONDS * 1000),
        "allow_auto_create_topics": False,  # topics.yaml is the one list of topics
        "metrics_enabled": False,
        # kafka-python waits up to 30 s before it tries again: after a broker's restart an alert would be that late. Java waits 1 s.
        "reconnect_backoff_max_ms": 1000,
        **credentials,
    }


def reach(kafka: str) -> None:
    """Return if one of the brokers listens; see :func:`settings` for what is raised when none does."""
    reasons = []
    for server in kafka.split(","):
        host, colon, port = server.strip().rpartition(":")
        if not (host and colon and port.isdigit() and 0 < int(port) < 65536):
            raise UserError(f"Kafka address {server!r} is not host:port, as in 127.0.0.1:9092")
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_SECONDS).close()
            return
        except OSError as error:
            reasons.append(f"{server.strip()}: {error.strerror or error}")
    raise DependencyDown("kafka", f"no broker answers ({'; '.join(reasons)}); is it running, and is the address right?")


def refuse(kafka: str, error: KafkaError, username: str | None = None) -> NoReturn:
    """Raise what the user is told when kafka-python gives up on ``kafka`` with ``error``."""
    if username is not None and isinstance(error, SaslAuthenticationFailedError):
        raise wrong_login(kafka, username) from error
    if isinstance(error, AuthorizationError):
        raise KafkaRefuses(
            f"Kafka at {kafka} does not allow user {username or 'anonymous'} to do that: {describe(error)}; whoever looks after Kafka "
            "gives a role with `weftline access grant`"
        ) from error
    raise DependencyDown("kafka", f"{kafka}: {describe(error)}") from error


def missing_topic(kafka: str, topic: str, username: str | None = None) -> KafkaRefuses:
    """The error for a topic that the broker does not have, or does not show this user: to who may not see it, it says the same."""
    if username is None:
        return KafkaRefuses(f"Kafka at {kafka} has no topic {topic}; make it with `weftline topics apply`")
    return KafkaRefuses(
        f"Kafka at {kafka} shows user {username} no topic {topic}: it is not there (`weftline topics apply` makes it), or the user may "
        "not see it (`weftline access grant` gives a role)"
    )


def describe(error: BaseException) -> str:
    """A Kafka error in one line, with its name only once."""
    name = type(error).__name__
    text = " ".join(str(error).split())
    return text if name in text else f"{name}: {text}" if text else name
