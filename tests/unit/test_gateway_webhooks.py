"""Webhooks over HTTP: registered by a partner for himself, shown without their secrets, rotated and removed; and nobody else's."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic import SecretStr
from tests.support.gateway import ALL, FACTORY, KEY, NOW, OPERATOR, World

from weftline.contracts.partners import Partner, Role, checked
from weftline.contracts.webhooks import MOST, OVERLAP_MS, Secrets
from weftline.errors import UserError
from weftline.gateway.problems import MEDIA_TYPE
from weftline.gateway.program import webhooks_of
from weftline.notify.receivers_file import fault_of_secret
from weftline.runtime.settings import Settings

URL = "https://erp.example/hook"
SECOND = checked(Partner(partner_id="second", role=Role.FACTORY, factories=("f-2",)))


@pytest.fixture
def world() -> World:
    return World(partners=(*ALL, SECOND))


def register(world: World, who: str = "factory", **said: Any) -> dict[str, Any]:
    answer = world.ask(who, "POST", "/v1/webhooks", json={"url": URL, **said})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def faults(answer: Any) -> dict[str, str]:
    assert (answer.status_code, answer.headers["content-type"]) == (422, MEDIA_TYPE), answer.text
    return {one["field"]: one["problem"] for one in answer.json()["faults"]}


# -- A webhook of one's own


def test_a_secret_is_shown_when_it_is_made_and_never_again(world: World) -> None:
    made = register(world, severities=["MAJOR", "CRITICAL"], rules=["LOT_NOT_ACCEPTED"])
    assert fault_of_secret(made["secret"]) is None
    assert (made["severities"], made["rules"]) == (["CRITICAL", "MAJOR"], ["LOT_NOT_ACCEPTED"])
    shown = {name: value for name, value in made.items() if name != "secret"}
    assert world.ask("factory", "GET", "/v1/webhooks").json() == {"webhooks": [shown]}
    assert world.ask("factory", "GET", made["href"]).json() == shown
    assert made["secret"] not in str(world.tables.inserted), "it is stored nowhere"


def test_what_is_left_out_is_all(world: World) -> None:
    made = register(world)
    assert (made["severities"], made["rules"]) == (None, None)


def test_another_secret_takes_its_place_and_the_former_signs_for_a_day(world: World) -> None:
    made = register(world)
    world.later(60)
    fresh = world.ask("factory", "POST", f"{made['href']}/rotate").json()
    assert fault_of_secret(fresh["secret"]) is None
    assert fresh["secret"] != made["secret"]
    assert fresh["former_secret_signs_until"] > fresh["rotated_at"] > fresh["made_at"]
    assert "secret" not in world.ask("factory", "GET", made["href"]).json()
    world.later(OVERLAP_MS / 1000)
    assert world.ask("factory", "GET", made["href"]).json()["former_secret_signs_until"] is None
    again = world.ask("factory", "POST", f"{made['href']}/rotate").json()
    assert again["secret"] not in (made["secret"], fresh["secret"])


def test_what_is_removed_is_not_there(world: World) -> None:
    made = register(world)
    gone = world.ask("factory", "DELETE", made["href"])
    assert (gone.status_code, gone.content) == (204, b"")
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/rotate"), ("GET", "/deliveries")):
        assert world.ask("factory", method, f"{made['href']}{path}").status_code == 404
    assert world.ask("factory", "GET", "/v1/webhooks").json() == {"webhooks": []}


def test_a_partner_has_so_many_and_no_more(world: World) -> None:
    first, *_ = [register(world) for _ in range(MOST)]
    refused = world.ask("factory", "POST", "/v1/webhooks", json={"url": URL})
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:weftline:problem:enough")
    register(world, "officer")
    world.ask("factory", "DELETE", first["href"])
    register(world)


def test_whoever_registers_many_at_one_time_gets_no_more_either(world: World) -> None:
    async def at_once() -> list[int]:
        headers = {"Authorization": f"Bearer {world.tokens['factory']}"}
        async with world.client() as client:
            each = (client.post("/v1/webhooks", json={"url": URL}, headers=headers) for _ in range(MOST + 10))
            return [answer.status_code for answer in await asyncio.gather(*each)]

    found = world.runner.run(at_once())
    assert {*found} <= {201, 409}
    assert found.count(201) == len(world.ask("factory", "GET", "/v1/webhooks").json()["webhooks"])
    assert len(world.ask("factory", "GET", "/v1/webhooks").json()["webhooks"]) <= MOST


def test_what_became_of_each_delivery(world: World) -> None:
    made = register(world)
    sent = (made["id"], "a-1", 3, "sent", 1, NOW, NOW + 5, None, "HTTP 200")
    waits = (made["id"], "a-2", 1, "waiting", 2, NOW, NOW + 5, NOW + 9_000, "HTTP 500")
    world.tables.deliveries = [waits, sent, ("wh_another", *sent[1:])]
    told = world.ask("factory", "GET", f"{made['href']}/deliveries").json()["deliveries"]
    assert [(one["alert_id"], one["state"], one["attempts"], one["answer"]) for one in told] == [
        ("a-2", "waiting", 2, "HTTP 500"),
        ("a-1", "sent", 1, "HTTP 200"),
    ]
    assert told[1]["next_at"] is None
    assert [
        one["alert_id"] for one in world.ask("factory", "GET", f"{made['href']}/deliveries?state=sent").json()["deliveries"]
    ] == ["a-1"]
    assert world.ask("factory", "GET", f"{made['href']}/deliveries?state=lost").status_code == 422


# -- Nobody else's


def test_what_is_anothers_is_as_what_does_not_exist(world: World) -> None:
    made = register(world)
    for who in ("second", "center", "officer", "operator"):
        assert world.ask(who, "GET", "/v1/webhooks").json() == {"webhooks": []}
        for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/rotate"), ("GET", "/deliveries")):
            foreign = world.ask(who, method, f"{made['href']}{path}")
            missing = world.ask(who, method, f"/v1/webhooks/wh_none{path}")
            assert (foreign.status_code, foreign.content) == (404, missing.content)
    assert world.ask("factory", "GET", made["href"]).status_code == 200
    assert world.ask(None, "GET", "/v1/webhooks").status_code == 401


@pytest.mark.parametrize("field", ["factory_id", "cooperative_id", "center_id", "partner_id", "all", "secret", "allow_private"])
def test_there_is_no_word_for_whom_it_is_told_of(world: World, field: str) -> None:
    found = faults(world.ask("factory", "POST", "/v1/webhooks", json={"url": URL, field: "f-2"}))
    assert found == {field: "is no field here; there are url, severities, rules"}


def test_whom_a_webhook_is_told_of_follows_from_its_partner() -> None:
    center = checked(Partner(partner_id="c", role=Role.CENTER, sources=("urn:c",), centers=("c-1",), cooperatives=("haimen",)))
    officer = checked(Partner(partner_id="o", role=Role.OFFICER, cooperatives=("nantong",)))
    several = checked(Partner(partner_id="s", role=Role.FACTORY, factories=("f-1*",)))
    mine, neighbour, elsewhere = ("f-1", "haimen", "c-1"), ("f-2", "haimen", "c-1"), ("f-1", "nantong", "c-1")

    def told(partner: Partner) -> list[tuple[str, str, str]]:
        return [one for one in (mine, neighbour, elsewhere) if partner.is_told(*one)]

    assert told(FACTORY) == told(several) == [mine, elsewhere]
    assert told(center) == [mine, neighbour], "a center of this name in another cooperative is another one"
    assert told(officer) == [elsewhere]
    assert told(OPERATOR) == [mine, neighbour, elsewhere]


# -- What may be registered


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://erp.example/hook", "use https"),
        ("HTTP://erp.example/hook", "use https"),
        ("https://127.0.0.1/hook", "private network"),
        ("https://10.1.2.3/hook", "private network"),
        ("https://169.254.169.254/latest", "private network"),
        ("https://[::1]/hook", "private network"),
        ("https://[fe80::1]/hook", "private network"),
        ("ftp://erp.example/hook", "must be an address such as https://"),
        ("https://user:word@erp.example/", "carries a password"),
        ("https://erp.example/#here", "has a #"),
        ("https://erp.example/?access_token=abc", "carries a secret (access_token); leave it out"),
        (f"https://erp.example/{'a' * 2_000}", "2,000 characters at most"),
        ("", "must be an address such as https://"),
    ],
)
def test_an_address_keeps_to_the_rules_of_the_file(world: World, url: str, why: str) -> None:
    found = faults(world.ask("factory", "POST", "/v1/webhooks", json={"url": url}))
    assert why in found["url"]
    assert world.tables.inserted == []


def test_every_fault_is_told_at_once(world: World) -> None:
    found = faults(world.ask("factory", "POST", "/v1/webhooks", json={"severities": ["LOUD"], "rules": [], "more": 1}))
    assert found["url"] == "is missing; it is the address to which alerts are posted"
    assert "must be one of" in found["severities.0"]
    assert "must not be empty" in found["rules"]
    assert "is no field here" in found["more"]
    assert world.ask("factory", "POST", "/v1/webhooks", json=[URL]).status_code == 422
    assert world.ask("factory", "POST", "/v1/webhooks", content=b"{").status_code == 400
    assert world.ask("factory", "POST", "/v1/webhooks", content=b" " * 20_000).status_code == 413


def test_in_a_network_of_ones_own_private_addresses_are_taken() -> None:
    world = World(webhooks="private")
    assert register(world, url="http://10.1.2.3:8000/hook")["url"] == "http://10.1.2.3:8000/hook"
    assert "password" in faults(world.ask("factory", "POST", "/v1/webhooks", json={"url": "http://a:b@10.1.2.3/"}))["url"]


def test_where_they_are_switched_off_that_is_said() -> None:
    world = World(webhooks="off")
    for method, path in (("POST", ""), ("GET", ""), ("GET", "/wh_1"), ("DELETE", "/wh_1"), ("POST", "/wh_1/rotate")):
        refused = world.ask("factory", method, f"/v1/webhooks{path}", json={"url": URL})
        assert (refused.status_code, refused.json()["type"]) == (501, "urn:weftline:problem:switched-off")
        assert "WEFTLINE_WEBHOOKS" in refused.json()["detail"]
        assert world.ask(None, method, f"/v1/webhooks{path}").status_code == 401


def test_the_example_of_the_description_is_accepted(world: World) -> None:
    found = world.ask(None, "GET", "/v1/openapi.json").json()["paths"]
    said = found["/v1/webhooks"]["post"]
    (content,) = said["requestBody"]["content"].values()
    answer = world.ask("factory", "POST", "/v1/webhooks", json=content["example"])
    assert answer.status_code == 201
    (shown,) = said["responses"]["201"]["content"].values()
    assert shown["example"].keys() == {name for name, value in answer.json().items() if value is not None}
    assert {"400", "401", "403", "409", "413", "422", "429", "501", "503"} <= said["responses"].keys()
    assert {"get", "delete"} == found["/v1/webhooks/{webhook_id}"].keys()


# -- Secrets


def test_secrets_follow_from_the_key_the_webhook_and_its_generation_alone() -> None:
    secrets = Secrets(KEY)
    made = {secrets.of(name, generation) for name in ("wh_1", "wh_2") for generation in (1, 2)}
    assert len(made) == 4
    assert secrets.of("wh_1", 1) == Secrets(KEY).of("wh_1", 1)
    assert Secrets("another key, which is long enough as well").of("wh_1", 1) not in made
    with pytest.raises(UserError, match="WEFTLINE_LINK_KEY has 5 characters and needs 32"):
        Secrets("short")


def test_after_a_change_of_the_key_an_owner_is_told_to_rotate(world: World) -> None:
    made = register(world)
    assert made["secret_is_current"]
    for _, columns in world.tables.inserted:
        columns[6] = ["of another key"]
    assert not world.ask("factory", "GET", made["href"]).json()["secret_is_current"]
    assert world.ask("factory", "POST", f"{made['href']}/rotate").json()["secret_is_current"]


def test_without_a_key_a_gateway_takes_none(world: World) -> None:
    with pytest.raises(UserError, match="WEFTLINE_LINK_KEY is needed"):
        webhooks_of(Settings(_env_file=None, webhooks="public"), world.tables)  # type: ignore[call-arg]
    webhooks_of(Settings(_env_file=None, webhooks="public", link_key=SecretStr(KEY)), world.tables)  # type: ignore[call-arg]
    webhooks_of(Settings(_env_file=None), world.tables)  # type: ignore[call-arg]
