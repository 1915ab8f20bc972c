"""The Admin API client: budget, retries, refreshed tokens, and honest refusals."""

from typing import Any

import httpx
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from backend.core import redis as core_redis
from backend.shopify import budget
from backend.shopify.gateway import (
    AccessDenied,
    AdminApiUnavailable,
    AdminClient,
    OperationRefused,
    ShopClosed,
    UserErrors,
    open_result,
    refuse_user_errors,
)

from .fake import SHOP, FakeShopify, data, installation, throttled

pytestmark = pytest.mark.usefixtures("redis_server")


class Tokens:
    """Hands out one token, and another when that is refused."""

    def __init__(self) -> None:
        self.replaced: list[str] = []

    def current(self) -> str:
        return "shpat_first"

    def replace(self, refused: str) -> str:
        self.replaced.append(refused)
        return "shpat_second"


class Slept(list[float]):
    """Remembers how long it was told to sleep."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


@pytest.fixture
def slept() -> Slept:
    return Slept()


@pytest.fixture
def client(shopify: FakeShopify, slept: Slept) -> AdminClient:
    return AdminClient(SHOP, Tokens(), sleep=slept)


def test_an_operation_returns_its_data(client: AdminClient, shopify: FakeShopify) -> None:
    shopify.will(installation())

    found = client.execute("installation")

    assert found["shop"]["name"] == "Willow Gifts"
    request = shopify.requests[0]
    assert str(request.url) == f"https://{SHOP}/admin/api/2026-07/graphql.json"
    assert request.headers["X-Shopify-Access-Token"] == "shpat_first"
    assert "query Installation" in shopify.bodies()[0]["query"]


def test_a_throttled_call_waits_for_what_is_missing_and_asks_again(
    client: AdminClient, shopify: FakeShopify, slept: Slept
) -> None:
    shopify.will(throttled(cost=150, available=50), data({"ok": 1}))

    assert client.execute("installation") == {"ok": 1}

    # Our own gate may add a sliver for the points that came back while we slept.
    assert slept[0] == pytest.approx(1.0)
    assert len(shopify.requests) == 2


def test_the_bucket_is_shared_between_processes(shopify: FakeShopify, slept: Slept) -> None:
    budget.observe(SHOP, budget.ThrottleStatus(maximum=2000, available=0, restore_rate=100))
    shopify.will(data({"ok": 1}))

    impatient = AdminClient(SHOP, Tokens(), sleep=_never)

    with pytest.raises(AdminApiUnavailable):
        impatient.execute("installation")

    assert shopify.requests == []


def _never(seconds: float) -> None:
    raise AdminApiUnavailable("would wait", retry_after_seconds=seconds)


def test_a_bucket_that_would_take_too_long_is_given_back_to_the_queue(
    client: AdminClient, shopify: FakeShopify
) -> None:
    shopify.will(throttled(cost=1000, available=0))
    budget_rate = {"maximumAvailable": 1000.0, "currentlyAvailable": 0, "restoreRate": 1.0}
    shopify.answers[0] = httpx.Response(
        200,
        json={
            "errors": [{"extensions": {"code": "THROTTLED"}}],
            "extensions": {"cost": {"requestedQueryCost": 1000, "throttleStatus": budget_rate}},
        },
    )

    with pytest.raises(AdminApiUnavailable) as caught:
        client.execute("installation")

    assert caught.value.retry_after_seconds == pytest.approx(1000.0)


def test_without_redis_the_api_still_works(
    client: AdminClient, shopify: FakeShopify, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = redis.Redis(port=1, socket_connect_timeout=0.2, retry=Retry(NoBackoff(), 0))
    budget._script.cache_clear()
    monkeypatch.setattr(budget, "connection", lambda: dead)
    shopify.will(data({"ok": 1}))

    assert client.execute("installation") == {"ok": 1}
    budget._script.cache_clear()
    assert core_redis.connection().ping()


def test_a_refused_token_is_replaced_once(shopify: FakeShopify, slept: Slept) -> None:
    tokens = Tokens()
    shopify.will(httpx.Response(401), data({"ok": 1}))

    assert AdminClient(SHOP, tokens, sleep=slept).execute("installation") == {"ok": 1}

    assert tokens.replaced == ["shpat_first"]
    assert [request.headers["X-Shopify-Access-Token"] for request in shopify.requests] == [
        "shpat_first",
        "shpat_second",
    ]


@pytest.mark.parametrize(
    "failures",
    [
        [httpx.Response(502), httpx.Response(503)],
        [httpx.ReadTimeout("slow")],
        [httpx.Response(200, text="<html>")],
    ],
)
def test_a_passing_failure_is_retried(client: AdminClient, shopify: FakeShopify, failures: list[Any]) -> None:
    shopify.will(*failures, data({"ok": 1}))

    assert client.execute("installation") == {"ok": 1}


def test_a_lasting_failure_is_given_up_after_three_attempts(
    client: AdminClient, shopify: FakeShopify
) -> None:
    shopify.will(httpx.Response(500))

    with pytest.raises(AdminApiUnavailable):
        client.execute("installation")

    assert len(shopify.requests) == 3


@pytest.mark.parametrize(
    ("case", "answer", "error"),
    [
        ("frozen", httpx.Response(402), ShopClosed),
        ("locked", httpx.Response(423), ShopClosed),
        ("gone", httpx.Response(404), ShopClosed),
        ("twice unauthorized", httpx.Response(401), ShopClosed),
        ("a missing scope", httpx.Response(403), AccessDenied),
        (
            "a moved host",
            httpx.Response(302, headers={"Location": "https://evil.example.com"}),
            OperationRefused,
        ),
        (
            "protected customer data",
            httpx.Response(
                200, json={"errors": [{"message": "no", "extensions": {"code": "ACCESS_DENIED"}}]}
            ),
            AccessDenied,
        ),
        (
            "a field that does not exist",
            httpx.Response(200, json={"errors": [{"message": "Field 'x' doesn't exist"}]}),
            OperationRefused,
        ),
        (
            "an error that is only text",
            httpx.Response(200, json={"errors": "[API] Invalid"}),
            OperationRefused,
        ),
    ],
)
def test_a_refusal_is_named_and_not_retried(
    client: AdminClient, shopify: FakeShopify, case: str, answer: httpx.Response, error: type[Exception]
) -> None:
    shopify.will(answer)

    with pytest.raises(error):
        client.execute("installation")

    # A second request only where the token was replaced in between.
    assert len(shopify.requests) == (2 if answer.status_code == 401 else 1)


def test_user_errors_carry_shopifys_sentence() -> None:
    with pytest.raises(UserErrors, match="Too many metafields"):
        refuse_user_errors(
            {"userErrors": [{"field": ["m"], "message": "Too many metafields", "code": "LIMIT"}]}, what="it"
        )
    refuse_user_errors({"userErrors": []}, what="it")


def test_a_result_is_split_at_line_feeds_only(shopify: FakeShopify) -> None:
    body = '{"title":"one\u2028two"}\n{"title":"three"}\n\n'
    shopify.will(httpx.Response(200, content=body.encode()))

    with open_result("https://storage.example.com/bulk.jsonl") as lines:
        found = list(lines)

    assert found == ['{"title":"one\u2028two"}'.encode(), b'{"title":"three"}']


def test_a_result_that_is_gone_is_unavailable(shopify: FakeShopify) -> None:
    shopify.will(httpx.Response(403))

    with pytest.raises(AdminApiUnavailable), open_result("https://storage.example.com/bulk.jsonl") as lines:
        list(lines)


def test_a_dear_operation_waits_for_its_points_the_first_time_too(
    client: AdminClient, shopify: FakeShopify, slept: Slept
) -> None:
    budget.observe(SHOP, budget.ThrottleStatus(maximum=2_000, available=175, restore_rate=100))
    shopify.will(data({"nodes": []}))

    client.execute("products_by_ids", {"ids": []})

    assert slept[0] == pytest.approx(5.0, abs=0.2)
