"""A file is what it says, however a program wrote it: encodings, marks, gzip; and no JSON of which a field stands twice."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weftline.contracts.text_reading import MAX_BYTES, decoded, json_value, opened
from weftline.errors import ContractError, UserError
from weftline.judging import judge_file
from weftline.sdk.files import _values

MARKS = {"utf-8-sig": b"", "utf-8": b"", "utf-16": b"", "utf-32": b"", "utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}
NO_MARKS = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
WRITERS: list[Callable[[str], bytes]] = [
    *(lambda text, name=name, mark=mark: mark + text.encode(name) for name, mark in MARKS.items()),  # type: ignore[misc]
    *(lambda text, name=name: text.encode(name) for name in NO_MARKS),  # type: ignore[misc]
]
LINES = [{"type": "order", "order_id": "单-1"}, {"factory_id": "海门\u2028叠石桥"}, [1, {"a": "\r"}]]


def values(data: bytes) -> list[tuple[int, Any]]:
    return list(_values(opened(io.BytesIO(data))))


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("packed", [False, True])
def test_one_text_is_the_same_values_however_it_was_written(packed: bool, indent: int | None, end: str) -> None:
    if indent is None:
        text = end.join(json.dumps(line, ensure_ascii=False) for line in LINES)
    else:
        text = json.dumps(LINES, ensure_ascii=False, indent=indent).replace("\n", end)
    expected = [(1, LINES)] if indent else list(enumerate(LINES, 1))
    for write in WRITERS:
        data = write(text)
        assert values(gzip.compress(data) if packed else data) == expected
        assert decoded(gzip.compress(data) if packed else data, "x") == text


@given(text=st.text(), writer=st.sampled_from(WRITERS[:6]))
def test_any_text_is_read_back(text: str, writer: Callable[[str], bytes]) -> None:
    plain = text.removeprefix("\ufeff")
    assert decoded(writer("{" + plain), "x") == "{" + plain


@pytest.mark.parametrize("cut", [1, 10, 30])
def test_a_file_that_is_cut_short_is_told_and_its_beginning_taken(cut: int) -> None:
    lines = [{"n": number, "more": "x" * (number % 7)} for number in range(3_000)]
    packed = gzip.compress("\n".join(map(json.dumps, lines)).encode())
    found = values(packed[:-cut])
    *good, (_, last) = found
    assert isinstance(last, ContractError)
    assert "is cut short or damaged" in str(last)
    assert [value for _, value in good] == lines[: len(good)]
    half = values(packed[: len(packed) // 2])
    assert isinstance(half[-1][1], ContractError)
    assert len(half) > 100
    with pytest.raises(UserError, match="x: is cut short or damaged"):
        decoded(packed[:-cut], "x")


def test_a_text_of_another_encoding_than_its_mark_is_told() -> None:
    found = values(b"\xff\xfe" + '{"a": 1}\n'.encode("utf-16-le") + b"\x00\xd8")
    assert isinstance(found[-1][1], ContractError)
    assert "is not UTF-16" in str(found[-1][1])


def test_a_small_file_that_unpacks_to_a_large_one_is_refused_and_not_held() -> None:
    bomb = gzip.compress(b"x" * (MAX_BYTES + 10))
    assert len(bomb) < 100_000
    with pytest.raises(UserError, match="is larger than 64 MB, unpacked"):
        decoded(bomb, "x")
    ((_, refused),) = values(bomb)
    assert "is longer than 64 MB" in str(refused)


@pytest.mark.parametrize("text", ['{"a": 1, "a": 1}', '{"a": 1, "b": [{"c": 1, "d": 2, "c": 3}]}', '[{"\\u0061": 1, "a": 2}]'])
def test_a_field_that_stands_twice_is_a_fault(text: str) -> None:
    with pytest.raises(ValueError, match="stands twice in one object"):
        json_value(text)
    ((_, refused),) = values(text.encode())
    assert "stands twice" in str(refused)
    with pytest.raises(UserError, match="stands twice"):
        judge_file(text, "x", 0)
