"""Debian's Chromium for tests: a page that remembers every fault, and every request that leaves this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.debian import program

# Nothing that asks somebody on the network about updates, and no GPU that a test machine does not have.
ARGUMENTS = (
    "--no-sandbox",
    "--headless=new",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
LOCALES = {"zh": "zh-CN", "en": "en-GB"}
#: A board is there when none of its cards is still loading.
READ = "() => document.querySelector('.card') && ![...document.querySelectorAll('.note')].some(note => note.dataset.loading)"
#: A machine with two cores and other work on it.
PATIENCE_MS = 60_000


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser; skips the test where there is none."""
    path = program("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Visit:
    """A page, and what went wrong on it: errors on the console, exceptions, failed requests, requests to anybody else."""

    page: Page
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        page = self.page
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", lambda said: self.faults.append(f"console: {said.text}") if said.type == "error" else None)
        page.on("pageerror", lambda error: self.faults.append(f"exception: {error}"))
        page.on("requestfailed", lambda request: self.faults.append(f"failed: {request.url} {request.failure}"))
        page.on("response", lambda answer: self.faults.append(f"{answer.status}: {answer.url}") if answer.status >= 400 else None)
        page.on("request", lambda request: self._asked(request.url))
        page.on("websocket", lambda socket: self._asked(socket.url))

    def _asked(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob") and parts.hostname != "127.0.0.1":
            self.faults.append(f"left this machine: {url}")

    def to(self, url: str) -> Page:
        """Open a board or an alert, and wait until all of it is read."""
        self.page.goto(url)
        self.page.wait_for_function(READ)
        return self.page


@contextmanager
def visit(
    browser: Browser,
    language: Literal["zh", "en"] = "en",
    *,
    scheme: Literal["light", "dark"] = "light",
    size: tuple[int, int] = (1440, 900),
) -> Iterator[Visit]:
    """A fresh visitor with nothing remembered."""
    arguments: dict[str, Any] = {"viewport": {"width": size[0], "height": size[1]}, "color_scheme": scheme}
    context = browser.new_context(locale=LOCALES[language], **arguments)
    try:
        yield Visit(context.new_page())
    finally:
        context.close()
