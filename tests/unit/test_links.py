"""Links to an inbox: what they open, for whom and how long, and that nobody makes or changes one."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weftline.errors import UserError
from weftline.pages.links import Inbox, Link, Links, Seal

KEY, OTHER = "k" * 32, "o" * 32
LINK = Link("haimen-0204", "lot-not-accepted:35ffaa", 1_000)
WRITTEN = Links(KEY).written(LINK)


def test_a_link_opens_what_it_says_until_its_end() -> None:
    assert Links(KEY).read(WRITTEN, 999) == LINK
    assert Links(KEY).read(WRITTEN, 1_000) is None
    assert Links(OTHER).read(WRITTEN, 0) is None


@given(st.text(min_size=1, max_size=200), st.text(max_size=200), st.integers(1, 1 << 50))
def test_any_name_comes_back(factory: str, alert: str, end: int) -> None:
    link = Link(factory, alert, end)
    assert Links(KEY).read(Links(KEY).written(link), end - 1) == (None if factory.endswith("*") else link)


@pytest.mark.parametrize("at", range(len(WRITTEN)))
def test_one_character_changed_opens_nothing(at: int) -> None:
    """Also the last one, of which base64 leaves two bits idle."""
    for other in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=":
        if other != WRITTEN[at]:
            assert Links(KEY).read(WRITTEN[:at] + other + WRITTEN[at + 1 :], 0) is None


@given(st.text(max_size=300))
def test_what_is_no_link_opens_nothing(text: str) -> None:
    assert Links(KEY).read(text, 0) is None


@pytest.mark.parametrize(
    "values", [[], ["f", "a"], ["f", "a", "9"], ["", "a", 9], [1, "a", 9], ["f", 1, 9], ["f-*", "a", 9], ["f", "a", 9, 9]]
)
def test_what_is_sealed_and_says_no_link_opens_nothing(values: list[str | int]) -> None:
    assert Links(KEY).read(Seal(KEY, "inbox-link").close(values), 0) is None


def test_a_seal_for_another_purpose_is_none_here() -> None:
    assert Links(KEY).read(Seal(KEY, "inbox-session").close(LINK), 0) is None


def test_a_short_key_is_refused_with_what_to_do() -> None:
    with pytest.raises(UserError, match=r"WEFTLINE_LINK_KEY has 31 characters and needs 32 at least; `python -c") as error:
        Links("k" * 31)
    assert "kkk" not in str(error.value)


def test_the_address_of_an_inbox() -> None:
    href = Inbox("https://gateway.example/", Links(KEY), "f-1", 24).href("a:1", 10.0, "en")
    parts = urlsplit(href)
    assert (parts.scheme, parts.netloc, parts.path) == ("https", "gateway.example", "/inbox")
    asked = parse_qs(parts.query)
    assert asked["lang"] == ["en"]
    assert Links(KEY).read(asked["link"][0], 0) == Link("f-1", "a:1", 10_000 + 24 * 3_600_000)
