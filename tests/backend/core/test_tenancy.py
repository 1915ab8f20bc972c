"""A shop's table answers nobody who does not name the shop."""

import pytest

from backend.core.tenancy import UnscopedQuery
from backend.shops.models import AccessToken


@pytest.mark.parametrize(
    "method", ["all", "filter", "get", "create", "count", "first", "exists", "update", "values"]
)
def test_a_query_without_a_shop_is_refused(method: str) -> None:
    with pytest.raises(UnscopedQuery):
        getattr(AccessToken.objects, method)()


def test_every_shop_is_reached_only_with_a_reason() -> None:
    with pytest.raises(UnscopedQuery):
        AccessToken.objects.across_shops(reason="")
