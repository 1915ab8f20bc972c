"""
Whether orders find the clicks that led to them, and no others.

Made-up shoppers who allow it click on recommendations and buy, in all the ways in which the link is lost
today: in parallel tabs, on a cart that answers 409, by Buy it now, which no cart attribute reaches, behind
a blocker of the collector, by an API client, on another device. Their events go through the collector's
address and their orders through the signed door of webhooks, in no order. Among them are orders that
nobody's click led to and that look as if: whatever joins one of them is wrong.
"""

import base64
import hashlib
import hmac
import json
import random
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from itertools import count
from typing import Any, Final
from urllib.parse import urlencode

from bench.ledger import base
from bench.ledger.values import Bench, BenchFailed

SHOPPERS: Final = 1_000
DECOYS: Final = 400
# Each with limits of its own, as the collector has them for real shops.
SHOPS: Final = 10
PRODUCTS: Final = range(1_001, 1_061)
LIST_LENGTH: Final = 8
MOST_CLICKS: Final = 10
# A browser may tell of the last two days; all that happens here happened within one and a half.
LONGEST_AGO: Final = timedelta(hours=30)
AGENT: Final = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/131.0.0.0 Safari/537.36"
)

_numbers = count(1)


@dataclass(frozen=True)
class Shop:
    """A shop, as its shoppers and Shopify name it."""

    id: int
    uuid: uuid.UUID
    domain: str


@dataclass(frozen=True)
class Click:
    """A shopper follows a recommendation, or puts it into the cart from its card."""

    decision: uuid.UUID
    product: int
    at: datetime
    is_add: bool = False

    def in_cart(self) -> str:
        """Return it as the block's script writes it into the cart's attribute."""
        second = int(self.at.timestamp())
        return f"{self.decision}:{self.product}:{second}:{'a' if self.is_add else 'c'}"


@dataclass
class Order:
    """
    An order, with what is told of it.

    :param expected: the decision that each clicked and bought product must be credited to; none of a decoy
    """

    shop: Shop
    placed_at: datetime
    products: list[int]
    clicks: list[Click] = field(default_factory=list)
    attribute: str = ""
    events: list[dict[str, Any]] = field(default_factory=list)
    customer: int | None = None
    expected: dict[int, uuid.UUID] = field(default_factory=dict)
    # An order comes after these were told, or before.
    is_early: bool = False
    number: int = field(default_factory=lambda: next(_numbers))
    token: str = field(default_factory=lambda: uuid.uuid4().hex)
    client: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def order_id(self) -> int:
        """Return Shopify's number of it."""
        return 7_000_000_000 + self.number


def measure(bench: Bench) -> dict[str, float]:
    """Return how many orders had clicks behind them, how many were joined, and how many wrongly."""
    # Nobody measures here how long anything takes.
    base.begin(bench, durable=False)
    try:
        return _measure(bench)
    finally:
        base.end(bench)


def _measure(bench: Bench) -> dict[str, float]:
    from backend.core import clock

    world = _World(_shops(), clock.now(), random.Random(39))  # noqa: S311 -- makes data
    shoppers = bench.scaled(SHOPPERS, least=len(WAYS) * 4)
    decoys = bench.scaled(DECOYS, least=len(FRAUDS) * 4)
    bench.screen.begin(f"{shoppers:,} shoppers click and buy, and {decoys:,} orders only look as if")
    orders = [WAYS[place % len(WAYS)](world) for place in range(shoppers)]
    traps = [FRAUDS[place % len(FRAUDS)](world, orders) for place in range(decoys)]
    everything = [*orders, *traps]
    world.chance.shuffle(everything)
    _happen(bench, world, everything)
    missed = [place for place, order in enumerate(orders) if _credited(order) != order.expected]
    joined = shoppers - len(missed)
    wrong = [order for order in orders if set(_credited(order).items()) - set(order.expected.items())]
    wrong += [order for order in traps if _credited(order)]
    bench.screen.end(f"{joined:,} of {shoppers:,} joined, {len(wrong)} wrongly")
    for way, times in Counter(WAYS[place % len(WAYS)].__name__ for place in missed).items():
        bench.screen.note(f"    {times} missed that were bought {way.replace('_', ' ')}")
    return {"orders_clicked": shoppers, "orders_joined": joined, "wrongly_joined": len(wrong)}


