"""How somebody who waits for something slow is told that it is no longer wanted."""

from __future__ import annotations

from weftline.errors import WeftlineError


class Interrupted(WeftlineError):
    """Somebody asked to stop in the meantime."""


def never() -> bool:
    """Nobody interrupts."""
    return False
