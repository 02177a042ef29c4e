"""How much of Kafka one user may take: the quotas of ``schemas/access.yaml``, and making a broker's agree with them.

A broker does not refuse whoever takes more, it lets him wait. kafka-python 3.0.12 knows the two requests, but has no method for them
in its admin client.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from kafka.admin import KafkaAdminClient
from kafka.errors import for_code
from kafka.protocol.admin import AlterClientQuotasRequest, DescribeClientQuotasRequest

from weftline.errors import UserError

#: What can be limited, with its unit. Percent are of one thread of the broker, so that 200 are two threads.
UNITS: Final = {"producer_byte_rate": "bytes/s", "consumer_byte_rate": "bytes/s", "request_percentage": "% of a broker's thread"}

#: What each of :data:`UNITS` is limited to; what is not named has no limit.
Quota = Mapping[str, float]

_USER: Final = "user"
_ANY_NAME: Final = 2  # match_type of a component of DescribeClientQuotasRequest


def shown(name: str, value: float) -> str:
    """One limit, for people."""
    return f"{name} {value:,.0f} {UNITS.get(name, '')}".rstrip()


def quotas_of_users(admin: KafkaAdminClient) -> dict[str, dict[str, float]]:
    """The quotas that the broker has for users, by user. Raises :class:`kafka.errors.KafkaError`."""
    answer = _ask(admin, DescribeClientQuotasRequest(components=[(_USER, _ANY_NAME, None)], strict=True))
    if answer.error_code:
        raise for_code(answer.error_code)(answer.error_message)
    return {
        entry.entity[0].entity_name: {value.key: value.value for value in entry.values if value.key in UNITS}
        for entry in answer.entries or ()
    }


def agree(admin: KafkaAdminClient, kafka: str, user: str, wanted: Quota, found: Quota) -> list[str]:
    """Make the quota of ``user`` what is wanted; in lines what was changed. :class:`UserError` for what the broker refuses."""
    set_to = {name: value for name, value in wanted.items() if found.get(name) != value}
    gone = [name for name in found if name not in wanted]
    if not set_to and not gone:
        return []
    changes = [*((name, value, False) for name, value in set_to.items()), *((name, 0.0, True) for name in gone)]
    answer = _ask(admin, AlterClientQuotasRequest(entries=[([(_USER, user)], changes)], validate_only=False))
    for entry in answer.entries:
        if entry.error_code:
            raise UserError(f"Kafka at {kafka} refused the quota of {user}: {entry.error_message or for_code(entry.error_code)}")
    lines = [f"limited {user}: {shown(name, value)}" for name, value in sorted(set_to.items())]
    return lines + [f"no longer limited {user}: {name}" for name in sorted(gone)]


def _ask(admin: KafkaAdminClient, request: Any) -> Any:
    return admin._manager.run(admin._manager.send, request)
