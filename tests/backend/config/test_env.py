"""Settings that are refused where they could hurt a shop."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from backend.config import env


@pytest.mark.parametrize("address", ["http://127.0.0.1:9400/{shop}", "http://localhost/{shop}"])
def test_a_local_shopify_may_hurry_its_rollouts(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLOUT_DAY_SECONDS", "24")
    monkeypatch.setattr(env, "DEBUG", False)
    monkeypatch.setattr(env, "SHOPIFY_SHOP_URL", address)

    assert env._day_seconds() == 24


def test_no_shop_of_shopifys_own_is_hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLOUT_DAY_SECONDS", "24")
    monkeypatch.setattr(env, "DEBUG", False)
    monkeypatch.setattr(env, "SHOPIFY_SHOP_URL", "https://{shop}")

    with pytest.raises(ImproperlyConfigured, match="local Shopify"):
        env._day_seconds()


@pytest.mark.parametrize("seconds", ["0", "-1", "86401"])
def test_a_day_is_no_longer_than_a_day(seconds: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLOUT_DAY_SECONDS", seconds)
    monkeypatch.setattr(env, "DEBUG", True)

    with pytest.raises(ImproperlyConfigured, match="more than 0"):
        env._day_seconds()
