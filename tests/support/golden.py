"""Files of what is expected, reviewed by hand: ``WEFTLINE_ACCEPT=1 make test`` writes them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def same_as_golden(path: Path, found: Any) -> None:
    """Compare with the file, or write it if that was asked for."""
    # Through JSON, as the file is: tuples become lists.
    found = json.loads(json.dumps(found))
    if os.environ.get("WEFTLINE_ACCEPT") == "1":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(found, ensure_ascii=False, indent=1, sort_keys=True) + "\n", "utf-8")
    assert found == json.loads(path.read_text("utf-8"))
