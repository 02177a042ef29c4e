"""The rules of cooperatives in words, where a table or an event has their ids: those of quotas and of proposals for lists."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

from weftline.contracts.standards import load_cooperative_rules, load_standards

if TYPE_CHECKING:
    from weftline.domain.cooperative.rules import Basis


def in_words(column: str) -> str:
    """SQL that gives the rule whose id a column has in the reader's language, which is ``{lang}``, and every other value as it is."""
    bases = rule_bases().values()
    ids, zh, en = (", ".join(map(_quoted, of)) for of in zip(*((one.rule, one.zh, one.en) for one in bases), strict=True))
    return f"transform({column}, [{ids}], if('{{lang}}' = 'zh', [{zh}], [{en}]), {column})"


@cache
def rule_bases() -> Mapping[str, Basis]:
    """The rules by their ids, each as the newest edition has it."""
    found: dict[str, Basis] = {}
    for editions in load_cooperative_rules(load_standards()).cooperatives.values():
        for rules in editions.editions:
            proposals = (rule.basis for rule in rules.lists.proposals)
            more = (rule.basis for rule in rules.fund.more)
            found.update((basis.rule, basis) for basis in (rules.fund.quota, *more, *proposals))
    return found


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
