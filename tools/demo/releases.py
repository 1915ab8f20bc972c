"""
The second act: the newest weeks happen, a second version goes its way, and a poisoned one goes back.

As people would live it: the merchant trains again, a rollout opens by itself, and a crowd of shoppers makes
it move. Days of a rollout are seconds here (ROLLOUT_DAY_SECONDS); everything else is as it is.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final

from backend.rollouts.rules import rollout_salt
from tools.demo.crowd import Crowd, Draw, Mood, Places
from tools.demo.doors import DoorShut, Merchant
from tools.demo.options import ROOT
from tools.demo.screen import Screen
from tools.demo.stack import SHOP

# Small enough to be seen through in a minute or two; what it leaves out, the page of a rollout says.
PLAN: Final[Mapping[str, Any]] = {
    "steps": [5, 50, 100],
    "dwell_hours": 12,
    "shadow_percent": 100,
    "shadow_requests": 200,
    "shadow_hours": 1,
    "margin_percent": 20,
    "window_days": 7,
    "max_days": 60,
    "autonomy": "PROMOTE",
}
# Of 5 % of them the guardrails have their 500 answers within about a minute.
SHOPPERS_PER_SECOND: Final = 150.0
# Those of both arms that the plan asks for, and as many again.
MOST_SHOPPERS: Final = 100_000
POISONED_SHOPPERS: Final = 2_000
ENDED: Final = frozenset({"PROMOTED", "ROLLED_BACK", "SUPERSEDED", "ABORTED"})
# More buyers than these, and one worker falls behind: what it did not read yet was not bought.
STEADY: Final = Mood(per_second=5.0, clicks=0.4, buys=0.9)
# That the crowd looks at and buys.
PRODUCTS_BOUGHT: Final = 8
POLL_SECONDS: Final = 0.5
STALL_SECONDS: Final = 600.0
OPENS_WITHIN_SECONDS: Final = 120.0


@dataclass(frozen=True)
class Released:
    """
    What the second act came to.

    :param version: the number of the second version, and ``opened_by`` "the gate" or "the merchant"
    :param states: of its rollout, in their order, with the share in percent where it answers some
    :param shoppers: who came while it went its way
    :param rolled_back_s: from the opening of a poisoned version's rollout to its way back
    :param empty_answers: that shoppers got in all of it
    """

    orders: int
    version: int
    opened_by: str
    states: list[str]
    shoppers: int
    seconds: float
    poisoned: list[str]
    rolled_back_s: float | None
    empty_answers: int


def of_one_price(products: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """
    Return the products whose prices are closest to each other.

    What visitors spend differs little then, and a difference between the arms shows early.
    """
    by_price = sorted(products, key=lambda one: int(one["price"]))
    runs = [by_price[at : at + PRODUCTS_BOUGHT] for at in range(max(1, len(by_price) - PRODUCTS_BOUGHT + 1))]
    return min(runs, key=lambda some: some[-1]["price"] / max(some[0]["price"], 1))


class Releases:
    """One walk through two rollouts."""

    def __init__(
        self,
        merchant: Merchant,
        screen: Screen,
        check: Callable[[], None],
        *,
        places: Places,
        step: Callable[[str], AbstractContextManager[Callable[[str], None]]],
        environment: Mapping[str, str],
    ) -> None:
        self._merchant = merchant
        self._screen = screen
        self._check = check
        self._step = step
        self._environment = environment
        self._known = Known(merchant)
        self._crowd = Crowd(places, self._known.draw, mood=STEADY)

    def run(self) -> Released:
        """
        Do all of it and return what was seen.

        :raises StepFailed: naming the first step that did not hold
        """
        orders = self._let_happen()
        self._plan()
        version = self._train()
        opened_by = self._opened(version)
        shoppers, seconds, states = self._watch("Shoppers make the rollout move", MOST_SHOPPERS)
        if states[-1] != "PROMOTED":
            raise DoorShut(f"the second version ended as {states[-1]}: {self._known.words}")
        poisoned, took = self._poison()
        return Released(
            orders=orders,
            version=version,
            opened_by=opened_by,
            states=states,
            shoppers=shoppers,
            seconds=round(seconds, 1),
            poisoned=poisoned,
            rolled_back_s=took,
            empty_answers=self._crowd.seen.empty,
        )

    def _let_happen(self) -> int:
        with self._step("The newest weeks happen") as step:
            # Not all of a shop's orders are an app's to see, so the new ones are counted on top.
            before, known = self._merchant.shop_counts()["orders"], self._orders()
            released = self._merchant.release_orders()
            wanted = known + self._merchant.shop_counts()["orders"] - before
            self._until(lambda: self._orders() >= wanted, lambda: (self._orders(), wanted, "orders"))
            self._run("caught_up")
            step(f"{released:,} orders and refunds since the first training")
            return released

    def _orders(self) -> int:
        found: int = self._merchant.call("GET", "/api/setup")["counts"]["orders"]
        return found

    def _plan(self) -> None:
        with self._step("The merchant sets a quick plan") as step:
            settings = self._merchant.call("GET", "/api/rollouts/settings")
            self._merchant.call("PUT", "/api/rollouts/settings", {**settings, **PLAN})
            step(" → ".join(["shadow", *(f"{share} %" for share in PLAN["steps"]), "promoted"]))

    def _train(self) -> int:
        with self._step("A second version is trained") as step:
            run = self._merchant.call("POST", "/api/training")
            run = self._followed(run["id"])
            version = self._number_of(run["version"])
            step(f"version {version}")
            return version

    def _followed(self, run_id: str) -> dict[str, Any]:
        """Wait for a training to end. :returns: the run"""
        run: dict[str, Any] = {}

        def look() -> bool:
            nonlocal run
            run = self._merchant.call("GET", f"/api/training/{run_id}")
            if run["state"] in {"FAILED", "CANCELLED"}:
                raise DoorShut(run["error"])
            return bool(run["state"] == "DONE")

        self._until(look, lambda: (round(100 * run["progress"]["fraction"]), 100, "%"))
        return run

    def _number_of(self, version_id: str) -> int:
        """Return a version's number, once the gate has judged it and pages show it."""
        end = time.monotonic() + OPENS_WITHIN_SECONDS
        while time.monotonic() < end:
            for one in self._merchant.call("GET", "/api/model")["versions"]:
                if one["id"] == version_id:
                    return int(one["number"])
            time.sleep(POLL_SECONDS)
        raise DoorShut(f"no page shows the version {version_id} that was trained")

    def _opened(self, version: int) -> str:
        with self._step("Its rollout opens") as step:
            end = time.monotonic() + OPENS_WITHIN_SECONDS
            while time.monotonic() < end:
                self._check()
                found = self._known.look()
                if found and found["candidate_number"] == version:
                    step(found["headline"])
                    return "the gate"
                offer = self._known.offer(version)
                if offer is not None:
                    self._known.open(offer)
                    step(f"opened by the merchant, for the gate held it: {offer['words']}")
                    return "the merchant"
                time.sleep(POLL_SECONDS)
            raise DoorShut(f"version {version} neither opened a rollout nor is held")

    def _watch(self, title: str, most: int) -> tuple[int, float, list[str]]:
        """Let shoppers come until the live rollout has ended. :returns: how many, seconds, its states"""
        with self._step(title) as step:
            begun, states = time.monotonic(), [self._known.state()]
            before = dict(self._crowd.seen.orders)

            def ended() -> bool:
                self._check()
                self._known.look_at_most_every(POLL_SECONDS)
                if self._known.state() != states[-1]:
                    states.append(self._known.state())
                self._screen.progress(
                    f"{states[-1]}: {self._known.words}", done=self._crowd.seen.answers, unit="visits"
                )
                return self._known.has_ended

            came = self._crowd.come(most, per_second=SHOPPERS_PER_SECOND, until=ended)
            if not self._known.has_ended:
                raise DoorShut(f"after {came:,} shoppers the rollout is {states[-1]}: {self._known.words}")
            bought = sum(self._crowd.seen.orders.values()) - sum(before.values())
            states[-1] = self._known.last_state
            step(f"{' → '.join(states)}; {came:,} shoppers, {bought:,} orders")
            return came, time.monotonic() - begun, states

    def _poison(self) -> tuple[list[str], float | None]:
        with self._step("A poisoned version is registered") as step:
            version = json.loads(self._run("poison", SHOP).splitlines()[-1])["number"]
            step(f"version {version}: each of its scores is NaN")
        self._opened(version)
        begun = time.monotonic()
        _, _, states = self._watch("It goes back before the reader's eyes", POISONED_SHOPPERS)
        if states[-1] != "ROLLED_BACK":
            raise DoorShut(f"the poisoned version ended as {states[-1]}")
        return states, round(time.monotonic() - begun, 1)

    def _run(self, name: str, *arguments: str) -> str:
        """Run a program of the demo's own beside the product. :returns: what it printed"""
        done = subprocess.run(
            [sys.executable, "-m", f"tools.demo.{name}", *arguments],
            cwd=ROOT, env=dict(self._environment), capture_output=True, text=True, check=False,
            timeout=STALL_SECONDS,
        )  # fmt: skip
        if done.returncode != 0:
            raise DoorShut(f"{name} failed: {done.stderr[-300:]}")
        return done.stdout

    def _until(
        self, holds: Callable[[], bool], told: Callable[[], tuple[int | None, int | None, str]]
    ) -> None:
        last, changed = None, time.monotonic()
        while not holds():
            self._check()
            found = told()
            if found != last:
                last, changed = found, time.monotonic()
            if time.monotonic() - changed > STALL_SECONDS:
                raise DoorShut(f"nothing has changed for {STALL_SECONDS:.0f} s")
            done, total, unit = found
            self._screen.progress(done=done, total=total, unit=unit)
            time.sleep(POLL_SECONDS)


