"""What is imported is declared, by the extra that brings it, and whoever lacks one is told how to get it."""

from __future__ import annotations

import re
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions

import pytest
from tests.unit.test_layout import PACKAGE, ROOT, imports

from weftline.extras import EXTRAS, WITH, advice, extra_of, lacking

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
#: Folder → the extra without which nothing in it is of use; all others need the base alone.
NEEDS = {
    **{"processors": "processors", "runtime": "processors", "warehouse": "processors"},
    **{"embedded": "embedded", "boards": "boards", "files": "files", "gateway": "gateway", "notify": "notify"},
    "pages": "gateway",  # the board brings as much
}
#: Files that the base reads, wherever they lie.
BASE_FILES = {"runtime/settings.py", "runtime/credentials.py"}


known = cache(packages_distributions)


def outside() -> list[tuple[str, str]]:
    """(file, package) of every import that is not Python's own, nor ours."""
    files = {path.relative_to(PACKAGE).as_posix(): path for path in PACKAGE.rglob("*.py")}
    found = {(file, name.partition(".")[0]) for file, path in files.items() for name in imports(path)}
    return sorted((file, name) for file, name in found if name not in sys.stdlib_module_names and name != "weftline")


def declared(requirements: list[str]) -> set[str]:
    return {normal(re.split(r"[\[<>=!~ ;]", requirement)[0]) for requirement in requirements}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def brought_by(extra: str | None) -> set[str]:
    """The distributions that are declared for an extra, those of the base among them."""
    named = declared(PROJECT["dependencies"])
    for each in () if extra is None else (extra, *WITH.get(extra, ())):
        named |= declared(PROJECT["optional-dependencies"][each])
    return named


@pytest.mark.parametrize(("file", "package"), outside())
def test_what_is_imported_is_declared(file: str, package: str) -> None:
    distributions = {normal(name) for name in known()[package]}
    extra = extra_of(package)
    assert distributions & brought_by(extra), f"{file} imports {package}, which {extra or 'the base'} does not bring"
    folder = file.partition("/")[0]
    needed = None if file in BASE_FILES else NEEDS.get(folder)
    brought = package in EXTRAS.get(needed or "", ())  # one that several bring
    assert brought or extra in (None, needed, *WITH.get(needed or "", ())) or (folder, extra) == ("contracts", "epcis")


def test_nothing_else_is_declared() -> None:
    used = {normal(distribution) for _, package in outside() for distribution in known()[package]}
    # Not imported: click, which is held back for Faust's sake.
    assert set().union(*map(brought_by, EXTRAS)) <= used | {"click", "weftline", "chdb"}
    assert {*EXTRAS} == {*PROJECT["optional-dependencies"]} - {"dev", "bench"}
    for extra, along in WITH.items():
        assert {f"weftline[{name}]" for name in along} <= {*PROJECT["optional-dependencies"][extra]}


def test_one_sentence_names_all_that_is_lacking(monkeypatch: pytest.MonkeyPatch) -> None:
    assert lacking(*EXTRAS) == []
    for module in ("chdb", "nicegui"):
        monkeypatch.setitem(sys.modules, module, None)
    assert lacking(*EXTRAS) == ["embedded", "boards"]
    assert advice(lacking(*EXTRAS)).endswith("pip install '.[embedded,boards]'")
    monkeypatch.setitem(sys.modules, "faust", None)
    assert lacking(*EXTRAS) == ["processors", "embedded", "boards", "gateway", "notify"]
