"""The order by chance as a setting in the app: off until a merchant agrees."""

from typing import Any

import pytest

from backend.audit import queries as audit
from backend.audit.values import Event
from backend.core import clock
from backend.shops import queries as shops
from backend.shops import services as shop_services
from tests.backend.onboarding.test_api import OTHER, a_signed_in_shop, call

pytestmark = pytest.mark.django_db

OFF = {
    "is_on": False, "since": None, "one_in": 10, "visitors": 0, "needed": 100, "order": None, "place": None,
}  # fmt: skip


def test_it_is_off_until_a_merchant_agrees_and_the_ledger_says_who() -> None:
    mine, theirs = a_signed_in_shop(), a_signed_in_shop(OTHER)
    at_first = call("GET", "/api/exploration", shop=mine).json()

    agreed = call("PUT", "/api/exploration", shop=mine, body={"is_on": True})
    again = call("PUT", "/api/exploration", shop=mine, body={"is_on": True})

    assert at_first == OFF
    assert (agreed.status_code, agreed.json()["is_on"]) == (200, True)
    assert agreed.json()["since"] is not None
    assert again.json() == agreed.json() == call("GET", "/api/exploration", shop=mine).json()
    assert call("GET", "/api/exploration", shop=theirs).json() == OFF
    [act] = call("GET", "/api/activity", shop=mine).json()["acts"]
    assert (act["is_you"], act["kind"]) == (True, "SETTINGS")
    assert act["changes"] == [
        {"name": "Neighbouring products change places by chance", "old": "off", "new": "on"}
    ]
    assert call("PUT", "/api/exploration", shop=mine, body={"is_on": False}).json() == OFF
    assert len(audit.events(mine.id, event=Event.SHOP_SETTINGS_CHANGED)) == 2


@pytest.mark.parametrize("body", [{}, {"is_on": "often"}, {"is_on": None}])
def test_what_is_no_answer_agrees_to_nothing(body: Any) -> None:
    shop = a_signed_in_shop()

    answer = call("PUT", "/api/exploration", shop=shop, body=body)

    assert (answer.status_code, answer.json()["error"]["field"]) == (400, "is_on")
    assert shops.get_fresh_shop(shop.id).explores_since is None
    assert not audit.events(shop.id, event=Event.SHOP_SETTINGS_CHANGED)


def test_whoever_uninstalls_the_app_is_asked_again() -> None:
    shop = a_signed_in_shop()
    call("PUT", "/api/exploration", shop=shop, body={"is_on": True})

    shop_services.uninstall(shop.id, at=clock.now(), now=clock.now())

    assert shops.get_fresh_shop(shop.id).explores_since is None
