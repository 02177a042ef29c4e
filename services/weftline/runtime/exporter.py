"""What the programs share that export what others have: :mod:`.lag`, ``weftline watch``, the audit.

They read again and again, and show only what was read a short time ago: an old reading looks like a healthy one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final, Generic, NoReturn, TypeVar

from kafka.errors import KafkaError
from prometheus_client import CollectorRegistry, make_wsgi_app, start_http_server

from weftline.errors import UserError, WeftlineError
from weftline.runtime import guard, logging
from weftline.runtime.settings import Settings

log = logging.get(__name__)

#: Without an answer for so many readings, figures are not shown any more.
KEPT_READINGS: Final = 3

T = TypeVar("T")


class Kept(Generic[T]):
    """The last reading, for as long as it may be shown. ``seconds``: from one reading to the next."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = KEPT_READINGS * seconds
        self._clock = clock
        self._last: tuple[T, float] | None = None

    def put(self, reading: T) -> None:
        """A new reading."""
        self._last = reading, self._clock()

    def get(self) -> T | None:
        """The last reading; None if there is none, or it is too old."""
        last = self._last  # one look: the server's thread asks, another one puts
        return last[0] if last and self._clock() - last[1] <= self._seconds else None


def follow(
    dependency: str, connect: Callable[[ExitStack], Callable[[], T]], put: Callable[[T], None], rest: Callable[[], None]
) -> NoReturn:
    """Read again and again, until ``rest``, the pause between two readings, raises. A dependency that does not answer is waited for.

    ``connect`` gives what reads, and leaves with the stack what is to be closed before it is called again.
    """
    read: Callable[[], T] | None = None
    answering = True
    with ExitStack() as connection:
        while True:
            try:
                read = read or connect(connection)
                put(read())
                if not answering:
                    log.info("going on", dependency=dependency)
                answering = True
            except (WeftlineError, KafkaError, OSError) as error:
                if answering:
                    log.warning("waiting", dependency=dependency, error=str(error))
                answering, read = False, None
                connection.close()
            rest()


def _guarded(app: Any, allowed: Collection[str]) -> Callable[[dict[str, Any], Any], Iterable[bytes]]:
    """The WSGI application behind :mod:`weftline.runtime.guard`."""

    def answer(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        headers = {name[5:].lower().replace("_", "-"): str(value) for name, value in environ.items() if name.startswith("HTTP_")}
        refused = guard.refusal(headers, [headers.get("host", "")], allowed)
        if refused is None:
            found: Iterable[bytes] = app(environ, lambda status, given: start(status, [*given, *guard.HEADERS.items()]))
            return found
        start("403 Forbidden", [("Content-Type", "text/plain; charset=utf-8"), *guard.HEADERS.items()])
        return [f"{refused}\n".encode()]

    return answer


@contextmanager
def serving(settings: Settings, registry: CollectorRegistry) -> Iterator[int]:
    """Serve ``/metrics`` on the settings' address; gives the port it listens on. Raises UserError if that is taken."""
    host, port = settings.http_host, settings.http_port
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        raise UserError(
            f"cannot listen on {host}:{port} ({error.strerror}); set WEFTLINE_HTTP_HOST, WEFTLINE_HTTP_PORT (0: any free port)"
        ) from None
    server.set_app(_guarded(make_wsgi_app(registry), guard.names(settings.http_allowed_hosts)))
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
