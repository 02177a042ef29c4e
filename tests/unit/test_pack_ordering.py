"""The one way in which a pack is handed out: its making is published once all is known, and before anybody has a file."""

from __future__ import annotations

import datetime
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from tests.support.cooperative import history, midnight, rulebook, story
from tests.support.packs import key

from weftline.domain.cooperative.events import CooperativeEvent
from weftline.domain.cooperative.history import History
from weftline.domain.cooperative.member import judge_member
from weftline.domain.vocabulary import CooperativeKind, PackPurpose
from weftline.errors import DependencyDown, UserError
from weftline.packs import ordering
from weftline.packs.ordering import HandedOut, Wanted, hand_out
from weftline.runtime.settings import Settings

NOW = midnight(datetime.date(2026, 6, 30))
WANTED = Wanted(purpose=PackPurpose.LOAN, factory_id="f/1 海", made_for="a bank", cooperative_id="haimen")


class Office:
    """Stored records of one member, and a log, both of which may be away."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, found: History | None = None) -> None:
        self.published: list[CooperativeEvent] = []
        self.down = False
        member = SimpleNamespace(cooperative_id="haimen", factory_id=WANTED.factory_id, own=(), inspections=())
        judged = judge_member(history(story("01-seasoned.yaml")) if found is None else found, rulebook().of("haimen"), NOW)

        def ask(_: Settings, cooperative: str | None, factory: str | None, as_of: int | None) -> Any:
            assert (cooperative, factory, as_of) == (WANTED.cooperative_id, WANTED.factory_id, None)
            return SimpleNamespace(members=(member,), judge=lambda of: judged)

        @contextmanager
        def reader(_: Settings) -> Any:
            yield SimpleNamespace(clock=lambda: None)

        monkeypatch.setattr(ordering, "ask", ask)
        monkeypatch.setattr(ordering, "reader", reader)
        monkeypatch.setattr(ordering, "names_of_factories", lambda *_: {})
        monkeypatch.setattr(ordering, "clock_of", lambda *_: lambda: NOW + 5)
        monkeypatch.setattr(ordering, "publisher_of", lambda *_: self._opened)

    @contextmanager
    def _opened(self) -> Any:
        yield self

    def publish(self, event: CooperativeEvent) -> None:
        if self.down:
            raise DependencyDown("kafka", "is away")
        self.published.append(event)


def test_its_making_is_published_after_all_that_may_be_in_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    office = Office(monkeypatch)
    before: list[int] = []
    handed = hand_out(Settings(), WANTED, key(), lambda: before.append(len(office.published)))
    assert before == [0]
    assert office.published == [handed.event]
    assert (handed.event.kind, handed.event.event_time, handed.event.source) == (
        CooperativeKind.PACK,
        NOW + 5,
        "urn:weftline:pack:haimen",
    )
    assert handed.event.pack == handed.made.said
    assert set(handed.files) == {f"loan-f_1_海-{handed.made.said.pack_id[:8]}.{ending}" for ending in ("json", "html")}


def test_nothing_is_published_where_the_files_have_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    office = Office(monkeypatch)

    def full() -> None:
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        hand_out(Settings(), WANTED, key(), full)
    assert office.published == []


def test_there_is_no_pack_whose_making_could_not_be_published(monkeypatch: pytest.MonkeyPatch) -> None:
    office = Office(monkeypatch)
    office.down = True
    handed: list[HandedOut] = []
    with pytest.raises(DependencyDown):
        handed.append(hand_out(Settings(), WANTED, key()))
    assert handed == []


def test_there_is_none_of_a_member_of_whom_nothing_had_happened(monkeypatch: pytest.MonkeyPatch) -> None:
    office = Office(monkeypatch, History())
    with pytest.raises(UserError, match="nothing had happened of f/1 海 in haimen then"):
        hand_out(Settings(), WANTED, key())
    assert office.published == []