def _shops() -> list[Shop]:
    from backend.catalog.models import Product
    from backend.core import clock
    from backend.shops.models import Shop as Row

    found = []
    born = clock.now() - timedelta(days=60)
    for _ in range(SHOPS):
        domain = f"credit-{uuid.uuid4().hex[:12]}.myshopify.com"
        row = Row.objects.create(
            domain=domain, pseudonym_key=uuid.uuid4().hex * 2, installed_at=born, currency="GBP"
        )
        times = {"created_at": born, "updated_at": born, "published_at": born}
        Product.objects.for_shop(row.id).bulk_create(
            Product(
                product_id=number, handle=f"p-{number}", title=f"Product {number}", status="ACTIVE",
                price_min=9, price_max=9, currency="GBP", available=True, **times,
            )
            for number in PRODUCTS
        )  # fmt: skip
        found.append(Shop(row.id, row.uuid, domain))
    return found


class _World:
    """What shoppers meet: shops, lists that stand on their pages, and the time."""

    def __init__(self, shops: Sequence[Shop], now: datetime, chance: random.Random) -> None:
        self.shops, self.now, self.chance = shops, now, chance

    def order(self, *, bought: int = 2, customer: bool = False) -> Order:
        """Return an order of some products, that nobody's click led to yet."""
        shop = self.chance.choice(self.shops)
        placed_at = self.now - timedelta(minutes=self.chance.uniform(5, 300))
        order = Order(shop, placed_at.replace(microsecond=0), self.chance.sample(PRODUCTS, bought))
        order.customer = 6_000_000 + order.number if customer else None
        order.is_early = self.chance.random() < 0.5
        return order

    def made(self, order: Order, product: int, *, visitor: str | None = None) -> uuid.UUID:
        """Have a list with a product made before an order: one for everybody, or one visitor's own."""
        from backend.audit import services as audit
        from backend.audit.values import Channel, DecisionRecord, ShownItem, Surface
        from backend.core.ids import uuid7

        at = order.placed_at - timedelta(minutes=self.chance.uniform(200, 1_200))
        others = [each for each in PRODUCTS if each != product]
        products = [product, *self.chance.sample(others, LIST_LENGTH - 1)]
        made = DecisionRecord(
            id=uuid7(at),
            shop_id=order.shop.id,
            at=at,
            surface=Surface.PRODUCT_PAGE,
            channel=Channel.METAFIELD if visitor is None else Channel.APP_PROXY,
            arm="champion",
            items=tuple(ShownItem(one, 0.5, "", place) for place, one in enumerate(products, start=1)),
            requested=LIST_LENGTH,
            latency_ms=4.0,
            visitor_key=visitor,
        )
        audit.record_decision(made)
        return made.id

    def click(self, order: Order, product: int, *, visitor: str | None = None) -> Click:
        """Have a product followed before an order, within the three hours before."""
        before = timedelta(minutes=self.chance.uniform(1, 180))
        decision = self.made(order, product, visitor=visitor)
        return Click(decision, product, order.placed_at - before, is_add=self.chance.random() < 0.4)


# The cart


class Conflict(Exception):
    """The cart is being changed by somebody else: 409."""


class _Cart:
    """A storefront's cart, which several tabs write to, and which answers 409 now and then."""

    def __init__(self, chance: random.Random, *, conflicts: float = 0.0) -> None:
        self.attribute = ""
        self._chance, self._conflicts = chance, conflicts

    def update(self, attribute: str) -> None:
        if self._chance.random() < self._conflicts:
            raise Conflict
        self.attribute = attribute


MOST_TRIES: Final = 4


def _tell_cart(cart: _Cart, kept: list[Click], click: Click) -> None:
    """Do as the block's script: write the newest ten clicks, and try again where that met others."""
    kept.insert(0, click)
    for _ in range(MOST_TRIES):
        try:
            cart.update(" ".join(one.in_cart() for one in kept[:MOST_CLICKS]))
        except Conflict:
            continue
        return


def _told(topic: str, at: datetime, client: str, **data: Any) -> dict[str, Any]:
    moment = at.isoformat(timespec="milliseconds")
    return {"id": f"sh-{uuid.uuid4()}", "topic": topic, "at": moment, "client": client, "data": data}


def _tell_pixel(order: Order, clicks: Iterable[Click], *, client: str = "", token: str = "") -> None:
    """Add what a browser's pixel tells of clicks and of the checkout."""
    name = client or order.client
    for click in clicks:
        data = {"decision": str(click.decision), "product": str(click.product)}
        order.events.append(_told(f"tailorbird:{'add' if click.is_add else 'click'}", click.at, name, **data))
    checkout = {"checkout": token or order.token}
    order.events.append(
        _told("checkout_completed", order.placed_at, order.client, **checkout, order=str(order.order_id))
    )


