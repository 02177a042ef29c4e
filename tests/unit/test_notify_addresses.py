"""Where nothing is sent: private and link-local addresses, names that turn private later, redirects. On real sockets."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.notifying import receiver
from tests.support.receiving import Endpoint, receiving

from weftline.notify.addresses import Pinned, Refused, fault_of, system_resolve
from weftline.notify.chat import Request
from weftline.notify.delivery import Answer, Verdict
from weftline.notify.posting import Poster
from weftline.notify.webhooks import answer

PUBLIC = "93.184.216.34"


@pytest.mark.parametrize(
    "address",
    [
        *(
            "127.0.0.1",
            "127.9.9.9",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
        ),
        *(
            "224.0.0.1",
            "240.0.0.1",
            "::1",
            "::",
            "fe80::1",
            "fe80::1%eth0",
            "fc00::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
        ),
        *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a00:1::1", "::127.0.0.1", "2001:db8::1"),
    ],
)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert fault_of(address, allow_private=False)


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:2800:220:1:248:1893:25c8:1946", "64:ff9b::808:808"])
def test_a_public_address_is_not(address: str) -> None:
    assert fault_of(address, allow_private=False) is None


@given(st.ip_addresses(v=4))
def test_an_address_is_judged_alike_however_it_is_dressed(address: ipaddress.IPv4Address) -> None:
    plain = fault_of(str(address), allow_private=False)
    for dressed in (f"::ffff:{address}", str(ipaddress.IPv6Address((0x64FF9B << 96) | int(address)))):
        assert not plain or fault_of(dressed, allow_private=False)
    six = ipaddress.IPv6Address((0x2002 << 112) | (int(address) << 80))
    assert not plain or fault_of(str(six), allow_private=False)


def test_what_is_allowed_is_allowed_but_nothing_is_sent_to_many_machines() -> None:
    assert fault_of("10.0.0.1", allow_private=True) is None
    assert fault_of("224.0.0.1", allow_private=True)
    assert fault_of("0.0.0.0", allow_private=True)


# -- Requests


class Inner(httpx.AsyncBaseTransport):
    """Stands where the network begins, and writes down where it would go."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str | None]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append((request.url.host, request.headers["host"], request.extensions.get("sni_hostname")))
        return httpx.Response(200)


def names(*answers: Sequence[str]) -> Callable[[str, int], list[str]]:
    """A name server that says another thing each time; the last for ever."""
    left = list(answers)

    def resolve(host: str, port: int) -> list[str]:
        return list(left.pop(0) if len(left) > 1 else left[0])

    return resolve


def ask(transport: Pinned, url: str, times: int = 1) -> list[int | str]:
    async def run() -> list[int | str]:
        found: list[int | str] = []
        async with httpx.AsyncClient(transport=transport) as client:
            for _ in range(times):
                try:
                    found.append((await client.post(url)).status_code)
                except (httpx.TransportError, httpx.InvalidURL) as error:
                    found.append(type(error).__name__)
        return found

    return asyncio.run(run())


def test_the_connection_goes_to_the_address_that_was_looked_at_and_tls_to_the_name() -> None:
    inner = Inner()
    assert ask(Pinned(inner, False, names([PUBLIC])), "https://erp.example:8443/x") == [200]
    assert inner.asked == [(PUBLIC, "erp.example:8443", "erp.example")]


def test_a_name_that_turns_private_later_is_refused_then() -> None:
    inner = Inner()
    transport = Pinned(inner, False, names([PUBLIC], ["127.0.0.1"], [PUBLIC], ["169.254.169.254"]))
    assert ask(transport, "https://evil.example/", 4) == [200, "Refused", 200, "Refused"]
    assert {host for host, _, _ in inner.asked} == {PUBLIC}


def test_a_name_with_one_private_address_among_public_ones_is_refused() -> None:
    inner = Inner()
    assert ask(Pinned(inner, False, names([PUBLIC, "10.0.0.1"])), "https://evil.example/") == ["Refused"]
    assert inner.asked == []


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "127.1", "localhost", "[::1]", "0177.0.0.1", "[::ffff:127.0.0.1]"])
def test_another_way_to_write_this_machine_is_this_machine(host: str) -> None:
    with receiving() as victim:
        port = victim.url.rpartition(":")[2]
        said = ask(Pinned(httpx.AsyncHTTPTransport(), False, system_resolve), f"http://{host}:{port}/")
        assert said[0] in ("Refused", "ConnectError", "InvalidURL")
        assert victim.got == []


