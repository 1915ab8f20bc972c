"""
The main job, walked as people would: a merchant installs, a shopper buys, a support person looks it up.

Each step asks first what is already done, so a second run on the same data takes seconds.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import cycle, islice
from typing import Any, Final
from uuid import UUID

from tools.demo import report, traffic
from tools.demo.crowd import Places
from tools.demo.doors import DoorShut, Merchant, Shopper, Staff, reachable
from tools.demo.pages import Card
from tools.demo.releases import Released, Releases, of_one_price
from tools.demo.report import Report, Served
from tools.demo.screen import Screen
from tools.demo.stack import SHOP
from tools.demo.traffic import Visit

REQUESTS: Final = 400
REQUESTS_PER_SECOND: Final = 100.0
# Enough to fill the caches of each web process; not measured.
WARM_UP_REQUESTS: Final = 40
SIGNED_IN_SHOPPERS: Final = 8
PRODUCTS_VISITED: Final = 24
POLL_SECONDS: Final = 0.5
# Nothing at all has changed for this long: something hangs. The longest silent stretch, one epoch of
# training on a busy machine, is a minute.
STALL_SECONDS: Final = 300.0
# The publishing before it wrote on every product, and Shopify tells each write as an update of the product:
# the order's webhook waits its turn behind thousands of them where the catalogue is large.
ATTRIBUTION_DEADLINE_SECONDS: Final = 300.0
STEP_TITLES: Final = {
    "import_products": "Products come in",
    "import_orders": "Orders come in",
    "train": "A transformer is trained",
    "publish": "Recommendations are published",
}
# What the app's own buttons ask for when a step has failed.
TRY_AGAIN_AT: Final = {
    "import_products": "/api/imports",
    "import_orders": "/api/imports",
    "train": "/api/training",
    "publish": "/api/training",
}


class StepFailed(Exception):
    """A step of the job did not hold. The message names the step."""


class Job:
    """
    One walk through the product.

    :param check: called while waiting; raises when a server died
    """

    def __init__(
        self, merchant: Merchant, shopper: Shopper, staff: Staff, screen: Screen, check: Callable[[], None]
    ) -> None:
        self._merchant = merchant
        self._shopper = shopper
        self._staff = staff
        self._screen = screen
        self._check = check

    def run(
        self,
        *,
        optional_scopes: list[str],
        new_shopper: Callable[[], Shopper],
        origin: str,
        environment: Mapping[str, str],
        started_at: float,
    ) -> Report:
        """
        Do all of it and return what was measured.

        :param new_shopper: makes a visitor without cookies
        :param origin: where the storefront answers
        :param environment: of the product's processes
        :param started_at: when the whole run began, in Unix seconds
        :raises StepFailed: naming the first step that did not hold
        """
        setup = self.bring_live(optional_scopes)
        model = self._model()
        self._add_blocks(setup["theme_editor_urls"])
        paths, home = self._look_around()
        # With a single product there is nothing else that its page could show.
        cards = self._carousel(paths) if len(paths) > 1 else []
        answers = self._serve(paths, new_shopper, origin)
        with self._step("Support signs in"):
            self._staff.sign_in()
        self._buy_and_trace(cards or home)
        first = self._figures(model, answers, carousel_items=len(cards), started_at=started_at)
        if model.ndcg_at_10 is None or not self._has_to_release():
            return first
        try:
            return replace(first, released=self._release(paths, origin, environment))
        except StepFailed as failed:
            # What the first act came to stands all the same.
            return replace(first, failure=str(failed))

    def _figures(
        self, model: report.Model, answers: Served, *, carousel_items: int, started_at: float
    ) -> Report:
        with self._step("Figures are read") as step:
            setup = self._merchant.call("GET", "/api/setup")
            logged = self._staff.count("audit/decision")
            filled = report.filled(setup["counts"], self._merchant.store_state(), SHOP)
            earned = report.results(self._merchant.call("GET", "/api/results?days=7"))
            step(
                f"{logged:,} decisions logged; {earned.seen} lists seen, {earned.clicks} clicked, "
                f"{earned.adds} added; earned {earned.earned} {earned.currency}"
            )
        return Report(
            filled=filled, model=model, served=answers, results=earned, carousel_items=carousel_items,
            decisions_logged=logged, seconds=time.time() - started_at,
        )  # fmt: skip

    def bring_live(self, optional_scopes: list[str]) -> dict[str, Any]:
        """
        Install the app and wait until the shop's own model is live.

        :returns: the set-up as the app tells it
        :raises StepFailed: naming the first step that did not hold
        """
        self._install(optional_scopes)
        return self._follow_import_and_training()

    @contextmanager
    def _step(self, title: str) -> Iterator[Callable[[str], None]]:
        """Show a step; it ends with the last detail given to what this yields."""
        details = [""]
        self._screen.begin(title)
        try:
            with reachable():
                yield details.append
        except (DoorShut, ValueError, KeyError) as error:
            self._screen.fail(str(error))
            raise StepFailed(f"{title}: {error}") from error
        self._screen.end(details[-1])

    def _install(self, optional_scopes: list[str]) -> None:
        with self._step("The merchant installs the app") as step:
            if not is_installed(self._merchant.store_state()):
                self._merchant.install(optional_scopes=optional_scopes)
            self._merchant.open_app()
            shop = self._merchant.call("GET", "/api/shop")
            step(f"{shop['name']} ({shop['domain']})")

    def _follow_import_and_training(self) -> dict[str, Any]:
        setup: dict[str, Any] = {}
        for step_id, title in STEP_TITLES.items():
            with self._step(title) as step:
                setup = self._follow(step_id)
                step(by_id(setup)[step_id]["detail"])
        return setup

    def _follow(self, step_id: str) -> dict[str, Any]:
        """
        Poll until a step of the set-up is done.

        A failure that an earlier demo left behind is tried again; one that is met on the way ends this one.
        """
        last_change, last_seen = time.monotonic(), None
        while True:
            self._check()
            setup = self._merchant.call("GET", "/api/setup")
            found = by_id(setup)[step_id]
            if found["state"] == "DONE":
                return setup
            if found["state"] == "FAILED" and last_seen is not None:
                raise DoorShut(found["detail"])
            if found["state"] == "FAILED":
                self._merchant.try_again(TRY_AGAIN_AT[step_id])
            self._screen.progress(
                found["detail"], done=found["done"], total=found["total"], unit=found["unit"]
            )
            if setup != last_seen:
                last_change, last_seen = time.monotonic(), setup
            if time.monotonic() - last_change > STALL_SECONDS:
                last_word = found["detail"]
                raise DoorShut(f"nothing has changed for {STALL_SECONDS:.0f} s; last word: {last_word}")
            time.sleep(POLL_SECONDS)

    def _model(self) -> report.Model:
        with self._step("The model is read") as step:
            found = self._merchant.call("GET", "/api/model")["current"]
            if found is None:
                raise DoorShut("the app says that no model is live")
            model = report.model(found)
            step(f"version {model.version}: {_accuracy(model)}; serving {model.served}")
            return model

    def _add_blocks(self, editor_urls: Mapping[str, str]) -> None:
        with self._step("The merchant adds the theme blocks") as step:
            for url in editor_urls.values():
                self._merchant.add_block(url)
            step(f"on {len(editor_urls)} templates")

    def _look_around(self) -> tuple[list[str], list[Card]]:
        """Return the addresses of products and the cards of the home page, none where nothing is for sale."""
        with self._step("A shopper looks around") as step:
            paths = self._shopper.product_paths()[:PRODUCTS_VISITED]
            home = self._shopper.carousel("/")
            if paths and not home:
                raise DoorShut("the home page shows no recommendations")
            step(f"{len(home)} recommendations on the home page" if paths else "the storefront is empty")
            return paths, home

    def _carousel(self, paths: list[str]) -> list[Card]:
        """Return the cards of the first product page that a model's decision filled."""
        with self._step("A product page shows the carousel") as step:
            for path in paths:
                cards = self._shopper.carousel(path)
                if cards and all(is_uuid(card.decision_id) for card in cards):
                    step(f"{len(cards)} products on {path}")
                    return cards
            raise DoorShut(f"none of {len(paths)} product pages shows products that the model chose")

    def _serve(self, paths: list[str], new_shopper: Callable[[], Shopper], origin: str) -> Served:
        with self._step("Signed requests are answered") as step:
            visits = self._visits(paths, new_shopper)
            traffic.send(
                origin, visits[:WARM_UP_REQUESTS], per_second=REQUESTS_PER_SECOND, tick=lambda _: None
            )
            answers = traffic.send(
                origin, visits, per_second=REQUESTS_PER_SECOND,
                tick=lambda done: self._screen.progress(done=done, total=REQUESTS, unit="requests"),
            )  # fmt: skip
            found = report.served(answers)
            step(
                f"{found.requests} at {REQUESTS_PER_SECOND:.0f}/s: p50 {found.p50_ms} ms, "
                f"p99 {found.p99_ms} ms, {found.fallback_words()}"
            )
            return found

    def _visits(self, paths: list[str], new_shopper: Callable[[], Shopper]) -> list[Visit]:
        """Return a mix: product pages and the home page, strangers and signed-in customers."""
        products = [self._shopper.product_id(path) for path in paths]
        cookies = ["", ""]
        for customer in self._shopper.known_customers()[:SIGNED_IN_SHOPPERS]:
            shopper = new_shopper()
            shopper.sign_in(customer)
            cookies += [shopper.cookie, ""]
        proxy = "/apps/tailorbird/recommendations"
        consent = "consent=analytics,preferences"
        asked = [
            (f"{proxy}?{consent}&surface=product&product={product}", len(products) < 2)
            for product in products
        ]
        asked += [(f"{proxy}?{consent}&surface=home", not products)] * max(1, len(asked) // 4)
        pairs = zip(cycle(asked), cycle(cookies), strict=False)
        return [Visit(path, cookie, empty) for (path, empty), cookie in islice(pairs, REQUESTS)]

    def _buy_and_trace(self, cards: list[Card]) -> None:
        with self._step("A shopper buys a recommended product") as step:
            if not cards:
                step("nothing is recommended, so nothing is bought")
                return
            card = next((card for card in cards if card.quick_add), None)
            if card is None:
                raise DoorShut("no card of the carousel can be added to the cart")
            self._shopper.agree()
            self._shopper.buy(card)
            step(f"product {card.product_id}")
        with self._step("Support finds the decision by its order") as step:
            order_id = self._merchant.newest_order()
            self._wait_until_found(card.decision_id, order_id)
            step(f"order {order_id}, decision {card.decision_id}")

    def _has_to_release(self) -> bool:
        """Return whether the second act is still to be walked."""
        if self._merchant.held_back():
            return True
        rollouts = self._merchant.call("GET", "/api/rollouts")["rollouts"]
        return self._merchant.holds_back() and all(one["state"] != "PROMOTED" for one in rollouts)

    def _release(self, paths: list[str], origin: str, environment: Mapping[str, str]) -> Released:
        """Let the newest weeks happen, and a second version and a poisoned one go their ways."""
        with reachable():
            some = of_one_price([self._shopper.product(path) for path in paths])
            places = Places(
                devstore=origin,
                collector=self._shopper.collector(paths[0]),
                products=[one["id"] for one in some],
                variants=[one["variants"][0]["id"] for one in some],
            )
        releases = Releases(
            self._merchant, self._screen, self._check, places=places, step=self._step, environment=environment
        )
        return releases.run()

    def _wait_until_found(self, decision_id: str, order_id: str) -> None:
        """Wait until the order's webhook has been worked off and the dashboard knows of it."""
        end = time.monotonic() + ATTRIBUTION_DEADLINE_SECONDS
        while not self._staff.finds(decision_id, by_order=order_id):
            self._check()
            if time.monotonic() > end:
                raise DoorShut(f"a search by order {order_id} does not lead to decision {decision_id}")
            self._screen.progress()
            time.sleep(POLL_SECONDS)


def _accuracy(model: report.Model) -> str:
    if model.ndcg_at_10 is None:
        return "accuracy not measured, too few customers came back"
    other = f"{model.baseline_ndcg_at_10} of {model.baseline}" if model.baseline else "no simple model"
    return f"NDCG@10 {model.ndcg_at_10} against {other}"


def by_id(setup: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the steps of the set-up by their id."""
    return {step["id"]: step for step in setup["steps"]}


def is_installed(state: Mapping[str, Any]) -> bool:
    """Tell whether the demo's shop has the app, by what the local Shopify says of itself."""
    return any(shop["domain"] == SHOP and shop["install"] for shop in state["shops"])


def is_uuid(text: str) -> bool:
    """Tell whether a text is the id of a decision."""
    try:
        UUID(text)
    except ValueError:
        return False
    return True