def _expect(order: Order, clicks: Iterable[Click]) -> Order:
    """Note what must come of it: each product is the doing of the last click on it, its button first."""
    order.clicks = sorted(clicks, key=lambda one: (one.is_add, one.at))
    order.expected = {one.product: one.decision for one in order.clicks}
    return order


# How shoppers buy


def in_parallel_tabs(world: _World) -> Order:
    """Several tabs, one storage: each tab writes what all of them clicked."""
    order = world.order(bought=3)
    clicks = sorted((world.click(order, product) for product in order.products), key=lambda one: one.at)
    cart, kept = _Cart(world.chance), list[Click]()
    for click in clicks:
        _tell_cart(cart, kept, click)
    order.attribute = cart.attribute
    if world.chance.random() < 0.5:
        _tell_pixel(order, clicks)
    return _expect(order, clicks)


def in_tabs_that_overwrite_each_other(world: _World) -> Order:
    """No storage allowed: the second tab has not read the first one's click, and the pixel told of both."""
    order = world.order(bought=2)
    clicks = [world.click(order, product) for product in order.products]
    cart = _Cart(world.chance)
    for click in clicks:
        _tell_cart(cart, [], click)
    order.attribute = cart.attribute
    _tell_pixel(order, clicks)
    return _expect(order, clicks)


def on_a_busy_cart(world: _World) -> Order:
    """The cart answers 409 more often than not; what it never took the pixel told."""
    order = world.order(bought=2)
    clicks = sorted((world.click(order, product) for product in order.products), key=lambda one: one.at)
    cart, kept = _Cart(world.chance, conflicts=0.7), list[Click]()
    for click in clicks:
        _tell_cart(cart, kept, click)
    order.attribute = cart.attribute
    _tell_pixel(order, clicks)
    return _expect(order, clicks)


def by_buy_it_now(world: _World) -> Order:
    """Straight to the checkout: no attribute of any cart."""
    order = world.order(bought=1)
    clicks = [world.click(order, order.products[0]) for _ in range(2)]
    _tell_pixel(order, clicks)
    return _expect(order, clicks)


def behind_a_blocker(world: _World) -> Order:
    """The collector is blocked: the cart alone tells."""
    order = world.order(bought=2, customer=world.chance.random() < 0.5)
    clicks = sorted((world.click(order, product) for product in order.products), key=lambda one: one.at)
    cart, kept = _Cart(world.chance), list[Click]()
    for click in clicks:
        _tell_cart(cart, kept, click)
    order.attribute = cart.attribute
    return _expect(order, clicks)


def by_an_api_client(world: _World) -> Order:
    """A client of its own asks the signed address for a list, and writes the cart as the block does."""
    from backend.core import clock

    order = world.order(bought=1, customer=True)
    answer = _ask(order)
    # Its list is made now, so it buys a moment later.
    order.placed_at = clock.now().replace(microsecond=0) + timedelta(seconds=3)
    product = int(answer["items"][0]["product_id"])
    order.products = [product]
    click = Click(uuid.UUID(answer["decision"]), product, order.placed_at - timedelta(seconds=1))
    order.attribute = click.in_cart()
    return _expect(order, [click])


def on_another_device(world: _World) -> Order:
    """Signed in on a telephone, where their own list was clicked; bought on a computer that told nothing."""
    from backend.shops.services import pseudonym

    order = world.order(bought=1, customer=True)
    own = pseudonym(order.shop.id, order.customer or 0)
    click = world.click(order, order.products[0], visitor=own)
    _tell_pixel(order, [click], client=str(uuid.uuid4()), token=uuid.uuid4().hex)
    return _expect(order, [click])


def and_buy_again(world: _World) -> Order:
    """An order in plain circumstances, told twice by each witness."""
    order = world.order(bought=2, customer=True)
    clicks = [world.click(order, product) for product in order.products]
    order.attribute = " ".join(one.in_cart() for one in clicks)
    _tell_pixel(order, clicks)
    order.events += order.events
    return _expect(order, clicks)


WAYS: Final[Sequence[Callable[[_World], Order]]] = (
    in_parallel_tabs,
    in_tabs_that_overwrite_each_other,
    on_a_busy_cart,
    by_buy_it_now,
    behind_a_blocker,
    by_an_api_client,
    on_another_device,
    and_buy_again,
)


# Orders that nobody's click led to


def with_another_shops_list(world: _World, orders: Sequence[Order]) -> Order:
    order = world.order()
    elsewhere = next(shop for shop in world.shops if shop != order.shop)
    click = world.click(Order(elsewhere, order.placed_at, order.products), order.products[0])
    order.attribute = click.in_cart()
    return order


