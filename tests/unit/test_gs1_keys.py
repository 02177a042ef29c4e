"""One thing is one key, however it is written: EPC URN, Digital Link of any domain, escapes, dots."""

from __future__ import annotations

import random
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weftline.contracts.gs1_keys import check_digit, parse

# What a serial number, a lot or an extension may hold (GS1 AI encodable character set 82).
TEXT = st.text("ABCXYZabcxyz0123456789!\"%&'()*+,-./:;<=>?_", min_size=1, max_size=12)
SHAPE = {  # scheme of the URN: digits of the reference when the company prefix has seven
    "sscc": 10,
    "gsin": 9,
    "gdti": 5,
    "sgln": 5,
    "lgtin": 6,
}


def links(path: str) -> list[str]:
    return [f"https://id.gs1.org/{path}", f"http://mill.example/a/b/{path}/", f"https://ID.GS1.ORG/{path}?linkType=all#x"]


@given(scheme=st.sampled_from(sorted(SHAPE)), prefix=st.from_regex(r"[0-9]{7}", fullmatch=True), text=TEXT, data=st.data())
def test_a_urn_and_every_digital_link_of_it_are_one_key(scheme: str, prefix: str, text: str, data: st.DataObject) -> None:
    rest = data.draw(st.text("0123456789", min_size=SHAPE[scheme], max_size=SHAPE[scheme]))
    body = rest[0] + prefix + rest[1:] if scheme in ("sscc", "lgtin") else prefix + rest
    digits = body + check_digit(body)
    escaped = quote(text, safe="")
    urn = {
        "sscc": f"urn:epc:id:sscc:{prefix}.{rest}",
        "gsin": f"urn:epc:id:gsin:{prefix}.{rest}",
        "gdti": f"urn:epc:id:gdti:{prefix}.{rest}.{escaped}",
        "sgln": f"urn:epc:id:sgln:{prefix}.{rest}.{escaped}",
        "lgtin": f"urn:epc:class:lgtin:{prefix}.{rest}.{escaped}",
    }[scheme]
    path = {
        "sscc": f"00/{digits}",
        "gsin": f"402/{digits}",
        "gdti": f"253/{digits}{escaped}",
        "sgln": f"414/{digits}/254/{escaped}",
        "lgtin": f"01/{digits}/10/{escaped}",
    }[scheme]
    key = parse(urn)
    assert key is not None
    assert key.sound
    assert {parse(link) for link in links(path)} == {key}
    assert parse(key.link) == key  # the one form is read as what it says
    if scheme in ("lgtin", "sgln"):
        assert key.extension == (None if (scheme, text) == ("sgln", "0") else text)


@pytest.mark.parametrize(
    ("text", "link"),
    [
        # GS1's own: EPC Tag Data Standard 7, Digital Link standard 4
        ("urn:epc:id:sscc:0614141.1234567890", "https://id.gs1.org/00/106141412345678908"),
        ("urn:epc:id:gdti:0614141.00002.77", "https://id.gs1.org/253/061414100002977"),
        ("urn:epc:class:lgtin:4012345.012345.2026.05-A", "https://id.gs1.org/01/04012345123456/10/2026.05-A"),
        ("urn:epc:id:sgln:6901234.00001.A.5", "https://id.gs1.org/414/6901234000016/254/A.5"),
        ("urn:epc:id:sgln:6901234.00001.0", "https://id.gs1.org/414/6901234000016"),
        ("URN:EPC:ID:SSCC:0614141.1234567890", "https://id.gs1.org/00/106141412345678908"),
        ("https://mill.example/sscc/106141412345678908", "https://id.gs1.org/00/106141412345678908"),
        ("https://mill.example/gtin/4012345123456/lot/L%2F5", "https://id.gs1.org/01/04012345123456/10/L%2F5"),
        ("https://mill.example/01/04012345123456/22/2A/10/L5/21/9", "https://id.gs1.org/01/04012345123456/10/L5"),
        ("urn:epc:id:ginc:0614141.xyz47.11", "https://id.gs1.org/401/0614141xyz47.11"),
        ("https://id.gs1.org/401/0614141xyz47.11", "https://id.gs1.org/401/0614141xyz47.11"),
    ],
)
def test_known_keys(text: str, link: str) -> None:
    key = parse(text)
    assert key is not None
    assert (key.link, key.sound) == (link, True)


def test_what_is_no_key_and_what_is_a_wrong_one() -> None:
    for other in (
        "urn:epcglobal:cbv:bt:6901234000016:00",
        "https://erp.example/orders/00/17",
        "urn:epc:idpat:sgtin:6901234.012346.*",
        "x",
    ):
        assert parse(other) is None
    for wrong in (
        "https://id.gs1.org/00/106141412345678907",
        "urn:epc:id:sscc:0614141.123456789",
        "urn:epc:id:gdti:0614141.002.77",
    ):
        key = parse(wrong)
        assert key is not None
        assert not key.sound
    assert parse("https://erp.example/00/106141412345678907") is None  # may be a path of its own


def test_a_check_digit_finds_every_digit_that_was_mistyped() -> None:
    draw = random.Random(7)
    for _ in range(200):
        body = "".join(draw.choices("0123456789", k=17))
        place = draw.randrange(17)
        other = body[:place] + str((int(body[place]) + draw.randrange(1, 10)) % 10) + body[place + 1 :]
        assert check_digit(body) != check_digit(other)
