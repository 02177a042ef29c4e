"""The gate: who may speak for whom, by the record and the grants alone, whatever the order in which either comes."""

from __future__ import annotations

import random
import stat
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.examples import CODEC, DECLARED, ORDER, REPORT

from weftline.contracts.publishers import UNSIGNED, Delivered, Grant, Grants, signature_in
from weftline.contracts.reference import read_reference
from weftline.contracts.signing import HEADER, SigningKey, parse, public_key
from weftline.contracts.topics import key_of, topic_of
from weftline.domain.events import Event
from weftline.errors import UserError

DAY = 86_400_000
TAKEN = 1_800_000_000_000
MINE, THEIRS, STRANGER = SigningKey.new(), SigningKey.new(), SigningKey.new()
HAPPENED = datetime.fromtimestamp(ORDER.event_time / 1000, UTC).date()


def grant(by: SigningKey | str, event: Event = ORDER, **more: object) -> Grant:
    """The right to publish what ``event`` is."""
    own: dict[str, object] = {
        "publisher_id": "mine",
        "public_key": by if isinstance(by, str) else by.public,
        "valid_from": date(2020, 1, 1),
        "sources": (event.source,),
        "centers": (event.center_id,),
        "cooperatives": (event.cooperative_id,),
        "source": "test",
    }
    return Grant(**{**own, **more})  # type: ignore[arg-type]


def sent(event: Event, by: SigningKey | None, taken: int = TAKEN) -> Delivered:
    """The record as a publisher with this key sends it."""
    topic, key, value = topic_of(event), key_of(event), CODEC.encode(event)  # type: ignore[arg-type]
    return Delivered(topic, key, value, None if by is None else by.header(topic, key, value)[1], taken)


def refused(event: Event, record: Delivered, *grants: Grant) -> str | None:
    """The field for which it is refused; None if it is allowed."""
    found = Grants(grants).refusal(record, event)
    assert found is None or found.reason == "not_allowed"
    return found and found.field


def test_the_right_key_is_let_in_and_nothing_else() -> None:
    allowed = grant(MINE)
    assert refused(ORDER, sent(ORDER, MINE), allowed) is None
    assert refused(ORDER, sent(ORDER, None), allowed) == "signature"
    assert refused(ORDER, sent(ORDER, STRANGER), allowed) == "signature"
    assert refused(ORDER, sent(ORDER, MINE)._replace(signature=b"rubbish"), allowed) == "signature"
    for foreign in ("source", "cooperative_id", "center_id"):
        other = replace(ORDER, **{foreign: "another"})
        assert refused(other, sent(other, MINE), allowed) == foreign
        assert refused(other, sent(other, MINE), allowed, grant(THEIRS, other)) == foreign


def test_a_declaration_needs_the_right_to_its_event() -> None:
    """The attack: whoever may publish declares another's event erroneous, under the source of the other."""
    victim, attacker = grant(MINE, DECLARED), grant(THEIRS, sources=("https://attacker.example",), centers=("attacker",))
    assert DECLARED.error_declaration is not None
    assert refused(DECLARED, sent(DECLARED, THEIRS), victim, attacker) == "source"
    assert refused(DECLARED, sent(DECLARED, MINE), victim, attacker) is None


def test_no_part_of_a_record_can_be_exchanged() -> None:
    record = sent(ORDER, MINE)
    other = replace(ORDER, event_id="another")
    for changed in (
        record._replace(value=CODEC.encode(other)),
        record._replace(key=b"another"),
        record._replace(topic="inspection.results.v1"),
        record._replace(key=record.topic.encode() + (record.key or b""), topic=""),  # the same bytes, cut elsewhere
    ):
        assert refused(ORDER, changed, grant(MINE)) == "signature"


def test_rights_of_two_grants_are_not_mixed() -> None:
    """One for source A at center 1, one for B at 2, say nothing of A at 2."""
    one, two = grant(MINE, sources=("A",), centers=("1",)), grant(MINE, sources=("B",), centers=("2",))
    for source, center, field in (("A", "1", None), ("B", "2", None), ("A", "2", "center_id"), ("B", "1", "center_id")):
        event = replace(ORDER, source=source, center_id=center)
        assert refused(event, sent(event, MINE), one, two) == field


