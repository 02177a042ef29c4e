"""How ``schemas/topics.yaml`` is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from weftline.contracts.limits import MAX_BATCH_BYTES
from weftline.contracts.yaml_types import Fault, Model, NotA, Text, mappings


def _retention(days: int) -> int:
    if days < 1 and days != -1:
        raise NotA("must be a whole number from 1, or -1")
    return days


class TopicEntry(Model):
    valued = frozenset({"max_bytes"})

    doc: Text
    key: Text
    partitions: Annotated[int, Field(ge=1)]
    retention_days: Annotated[int, AfterValidator(_retention)]
    # Not named `schema`, which is a method of every model.
    schema_: Text | None = Field(None, alias="schema")
    dead_letters: Text | None = None
    max_bytes: Annotated[int, Field(ge=MAX_BATCH_BYTES)] = MAX_BATCH_BYTES


class TopicsFile(Model):
    topics: Annotated[dict[Text, TopicEntry], Field(description="it maps each topic to what it is")]

    @classmethod
    def beside(cls, body: Mapping[Any, Any]) -> Iterator[Fault]:
        topics = body.get("topics")
        for name, entry in mappings(body, "topics"):
            letters = entry.get("dead_letters")
            if isinstance(topics, dict) and isinstance(letters, str) and letters not in topics:
                yield Fault(f"{letters} is no topic of the list", "topics", name, "dead_letters")
