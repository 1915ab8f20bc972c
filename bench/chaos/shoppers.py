"""Shoppers who ask at a steady pace whatever the answers do, and a judge of what they get."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

import httpx

TIMEOUT_SECONDS: Final = 15.0
# Of answers that are valid and the model's: so many in a row, and all is well again.
ROW: Final = 20
MODEL: Final = "model"

Ask = Mapping[str, str]


@dataclass(frozen=True)
class Shop:
    """What a shop has, by the catalogue and not by what serving believes."""

    products: frozenset[int]
    in_stock: frozenset[int]


@dataclass(frozen=True, slots=True)
class Answer:
    """
    What one shopper got.

    :param due: when they were to ask, in seconds of the monotonic clock
    :param at: when the answer was there
    :param problem: why it is not valid, as far as the answer itself tells; empty where it is
    :param source: ``model``, or why something stood in for it
    """

    due: float
    at: float
    problem: str
    source: str = ""
    decision: str = ""
    products: tuple[int, ...] = ()

    @property
    def milliseconds(self) -> float:
        """How long the shopper waited."""
        return (self.at - self.due) * 1000


class Shoppers:
    """
    One crowd of them.

    :param asks: what they ask, without end
    :param address: signs a question as if it were so many seconds later: a signature is good for 90 of them
    """

    def __init__(
        self,
        origin: str,
        asks: Iterator[Ask],
        shop: Shop,
        address: Callable[[Ask, float], str],
        *,
        per_second: float,
    ) -> None:
        self.origin = origin
        self.answers: list[Answer] = []
        # How far Shopify's clock is ahead.
        self.ahead_seconds = 0.0
        self._asks, self._shop, self._address = asks, shop, address
        self._per_second = per_second
        self._ends = asyncio.Event()

    def end(self) -> None:
        """Ask nothing more; what was asked is waited for. For the loop's thread alone."""
        self._ends.set()

    async def run(self) -> None:
        """Ask until the end."""
        start = time.monotonic()
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=64, keepalive_expiry=10)
        async with (
            httpx.AsyncClient(
                base_url=self.origin, trust_env=False, timeout=TIMEOUT_SECONDS, limits=limits
            ) as client,
            asyncio.TaskGroup() as group,
        ):
            for place in count():
                due = start + place / self._per_second
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                if self._ends.is_set():
                    return
                group.create_task(self._ask(client, next(self._asks), due))

    async def _ask(self, client: httpx.AsyncClient, ask: Ask, due: float) -> None:
        try:
            response = await self._get(client, ask)
            found = self._judged(ask, response.status_code, response.content)
        except httpx.HTTPError as error:
            found = {"problem": type(error).__name__}
        self.answers.append(Answer(due, time.monotonic(), **found))

    async def _get(self, client: httpx.AsyncClient, ask: Ask) -> httpx.Response:
        ahead = self.ahead_seconds
        try:
            response = await client.get(self._address(ask, ahead))
        except httpx.RemoteProtocolError:
            # A kept connection may end as the next request is on its way: a GET may be sent once more.
            return await client.get(self._address(ask, ahead))
        if response.status_code == httpx.codes.UNAUTHORIZED and ahead != self.ahead_seconds:
            # Signed before the clocks jumped.
            return await client.get(self._address(ask, self.ahead_seconds))
        return response

    def _judged(self, ask: Ask, status: int, body: bytes) -> dict[str, Any]:
        if status != httpx.codes.OK:
            return {"problem": f"HTTP {status}"}
        told = json.loads(body)
        products = tuple(item["product_id"] for item in told["items"])
        is_models = told.get("version") is not None and told.get("fallback") is None
        return {
            "problem": find_problem(self._shop, ask, products),
            "source": MODEL if is_models else str(told.get("fallback") or "no model"),
            "decision": told.get("decision", ""),
            "products": products,
        }


def find_problem(shop: Shop, ask: Ask, products: tuple[int, ...]) -> str:
    """Return why a list is not valid, the worst first; empty where it is."""
    cart = {int(one) for one in ask.get("cart", "").split(",") if one}
    if not products:
        return "empty"
    if not shop.products.issuperset(products):
        return "another shop's"
    if not shop.in_stock.issuperset(products):
        return "sold out"
    if cart.intersection(products):
        return "in the cart"
    if len(set(products)) != len(products):
        return "twice"
    return "" if len(products) == int(ask["limit"]) else "too few"


def recovered_s(answers: list[Answer], end: float) -> float | None:
    """
    Return the seconds after a fault's end until so many answers in a row were well, None if they never were.

    In the order in which they came: one that hung since the fault breaks the row.
    """
    row = 0
    for one in sorted((one for one in answers if one.at >= end), key=lambda one: one.at):
        row = row + 1 if one.problem == "" and one.source == MODEL else 0
        if row == ROW:
            return one.at - end
    return None
