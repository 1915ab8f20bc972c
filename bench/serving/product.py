"""The running product with a live model of its own shop, and the addresses of its storefront's questions."""

import hashlib
import hmac
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

from tools.demo import state
from tools.demo.doors import Merchant, Shopper, Staff
from tools.demo.job import Job
from tools.demo.options import Options
from tools.demo.screen import Screen
from tools.demo.stack import SHOP, Stack

DIFFERENT_REQUESTS = 200
PATH_PREFIX = "/apps/tailorbird"


@contextmanager
def running(options: Options, screen: Screen) -> Iterator[Stack]:
    """Run the product with a live model. The first run on a data folder makes both, later ones find them."""
    stack = Stack(options, state.choose_ports(options.data_dir, 0), state.read_secrets(options.data_dir))
    screen.begin("The product starts")
    try:
        stack.start_engines()
        stack.start_devstore(_orders_to_fill_from(options))
        stack.prepare()
        stack.start_app()
        stack.start_mlflow()
        for name in ("web", "ui", "devstore", "mlflow"):
            stack.wait(name, screen.progress)
        screen.end()
        # Orders of a file are older than the 60 days that an app may see unasked.
        _job(stack, screen).bring_live(["read_all_orders"] if options.orders else [])
        yield stack
    finally:
        stack.stop()


def _orders_to_fill_from(options: Options) -> Path | None:
    return None if state.is_filled(options.data_dir) else options.orders


def _job(stack: Stack, screen: Screen) -> Job:
    at = stack.addresses
    staff = Staff(
        at, user=state.STAFF_USER, password=stack.keys.staff_password, secret=stack.keys.staff_secret
    )
    return Job(Merchant(at), Shopper(at), staff, screen, stack.crew.check)


def questions(stack: Stack) -> list[dict[str, str]]:
    """Return different questions: product pages and the home page, strangers and customers."""
    shopper = Shopper(stack.addresses)
    products = [str(shopper.product_id(path)) for path in shopper.product_paths()]
    customers = ["", *shopper.known_customers()]
    return [
        {
            "surface": "home" if place % 5 == 0 else "product",
            "product": products[place % len(products)],
            "consent": "analytics,preferences",
            "logged_in_customer_id": customers[place % len(customers)],
        }
        for place in range(DIFFERENT_REQUESTS)
    ]


def signed(stack: Stack, asks: Sequence[Mapping[str, str]]) -> list[str]:
    """Return the addresses of the questions, signed now: a signature is good for a minute and a half."""
    common = {"shop": SHOP, "path_prefix": PATH_PREFIX, "timestamp": str(int(time.time()))}
    return [address({**ask, **common}, stack.keys.api_secret) for ask in asks]


def address(query: Mapping[str, str], secret: str) -> str:
    """Return the address of a question, signed as Shopify's app proxy does."""
    message = "".join(sorted(f"{name}={value}" for name, value in query.items()))
    signature = hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest()
    return f"/proxy/recommendations?{urlencode({**query, 'signature': signature})}"
