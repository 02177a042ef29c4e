"""Who may do what in a stack by TLS and SCRAM: users of Kafka with the rights of their roles, and an operator of the board."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from weftline.contracts.partners import Partner, Role, new_token
from weftline.embedded.passwords import FOLDER, write_private
from weftline.embedded.security import ADMIN, GRANTED, Security
from weftline.errors import DependencyDown
from weftline.kafka_admin.access import apply_access, grant, set_admin
from weftline.kafka_admin.login import refused
from weftline.runtime.settings import Settings
from weftline.warehouse import partners
from weftline.warehouse.client import reader

#: The partner under whose token the board of a stack is opened, and where that token lies.
OPERATOR: Final = "stack-operator"
TOKEN_FILE: Final = "operator_token"
_KNOWN_SECONDS: Final = 30.0


def open_accounts(kafka: str, folder: Path, security: Security) -> list[str]:
    """Make the users of Kafka and give each the rights of its role, no more; says in lines what was changed."""
    as_broker = security.broker_login()
    set_admin(kafka, ADMIN, security.passwords[ADMIN], **as_broker)
    lines = apply_access(kafka, folder / FOLDER, **as_broker)
    for user, role in GRANTED.items():
        lines += grant(kafka, role, user, security.passwords[user], **as_broker)
    # The broker learns of a password a little after its controller has taken it; a program that logged in before would be refused.
    deadline = time.monotonic() + _KNOWN_SECONDS
    while any(refused(kafka, security.login(user)) for user in GRANTED):
        if time.monotonic() > deadline:
            raise DependencyDown("kafka", f"{kafka} does not know its users after {_KNOWN_SECONDS:.0f} s")
        time.sleep(0.05)
    return lines


def open_board(settings: Settings, folder: Path) -> Path:
    """The file with the token by which the board is opened. Made where it is missing, or the token in it is not taken any more."""
    file = folder / FOLDER / TOKEN_FILE
    with reader(settings) as tables:
        now, known = tables.clock()(), partners.read_partners(tables)
        held = file.read_text("utf-8").strip() if file.exists() else ""
        was = known.partners.get(OPERATOR)
        if known.caller(held, now) is None and (was is None or not was.disabled):
            made = new_token(OPERATOR, now, None)
            partners.put_partner(tables, Partner(partner_id=OPERATOR, role=Role.OPERATOR))
            partners.put_token(tables, made.token)
            write_private(file, f"{made.text}\n")
    return file
