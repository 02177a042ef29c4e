"""How ``schemas/standards/indicators.yaml`` is written: what can be measured, and the lists of it that somebody proposes to order."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import AfterValidator, model_validator

from weftline.contracts.yaml_types import Fault, Faults, Lacks, Model, NotA, Number, Text, mappings, member, one_of
from weftline.domain.laboratory.grades import Scale
from weftline.domain.laboratory.spelling import Spellings
from weftline.domain.laboratory.standards import Indicator, Method, Programme
from weftline.domain.vocabulary import MeasurementKind

#: What an indicator says beside its names and methods, by its kind; with those marked true it must be there.
_BY_KIND: Final = {
    MeasurementKind.NUMBER: {"unit": False, "units": False, "possible": False},
    MeasurementKind.GRADE: {"scale": True, "readings": True},
    MeasurementKind.QUALITATIVE: {"codes": True},
}
_OF_A_KIND: Final = tuple(key for keys in _BY_KIND.values() for key in keys)


def _ascends(pair: list[Decimal]) -> list[Decimal]:
    if len(pair) != 2 or pair[0] > pair[1]:
        raise NotA("must be two numbers, the smaller first")
    return pair


#: Two numbers, the smaller first.
Range = Annotated[list[Number], AfterValidator(_ascends)]


class _Method(Model):
    name: Text
    detection_limit: Number | None = None
    source: Text = ""


class _Indicator(Model):
    valued = frozenset(_OF_A_KIND)

    code: Text
    zh: Text
    en: Text
    kind: Annotated[MeasurementKind, one_of({kind.value: kind for kind in _BY_KIND})]
    not_detected: bool = False
    methods: list[_Method] = []
    unit: Text | None = None
    units: dict[Text, Number] = {}
    possible: Range | None = None
    scale: Annotated[Scale, member(Scale)] | None = None
    readings: Annotated[bool, one_of({"both": True, "any": False})] | None = None
    codes: dict[Text, bool] | None = None

    @model_validator(mode="after")
    def _says_what_its_kind_says(self) -> _Indicator:
        mine, said = _BY_KIND[self.kind], self.model_fields_set
        faults: list[Fault] = [
            Fault(f"is not for {self.kind}; leave it out", key) for key in _OF_A_KIND if key in said and key not in mine
        ]
        faults += [Lacks(f"{self.kind} needs it", key) for key, needed in mine.items() if needed and key not in said]
        Faults.raise_any(faults)
        return self

    def indicator(self, names: Mapping[str, str], spellings: Spellings) -> Indicator:
        least, most = self.possible or (None, None)
        return replace(
            Indicator(
                self.code,
                self.zh,
                self.en,
                frozenset({self.kind} | ({MeasurementKind.NOT_DETECTED} if self.not_detected else set())),
            ),
            methods=tuple(Method(method.name, method.detection_limit) for method in self.methods),
            spellings=spellings,
            unit=self.unit,
            units=self.units,
            least=least,
            most=most,
            scale=self.scale,
            both_readings=bool(self.readings),
            codes=self.codes or {},
            codes_zh={code: names[code] for code in self.codes or ()},
        )


class _Programme(Model):
    code: Text
    zh: Text
    en: Text
    status: Text
    source: Text
    indicators: list[list[Text]]

    def programme(self) -> Programme:
        return Programme(self.code, self.zh, self.en, self.status, self.source, tuple(map(tuple, self.indicators)))


class IndicatorsFile(Model):
    code_names: dict[Text, Text]
    indicators: list[_Indicator] = []
    programmes: list[_Programme] = []

    @classmethod
    def beside(cls, body: Mapping[Any, Any]) -> Iterator[Fault]:
        first: dict[str, Hashable] = {}
        for step, entry in mappings(body, "indicators"):
            code = entry.get("code")
            if isinstance(code, str) and (known := first.setdefault(code.strip(), step)) != step:
                yield Fault(
                    f"indicator {code} is in line {{line}} as well; leave one",
                    "indicators",
                    step,
                    "code",
                    first=("indicators", known),
                )

    @model_validator(mode="after")
    def _names_what_it_lists(self) -> IndicatorsFile:
        nameless: list[Fault] = [
            Fault(f"code_names gives no name for {code}", "indicators", place, "codes", code)
            for place, indicator in enumerate(self.indicators)
            for code in indicator.codes or ()
            if code not in self.code_names
        ]
        known = {indicator.code for indicator in self.indicators}
        unknown: list[Fault] = [
            NotA("must be a code of an indicator above", "programmes", place, "indicators", row, column)
            for place, programme in enumerate(self.programmes)
            for row, codes in enumerate(programme.indicators)
            for column, code in enumerate(codes)
            if code not in known
        ]
        Faults.raise_any(nameless + unknown)
        return self
