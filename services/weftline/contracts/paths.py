"""Where the schemas lie."""

from __future__ import annotations

from pathlib import Path

import weftline

_PACKAGE = Path(weftline.__file__).resolve().parent


def schemas_root() -> Path:
    """The folder ``schemas``: the packaged copy of a wheel, or the repository's own when installed editable."""
    packaged = _PACKAGE / "_schemas"
    return packaged if packaged.is_dir() else _PACKAGE.parents[1] / "schemas"