class Network(httpx.AsyncBaseTransport):
    """The real one, but for public addresses, where nobody is; names are resolved anew, as the real one does."""

    def __init__(self, resolve: Callable[[str, int], list[str]]) -> None:
        self._resolve = resolve
        self._real = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        (address,) = [host] if host[0].isdigit() else self._resolve(host, 0)
        if address == PUBLIC:
            raise httpx.ConnectError("nobody there")
        moved = httpx.Request(request.method, request.url.copy_with(host=address), headers=request.headers, stream=request.stream)
        return await self._real.handle_async_request(moved)

    async def aclose(self) -> None:
        await self._real.aclose()


class LooksThenAsksAgain(Pinned):
    """What is easily written instead: look at the address, then connect to the name."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        for address in await self._look_up(request.url.host, 0):
            assert fault_of(address, False) is None
        return await self._inner.handle_async_request(request)


@pytest.mark.parametrize(("kind", "hits"), [(Pinned, 0), (LooksThenAsksAgain, 1)])
def test_a_name_that_turns_private_between_the_look_and_the_connection_reaches_nobody(kind: type[Pinned], hits: int) -> None:
    with receiving() as victim:
        port = victim.url.rpartition(":")[2]
        resolve = names([PUBLIC], ["127.0.0.1"])
        ask(kind(Network(resolve), False, resolve), f"http://evil.example:{port}/")
        assert len(victim.got) == hits


def test_allowed_it_reaches_the_other_machine_and_its_second_address_if_the_first_is_dead() -> None:
    with receiving() as endpoint:
        port = int(endpoint.url.rpartition(":")[2])
        transport = Pinned(httpx.AsyncHTTPTransport(), True, names(["127.0.0.2", "127.0.0.1"]))
        assert ask(transport, f"http://erp.example:{port}/hook") == [200]
        assert endpoint.got[0].headers["host"] == f"erp.example:{port}"


# -- Posting


def post(endpoint: Endpoint, **options: object) -> Answer:
    async def run() -> Answer:
        poster = Poster(receiver(address=endpoint.url), ssl.create_default_context(), **options)  # type: ignore[arg-type]
        try:
            return await poster.post(Request(f"{endpoint.url}/hook", b"{}"), lambda status, headers, _: answer(status, headers))
        finally:
            await poster.close()

    return asyncio.run(run())


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with receiving() as found:
        yield found


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_is_followed(endpoint: Endpoint, status: int) -> None:
    with receiving() as victim:
        endpoint.reply = lambda got: (status, {"Location": f"{victim.url}/secret"}, b"")
        said = post(endpoint)
        assert said.verdict is Verdict.LATER
        assert "not followed" in said.detail
        assert victim.got == []


def test_whoever_does_not_answer_is_given_up(endpoint: Endpoint) -> None:
    endpoint.reply = endpoint.hang
    said = post(endpoint, seconds=0.5)
    assert said == Answer(Verdict.LATER, "no answer within 0.5 s")


def test_a_name_server_that_hangs_is_given_up_too(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weftline.notify.addresses.LOOKUP_SECONDS", 0.2)
    hold = threading.Event()

    def resolve(host: str, port: int) -> list[str]:
        hold.wait(60)
        return ["127.0.0.1"]

    said = post(endpoint, resolve=resolve)
    hold.set()
    assert "was not resolved" in said.detail
    assert endpoint.got == []


def test_an_endless_answer_is_not_read_to_its_end(endpoint: Endpoint) -> None:
    endpoint.reply = lambda got: (200, {}, b"x" * 5_000_000)
    assert post(endpoint).verdict is Verdict.DELIVERED


def test_the_environments_proxy_is_not_used(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        assert post(endpoint).verdict is Verdict.DELIVERED
        assert proxy.got == []


def test_a_certificate_must_be_for_the_name_not_for_the_address(tmp_path: Path) -> None:
    """A real TLS server with a certificate for erp.example: it is taken under that name, and not under another one."""
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    made = subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2"),
            *("-subj", "/CN=erp.example", "-addext", "subjectAltName=DNS:erp.example"),
        ],
        capture_output=True,
        check=False,
    )
    if made.returncode:
        pytest.skip("no openssl here")
    with receiving(ssl_files=(certificate, key)) as server:
        port = server.url.rpartition(":")[2]
        context = ssl.create_default_context(cafile=str(certificate))
        for name, seen in (("erp.example", [200]), ("other.example", ["ConnectError"])):
            transport = Pinned(httpx.AsyncHTTPTransport(verify=context), True, names(["127.0.0.1"]))
            assert ask(transport, f"https://{name}:{port}/hook") == seen
        assert len(server.got) == 1
    assert issubclass(Refused, httpx.TransportError)
