"""Makes the screenshots of the README again: ``python -m tests.support.screenshots``; with ``--all DIR`` every page in both themes
and sizes.

Starts a stack with a simulated quarter; ``--url`` takes a board that runs already. Fails if a picture is too heavy for a README.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser

from tests.support.browser import chromium, visit
from tests.support.stack import stack_at, where
from weftline.boards.web.program import SHOWN
from weftline.embedded.children import Running, board_child
from weftline.embedded.ports import HOST, free_ports
from weftline.embedded.simulator.config import SimulationConfig
from weftline.embedded.simulator.player import simulate
from weftline.embedded.simulator.sinks import Connection
from weftline.warehouse.client import reader

FOLDER = Path(__file__).parents[2] / "deploy" / "screenshots"
MOST_BYTES = 250_000
DAY_MS = 86_400_000
DESK, PHONE = (1440, 900), (390, 844)
Theme = Literal["light", "dark"]
Language = Literal["zh", "en"]


@contextmanager
def served() -> Iterator[str]:
    """The address of a board over a simulated quarter that ends now."""
    now = int(time.time() * 1000)
    with tempfile.TemporaryDirectory() as folder, stack_at(Path(folder), now, WEFTLINE_SIMULATED_CLOCK=f"{now},{now},1.0") as stack:
        config = SimulationConfig(seed=1, start=now - 91 * DAY_MS, end=now)
        summary = simulate(config, Connection(where(stack).kafka), answers=Path(folder) / "answers.json", bulk=True)
        with reader(where(stack)) as tables:
            stored = " + ".join(
                f"(SELECT uniqExact(owner, event_time, source, event_id, rank) FROM {kind}_records)"
                for kind in ("order", "inspection", "logistics")
            )
            while tables.rows(f"SELECT {stored}")[0][0] < summary.records:
                time.sleep(1)
        port = free_ports(1)[0]
        assert stack.addresses is not None
        board = Running(board_child(stack.addresses.environment("board"), port), Path(folder) / "board.log")
        try:
            board.wait_ready()
            yield f"http://{HOST}:{port}"
        finally:
            board.stop()


def shoot(
    browser: Browser, url: str, file: Path, theme: Theme, language: Language, size: tuple[int, int] = DESK, *, whole: bool = False
) -> None:
    """One picture; ``whole``: of the whole page and not of what a screen shows."""
    with visit(browser, language, scheme=theme, size=size) as there:
        page = there.to(url)
        page.wait_for_function("() => document.fonts.status === 'loaded'")
        page.screenshot(path=file, full_page=whole)
        assert there.faults == [], there.faults


def safety_failure(browser: Browser, url: str) -> str:
    """The page of the newest safety failure on the overview."""
    with visit(browser) as there:
        page = there.to(f"{url}/overview?range=30d")
        row = page.locator("#newest-alerts tbody tr", has_text="formaldehyde measured").first
        return url + str(row.locator("a").last.get_attribute("href")).partition("?")[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", help="a board that runs already")
    parser.add_argument("--all", type=Path, metavar="DIR", help="every page, both themes, both sizes, into DIR")
    arguments = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    # The stack before the browser: its driver keeps an event loop of its own running, and a simulation needs one too.
    with nullcontext(arguments.url) if arguments.url else served() as url, chromium() as browser:
        _all(browser, url, arguments.all)


def _all(browser: Browser, url: str, folder: Path | None) -> None:
    alert = safety_failure(browser, url)
    pictures = {"overview-light-en": (f"{url}/overview?range=30d", "light", "en"), "alert-dark-zh": (alert, "dark", "zh")}
    for name, (address, theme, language) in pictures.items():
        file = FOLDER / f"{name}.png"
        shoot(browser, address, file, theme, language)  # type: ignore[arg-type]
        assert file.stat().st_size < MOST_BYTES, f"{file} has {file.stat().st_size} bytes"
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    themes: tuple[tuple[Theme, Language], ...] = (("light", "en"), ("dark", "zh"))
    for path in (*(f"{url}/{board.id}" for board in SHOWN), alert):
        for theme, language in themes:
            for size in (DESK, PHONE):
                name = f"{path.split('/')[3]}-{theme}-{language}-{size[0]}.png"
                shoot(browser, path, folder / name, theme, language, size, whole=True)


if __name__ == "__main__":
    main()
