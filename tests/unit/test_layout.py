"""The architecture as tests: what may import what, and what the repository may contain."""

from __future__ import annotations

import ast
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "services" / "weftline"

#: What a package may import of the others besides itself, ``errors`` and what is listed; of outside modules, None allows all.
STANDARD = {
    *("abc", "bisect", "collections", "contextlib", "dataclasses", "datetime", "decimal", "enum", "fractions", "functools"),
    *("hashlib", "heapq", "itertools", "json", "math", "operator", "pickle", "re", "sys", "types", "typing", "unicodedata", "zlib"),
    "__future__",
}
#: And of others what only turns values into text: the verdict of a report is 7 kB of it.
PURE = {"orjson"}
#: Modules that would make a fold impure: clocks, chance, files, networks.
IMPURE = {"time", "random", "os", "io", "pathlib", "socket", "secrets", "uuid", "threading", "asyncio", "subprocess", "tempfile"}


def imports(path: Path) -> Iterator[str]:
    """Full names of the modules that a file imports, and of what it imports from them, which may be modules too."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def sources(folder: str) -> list[Path]:
    found = sorted((PACKAGE / folder).rglob("*.py"))
    assert found, folder
    return found


@pytest.mark.parametrize("path", sources("domain"), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_the_domain_is_pure(path: Path) -> None:
    for name in imports(path):
        root = name.split(".")[0]
        assert root in STANDARD | PURE or name.startswith("weftline.domain"), f"{path.name} imports {name}"
        assert root not in IMPURE
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Attribute) and node.attr in ("now", "today", "utcnow"):
            raise AssertionError(f"{path.name} looks at a clock in line {node.lineno}")


@pytest.mark.parametrize(
    ("folder", "forbidden"),
    [
        ("contracts", ("kafka_admin", "processors", "runtime", "warehouse", "sdk", "embedded")),
        ("kafka_admin", ("processors", "runtime", "warehouse", "sdk", "embedded")),
        ("sdk", ("processors", "warehouse", "embedded", "gateway")),
        ("files", ("processors", "runtime", "warehouse", "embedded", "kafka_admin", "gateway")),
        ("warehouse", ("processors", "sdk", "embedded", "gateway")),
        ("runtime", ("processors", "warehouse", "sdk", "embedded", "gateway", "domain")),
        ("processors", ("sdk", "embedded", "gateway")),
        (
            "pages",
            ("processors", "runtime", "warehouse", "sdk", "embedded", "boards", "gateway", "notify", "commands", "kafka_admin"),
        ),
        ("gateway", ("processors", "embedded", "boards", "commands")),
        ("notify", ("processors", "warehouse", "embedded", "boards", "commands", "gateway", "files")),
    ],
)
def test_layers_look_down_only(folder: str, forbidden: tuple[str, ...]) -> None:
    for path in sources(folder):
        for name in imports(path):
            assert not name.startswith(tuple(f"weftline.{package}" for package in forbidden)), f"{path} imports {name}"


def test_no_modules_need_each_other() -> None:
    """Nothing that runs, and nothing that is only typed, goes round in a circle."""
    files = {".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): path for path in PACKAGE.rglob("*.py")}
    needs = {name: files.keys() & set(imports(path)) - {name} for name, path in files.items()}
    while free := {name for name, others in needs.items() if not others}:
        needs = {name: others - free for name, others in needs.items() if name not in free}
    assert needs == {}


def test_only_one_module_knows_the_insides_of_faust() -> None:
    knowing = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        for name in imports(path)
        if name.split(".")[0] in ("faust", "mode")
    }
    assert knowing == {"runtime/faust_batches.py"}


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    return [ROOT / name for name in listed if name and (ROOT / name).is_file()]


def test_the_top_level_is_closed() -> None:
    allowed = {"pyproject.toml", "services", "schemas", "deploy", "tests", "docker-compose.yml", "README.md", "Makefile", "LICENSE"}
    top = {path.relative_to(ROOT).parts[0] for path in tracked()}
    assert {name for name in top if not name.startswith(".")} <= allowed


def test_locks_are_hashed_and_name_no_host() -> None:
    for lock in (ROOT / "deploy" / "locks").glob("*.txt"):
        text = lock.read_text("utf-8")
        assert "://" not in text, lock
        requirements = re.split(r"\n(?=[A-Za-z0-9])", text)
        assert len(requirements) > 0
        assert all("--hash=sha256:" in requirement for requirement in requirements if "==" in requirement), lock


def test_files_stay_readable() -> None:
    """About 400 lines is a sign to split; data, locks and generated files are not read from end to end."""
    long = {
        path.relative_to(ROOT).as_posix(): count
        for path in tracked()
        if path.suffix == ".py" and (count := len(path.read_text("utf-8").splitlines())) > 500
    }
    assert long == {}


def test_no_two_files_of_tests_have_one_name() -> None:
    """Without packages pytest imports them by their bare names: of two, whichever comes second is not collected."""
    names = Counter(path.name for path in tracked() if path.name.startswith("test_") and path.suffix == ".py")
    assert [name for name, count in names.items() if count > 1] == []
