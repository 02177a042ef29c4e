"""What stands under ``deploy`` about alerts, as tests read it: rules, the names in them, runbooks and the commands in those."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import yaml

DEPLOY = Path(__file__).parents[2] / "deploy"
PROMETHEUS, ALERTMANAGER, RUNBOOKS = DEPLOY / "prometheus", DEPLOY / "alertmanager", DEPLOY / "runbooks"
#: What rules may ask for besides: what Prometheus makes itself, and what it and Alertmanager tell of themselves.
FOREIGN = re.compile(r"up|ALERTS|(prometheus|alertmanager)_\w+")

_NAME = re.compile(r"\b(?:up|ALERTS|(?:weftline|kafka|process|prometheus|alertmanager)_\w+)\b")
_DURATION = re.compile(r"(?<=\[)(\d+)([smhd])(?=\])|(?<=: )(\d+)([smhd])$", re.MULTILINE)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def rules() -> list[dict[str, Any]]:
    """All rules, recording ones included."""
    files = sorted((PROMETHEUS / "rules").glob("*.yml"))
    return [rule for file in files for group in yaml.safe_load(file.read_text("utf-8"))["groups"] for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    """The alerting rules."""
    return [rule for rule in rules() if "alert" in rule]


def asked_for() -> set[str]:
    """The names of series in all expressions, but for what recording rules make."""
    found: set[str] = set()
    for rule in rules():
        expression = re.sub(r'"[^"]*"|\w+:[\w:]+', " ", rule["expr"])
        found.update(_NAME.findall(expression))
    return found


class Block(NamedTuple):
    """Commands in a runbook; ``mark`` is ``look``, ``act`` or ``setup``."""

    page: str
    mark: str
    text: str


def blocks() -> list[Block]:
    """All commands of all runbooks."""
    return [
        Block(page.stem, mark, text)
        for page in sorted(RUNBOOKS.glob("*.md"))
        for mark, text in re.findall(r"^```sh (\w+)\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    ]


def faster(text: str, times: int, at_least: float) -> str:
    """A configuration or rules with every duration, and nothing else, divided by ``times``; none but 0 below ``at_least`` seconds.

    Durations stand alone after a key (``for: 10m``) or as a range (``[10m]``). Thresholds are numbers and stay.
    """

    def shorter(match: re.Match[str]) -> str:
        seconds = int(match[1] or match[3]) * _SECONDS[match[2] or match[4]]
        return "0s" if seconds == 0 else f"{int(max(seconds / times, at_least) * 1000)}ms"

    return _DURATION.sub(shorter, text)
