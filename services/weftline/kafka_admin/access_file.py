"""How ``schemas/access.yaml`` is written. ``context`` of its models: ``topics``, those that there are."""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import Field, PlainValidator, ValidationInfo, field_validator

from weftline.contracts.yaml_types import Fault, Faults, Model, NotA, Text, one_of
from weftline.kafka_admin.quotas import UNITS


def _amount(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise NotA("must be a number greater than 0")
    return value


TopicRight = Annotated[str, one_of({word: word for word in ("READ", "WRITE", "DESCRIBE")})]
GroupRight = Annotated[str, one_of({word: word for word in ("READ", "DESCRIBE", "DELETE")})]
#: How the name of a topic ends that is its user's alone, and of all of these together.
OWN, EACH = ".{user}", ".*"
#: What is limited, and to how much.
Limit = Annotated[str, one_of({name: name for name in UNITS})]
Amount = Annotated[float, PlainValidator(_amount)]


def _listed(name: str) -> str:
    """The topic in topics.yaml that a name is about: itself, or the one whose parts for one party each it names."""
    return name.removesuffix(OWN).removesuffix(EACH)


class RoleEntry(Model):
    valued = frozenset({"topics", "groups", "quota"})

    doc: Annotated[Text, Field(description="say who has this role")]
    program: bool = False
    topics: dict[Text, list[TopicRight]] = {}
    groups: dict[Text, list[GroupRight]] = {}
    quota: dict[Limit, Amount] = {}

    @field_validator("topics", mode="after")
    @classmethod
    def _are_listed(cls, topics: dict[str, list[str]], info: ValidationInfo) -> dict[str, list[str]]:
        known = info.context["topics"] if info.context else ()
        Faults.raise_any(Fault(f"{name} does not stand in topics.yaml", name) for name in topics if _listed(name) not in known)
        return topics


class AccessFile(Model):
    roles: Annotated[dict[Text, RoleEntry], Field(description="it maps each role to what it may do")]