def test_a_laboratory_is_spoken_for_by_name() -> None:
    assert REPORT.laboratory_report is not None
    laboratory = REPORT.laboratory_report.laboratory_id
    record = sent(REPORT, MINE)
    assert refused(REPORT, record, grant(MINE, REPORT)) == "laboratory_report.laboratory_id"
    assert refused(REPORT, record, grant(MINE, REPORT, laboratories=(laboratory,))) is None
    assert refused(REPORT, record, grant(MINE, REPORT, laboratories=(f"{laboratory[:3]}*",))) is None
    assert refused(REPORT, record, grant(MINE, REPORT, laboratories=(laboratory[:3],))) == "laboratory_report.laboratory_id"


def test_days_go_by_the_event_and_revocation_by_the_broker() -> None:
    tomorrow = date.fromordinal(HAPPENED.toordinal() + 1)
    record = sent(ORDER, MINE)
    assert refused(ORDER, record, grant(MINE, valid_from=HAPPENED, valid_until=tomorrow)) is None
    assert refused(ORDER, record, grant(MINE, valid_from=tomorrow)) == "event_time"
    assert refused(ORDER, record, grant(MINE, valid_until=HAPPENED)) == "event_time"
    assert refused(ORDER, record, grant(MINE, revoked_from=TAKEN + 1)) is None
    assert refused(ORDER, record, grant(MINE, revoked_from=TAKEN)) == "signature"
    assert refused(ORDER, record, grant(MINE, revoked_from=0)) == "signature"


def test_a_rotation_loses_nothing() -> None:
    """Both keys speak for all days; from the day on which the old one is revoked, the new one alone, late events included."""
    old, new = grant(MINE, revoked_from=TAKEN), grant(THEIRS)
    for by, taken, field in ((MINE, TAKEN - 1, None), (THEIRS, TAKEN - 1, None), (THEIRS, TAKEN, None), (MINE, TAKEN, "signature")):
        assert refused(ORDER, sent(ORDER, by, taken), old, new) == field


def test_without_a_signature_only_where_that_is_granted() -> None:
    """For a time of transition, and for what lies in the log from before."""
    before = grant(UNSIGNED, revoked_from=TAKEN)
    assert refused(ORDER, sent(ORDER, None, TAKEN - 1), before) is None
    assert refused(ORDER, sent(ORDER, None, TAKEN), before) == "signature"
    assert refused(ORDER, sent(ORDER, STRANGER, TAKEN - 1), before) == "signature"


@given(st.integers(0, 2**32 - 1))
def test_neither_the_order_of_records_nor_of_grants_decides(seed: int) -> None:
    """Records in any order, repeated, grants loaded at any time between them, then what was refused replayed: in is what the grants
    allow, as if they had all been there from the start."""
    draw = random.Random(seed)
    events = [replace(ORDER, event_id=f"e{n}", source=draw.choice("AB"), center_id=draw.choice("12")) for n in range(6)]
    log = [sent(event, draw.choice((MINE, THEIRS, STRANGER, None)), TAKEN + n) for n, event in enumerate(events) for _ in "12"]
    grants = [
        grant(
            draw.choice((MINE, THEIRS)), sources=tuple(draw.sample("AB", draw.randint(1, 2))), centers=tuple(draw.sample("12", 1))
        )
        for _ in range(4)
    ]
    stored: set[bytes] = set()

    def take(loaded: list[Grant], records: list[Delivered]) -> list[Delivered]:
        gate = Grants(loaded)
        letters = []
        for record in records:
            event = CODEC.decode(record.topic, record.value)
            assert isinstance(event, Event)
            if gate.refusal(record, event) is None:
                stored.add(record.value)
            else:
                letters.append(record)
        return letters

    shuffled, letters, loaded = draw.sample(log, len(log)), [], list[Grant]()
    for part in range(0, len(shuffled), 3):
        letters += take(loaded, shuffled[part : part + 3])
        if len(loaded) < len(grants) and draw.random() < 0.7:
            loaded.append(grants[len(loaded)])
    take(draw.sample(grants, len(grants)), [letter._replace(timestamp=TAKEN + DAY) for letter in letters])
    stored_late, stored = stored, set()
    take(grants, log)
    assert stored_late == stored