class Known:
    """What the merchant's pages said last of the shop's rollouts."""

    def __init__(self, merchant: Merchant) -> None:
        self._merchant = merchant
        self._found: dict[str, Any] | None = None
        self._rollout = ""
        self._looked_at = float("-inf")
        self.last_state = ""
        self.words = ""

    def look(self) -> dict[str, Any] | None:
        """Return the live rollout."""
        self._looked_at = time.monotonic()
        said = self._merchant.call("GET", "/api/rollouts")
        live: dict[str, Any] | None = said["live"]
        if live is not None:
            self._rollout = live["id"]
        mine = next((one for one in said["rollouts"] if one["id"] == self._rollout), None)
        if mine is not None:
            self.last_state = mine["state"]
            self.words = mine["reason"] if mine["ended_at"] else mine["outlook"] or mine["headline"]
        self._found = live
        return live

    def look_at_most_every(self, seconds: float) -> None:
        """Look again if the last look is older than that."""
        if time.monotonic() - self._looked_at > seconds:
            self.look()

    @property
    def has_ended(self) -> bool:
        """Return whether the rollout that was live last has ended."""
        return self._found is None and self.last_state in ENDED

    def state(self) -> str:
        """Return where it stands, with its share while it answers some."""
        if self._found is None:
            return self.last_state
        percent = self._found["percent"]
        return f"{percent} %" if percent else str(self._found["state"])

    def draw(self) -> Draw | None:
        """Return what a page says of the rollout; None while it shows nobody anything."""
        found = self._found
        if found is None or not found["percent"]:
            return None
        return Draw(found["id"], rollout_salt(found["id"]), found["percent"])

    def offer(self, version: int) -> dict[str, Any] | None:
        """Return the version as one that a person may open a rollout for, if it is one."""
        said = self._merchant.call("GET", "/api/rollouts")
        found = (one for one in said["to_open"] if one["number"] == version)
        return next(found, None)

    def open(self, offer: Mapping[str, Any]) -> None:
        """Open a rollout of a version by hand."""
        asked = {"version": offer["version_id"], "reason": "The demo goes on."}
        self._merchant.call("POST", "/api/rollouts", asked)
        self.look()
