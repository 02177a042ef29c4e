"""A real program whose machine's clock is wrong: :func:`with_clock`."""

from __future__ import annotations

import sys
from dataclasses import replace

from weftline.embedded.children import Child

#: The two functions of Python's through which the programs and their libraries look at the clock; monotonic ones stay as they are.
_SHIFTED = """
import sys, time
ahead = int(sys.argv.pop(1))
seconds, nanoseconds = time.time, time.time_ns
time.time, time.time_ns = (lambda: seconds() + ahead), (lambda: nanoseconds() + ahead * 1_000_000_000)
from weftline.cli import main
main()
"""


def with_clock(child: Child, ahead: int) -> Child:
    """The same processor under a clock that is so many seconds ahead."""
    return replace(child, command=(sys.executable, "-c", _SHIFTED, str(ahead), child.name))
