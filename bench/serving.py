"""
`make bench-serving`: the signed endpoint beside a bare Django view, under the same gunicorn in the same run.

The endpoint does all it does in production: signature, features, scoring, rules, stock, and a decision
written to PostgreSQL before it answers. The shop is the built-in one with its own trained model; the
first run makes both, later ones find them.
"""

import hashlib
import hmac
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

from bench import load
from tools.demo import state
from tools.demo.doors import Merchant, Shopper, Staff
from tools.demo.job import Job, StepFailed
from tools.demo.options import ROOT, Options, parse
from tools.demo.processes import ChildFailed, Crew
from tools.demo.screen import Screen
from tools.demo.stack import SHOP, Stack

WARM_UP_SECONDS = 3.0
SECONDS = 10.0
PACE_PER_SECOND = 100.0
DIFFERENT_REQUESTS = 200
DATA_DIR = ".data/bench"


def main() -> int:
    """Measure, and print the figures as one last line of JSON."""
    options = parse(["--exit", "--data-dir", DATA_DIR, "--first-port", "0"])
    screen = Screen()
    with state.hold(options.data_dir), running(options, screen) as stack:
        asks = questions(stack)
        measured = {
            "ours": _measure(screen, "The signed endpoint", stack.addresses.web, lambda: signed(stack, asks)),
            "bare": _measure_bare(screen, stack),
        }
    print(json.dumps(measured))
    return 0


@contextmanager
def running(options: Options, screen: Screen) -> Iterator[Stack]:
    """Run the product with a live model."""
    stack = Stack(options, state.choose_ports(options.data_dir, 0), state.read_secrets(options.data_dir))
    screen.begin("The product starts")
    try:
        stack.start_engines()
        stack.start_devstore(None)
        stack.prepare()
        stack.start_app()
        stack.start_mlflow()
        for name in ("web", "ui", "devstore", "mlflow"):
            stack.wait(name, screen.progress)
        screen.end()
        _job(stack, screen).bring_live([])
        yield stack
    finally:
        stack.stop()


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


def signed(stack: Stack, asks: list[dict[str, str]]) -> list[str]:
    """Return the addresses of the questions, signed now: a signature is good for a minute and a half."""
    common = {"shop": SHOP, "path_prefix": "/apps/tailorbird", "timestamp": str(int(time.time()))}
    return [_address(ask | common, stack.keys.api_secret) for ask in asks]


def _address(query: dict[str, str], secret: str) -> str:
    message = "".join(sorted(f"{name}={value}" for name, value in query.items()))
    signature = hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest()
    return f"/proxy/recommendations?{urlencode(query | {'signature': signature})}"


def _measure(screen: Screen, title: str, origin: str, paths: Any) -> dict[str, float]:
    screen.begin(title)
    load.closed(origin, paths(), seconds=WARM_UP_SECONDS)
    fast = load.closed(origin, paths(), seconds=SECONDS)
    steady = load.paced(origin, paths(), per_second=PACE_PER_SECOND, seconds=SECONDS)
    screen.end(f"{fast.per_second:,.0f}/s; p99 {steady.p99_ms:.1f} ms at {PACE_PER_SECOND:.0f}/s")
    return {
        "rps": round(fast.per_second, 1),
        "p50_ms": round(fast.p50_ms, 2),
        "p99_ms": round(fast.p99_ms, 2),
        "p99_ms_at_100": round(steady.p99_ms, 2),
        "retried": fast.retried + steady.retried,
    }


def _measure_bare(screen: Screen, stack: Stack) -> dict[str, float]:
    """Measure the bare view alone: the product's processes would share its cores, so they end first."""
    stack.crew.stop()
    crew = Crew(stack.options.data_dir)
    port = stack.ports["web"]
    command = stack.web_command("bench/bare_gunicorn.py")
    try:
        crew.start("bare", command, env=stack.env | {"PORT": str(port)}, cwd=ROOT)
        crew.wait_for("bare", f"{stack.addresses.web}/", deadline_seconds=30, tick=screen.progress)
        return _measure(screen, "A bare Django view", stack.addresses.web, lambda: ["/proxy/recommendations"])
    finally:
        crew.stop()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (state.Occupied, ChildFailed, StepFailed, load.WrongAnswer) as failure:
        sys.exit(str(failure))
