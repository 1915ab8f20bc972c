"""The running product with a proxy before each of its dependencies, in processes that can be made sick."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import chain, cycle
from pathlib import Path
from typing import Final

import psutil

from bench.chaos import faults, injection
from bench.chaos.background import Background
from bench.chaos.dependencies import Broker, Dependency, all_of
from bench.chaos.proxy import Proxy, listening
from bench.chaos.shoppers import Ask, Shop
from bench.rollouts.stage import Stage
from bench.serving import product
from bench.serving.asks import draw_pages
from tools.demo.doors import Shopper
from tools.demo.stack import SHOP, WORKERS

DIFFERENT_PAIRS: Final = 2_000
LIMIT: Final = 8
# One page in so many is looked at with something in the cart.
CART_EVERY: Final = 3
CANARY_PERCENT: Final = 25
# What processes of ours must not end by themselves, whatever is away.
OURS: Final = ("web", *WORKERS, "shadow")
# Trainings that a sick model asks for would take the processors from everybody for minutes: nobody does them.
UNTRAINED: Final = {"worker-long": ["-Q", "long", "--concurrency", "1"]}


@dataclass(frozen=True)
class SickProduct:
    """The product, and all that can be done to it."""

    stage: Stage
    dependencies: list[tuple[Dependency, Proxy]]
    background: Background
    file: Path

    def faults(self) -> list[faults.Fault]:
        """Return everything that can go wrong."""
        of_dependencies = chain.from_iterable(
            faults.of_dependency(dependency, proxy, self.background)
            for dependency, proxy in self.dependencies
        )
        models = faults.of_model(self.stage, self.file)
        return [*of_dependencies, *models, *faults.of_disk(self.stage), *faults.of_clock(self.file)]

    def settle(self, number: int) -> list[str]:
        """
        Let a rollout be on, a canary and a shadow in turn, no training wait, and begin again what ended.

        :returns: what had ended by itself
        """
        from django.db import connection

        from backend.core import clock
        from backend.training import services as training

        # The last fault may have broken it.
        connection.close()
        training.cancel_all(self.stage.shop_id, reason="For a measurement.", now=clock.now())
        ended = [name for name in OURS if not _is_alive(self.stage.stack.crew.pid(name))]
        for name in ended:
            self.stage.stack.crew.restart(name)
        self.stage.clear()
        self.stage.open(percent=CANARY_PERCENT if number % 2 else 0)
        return ended


@contextmanager
def sick_product(stage: Stage) -> Iterator[SickProduct]:
    """Begin the product's processes again, with a proxy before whatever they talk to."""
    file = stage.stack.options.data_dir / "chaos.json"
    file.unlink(missing_ok=True)
    with Background() as background, closing(Broker(stage.stack.options.data_dir / "broker")) as broker:
        broker.start()
        stood = [(one, Proxy(one.upstream, error=one.error)) for one in all_of(stage.stack, broker)]
        with listening(background, [proxy for _, proxy in stood]):
            env = {**stage.stack.env, "BROKER_URL": broker.url, injection.VARIABLE: str(file)}
            _begin_anew(stage, through(env, stood))
            yield SickProduct(stage, stood, background, file)


def through(env: Mapping[str, str], stood: list[tuple[Dependency, Proxy]]) -> dict[str, str]:
    """Return an environment whose addresses lead through the proxies."""
    led = dict(env)
    for dependency, proxy in stood:
        led = {
            name: value.replace(dependency.url, dependency.through(proxy.port)) for name, value in led.items()
        }
    return led


def _begin_anew(stage: Stage, env: Mapping[str, str]) -> None:
    stack = stage.stack
    stack.crew.restart("web", command=stack.web_command("bench/chaos/gunicorn.py"), env=env)
    for name, arguments in (WORKERS | UNTRAINED).items():
        stack.crew.restart(name, command=stack.worker_command(name, arguments, "bench.chaos.worker"), env=env)
    stack.crew.restart("shadow", env=env)
    stack.wait("web", lambda: None)


def _is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def asks(stage: Stage) -> Iterator[Ask]:
    """Return what strangers and customers ask, without end: home and product pages, some with a cart."""
    from backend.serving import queries

    shelf = queries.shelf(stage.shop_id)
    products = [str(one) for one in dict.fromkeys([*shelf.popular, *shelf.newest])]
    customers = Shopper(stage.stack.addresses).known_customers()
    pages = draw_pages(customers, products, different=DIFFERENT_PAIRS).mixed()
    return cycle([_with_cart(page, products, place) for place, page in enumerate(pages)])


def _with_cart(page: Ask, products: list[str], place: int) -> Ask:
    asked = {**page, "limit": str(LIMIT)}
    if place % CART_EVERY:
        return asked
    first = place % (len(products) - 1)
    return {**asked, "cart": ",".join(products[first : first + 2])}


def address(stage: Stage) -> Callable[[Ask, float], str]:
    """Return what signs questions as Shopify does, by its clock."""

    def sign(ask: Ask, ahead_seconds: float) -> str:
        moment = str(int(time.time() + ahead_seconds))
        common = {"shop": SHOP, "path_prefix": product.PATH_PREFIX, "timestamp": moment}
        return product.address({**ask, **common}, stage.stack.keys.api_secret)

    return sign


def shop(shop_id: int) -> Shop:
    """Return what the catalogue has of a shop now."""
    from backend.catalog import queries as catalog
    from backend.catalog.models import Product

    rows = Product.objects.for_shop(shop_id).filter(deleted_at=None)
    return Shop(
        frozenset(rows.values_list("product_id", flat=True)),
        frozenset(catalog.available_product_ids(shop_id)),
    )
