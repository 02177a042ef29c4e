"""Does a broker refuse a user's name or password, or show a certificate that is not trusted?

Asked before a client is made, or when one has failed to connect.

kafka-python and aiokafka try again for as long as they may (30 s) and then say that they could not connect; that it was the password
stands in their logs alone. So the login is done by itself, which takes some 10 ms, and the broker's answer is read.
"""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from kafka.net.sasl import get_sasl_mechanism

from weftline.errors import KafkaRefuses

SECONDS = 5.0

_HANDSHAKE, _AUTHENTICATE = 17, 36  # numbers of the requests in Kafka's protocol, both taken in version 1
_AUTHENTICATION_FAILED = 58


class LoginRefused(Exception):
    """The broker does not know the name, or not with this password."""


def refused(kafka: str, client: Mapping[str, Any]) -> bool:
    """Whether one of the brokers at ``kafka`` (``host:port``, comma separated) refuses the login.

    ``client``: what :func:`weftline.runtime.credentials.sasl` gives. A broker that does not answer has refused nothing.
    """
    if "sasl_mechanism" not in client:
        return False
    return any(_refuses(server.strip(), client) for server in kafka.split(","))


def check_certificate(kafka: str, client: Mapping[str, Any]) -> None:
    """:class:`KafkaRefuses` if one of the brokers shows no certificate that is trusted; one that does not answer has shown nothing."""
    if "ssl_context" not in client:
        return
    for server in kafka.split(","):
        host, _, port = server.strip().rpartition(":")
        try:
            _connected(host.strip("[]"), int(port), client["ssl_context"]).close()
        except ssl.SSLCertVerificationError as error:
            raise KafkaRefuses(
                f"Kafka at {server.strip()} shows a certificate that is not trusted: {error.verify_message}; WEFTLINE_KAFKA_CA names the "
                "file of the authority that signed it, and the address must be a name that stands in it"
            ) from None
        except (ssl.SSLError, ConnectionResetError):  # one that is too busy to answer in time has shown nothing
            raise KafkaRefuses(
                f"Kafka at {server.strip()} does not speak TLS; name the port that does, or leave out WEFTLINE_KAFKA_CA"
            ) from None
        except OSError:
            continue


def wrong_login(kafka: str, username: str) -> KafkaRefuses:
    """What is said when the broker refuses a user's name or password."""
    return KafkaRefuses(
        f"Kafka at {kafka} refuses user {username}: the name is unknown or the password is wrong; check WEFTLINE_KAFKA_USERNAME and "
        "WEFTLINE_KAFKA_PASSWORD (or the secret file weftline_kafka_password); `weftline access` makes users"
    )


def _refuses(server: str, client: Mapping[str, Any]) -> bool:
    try:
        with logged_in(server, client):
            return False
    except LoginRefused:
        return True
    except (OSError, EOFError, ValueError, struct.error):
        return False


@contextmanager
def logged_in(server: str, client: Mapping[str, Any], seconds: float = SECONDS) -> Iterator[socket.socket]:
    """A connection to the broker at ``server`` (``host:port``), for requests by hand; ``client`` as :func:`refused` has it.

    Raises :class:`LoginRefused`, and OSError, EOFError, ValueError or struct.error for whoever does not answer as a broker does.
    """
    host, _, port = server.rpartition(":")
    mechanism = get_sasl_mechanism(client["sasl_mechanism"])(host=host, **client)
    with _connected(host.strip("[]"), int(port), client.get("ssl_context"), seconds) as connection:
        name = client["sasl_mechanism"].encode()
        _ask(connection, _HANDSHAKE, struct.pack(">h", len(name)) + name)
        while not mechanism.is_done():
            token = mechanism.auth_bytes()
            reply = _ask(connection, _AUTHENTICATE, struct.pack(">i", len(token)) + token)
            code, words = struct.unpack_from(">hh", reply)
            if code == _AUTHENTICATION_FAILED:
                raise LoginRefused
            if code:
                raise ValueError(f"error {code}")
            at = 4 + max(words, 0)
            (length,) = struct.unpack_from(">i", reply, at)
            mechanism.receive(reply[at + 4 : at + 4 + length])
        yield connection


def _connected(host: str, port: int, tls: ssl.SSLContext | None, seconds: float = SECONDS) -> socket.socket:
    plain = socket.create_connection((host, port), seconds)
    if tls is None:
        return plain
    try:
        return tls.wrap_socket(plain, server_hostname=host)
    except BaseException:
        plain.close()
        raise


def _ask(connection: socket.socket, request: int, body: bytes) -> bytes:
    """The body of the answer."""
    header = struct.pack(">hhih", request, 1, 1, -1)  # version 1, correlation 1, no client id
    connection.sendall(struct.pack(">i", len(header) + len(body)) + header + body)
    with connection.makefile("rb") as file:
        (length,) = struct.unpack(">i", file.read(4))
        return file.read(length)[4:]
