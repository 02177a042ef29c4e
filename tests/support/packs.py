"""A pack of a member of tests/data/cooperative."""

from __future__ import annotations

from functools import cache
from typing import Any

from tests.support.cooperative import history, midnight, rulebook, story
from weftline.contracts.signing import SigningKey
from weftline.domain.cooperative.member import judge_member
from weftline.domain.cooperative.pack import Order
from weftline.domain.vocabulary import PackPurpose
from weftline.packs.making import Made, digest, make
from weftline.pages.pack import page


@cache
def key() -> SigningKey:
    """The cooperative's."""
    return SigningKey.new()


def made(name: str, as_of: Any, purpose: PackPurpose = PackPurpose.LOAN, private: SigningKey | None = None) -> Made:
    """The pack of a member, as of a day."""
    moment = midnight(as_of)
    judged = judge_member(history(story(name)).until(moment), rulebook().of("haimen"), moment)
    order = Order(purpose=purpose, cooperative_id="haimen", factory_id="f-1", made_at=moment, made_for="海门银行 <Haimen Bank>")
    return make(judged, order, digest((), moment), private or key(), page)
