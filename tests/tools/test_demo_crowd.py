"""A crowd at the doors of a shop that a rollout is on in."""

import json
from uuid import UUID

import pytest

from backend.core.bucketing import BUCKETS, bucket
from tests.tools.origin import QuietHandler, serving
from tools.demo.crowd import MOST_WAITING, Crowd, Draw, Mood, Places
from tools.demo.releases import of_one_price

DECISION = "0199aaaa-0000-7000-8000-000000000001"


class Shop(QuietHandler):
    """The local Shopify and the collector in one."""

    answers: int
    told: list[dict]
    orders: list[int]

    def do_GET(self):
        type(self).answers += 1
        items = [{"product_id": 7}, {"product_id": 8}]
        self.answer(200, json.dumps({"decision": DECISION, "items": items, "fallback": None}).encode())

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/control/orders":
            self.orders.append(body["lines"][0]["variant_id"])
            self.answer(200, json.dumps({"order": {"id": len(self.orders)}}).encode())
            return
        self.told.extend(body["events"])
        self.answer(202, b'{"refused": []}')


@pytest.fixture
def shop():
    handler = type("ThisShop", (Shop,), {"answers": 0, "told": [], "orders": []})
    with serving(handler) as address:
        handler.address = address
        yield handler


def a_crowd(shop, percent, *, per_second):
    places = Places(shop.address, f"{shop.address}/events/1", products=[7], variants=[70])
    draw = None if percent is None else Draw("rollout", "salt", percent)
    return Crowd(places, lambda: draw, mood=Mood(per_second=per_second, clicks=0.0, buys=1.0))


def exposures(shop):
    return [one["data"]["bucket"] for one in shop.told if one["topic"] == "tailorbird:exposure"]


def test_only_who_is_compared_tells_and_buys(shop):
    crowd = a_crowd(shop, 5, per_second=1e9)

    assert crowd.come(200, per_second=1e9) == shop.answers == 200

    buckets = exposures(shop)
    assert 0 < len(buckets) == len(shop.orders) < 50
    assert all(place * 100 < 5 * BUCKETS or place * 100 >= 95 * BUCKETS for place in buckets)
    assert sum(crowd.seen.orders.values()) == len(shop.orders)


@pytest.mark.parametrize("percent", [None, 100])
def test_where_nothing_is_compared_everybody_only_looks(shop, percent):
    a_crowd(shop, percent, per_second=1e9).come(50, per_second=1e9)

    assert (shop.answers, shop.told, shop.orders) == (50, [], [])


@pytest.mark.parametrize(("percent", "share"), [(5, 0.1), (25, 0.5), (50, 1.0), (75, 0.5), (100, 0.0)])
def test_the_share_that_is_compared_is_that_of_the_browsers_that_are(percent, share):
    draw = Draw("rollout", "salt", percent)
    visitors = [str(UUID(int=number, version=4)) for number in range(4_000)]

    assert draw.compared_share == share
    assert sum(map(draw.is_compared, visitors)) / 4_000 == pytest.approx(share, abs=0.03)
    assert bucket("salt", visitors[0]) != bucket("salt", visitors[1])


def test_as_many_are_keen_however_few_are_compared(shop):
    few, many = a_crowd(shop, 25, per_second=100.0), a_crowd(shop, 50, per_second=100.0)

    few.come(200, per_second=400.0)
    of_few = len(exposures(shop))
    shop.told.clear()
    many.come(200, per_second=400.0)

    assert of_few == pytest.approx(50, abs=25)
    assert len(exposures(shop)) == pytest.approx(50, abs=25)


def test_a_crowd_that_is_ended_leaves_no_queue(shop):
    crowd = a_crowd(shop, None, per_second=0.0)
    looked_at = []

    def until():
        looked_at.append(shop.answers)
        return len(looked_at) > 100

    came = crowd.come(1_000, per_second=1e9, until=until)

    assert came == shop.answers == 100
    assert all(number - seen <= MOST_WAITING + 1 for number, seen in enumerate(looked_at))


def test_the_crowd_buys_what_is_of_about_one_price():
    prices = [100, 250, 900, 910, 920, 930, 940, 950, 960, 990, 4_000]
    products = [{"id": number, "price": price} for number, price in enumerate(prices)]

    assert [one["price"] for one in of_one_price(products[::-1])] == prices[2:10]
    assert [one["price"] for one in of_one_price(products[:3])] == prices[:3]
