"""What does not run though the rest does: the word of the supervisor of this machine's stack (:mod:`weftline.embedded.supervisor`).

It stands in ``stack.json`` in the data folder, so that the board, ``/readyz`` and ``weftline status`` all say the same.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

STATE_FILE: Final = "stack.json"


#: The demonstration's own folder within the data folder, so that its data and those of ``weftline up`` never meet.
DEMO: Final = "demo"


def degraded(folder: Path, kafka: str) -> Mapping[str, str]:
    """Programs that the stack on ``folder`` (or the demonstration's in it) has stopped since they keep dying, each with why; none if no
    stack with this Kafka runs."""
    return _degraded(folder, kafka) or _degraded(folder / DEMO, kafka)


def _degraded(folder: Path, kafka: str) -> Mapping[str, str]:
    try:
        state = json.loads((folder / STATE_FILE).read_text("utf-8"))
        if state["kafka"] != kafka:
            return {}
        with suppress(PermissionError):  # somebody else's, so it lives
            os.kill(int(state["pid"]), 0)
        return {str(name): str(why) for name, why in state["degraded"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
