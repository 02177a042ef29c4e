"""How ``schemas/standards/remedies.yaml`` is written."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Annotated, Any, Final

from pydantic import Field

from weftline.contracts.yaml_types import Fault, Model, Text, mappings, member, one_of
from weftline.domain.remedies import Asked, Remedy

_CONFIDENCE: Final = one_of({word: word for word in ("confirmed", "unconfirmed")})


class _Term(Model):
    zh: Text
    en: Text


class _Remedy(Model):
    code: Text
    zh: Text
    en: Text
    how_zh: Text
    how_en: Text
    ask: Annotated[Asked, member(Asked)]
    confidence: Annotated[str, _CONFIDENCE]
    source: Text
    term: _Term | None = None

    def remedy(self) -> Remedy:
        return Remedy(
            code=self.code,
            name=(self.zh, self.en),
            how=(self.how_zh, self.how_en),
            term=None if self.term is None else (self.term.zh, self.term.en),
            ask=self.ask,
            confidence=self.confidence,
            source=self.source,
        )


class RemediesFile(Model):
    remedies: Annotated[list[_Remedy], Field(min_length=1, description="it is the list of what a factory may do")]

    @classmethod
    def beside(cls, body: Mapping[Any, Any]) -> Iterator[Fault]:
        first: dict[str, Hashable] = {}
        for step, entry in mappings(body, "remedies"):
            code = entry.get("code")
            if isinstance(code, str) and (known := first.setdefault(code.strip(), step)) != step:
                yield Fault(f"{code} is in line {{line}} as well; leave one", "remedies", step, "code", first=("remedies", known))
