"""
A crowd of shoppers, each in a browser of their own, who look at pages and sometimes buy what is recommended.

Each does what the theme's block and the web pixel do for a visitor who agreed: asks the app proxy under an id
that the browser keeps, tells that it met the rollout, what it saw and clicked, and that its checkout is done.
No browser is started for any; `tests/e2e` does the same in one.
"""

import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import httpx

from backend.core.bucketing import bucket
from backend.rollouts.rules import draw_arm, is_compared
from backend.rollouts.values import CHAMPION
from tools.demo import pixel

THREADS: Final = 8
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


@dataclass(frozen=True)
class Mood:
    """
    How the crowd behaves.

    :param looks: the share of those who look at one page and allow no analytics: they tell nobody of it
    :param clicks: of the others, those who click on what is recommended
    :param buys: of the others, those who buy
    """

    looks: float = 0.0
    clicks: float = 0.4
    buys: float = 0.8


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

    def __init__(
        self, places: Places, draw: Callable[[], Draw | None], *, mood: Mood | None = None, seed: int = 1
    ) -> None:
        self._places = places
        self._draw = draw
        self._mood = mood or Mood()
        self._random = random.Random(seed)  # noqa: S311 -- a draw that can be repeated
        self._lock = threading.Lock()
        limits = httpx.Limits(max_connections=THREADS, max_keepalive_connections=0)
        self._http = httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False, limits=limits)
        self.seen = Seen()

    def come(self, visitors: int, *, per_second: float, until: Callable[[], bool] = lambda: False) -> int:
        """
        Let some visitors come at a steady pace.

        :param until: asked before each comes; true ends it
        :returns: how many came
        :raises NotTold: if the collector refuses an event
        """
        begun, came = time.monotonic(), 0
        with ThreadPoolExecutor(THREADS, thread_name_prefix="shopper") as pool:
            visits = []
            for number in range(visitors):
                time.sleep(max(0.0, begun + number / per_second - time.monotonic()))
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
        if chance.random() < self._mood.looks:
            return
        events = self._met(draw, visitor)
        chosen = answer["items"][0]["product_id"] if answer.get("items") else None
        decision = answer.get("decision")
        if chosen and decision:
            shown = [item["product_id"] for item in answer["items"][:4]]
            events.append(("tailorbird:impression", {"decision": decision, "products": shown}))
            if chance.random() < self._mood.clicks:
                events.append(("tailorbird:click", {"decision": decision, "product": chosen}))
        arm = draw.arm(visitor) if draw else CHAMPION
        self._note(self.seen.visitors, arm)
        self._tell(client, events)
        wants = chance.random() < self._mood.buys
        if wants and self._buy(client, self._places.variants[place], chance):
            self._note(self.seen.orders, arm)

    @staticmethod
    def _met(draw: Draw | None, visitor: str) -> list[tuple[str, dict[str, Any]]]:
        """Return what the block's script tells of the rollout: only who is compared meets it."""
        if draw is None or not draw.is_compared(visitor):
            return []
        place = bucket(draw.salt, visitor)
        return [("tailorbird:exposure", {"rollout": draw.rollout, "bucket": place})]

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
