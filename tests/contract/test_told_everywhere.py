"""What stands in one place of the code and is told in another: rules of alerts have words, editions of the rules a line in the README."""

from __future__ import annotations

import re
from pathlib import Path

from weftline.domain.alert_rules import RULES
from weftline.domain.fold import EDITION
from weftline.domain.vocabulary import AlertRule

ROOT = Path(__file__).parents[2]


def test_every_rule_has_its_words() -> None:
    assert {*RULES} == {*AlertRule} - {AlertRule.UNKNOWN}


def test_the_view_of_what_waits_says_when_a_matter_is_over() -> None:
    """Of every rule but the one whose matter nothing that is published can end."""
    texts = [path.read_text("utf-8") for path in sorted((ROOT / "schemas/clickhouse").glob("*.sql"))]
    view = [text for text in texts if re.search(r"VIEW (IF NOT EXISTS )?waiting_alerts ", text)][-1]
    told = {rule for rule in RULES if f"rule = '{rule}'" in view}
    assert RULES.keys() - told == {AlertRule.SAFETY_LIMIT_FAILED}


def test_the_readme_says_what_each_edition_changed() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert f"; {EDITION}: " in text
    assert f"; {EDITION + 1}: " not in text
