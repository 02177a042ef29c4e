"""Packs: what stands in them is what was judged, they say what they do not know, and no byte of a file can change without a fault."""

from __future__ import annotations

import base64
import dataclasses
import datetime
import json
import os
import re
import stat
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from tests.e2e.commands import weftline
from tests.support.cooperative import STORIES, rulebook, story
from tests.support.cooperative_histories import as_of, events, inspections
from tests.support.examples import MEMBER
from tests.support.packs import key, made

from weftline.contracts.signing import SigningKey
from weftline.domain.cooperative.history import History
from weftline.domain.cooperative.member import judge_member
from weftline.domain.cooperative.pack import HOW
from weftline.domain.fold import Record
from weftline.domain.vocabulary import CooperativeKind, PackPurpose
from weftline.packs.making import digest
from weftline.packs.signed import NotAsSigned, check, public_of

DAY = datetime.date(2026, 6, 30)


def content(name: str, day: datetime.date, purpose: PackPurpose = PackPurpose.LOAN) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(made(name, day, purpose).files["json"])["pack"]
    return said


@pytest.mark.parametrize("name", STORIES)
def test_a_pack_says_what_was_judged_by_hand(name: str) -> None:
    for expected in story(name)["expect"]:
        pack = content(name, expected["as_of"])
        if "score" in expected:
            assert float(pack["credit"]["score"]) == expected["score"]
        if "grade" in expected:
            assert pack["credit"]["grade"]["code"] == expected["grade"]
        points: dict[str, float] = {}
        for one in pack["credit"]["points"]:
            points[one["rule"]] = points.get(one["rule"], 0) + float(one["points"])
        assert points == expected.get("points", points)
        assert sum(points.values()) == float(pack["credit"]["score"])
        failing = [one["rule"] for one in pack["trademark"]["conditions"] if not one["met"]]
        assert failing == expected.get("trademark", failing)


def test_what_the_seasoned_member_takes_to_its_bank() -> None:
    pack = content("01-seasoned.yaml", DAY)
    assert {name: pack["tests"][name] for name in ("passed", "failed", "other", "judged")} == {
        "passed": 4,
        "failed": 0,
        "other": 0,
        "judged": 4,
    }
    assert [(one["scheme"], one["number"], one["until"][:10]) for one in pack["certificates"]] == [("ISO 9001", "c1", "2027-05-01")]
    assert [(one["what"], one["brand_id"]) for one in pack["honours"]] == [("MARK_REGISTERED", "m1")]
    assert pack["made_for"] == "海门银行 <Haimen Bank>"
    unknown = {one["code"] for one in pack["unknown"]}
    assert unknown == {"rules_unconfirmed", "no_official_grade", "no_name", "publishers_trusted"}
    evidence = {one["rule"]: one["evidence"] for one in pack["credit"]["points"]}
    assert (evidence["pledged"], evidence["certified"]) == (["test pledge"], ["test iso"])


def test_the_page_says_all_that_the_json_does_and_escapes_what_others_wrote() -> None:
    for purpose in (PackPurpose.LOAN, PackPurpose.TRADEMARK):
        files = made("07-second-round.yaml", DAY, purpose).files
        pack = json.loads(files["json"])["pack"]
        page = _Text.of(files["html"].decode())
        assert "海门银行 <Haimen Bank>" in page
        for said in _leaves(pack):
            assert said in page, said
        assert page.index("What would cure it") < page.index("Tests by scope") or purpose is PackPurpose.LOAN
    assert b"<script" not in files["html"]


def _leaves(pack: dict[str, Any]) -> set[str]:
    """What rules and events are called, and every number of points: what must not be left out of the page."""
    points = {one["points"] for one in pack["credit"]["points"]} | {pack["credit"]["score"]}
    named = {one[name] for one in pack["credit"]["points"] for name in ("rule", "zh", "en", "source")}
    refs = {ref for part in ("cases", "lists", "certificates", "honours") for one in pack[part] for ref in one["evidence"]}
    reports = {one["report"] for one in pack["tests"]["reports"]}
    unknown = {one["en"] for one in pack["unknown"]} | {pack["pack_id"], pack["rests_on"]["sha256"]}
    return points | named | refs | reports | unknown


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @classmethod
    def of(cls, page: str) -> str:
        parser = cls()
        parser.feed(page)
        return " ".join(" ".join(parser.texts).split())


# -- Signatures

_FILES = made("01-seasoned.yaml", DAY).files
_PUBLIC = public_of(key())


@given(st.sampled_from(["json", "html"]), st.integers(0, 1 << 30), st.integers(1, 255))
def test_any_changed_byte_is_found(form: str, at: int, flip: int) -> None:
    data = bytearray(_FILES[form])
    data[at % len(data)] ^= flip
    with pytest.raises(NotAsSigned):
        check(bytes(data), _PUBLIC)