def with_a_forged_token(world: _World, orders: Sequence[Order]) -> Order:
    """Somebody tells of clicks, and of a checkout that is not this one."""
    order = world.order()
    clicks = [world.click(order, product) for product in order.products]
    _tell_pixel(order, clicks, token=uuid.uuid4().hex)
    return order


def with_anothers_cart(world: _World, orders: Sequence[Order]) -> Order:
    """The attribute of an order that was placed before, on the same products."""
    bought = [one for one in orders if one.attribute and one.placed_at < world.now - timedelta(minutes=10)]
    copied = world.chance.choice(bought)
    order = world.order()
    order.shop, order.products, order.attribute = copied.shop, copied.products, copied.attribute
    order.placed_at = copied.placed_at + timedelta(minutes=4)
    return order


def with_anothers_clicks(world: _World, orders: Sequence[Order]) -> Order:
    """Another browser clicked; the one that checked out did not."""
    order = world.order()
    clicks = [world.click(order, product) for product in order.products]
    _tell_pixel(order, clicks, client=str(uuid.uuid4()))
    return order


def with_clicks_after_it(world: _World, orders: Sequence[Order]) -> Order:
    order = world.order(bought=1)
    decision = world.made(order, order.products[0])
    click = Click(decision, order.products[0], order.placed_at + timedelta(minutes=2))
    order.attribute = click.in_cart()
    _tell_pixel(order, [click])
    return order


def with_clicks_of_long_ago(world: _World, orders: Sequence[Order]) -> Order:
    order = world.order(bought=1)
    decision = world.made(order, order.products[0])
    order.attribute = Click(decision, order.products[0], order.placed_at - timedelta(days=8)).in_cart()
    return order


def with_made_up_decisions(world: _World, orders: Sequence[Order]) -> Order:
    order = world.order(bought=1)
    order.attribute = Click(uuid.uuid4(), order.products[0], order.placed_at - timedelta(hours=1)).in_cart()
    return order


def with_a_product_that_was_not_shown(world: _World, orders: Sequence[Order]) -> Order:
    order = world.order(bought=1)
    decision = world.made(order, next(one for one in PRODUCTS if one != order.products[0]))
    # Not one of the list's eight.
    order.products = [99_999]
    order.attribute = Click(decision, 99_999, order.placed_at - timedelta(hours=1)).in_cart()
    return order


def with_another_customers_list(world: _World, orders: Sequence[Order]) -> Order:
    """A list that was made for a customer who bought before, in the cart of another."""
    from backend.shops.services import pseudonym

    known = world.chance.choice([one for one in orders if one.customer])
    order = world.order(bought=1, customer=True)
    order.shop, order.is_early = known.shop, False
    click = world.click(order, order.products[0], visitor=pseudonym(known.shop.id, known.customer or 0))
    order.attribute = click.in_cart()
    return order


FRAUDS: Final[Sequence[Callable[[_World, Sequence[Order]], Order]]] = (
    with_another_shops_list,
    with_a_forged_token,
    with_anothers_cart,
    with_anothers_clicks,
    with_clicks_after_it,
    with_clicks_of_long_ago,
    with_made_up_decisions,
    with_a_product_that_was_not_shown,
    with_another_customers_list,
)


# What happens


def _happen(bench: Bench, world: _World, orders: Sequence[Order]) -> None:
    """Tell of everything in no order, work it off, and look again once no event can come any more."""
    early = [order for order in orders if order.is_early]
    late = [order for order in orders if not order.is_early]
    for place, order in enumerate([*early, *late]):
        if order.is_early:
            _deliver(order)
            _post(order)
        else:
            _post(order)
            _deliver(order)
        bench.screen.progress(done=place + 1, total=len(orders), unit="orders")
        if place == len(early):
            # Some orders are worked on before what led to the others is known.
            _work()
    _work()
    _look_again(world.now + timedelta(hours=50))


def _work() -> None:
    """Work off what the doors let in, as the workers do."""
    from backend.core import clock
    from backend.webhooks import services as webhooks
    from backend.webhooks.models import WebhookDelivery
    from celery_worker.tasks.webhooks import HANDLERS

    now = clock.now()
    for delivery_id in WebhookDelivery.objects.filter(state="PENDING").values_list("id", flat=True):
        outcome = webhooks.process(delivery_id, handlers=HANDLERS, now=now)
        if outcome != "DONE":
            raise BenchFailed(f"A webhook ended as {outcome}.")
    _attribute(now)


