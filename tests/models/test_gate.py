from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from models.recommender import gate
from models.recommender.api import Progress, Report, load
from models.recommender.dataset import Log
from models.recommender.history import History, moment_of
from models.recommender.scoring import Scorer
from models.recommender.splits import Split, divide
from tests.models.shops import Basket, a_busy_shop, a_log

LATER = 165.0  # a day after the champion's data end on 1 June 2026


@dataclass(frozen=True)
class Translated:
    """The champion itself as a candidate, asked and answering in the numbers of a newer log."""

    champion: Scorer
    log: Log
    name: str = "the same"

    def scores(self, history: History) -> NDArray[np.float64]:
        places = np.searchsorted(self.log.item_ids, self.champion.item_ids)
        known = np.isin(self.log.item_ids[history.items], self.champion.item_ids)
        asked = history.where(known)
        numbers = np.searchsorted(self.champion.item_ids, self.log.item_ids[asked.items])
        said = self.champion.served_model.scores(History(numbers, asked.at, asked.events, asked.now))
        scores = np.full(self.log.items, -np.inf)
        scores[places] = said
        return scores


@dataclass(frozen=True)
class Wise:
    """A model that knows what everybody buys in the newest days."""

    item: int
    items: int
    name: str = "wise"

    def scores(self, history: History) -> NDArray[np.float64]:
        return np.eye(self.items)[self.item]


@pytest.fixture(scope="module")
def champion(trained: tuple[Report, list[Progress]]) -> Scorer:
    return load(trained[0].manifest.parent)


def a_newer_log(*, customers: int = 120) -> Log:
    """The champion's shop some weeks on: customers came back for a product it never saw."""
    baskets, items = a_busy_shop()
    newest: list[Basket] = [(f"customer {n}", LATER, [90, items[n % 5]]) for n in range(customers)]
    return a_log([*baskets, *newest], [90, *items])


def test_a_candidate_that_says_the_same_gains_nothing(champion: Scorer) -> None:
    log = a_newer_log()
    cut = divide(log, Split(), seed=1).moment

    evidence = gate.compare(Translated(champion, log), champion, log, Split(), cut=cut, seed=1)

    assert evidence.customers == 120
    assert evidence.candidate == evidence.champion
    assert (evidence.gain, evidence.low, evidence.high) == (0.0, 0.0, 0.0)
    assert evidence.reason is None


def test_knowing_the_new_product_is_a_gain_beyond_doubt(champion: Scorer) -> None:
    log = a_newer_log()
    cut = divide(log, Split(), seed=1).moment

    evidence = gate.compare(Wise(0, log.items), champion, log, Split(), cut=cut, seed=1)

    # The new product comes first, then the others by number: the second hit is at place 2 to 6.
    second = np.mean([1 / np.log2(place + 1) for place in range(2, 7)])
    assert evidence.candidate == pytest.approx((1 + second) / (1 + 1 / np.log2(3)))
    assert evidence.low is not None
    assert evidence.low > 0.5


def test_days_that_the_champion_has_seen_do_not_count(champion: Scorer) -> None:
    log = a_newer_log()
    before_everything = int(log.at.min()) + 1

    evidence = gate.compare(Wise(0, log.items), champion, log, Split(), cut=before_everything, seed=1)

    assert evidence.since == champion.version_info.data_until.replace("Z", "+00:00")
    assert evidence.customers == 120


def test_too_few_customers_are_no_evidence(champion: Scorer) -> None:
    log = a_newer_log(customers=gate.MIN_CUSTOMERS - 1)
    cut = divide(log, Split(), seed=1).moment

    evidence = gate.compare(Wise(0, log.items), champion, log, Split(), cut=cut, seed=1)

    assert evidence.customers == gate.MIN_CUSTOMERS - 1
    assert (evidence.candidate, evidence.champion, evidence.low) == (None, None, None)
    assert evidence.reason is not None
    assert evidence.reason.startswith("not enough data")


@pytest.mark.parametrize(
    ("words", "moment"),
    [
        ("1970-01-01T00:00:01Z", 1_000_000),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1970-01-02T00:00:00", 86_400_000_000),
    ],
)
def test_moments_without_a_zone_are_utc(words: str, moment: int) -> None:
    assert moment_of(words) == moment
