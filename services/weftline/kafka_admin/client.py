"""Kafka's admin client (:func:`open_admin`)."""

from __future__ import annotations

import socket
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from kafka.admin import KafkaAdminClient
from kafka.errors import AuthorizationError, KafkaError

from weftline.errors import DependencyDown, UserError
from weftline.kafka_admin.login import check_certificate, refused, wrong_login


@contextmanager
def open_admin(kafka: str, timeout: float, client: Mapping[str, Any]) -> Iterator[KafkaAdminClient]:
    """An admin client; what it raises comes out as :class:`DependencyDown` or :class:`UserError`.

    Its constructor leaves a thread behind when nobody answers, so a plain connection is tried before.
    """
    _must_listen(kafka, timeout)
    check_certificate(kafka, client)
    if refused(kafka, client):
        raise wrong_login(kafka, client["sasl_plain_username"])
    try:
        admin = KafkaAdminClient(
            bootstrap_servers=kafka.split(","), client_id="weftline-admin", bootstrap_timeout_ms=int(timeout * 1000), **client
        )
    except KafkaError as error:
        raise DependencyDown("kafka", f"{kafka} does not answer as a Kafka broker: {error}") from None
    try:
        yield admin
    except KafkaError as error:
        if error.retriable:
            raise DependencyDown("kafka", f"{kafka}: {_readable(error)}") from None
        if isinstance(error, AuthorizationError):
            who = client.get("sasl_plain_username", "anonymous")
            raise UserError(
                f"Kafka at {kafka} does not allow user {who} to do that: {error}; use a user that may, such as admin, or give this one "
                "a role with `weftline access`"
            ) from None
        raise UserError(f"Kafka at {kafka} refused: {_readable(error)}") from None
    finally:
        admin.close()


def _readable(error: KafkaError) -> str:
    """The client names every partition that it asked for, which are hundreds."""
    return textwrap.shorten(str(error), 300, placeholder=" …")


def _must_listen(kafka: str, timeout: float) -> None:
    faults = []
    for address in kafka.split(","):
        host, _, port = address.strip().rpartition(":")
        if not host or not port.isdigit():
            raise UserError(f"Kafka's address must be host:port, comma separated, not {kafka!r}")
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=min(timeout, 5.0)).close()
            return
        except (OSError, OverflowError) as error:
            faults.append(f"{address} {error}")
    raise DependencyDown("kafka", f"nobody answers at {'; '.join(faults)}")