@pytest.mark.parametrize("form", ["json", "html"])
def test_every_byte_behind_the_content_is_found(form: str) -> None:
    """The signature and what stands around it are read by a library: each of their bytes, changed to each that base64url knows."""
    whole = _FILES[form]
    content = check(whole, _PUBLIC).content
    behind = whole.index(content) + len(content)
    for at in (*range(whole.index(content)), *range(behind, len(whole))):
        for other in b"A=-_.\n z" + bytes([whole[at] ^ 1, whole[at] ^ 0x20]):
            if other != whole[at]:
                with pytest.raises(NotAsSigned):
                    check(whole[:at] + bytes([other]) + whole[at + 1 :], _PUBLIC)
    last = next(at for at in range(len(whole) - 1, 0, -1) if chr(whole[at]).isalnum() or whole[at] in b"-_")
    for other in b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_":  # bits that base64 leaves over
        if other != whole[last]:
            with pytest.raises(NotAsSigned):
                check(whole[:last] + bytes([other]) + whole[last + 1 :], _PUBLIC)


@given(st.sampled_from(["json", "html"]), st.integers(0, 1 << 30), st.binary(max_size=3), st.integers(0, 3))
def test_what_is_added_or_cut_out_is_found(form: str, at: int, more: bytes, less: int) -> None:
    whole = _FILES[form]
    place = at % (len(whole) + 1)
    other = whole[:place] + more + whole[place + less :]
    if other != whole:
        with pytest.raises(NotAsSigned):
            check(other, _PUBLIC)


def test_neither_another_key_nor_another_form_passes() -> None:
    other = SigningKey.new()
    with pytest.raises(NotAsSigned):
        check(made("01-seasoned.yaml", DAY, private=other).files["json"], _PUBLIC)
    # The signature of the page around the page's content as if it were JSON.
    sound = check(_FILES["html"], _PUBLIC)
    signature = re.findall(rb"<!-- weftline-signature (\S+) -->\n", _FILES["html"])[-1]
    with pytest.raises(NotAsSigned, match="something else"):
        check(b'{"pack": ' + sound.content + b',\n"signature": "' + signature + b'"}\n', _PUBLIC)


def test_the_signature_is_the_standards_own() -> None:
    """RFC 7515 by hand: what a bank's own library would check."""
    whole = json.loads(_FILES["json"])
    header, nothing, signature = whole["signature"].split(".")
    content = check(_FILES["json"], _PUBLIC).content
    assert json.loads(content) == whole["pack"]
    x = base64.urlsafe_b64decode(_PUBLIC.jwk["x"] + "=")
    signed = f"{header}.{base64.urlsafe_b64encode(content).rstrip(b'=').decode()}"
    Ed25519PublicKey.from_public_bytes(x).verify(base64.urlsafe_b64decode(signature + "=="), signed.encode())
    assert nothing == ""
    assert json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4))) == {
        "alg": "Ed25519",
        "kid": _PUBLIC.thumbprint,
        "typ": "weftline-pack+json",
    }
    page = check(_FILES["html"], _PUBLIC)
    assert page.said == {"pack_id": whole["pack"]["pack_id"], "json_sha256": check(_FILES["json"], _PUBLIC).sha256}
    assert page.said.items() <= check(_FILES["json"], _PUBLIC).said.items()


# -- What it rests on, and the event of its making


@given(events(), inspections(), as_of(), st.permutations(range(3)))
def test_a_pack_that_was_made_changes_nothing_that_stands(told: list[Any], found: list[Any], moment: int, order: list[int]) -> None:
    without = [one for one in told if one.kind is not CooperativeKind.PACK]
    book = rulebook().of("haimen")
    with_packs, bare = (judge_member(History.of(these, found), book, moment) for these in (told, without))
    assert dataclasses.replace(with_packs, history=bare.history) == bare
    records = [Record(one, 1) for one in told]
    assert digest(records, 1 << 50) == digest([Record(one, 1) for one in reversed(without)], 1 << 50)


def test_the_digest_tells_records_apart_and_can_be_made_by_hand() -> None:
    assert "ascending order" in HOW
    one, other = Record(MEMBER, 1), Record(dataclasses.replace(MEMBER, event_id="another"), 1)
    assert digest([one, other], 1 << 50) == digest([other, one], 1 << 50)
    assert digest([one], 1 << 50) != digest([other], 1 << 50)
    assert digest([one, other], MEMBER.event_time - 1).records == 0


# -- The command


def test_a_key_is_its_owners_alone_and_a_bank_checks_with_its_public_part(tmp_path: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return weftline("pack", *arguments, folder=tmp_path)

    printed = run("key", "c.pem")
    assert stat.S_IMODE(os.stat(tmp_path / "c.pem").st_mode) == 0o600
    assert json.loads(printed.stdout)["kid"] in printed.stderr
    assert run("key", "c.pem").returncode == 1, "a key that is there is not written over"
    assert run("key", "c.pem", "--show").stdout == printed.stdout
    (tmp_path / "c.jwk").write_text(printed.stdout, "utf-8")
    files = made("01-seasoned.yaml", DAY, private=SigningKey.load(tmp_path / "c.pem")).files
    for ending, data in files.items():
        (tmp_path / f"p.{ending}").write_bytes(data)
    sound = run("verify", "p.json", "p.html", "--key", "c.jwk")
    assert sound.returncode == 0, sound.stderr
    assert sound.stdout.count("unchanged") == 2
    (tmp_path / "p.html").write_bytes(files["html"].replace("合格".encode(), "優等".encode(), 1))
    changed = run("verify", "p.html", "p.json", "--key", "c.jwk", "--json")
    assert changed.returncode == 1
    assert [one["sound"] for one in json.loads(changed.stdout)] == [False, True]
    assert run("verify", "p.json", "--key", "c.pem").returncode == 1
