"""
A crowd of shoppers, each in a browser of their own, who look at pages and sometimes buy what is recommended.

Only those buy who are in one of the two arms that a rollout compares: the orders of all others would tell
nothing, and keep the worker from those that do. In both arms everybody behaves alike.

Each of them does what the theme's block and the web pixel do for a visitor who agreed: asks the app proxy
under an id that the browser keeps, tells that it met the rollout, what it saw and clicked, and that its
checkout is done. No browser is started for any; `tests/e2e` does the same in one.
"""

import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import httpx

from backend.core.bucketing import bucket
from backend.rollouts.rules import draw_arm, is_compared
from tools.demo import pixel

THREADS: Final = 8
# Who came and was not served yet. Whoever ends a crowd need not wait for a queue.
MOST_WAITING: Final = 2 * THREADS
TIMEOUT_SECONDS: Final = 30.0
PROXY: Final = "/apps/tailorbird/recommendations"


@dataclass(frozen=True)
class Draw:
    """What a page says of the rollout that is on: enough for a browser to know its arm."""

    rollout: str
    salt: str
    percent: int

    def arm(self, visitor: str) -> str:
        """Return the arm of a browser."""
        return draw_arm(bucket(self.salt, visitor), self.percent)

    def is_compared(self, visitor: str) -> bool:
        """Return whether a browser is one of the two arms that are compared."""
        return is_compared(bucket(self.salt, visitor), self.percent)

    @property
    def compared_share(self) -> float:
        """Return the share of browsers that are compared."""
        return 2 * min(self.percent, 100 - self.percent) / 100


@dataclass(frozen=True)
class Mood:
    """
    How those behave who are compared and allow analytics. All others look at one page and tell nobody of it.

    :param per_second: how many of them come, as far as so many are compared
    :param clicks: the share of them who click on what is recommended
    :param buys: the share of them who buy
    """

    per_second: float
    clicks: float
    buys: float


@dataclass
class Seen:
    """What the crowd met so far, by the arm that each visitor is in."""

    visitors: dict[str, int] = field(default_factory=dict)
    orders: dict[str, int] = field(default_factory=dict)
    answers: int = 0
    fallbacks: int = 0
    empty: int = 0


@dataclass(frozen=True)
class Places:
    """Where the crowd goes: the local Shopify, the collector of its shop, the products that it looks at."""

    devstore: str
    collector: str
    products: Sequence[int]
    variants: Sequence[int]


class Crowd:
    """
    Shoppers who come one after the other, some at the same time.

    :param draw: what pages say now; None while no rollout shows anything
    :param mood: how they behave
    """

    def __init__(self, places: Places, draw: Callable[[], Draw | None], *, mood: Mood, seed: int = 1) -> None:
        self._places = places
        self._draw = draw
        self._mood = mood
        self._per_second = 0.0
        self._random = random.Random(seed)  # noqa: S311 -- a draw that can be repeated
        self._lock = threading.Lock()
        limits = httpx.Limits(max_connections=THREADS, max_keepalive_connections=0)
        self._http = httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False, limits=limits)
        self.seen = Seen()

    def come(self, visitors: int, *, per_second: float, until: Callable[[], bool] = lambda: False) -> int:
        """
        Let some visitors come at a steady pace, as far as the shop can follow.

        :param until: asked before each comes; true ends it
        :returns: how many came
        :raises NotTold: if the collector refuses an event
        """
        self._per_second = per_second
        begun, came = time.monotonic(), 0
        with ThreadPoolExecutor(THREADS, thread_name_prefix="shopper") as pool:
            visits: list[Future[None]] = []
            for number in range(visitors):
                time.sleep(max(0.0, begun + number / per_second - time.monotonic()))
                if number >= MOST_WAITING:
                    visits[number - MOST_WAITING].result()
                if until():
                    break
                visits.append(pool.submit(self._visit, self._chance()))
                came += 1
            for visit in visits:
                visit.result()
        return came

    def ask(self, product: int, visitor: str) -> dict[str, Any]:
        """Ask for a page's personal list as the block does. :returns: the answer's body"""
        parameters: dict[str, str | int] = {
            "consent": "analytics,preferences",
            "surface": "product",
            "product": product,
            "visitor": visitor,
        }
        answer = self._http.get(f"{self._places.devstore}{PROXY}", params=parameters)
        answer.raise_for_status()
        body: dict[str, Any] = answer.json()
        with self._lock:
            self.seen.answers += 1
            self.seen.fallbacks += bool(body.get("fallback"))
            self.seen.empty += not body.get("items")
        return body

    def _chance(self) -> random.Random:
        # Seeded by the one whose turn it is, so that threads change nothing of who does what.
        return random.Random(self._random.random())  # noqa: S311 -- as above

    def _visit(self, chance: random.Random) -> None:
        visitor, client = _uuid(chance), _uuid(chance)
        place = chance.randrange(len(self._places.products))
        draw = self._draw()
        answer = self.ask(self._places.products[place], visitor)
        if draw is None or not self._is_keen(draw, visitor, chance):
            return
        events = [("tailorbird:exposure", {"rollout": draw.rollout, "bucket": bucket(draw.salt, visitor)})]
        chosen = answer["items"][0]["product_id"] if answer.get("items") else None
        decision = answer.get("decision")
        if chosen and decision:
            shown = [item["product_id"] for item in answer["items"][:4]]
            events.append(("tailorbird:impression", {"decision": decision, "products": shown}))
            if chance.random() < self._mood.clicks:
                events.append(("tailorbird:click", {"decision": decision, "product": chosen}))
        arm = draw.arm(visitor)
        self._note(self.seen.visitors, arm)
        self._tell(client, events)
        wants = chance.random() < self._mood.buys
        if wants and self._buy(client, self._places.variants[place], chance):
            self._note(self.seen.orders, arm)

    def _is_keen(self, draw: Draw, visitor: str, chance: random.Random) -> bool:
        """Return whether a visitor does more than look: so many of the compared ones as the mood says."""
        compared = self._per_second * draw.compared_share
        return draw.is_compared(visitor) and chance.random() * compared < self._mood.per_second

    def _buy(self, client: str, variant: int, chance: random.Random) -> bool:
        """Buy one. :returns: whether it was there to be bought"""
        checkout = _uuid(chance).replace("-", "")
        wanted = {"lines": [{"variant_id": variant, "quantity": 1}], "checkout_token": checkout}
        answer = self._http.post(f"{self._places.devstore}/control/orders", json=wanted)
        if answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY:
            return False  # sold out
        answer.raise_for_status()
        order = answer.json()["order"]["id"]
        started = ("checkout_started", {"checkout": checkout})
        self._tell(client, [started, ("checkout_completed", {"checkout": checkout, "order": order})])
        return True

    def _tell(self, client: str, events: Sequence[tuple[str, dict[str, Any]]]) -> None:
        if events:
            pixel.send(self._http, self._places.collector, client, events)

    def _note(self, counts: dict[str, int], arm: str) -> None:
        with self._lock:
            counts[arm] = counts.get(arm, 0) + 1


def _uuid(chance: random.Random) -> str:
    return str(UUID(int=chance.getrandbits(128), version=4))
