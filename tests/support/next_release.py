"""Other releases of Weftline, each a tree of its own: this repository's programs with a few changes, so that an upgrade can be played
before there is anything to upgrade to.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from weftline.contracts.kinds import BY_CLASS, BY_PROCESSOR, MessageKind
from weftline.contracts.paths import schemas_root
from weftline.contracts.registry import local_schema
from weftline.contracts.versions import named
from weftline.domain.alerts import Alert
from weftline.domain.fold import EDITION
from weftline.domain.vocabulary import AlertRule

SERVICES = Path(__file__).parents[2] / "services"
FIELD = "urgency"
#: Of :class:`NextAlerts`.
RULE, BY_NEW_RULE, SAYS_MORE = "ORDER_FORGOTTEN", "forgotten", "urgent"


class News(NamedTuple):
    """What is new of a kind: a symbol of an enum, after the last there is, where an event has it, and which module has the enum."""

    enum: str
    last: str
    symbol: str
    path: tuple[str, ...]
    module: str = "domain/vocabulary.py"


NEWS = {
    "orders": News("SampleType", "TOP", "SHOWROOM", ("sample_type",)),
    "inspections": News("Payer", "AUTHORITY", "INSURER", ("laboratory_report", "payer")),
    "logistics": News("TradeMode", "CROSS_BORDER_ECOMMERCE", "BONDED", ("trade_mode",)),
    "cooperative": News("SizeClass", "LARGE", "GROUP", ("membership", "size_class"), "domain/cooperative/vocabulary.py"),
}


class Release:
    """A tree of its own; ``environment`` runs a program out of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(SERVICES, folder / "services", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(schemas_root(), folder / "schemas")
        self.environment = {"PYTHONPATH": str(folder / "services")}

    def change(self, file: str, old: str, new: str) -> None:
        """Put ``new`` in the place of ``old``, which stands there once."""
        path = self.folder / "services" / "weftline" / file
        text, found = re.subn(re.escape(old), lambda _: new, path.read_text("utf-8"))
        assert found == 1, f"{file} has {found} times {old!r}"
        path.write_text(text, "utf-8")

    def _add(self, kind: MessageKind, schema: Any) -> None:
        """The next version of a subject."""
        avro = self.folder / "schemas" / "avro"
        (avro / kind.subject / f"v{kind.version + 1}.avsc").write_text(json.dumps(schema, indent=1), "utf-8")
        ids = yaml.safe_load((avro / "ids.yaml").read_text("utf-8"))
        with (avro / "ids.yaml").open("a", encoding="utf-8") as file:
            file.write(f"{max(ids) + 1}: [{kind.subject}, {kind.version + 1}]\n")
        listed = f'"{kind.subject}",\n        {kind.version},\n'
        self.change("contracts/kinds.py", listed, listed.replace(f" {kind.version},", f" {kind.version + 1},"))


class FormerRelease(Release):
    """One that stored every record as it came."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.change(
            "contracts/codec.py",
            "body = _written(reader.parsed, ours)\n            ranked",
            "body = value[FRAMING:]\n            ranked",
        )


class NextRelease(Release):
    """The next: each subject of events has one version more, with a new field and a new symbol."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        declared = "    error_declaration: ErrorDeclaration | None = None\n"
        self.change("domain/events.py", declared, f"{declared}    {FIELD}: str | None = None\n")
        common = '        "error_declaration": optional(\n'
        self.change("contracts/mapping.py", common, f'        "{FIELD}": optional(name),\n{common}')
        for name, news in NEWS.items():
            last = f'    {news.last} = "{news.last}"\n'
            self.change(news.module, last, f'{last}    {news.symbol} = "{news.symbol}"\n')
            self._add_version(BY_PROCESSOR[name], news)

    def schema(self, kind: MessageKind) -> dict[str, Any]:
        """The schema that this release writes last."""
        return local_schema(kind.subject, kind.version + 1, self.folder / "schemas")

    def schema_id(self, kind: MessageKind) -> int:
        ids = yaml.safe_load((self.folder / "schemas" / "avro" / "ids.yaml").read_text("utf-8"))
        return next(key for key, value in ids.items() if value == [kind.subject, kind.version + 1])

    def _add_version(self, kind: MessageKind, news: News) -> None:
        schema = local_schema(kind.subject, kind.version)
        schema["fields"].append({"name": FIELD, "type": ["null", "string"], "doc": "How urgent it is.", "default": None})
        symbols = dict(named(schema))[news.enum]["symbols"]
        assert symbols[-1] == news.last
        symbols.append(news.symbol)
        self._add(kind, schema)


class NextAlerts(Release):
    """A next release that tells more: alerts have a new field, and some orders' a new rule, so that its rules have another edition.

    Orders whose name begins with :data:`SAYS_MORE` have the field, those with :data:`BY_NEW_RULE` the rule.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        kind = BY_CLASS[Alert]
        field = f"    {FIELD}: str | None = None\n"
        for last in ("    by_deadline: bool = False\n", "    replaces: str | None = None\n"):
            self.change("domain/alerts.py", last, f"{field}{last}")
        self.change(
            "contracts/mapping.py",
            '        "late_hours": count,\n',
            f'        "late_hours": count,\n        "{FIELD}": optional(name),\n',
        )
        self.change(
            "domain/revisions.py",
            "        late_hours=row.late_hours,\n",
            f"        late_hours=row.late_hours,\n        {FIELD}=alert.{FIELD},\n",
        )
        (*_, newest) = AlertRule
        last = f'    {newest} = "{newest}"\n'
        self.change("domain/vocabulary.py", last, f'{last}    {RULE} = "{RULE}"\n')
        line = '    AlertRule.SHIPMENT_OVERDUE: RuleOfAlerts("运输逾期", "shipment overdue", _MINOR, Rests.A_PROMISE),\n'
        self.change("domain/alert_rules.py", line, line + line.replace("SHIPMENT_OVERDUE", RULE))
        self.change(
            "domain/orders.py",
            "        rule=AlertRule.ORDER_OVERDUE,\n",
            f'        rule=AlertRule.{RULE} if event.order_id.startswith("{BY_NEW_RULE}") else AlertRule.ORDER_OVERDUE,\n'
            f'        {FIELD}="high" if event.order_id.startswith("{SAYS_MORE}") else None,\n',
        )
        self.change("domain/fold.py", f"EDITION = {EDITION}\n", f"EDITION = {EDITION + 1}\n")
        schema = local_schema(kind.subject, kind.version)
        of_names = dict(named(schema))
        for record in (schema, of_names["ListedAlert"]):
            record["fields"].append({"name": FIELD, "type": ["null", "string"], "doc": "How urgent it is.", "default": None})
        of_names["AlertRule"]["symbols"].append(RULE)
        self._add(kind, schema)
