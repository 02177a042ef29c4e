"""Programs of Debian that no wheel brings: browser, Prometheus and the like. Where one is missing its tests are skipped, not in CI."""

from __future__ import annotations

import os
import shutil

import pytest

#: The package that brings a program.
PACKAGES = {
    "chromium": "chromium",
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "amtool": "prometheus-alertmanager",
}


def program(name: str) -> str:
    """The path of a program. Without it the test is skipped; in CI (WEFTLINE_CI is set) it fails."""
    found = shutil.which(name)
    if found is None:
        reason = f"{name} is not installed: apt-get install --no-install-recommends {PACKAGES[name]}"
        if os.environ.get("WEFTLINE_CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found
