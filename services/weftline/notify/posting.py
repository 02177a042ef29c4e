"""One request to a receiver, and what came of it: whatever happens on the network is an answer, never an exception."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from typing import Final

import httpx

from weftline.notify.addresses import Pinned, Resolve, system_resolve
from weftline.notify.chat import Request
from weftline.notify.delivery import Answer, Verdict
from weftline.notify.receivers import Receiver

#: From the first byte out to the last byte in. Standard Webhooks asks for 15 to 30 s.
ANSWER_SECONDS: Final = 15.0
CONNECT_SECONDS: Final = 5.0
#: An answer is a code and a sentence; more is not read.
MOST_ANSWER_BYTES: Final = 65_536

# It writes every address into the log, tokens of bots included.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)

Meaning = Callable[[int, httpx.Headers, bytes], Answer]


class Poster:
    """The connection to one receiver. ``seconds``: for a whole answer."""

    def __init__(
        self, receiver: Receiver, context: ssl.SSLContext, *, resolve: Resolve = system_resolve, seconds: float = ANSWER_SECONDS
    ) -> None:
        self._token = receiver.address
        self._seconds = seconds
        limits = httpx.Limits(max_connections=8, max_keepalive_connections=2, keepalive_expiry=30)
        inner = httpx.AsyncHTTPTransport(verify=context, trust_env=False, limits=limits)
        self._client = httpx.AsyncClient(
            transport=Pinned(inner, receiver.allow_private, resolve),
            timeout=httpx.Timeout(seconds, connect=min(CONNECT_SECONDS, seconds)),
            follow_redirects=False,
            trust_env=False,
        )

    async def post(self, request: Request, meaning: Meaning) -> Answer:
        """Send it, and say what it came to."""
        try:
            async with asyncio.timeout(self._seconds):
                # Not packed: a few bytes could become a gigabyte.
                headers = {**request.headers, "Accept-Encoding": "identity"}
                async with self._client.stream("POST", request.url, content=request.body, headers=headers) as response:
                    body = await _some_of(response)
                    return meaning(response.status_code, response.headers, body)
        except TimeoutError:
            return Answer(Verdict.LATER, f"no answer within {self._seconds:g} s")
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError) as error:
            return Answer(Verdict.LATER, self._without_secrets(f"{type(error).__name__}: {error}".removesuffix(": ")))

    def _without_secrets(self, text: str) -> str:
        return text.replace(self._token, "the receiver")[:300]

    async def close(self) -> None:
        await self._client.aclose()


async def _some_of(response: httpx.Response) -> bytes:
    body = bytearray()
    async for part in response.aiter_raw():
        body += part
        if len(body) >= MOST_ANSWER_BYTES:
            break
    return bytes(body[:MOST_ANSWER_BYTES])
