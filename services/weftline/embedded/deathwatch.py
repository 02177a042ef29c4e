"""Runs a command that must not outlive the process that started it, however that one ends.

``python -I -S deathwatch.py PARENT COMMAND…``, where PARENT is the process id of the starter. Run as a script, before anything else
is imported: it costs 20 ms. On Linux the kernel kills the command when the *thread* that started it ends, so start children from
the main thread; elsewhere this process stays between the two and looks twice a second.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

PR_SET_PDEATHSIG = 1


def guarded(command: Sequence[str]) -> list[str]:
    """The command line that runs ``command`` under this script, for a process that is started by this one."""
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


def main() -> None:
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        # The parent may have gone before the kernel was told.
        if os.getppid() == parent:
            os.execvp(command[0], command)
        return
    child = subprocess.Popen(command)
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while child.poll() is None:
        if os.getppid() != parent:
            child.kill()
        time.sleep(0.5)
    sys.exit(child.returncode if child.returncode >= 0 else 128 - child.returncode)


if __name__ == "__main__":
    main()
