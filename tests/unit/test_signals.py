"""A signal ends a program even where what its handler raises is lost."""

from __future__ import annotations

import subprocess
import sys

import pytest

LOST = """
import os, signal, sys
from weftline.commands.common import end_on_signals

class Dying:
    def __del__(self):
        os.kill(os.getpid(), signal.{name})

rest = end_on_signals()
sys.unraisablehook = lambda lost: print("lost", lost.exc_type.__name__, flush=True)
dying = Dying()
del dying
rest(60)
print("slept")
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_that_arrives_in_a_destructor_ends_the_next_pause(name: str) -> None:
    done = subprocess.run([sys.executable, "-c", LOST.format(name=name)], capture_output=True, text=True, check=False, timeout=50)
    assert (done.returncode, done.stdout) == (0, "lost SystemExit\n"), done.stderr