def _attribute(now: datetime) -> None:
    from backend.attribution import services as attribution
    from backend.core.models import PendingJob

    while jobs := list(PendingJob.objects.filter(job="attribute").values_list("id", "ids")):
        PendingJob.objects.filter(id__in=[job_id for job_id, _ in jobs]).delete()
        for _, ids in jobs:
            attribution.attribute(ids["shop_id"], ids["order_id"], now=now)


def _look_again(now: datetime) -> None:
    from backend.attribution import services as attribution

    while attribution.sweep(now=now):
        _attribute(now)


@cache
def _client() -> Any:
    from django.test import Client

    return Client(raise_request_exception=False)


def _post(order: Order) -> None:
    """Send what the browser tells to the collector's address, some events a body."""
    number = order.number
    for first in range(0, len(order.events), 5):
        body = json.dumps({"events": order.events[first : first + 5]})
        answer = _client().post(
            f"/events/{order.shop.uuid}",
            body,
            content_type="text/plain;charset=UTF-8",
            headers={"Origin": "null", "User-Agent": AGENT},
            REMOTE_ADDR=f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}",
        )
        if answer.status_code != 202:
            raise BenchFailed(f"The collector answered {answer.status_code}: {answer.content[:200]!r}.")


def _deliver(order: Order) -> None:
    """Send the order's webhook as Shopify does, signed."""
    moment = order.placed_at.isoformat()
    customer = {"customer": {"id": order.customer}} if order.customer else {}
    attributes = [{"name": "_tailorbird", "value": order.attribute}] if order.attribute else []
    payload = {
        "id": order.order_id, "admin_graphql_api_id": f"gid://shopify/Order/{order.order_id}",
        "name": f"#{order.number}", "order_number": order.number, "created_at": moment,
        "processed_at": moment, "updated_at": moment, "cancelled_at": None, "test": False,
        "source_name": "web", "currency": "GBP", "cart_token": uuid.uuid4().hex,
        "checkout_token": order.token, "refunds": [], "note_attributes": attributes, **customer,
        "line_items": [_line(order, place, product) for place, product in enumerate(order.products)],
    }  # fmt: skip
    body = json.dumps(payload).encode()
    headers = {
        "X-Shopify-Topic": "orders/create", "X-Shopify-Shop-Domain": order.shop.domain,
        "X-Shopify-Webhook-Id": str(uuid.uuid4()), "X-Shopify-API-Version": "2026-07",
        "X-Shopify-Triggered-At": moment,
        "X-Shopify-Hmac-Sha256": base64.b64encode(_hmac(body)).decode(),
    }  # fmt: skip
    answer = _client().post("/webhooks", body, content_type="application/json", headers=headers)
    if answer.status_code != 200:
        raise BenchFailed(f"The webhook was answered {answer.status_code}: {answer.content[:200]!r}.")


def _line(order: Order, place: int, product: int) -> dict[str, Any]:
    line_id = order.order_id * 10 + place
    return {
        "id": line_id, "product_id": product, "variant_id": product * 10, "quantity": 1,
        "current_quantity": 1, "price": "9.50", "total_discount": "0.00", "properties": [],
    }  # fmt: skip


def _ask(order: Order) -> Any:
    """Ask the signed address of the app proxy for a list, as Shopify passes a client's question on."""
    from backend.core import clock

    query = {
        "shop": order.shop.domain, "path_prefix": "/apps/tailorbird", "surface": "home",
        "timestamp": str(int(clock.now().timestamp())), "logged_in_customer_id": str(order.customer),
        "consent": "analytics,preferences",
    }  # fmt: skip
    message = "".join(sorted(f"{name}={value}" for name, value in query.items()))
    signed = query | {"signature": _hmac(message.encode()).hex()}
    answer = _client().get(f"/proxy/recommendations?{urlencode(signed)}")
    if answer.status_code != 200:
        raise BenchFailed(f"The proxy answered {answer.status_code}: {answer.content[:200]!r}.")
    told = answer.json()
    if not told["items"]:
        raise BenchFailed("The proxy answered with an empty list.")
    return told


def _hmac(message: bytes) -> bytes:
    from django.conf import settings

    return hmac.digest(settings.SHOPIFY_API_SECRET.encode(), message, hashlib.sha256)


def _credited(order: Order) -> dict[int, uuid.UUID]:
    """Return what an order's products are credited to by a click."""
    from backend.attribution import queries
    from backend.attribution.values import DIRECT

    found = queries.credits_of(order.shop.id, order.order_id)
    return {one.product_id: one.decision_id for one in found if one.kind in DIRECT}
