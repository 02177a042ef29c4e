"""Where a delivery may go: to the public internet, and to the very address that was looked at.

Whoever names a receiver makes this machine send requests. So a name is looked up once per attempt, every address that it has must be
public, and the connection goes to one of these addresses, not to the name: what the name says a moment later (DNS rebinding) is never
asked. TLS still checks the certificate against the name. No redirect is followed and no proxy of the environment is used: both would
go where nobody looked.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Callable, Iterable
from typing import Final

import httpx

#: A name server that does not answer holds up its own receiver and nobody else.
LOOKUP_SECONDS: Final = 5.0

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
#: (host, port) → the addresses as text.
Resolve = Callable[[str, int], Iterable[str]]

_NAT64: Final = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))
_COMPATIBLE: Final = ipaddress.ip_network("::/96")


class Refused(httpx.TransportError):
    """The address is none that anything is sent to."""


def system_resolve(host: str, port: int) -> list[str]:
    """By the machine's own resolver."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def fault_of(text: str, allow_private: bool) -> str | None:
    """Why nothing is sent to an address; None if it may be."""
    address = ipaddress.ip_address(text)
    for each in (address, *_within(address)):
        if each.is_multicast or each.is_unspecified:
            return f"{text} is no address of one machine"
        if not allow_private and not each.is_global:
            return f"{text} is not on the public internet (allow_private: true lets it be)"
    return None


def _within(address: Address) -> Iterable[Address]:
    """IPv4 addresses that an IPv6 address stands for: a gateway would go there."""
    if isinstance(address, ipaddress.IPv4Address):
        return
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    if any(address in network for network in _NAT64) or (address in _COMPATIBLE and int(address) > 1):
        yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)


class Pinned(httpx.AsyncBaseTransport):
    """A transport that connects to a checked address. One for each receiver: a connection is kept by its address, not by its name."""

    def __init__(self, inner: httpx.AsyncBaseTransport, allow_private: bool, resolve: Resolve = system_resolve) -> None:
        self._inner = inner
        self._allow_private = allow_private
        self._resolve = resolve
        self._looking: asyncio.Future[list[str]] | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host, port = request.url.host, request.url.port or (443 if request.url.scheme == "https" else 80)
        addresses = await self._look_up(host, port)
        for address in addresses:
            if fault := fault_of(address, self._allow_private):
                raise Refused(f"{host}: {fault}")
        last: Exception | None = None
        for address in addresses[:3]:
            try:
                return await self._inner.handle_async_request(_to(request, address))
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:  # nothing was sent
                last = error
        raise last or httpx.ConnectError(f"{host} has no address")

    async def _look_up(self, host: str, port: int) -> list[str]:
        """A lookup cannot be called off. It runs in a thread of its own, and the next attempt waits for the same one."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_future()
            threading.Thread(
                target=self._look, args=(host, port, self._looking, asyncio.get_running_loop()), name="lookup", daemon=True
            ).start()
        try:
            return await asyncio.wait_for(asyncio.shield(self._looking), LOOKUP_SECONDS)
        except TimeoutError:
            raise httpx.ConnectTimeout(f"the name {host} was not resolved in {LOOKUP_SECONDS:g} s") from None
        except (OSError, UnicodeError) as error:
            raise httpx.ConnectError(f"the name {host} cannot be resolved ({error})") from None

    def _look(self, host: str, port: int, found: asyncio.Future[list[str]], loop: asyncio.AbstractEventLoop) -> None:
        result: list[str] | Exception
        try:
            result = list(self._resolve(host, port))
        except Exception as error:
            result = error

        def tell() -> None:
            if found.done():
                return
            if isinstance(result, Exception):
                found.set_exception(result)
                found.exception()  # it may be that nobody waits for it any more
            else:
                found.set_result(result)

        if not loop.is_closed():
            loop.call_soon_threadsafe(tell)

    async def aclose(self) -> None:
        await self._inner.aclose()


def _to(request: httpx.Request, address: str) -> httpx.Request:
    """The same request to an address. The headers name the host as before, and TLS asks for its certificate."""
    extensions = dict(request.extensions)
    if request.url.scheme == "https" and not _is_address(request.url.host):
        extensions["sni_hostname"] = request.url.host
    return httpx.Request(
        request.method, request.url.copy_with(host=address), headers=request.headers, stream=request.stream, extensions=extensions
    )


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
