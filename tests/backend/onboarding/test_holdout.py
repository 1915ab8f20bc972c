"""The holdout's setting in the app."""

from typing import Any

import pytest

from backend.rollouts import queries as rollouts
from backend.rollouts.values import HIGHEST_HOLDOUT
from tests.backend.onboarding.test_api import OTHER, a_signed_in_shop, call

pytestmark = pytest.mark.django_db


def test_a_holdout_is_off_until_a_merchant_wants_one_and_the_ledger_says_who() -> None:
    mine, theirs = a_signed_in_shop(), a_signed_in_shop(OTHER)
    at_first = call("GET", "/api/holdout", shop=mine).json()

    changed = call("PUT", "/api/holdout", shop=mine, body={"percent": 5})

    assert at_first == {"percent": 0, "since": None}
    assert (changed.status_code, changed.json()["percent"]) == (200, 5)
    assert changed.json()["since"] is not None
    assert call("GET", "/api/holdout", shop=mine).json() == changed.json()
    assert call("GET", "/api/holdout", shop=theirs).json() == at_first
    [act] = call("GET", "/api/activity", shop=mine).json()["acts"]
    assert (act["is_you"], act["kind"]) == (True, "SETTINGS")
    assert act["changes"] == [{"name": "Shoppers who see popular products", "old": "0%", "new": "5%"}]


@pytest.mark.parametrize("percent", [-1, HIGHEST_HOLDOUT + 1, 2.5, "many", None])
def test_a_share_beyond_what_is_offered_is_refused_and_changes_nothing(percent: Any) -> None:
    shop = a_signed_in_shop()

    answer = call("PUT", "/api/holdout", shop=shop, body={"percent": percent})

    assert (answer.status_code, answer.json()["error"]["field"]) == (400, "percent")
    assert rollouts.fresh_holdout(shop.id).percent == 0
