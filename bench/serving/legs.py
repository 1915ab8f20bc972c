"""Requests a second, latency, processor time and bytes, leg by leg, the sides in turn."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from backend.config import account
from bench import load
from bench.rollouts.stage import Stage
from bench.serving import costs, peers, product, scoring
from bench.serving.asks import Ask, Pages, kind_of
from tools.demo.memory import engine_pids
from tools.demo.traffic import percentile

KNOWN, STRANGERS, MIXED = "known", "strangers", "mixed"
PACE_PER_SECOND: Final = 200.0
# A rollout is in its shadow or shows its candidate, never both: a constraint of the pointer's table says so.
# Each has its rounds, and figures are of both.
CANARY_PERCENT: Final = 25
WARM_UP_SECONDS: Final = 2.0
STATEMENTS_SECONDS: Final = 3.0
MLFLOW_ASKS: Final = 500

# Asks an address a list of questions for a while.
Load = Callable[..., load.Figures]


@dataclass(frozen=True)
class Leg:
    """
    What one leg came to.

    :param cpu_ms: processor time of the web processes and of PostgreSQL meanwhile
    :param ledger_bytes: by which the ledger grew
    """

    figures: load.Figures
    cpu_ms: float = 0.0
    ledger_bytes: int = 0

    def __str__(self) -> str:
        found = self.figures
        latency = f"p50 {found.p50_ms:.1f} ms, p99 {found.p99_ms:.1f} ms"
        spent = f"{self.cpu_ms / found.requests:.2f} ms of processor"
        return f"{found.per_second:,.0f}/s, {latency}, {spent}, {dict(found.kinds)}"


@dataclass
class Legs:
    """All legs of one kind."""

    legs: list[Leg] = field(default_factory=list)

    @property
    def answers(self) -> int:
        """How many requests were answered."""
        return sum(leg.figures.requests for leg in self.legs)

    @property
    def kinds(self) -> Counter[str]:
        """How many answers were of each kind."""
        return sum((leg.figures.kinds for leg in self.legs), Counter())

    @property
    def cpu_ms(self) -> float:
        """Milliseconds of processor time an answer."""
        return sum(leg.cpu_ms for leg in self.legs) / self.answers

    @property
    def ledger_bytes(self) -> float:
        """Bytes of the ledger an answer."""
        return sum(leg.ledger_bytes for leg in self.legs) / self.answers

    def per_second(self, *kinds: str) -> float:
        """Return the answers a second, where kinds are named those of these kinds alone."""
        counted = sum(self.kinds[kind] for kind in kinds) if kinds else self.answers
        return counted / sum(leg.figures.requests / leg.figures.per_second for leg in self.legs)

    def percentile_ms(self, share: float) -> float:
        """Return a percentile of all latencies together, milliseconds."""
        return percentile([time for leg in self.legs for time in leg.figures.times_ms], share)


class Asked:
    """A list of questions that each leg goes on in where the one before ended."""

    def __init__(self, asks: Sequence[Ask]) -> None:
        self.asks = list(asks)

    def move(self, places: int) -> None:
        """Begin the next leg so many places later."""
        places %= len(self.asks)
        self.asks = self.asks[places:] + self.asks[:places]


class Measurement:
    """The sides and what they are asked."""

    def __init__(self, stage: Stage, pages: Pages, *, seconds: float) -> None:
        self.stage = stage
        self._closed: Load = partial(load.closed, seconds=seconds)
        self._paced: Load = partial(load.paced, seconds=seconds, per_second=PACE_PER_SECOND)
        self._warm_up: Load = partial(load.closed, seconds=WARM_UP_SECONDS)
        self._count: Load = partial(load.closed, seconds=STATEMENTS_SECONDS)
        self.legs: dict[str, Legs] = {}
        asked = {KNOWN: pages.known, STRANGERS: pages.strangers, MIXED: pages.mixed()}
        self.asked = {name: Asked(asks) for name, asks in asked.items()}
        engines = engine_pids(stage.stack.options.data_dir)
        self._servers = [stage.stack.crew.pid("web"), *filter(_is_postgres, engines)]
        self._others = {
            "bare": peers.start_bare(stage),
            "fastapi_torch": peers.start_fastapi_torch(stage, pages.known),
            "mlflow": peers.start_mlflow(stage),
        }
        self._mlflow_bodies = peers.mlflow_bodies(stage, pages.known[:MLFLOW_ASKS])

    def run(self, *, rounds: int) -> None:
        """Measure all sides in each round; their order turns, so that what drifts favours neither."""
        sides: list[Callable[[], None]] = [self._ours, self._bare, self._fastapi_torch, self._mlflow]
        for percent in (CANARY_PERCENT, 0):
            opened = self._open(percent)
            for number in range(rounds):
                for side in sides if number % 2 == 0 else reversed(sides):
                    side()
            self.stage.take_back(opened.id)

    def _open(self, percent: int) -> Any:
        opened = self.stage.open(percent=percent)
        if not percent:
            self.stage.settle(opened.id)
        self.stage.rest()
        self._ask(self.stage.web, MIXED, self._warm_up)
        return opened

    def _ours(self) -> None:
        self.stage.rest()
        with peers.still(self.stage, peers.PUBLISHING):
            for name in (KNOWN, STRANGERS):
                self._leg(name, self.stage.web, name, self._closed)
            self._leg("paced", self.stage.web, MIXED, self._paced)

    def _bare(self) -> None:
        with peers.still(self.stage):
            asked = self._others["bare"], ["/proxy/recommendations"]
            self._warm_up(*asked)
            self._note("bare", partial(self._closed, *asked))

    def _fastapi_torch(self) -> None:
        at = self._others["fastapi_torch"]
        with peers.still(self.stage):
            self._ask(at, KNOWN, self._warm_up)
            self._leg("fastapi_torch", at, KNOWN, self._closed)
            self._leg("fastapi_torch paced", at, MIXED, self._paced)

    def _mlflow(self) -> None:
        asked = self._others["mlflow"], self._mlflow_bodies
        with peers.still(self.stage):
            self._warm_up(*asked, send=peers.ask_mlflow)
            self._note("mlflow", partial(self._closed, *asked, send=peers.ask_mlflow))

    def _leg(self, name: str, origin: str, questions: str, load_: Load) -> None:
        """Measure one leg of questions, signed before the clock begins."""
        paths = self._signed(questions)
        self._note(name, partial(load_, origin, paths, kind_of=kind_of))
        self.asked[questions].move(self.legs[name].legs[-1].figures.requests)

    def _ask(self, origin: str, questions: str, load_: Load) -> load.Figures:
        figures = load_(origin, self._signed(questions))
        self.asked[questions].move(figures.requests)
        return figures

    def _signed(self, questions: str) -> list[str]:
        return product.signed(self.stage.stack, self.asked[questions].asks)

    def _note(self, name: str, measure: Callable[[], load.Figures]) -> None:
        """Measure one leg and keep it."""
        spent, held = costs.spent(self._servers), costs.ledger_bytes()
        figures = measure()
        cpu_ms = costs.between(spent, costs.spent(self._servers))
        leg = Leg(figures, cpu_ms, costs.ledger_bytes() - held)
        self.legs.setdefault(name, Legs()).legs.append(leg)
        self.stage.screen.note(f"    {name}: {leg}")

    def statements(self) -> float:
        """Return the messages that PostgreSQL is sent an answer, under as many requests as come."""
        home = account.plan_home(self.stage.stack.options.data_dir)
        with peers.still(self.stage), costs.counted_statements(home / "postgres.log") as counted:
            figures = self._ask(self.stage.web, MIXED, self._count)
            return counted() / figures.requests

    def scoring_ms(self, name: str) -> float:
        """Return the processor time that an answer spends in its model, milliseconds."""
        return scoring.scoring_ms(self._signed(name))

    def figures(self, prices: costs.Prices) -> dict[str, Any]:
        """Return the last line."""
        known, strangers, paced = (self.legs[name] for name in (KNOWN, STRANGERS, "paced"))
        ours = Legs([*known.legs, *strangers.legs, *paced.legs])
        fastapi = self.legs["fastapi_torch"]
        outside = {
            "known": round(known.cpu_ms - self.scoring_ms(KNOWN), 3),
            "stranger": round(strangers.cpu_ms - self.scoring_ms(STRANGERS), 3),
        }
        ledger = (known.ledger_bytes + strangers.ledger_bytes) / 2
        cost = prices.of_answer(cpu_ms=(known.cpu_ms + strangers.cpu_ms) / 2, ledger_bytes=ledger)
        return {
            "ours": {
                "known_rps": round(known.per_second("model"), 1),
                "stranger_rps": round(strangers.per_second("model", "cached"), 1),
                "p50_ms_at_200": round(paced.percentile_ms(0.50), 2),
                "p99_ms_at_200": round(paced.percentile_ms(0.99), 2),
                "cpu_ms_outside_scoring": outside,
                "cache_hit_share": round(ours.kinds["cached"] / ours.answers, 4),
                "fallback_share": round((ours.kinds["fallback"] + ours.kinds["empty"]) / ours.answers, 5),
                "pss_mb_per_worker": round(costs.pss_mb(self.stage.stack.crew.pid("web")), 1),
            },
            "bare": {"rps": round(self.legs["bare"].per_second(), 1)},
            "fastapi_torch": {
                "rps": round(fastapi.per_second("model"), 1),
                "p99_ms_at_200": round(self.legs["fastapi_torch paced"].percentile_ms(0.99), 2),
            },
            "mlflow": {"rps": round(self.legs["mlflow"].per_second(), 1)},
            "statements_per_request": round(self.statements(), 3),
            "cost_per_prediction_usd": float(f"{cost:.3g}"),
        }


def _is_postgres(pid: int) -> bool:
    import psutil

    return psutil.Process(pid).name() == "postgres"