def test_the_last_of_several_headers_counts() -> None:
    assert signature_in([]) is None
    assert signature_in([(HEADER, b"a"), ("ce_id", b"x"), (HEADER, b"b")]) == b"b"
    assert signature_in([(HEADER, b"a"), (HEADER, None)]) is None


@given(st.binary(max_size=200))
def test_no_header_makes_it_stumble(header: bytes) -> None:
    assert refused(ORDER, sent(ORDER, None)._replace(signature=header), grant(MINE)) == "signature"


def test_a_signature_has_one_spelling() -> None:
    header = sent(ORDER, MINE).signature
    assert header is not None
    assert parse(header) is not None
    for other in (header + b"=", header + b"A", header.replace(b".", b""), header[:-1], b" " + header, header + b"\n"):
        assert parse(other) is None


# --- keys


def test_a_key_is_kept_and_read_again(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    MINE.save(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert SigningKey.load(file).public == MINE.public
    with pytest.raises(UserError, match="File exists"):
        STRANGER.save(file)
    file.chmod(0o644)
    with pytest.raises(UserError, match="chmod 600"):
        SigningKey.load(file)


@pytest.mark.parametrize("content", ["", "no key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_file_that_holds_no_key_is_refused_in_one_line(content: str, tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_text(content)
    file.chmod(0o600)
    with pytest.raises(UserError, match=r"private key .*key\.pem is no PEM file"):
        SigningKey.load(file)
    with pytest.raises(UserError, match="weftline publisher key new"):
        SigningKey.load(tmp_path / "missing")


# --- reference data

#: The public key of the first example of RFC 8032.
PUBLIC = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
ENTRY = f"""
source: test
publishers:
  - id: c1
    public_key: {PUBLIC}
    valid_from: 2024-01-01
    sources: ["urn:c1:*"]
    centers: [c1]
    cooperatives: [haimen]
"""


def test_an_entry_is_read() -> None:
    (found,) = read_reference(ENTRY + "    valid_until: 2027-01-01\n    revoked_from: 2026-11-20T08:00:00+08:00\n").publishers
    assert found == Grant(
        publisher_id="c1",
        public_key=PUBLIC,
        valid_from=date(2024, 1, 1),
        valid_until=date(2027, 1, 1),
        revoked_from=1_795_132_800_000,
        sources=("urn:c1:*",),
        centers=("c1",),
        cooperatives=("haimen",),
        source="test",
    )
    assert public_key(found.public_key)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (PUBLIC, "abc", "line 5: publishers[0] (c1): public_key: must be the key"),
        (PUBLIC, PUBLIC[:-1], "public_key: must be the key"),
        ("valid_from: 2024-01-01", "valid_from: 2024-01-01\n    valid_until: 2024-01-01", "valid_until: must be later"),
        ("centers: [c1]", "centers: c1", "centers: must be a list of names"),
        ("centers: [c1]", "centers: []", "centers: must be a list of names"),
        ("urn:c1:*", "urn:*:c1", "at the end of a name, or nowhere"),
        ("    centers: [c1]\n", "", "centers is missing"),
        ("centers: [c1]", "centers: [c1]\n    revoked_from: 2026-11-20T08:00:00", "revoked_from: must be a time with its offset"),
        ("centers: [c1]", "center: [c1]", "unknown key center"),
    ],
)
def test_a_fault_is_told_with_its_line(old: str, new: str, said: str) -> None:
    assert old in ENTRY
    with pytest.raises(UserError) as caught:
        read_reference(ENTRY.replace(old, new))
    assert said in str(caught.value)
