from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from models.recommender.api import Progress, Recipe, Report, load
from models.recommender.judging import gate
from models.recommender.judging.gate import Champion
from models.recommender.learning.progress import Reporter
from models.recommender.log.history import History, moment_of
from models.recommender.log.log import Log
from models.recommender.log.splits import Split, divide
from models.recommender.runs import evaluation, pipeline
from models.recommender.runs.evaluation import ChampionArtifact
from models.recommender.runs.run import start
from models.recommender.serving.rankers import Model, Popularity, places_among
from models.recommender.serving.scorer import Scorer
from models.recommender.values import GateEvidence, ignore
from tests.models.shops import OPENED, Basket, a_busy_shop, a_fashionable_shop, a_log

LATER = 165.0  # a day after the champion's data end on 1 June 2026


@dataclass(frozen=True)
class Translated:
    """The champion itself as a candidate, asked and answering in the numbers of a newer log."""

    champion: Scorer
    log: Log
    name: str = "the same"

    def scores(self, history: History) -> NDArray[np.float64]:
        theirs = self.champion.find_numbers(self.log.item_ids)[history.items]
        asked = history.where(theirs >= 0)
        numbers = theirs[theirs >= 0]
        said = self.champion.served_model.scores(History(numbers, asked.at, asked.events, asked.now))
        ours = places_among(self.log.item_ids, self.champion.item_ids)
        scores = np.full(self.log.items, -np.inf)
        scores[ours[ours >= 0]] = said[ours >= 0]
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


def compare(candidate: Model, scorer: Scorer, log: Log, *, cut: int) -> GateEvidence:
    champion = Champion.of(scorer, until=None)
    days = gate.unseen_days(champion, log, Split(), cut=cut, seed=1)
    return gate.compare(candidate, champion, log, days, Split(), seed=1)


def test_a_candidate_that_says_the_same_gains_nothing(champion: Scorer) -> None:
    log = a_newer_log()
    cut = divide(log, Split(), seed=1).moment

    told_of_new = champion.with_products(gate._products(log))

    evidence = compare(Translated(told_of_new, log), champion, log, cut=cut)

    assert evidence.customers == 120
    assert evidence.candidate == evidence.champion
    assert (evidence.gain, evidence.low, evidence.high) == (0.0, 0.0, 0.0)
    assert evidence.reason is None


def test_knowing_the_new_product_is_a_gain_beyond_doubt(champion: Scorer) -> None:
    log = a_newer_log()
    cut = divide(log, Split(), seed=1).moment

    evidence = compare(Wise(0, log.items), champion, log, cut=cut)

    # The new product comes first, then the others by number: the second hit is at place 2 to 6.
    second = np.mean([1 / np.log2(place + 1) for place in range(2, 7)])
    assert evidence.candidate == pytest.approx((1 + second) / (1 + 1 / np.log2(3)))
    assert evidence.low is not None
    assert evidence.low > 0.5


def test_days_that_the_champion_has_seen_do_not_count(champion: Scorer) -> None:
    log = a_newer_log()
    before_everything = int(log.at.min()) + 1

    evidence = compare(Wise(0, log.items), champion, log, cut=before_everything)

    assert evidence.since == champion.version_info.data_until.replace("Z", "+00:00")
    assert evidence.customers == 120


def test_each_side_says_what_it_had_learned(champion: Scorer) -> None:
    log = a_newer_log()
    cut = moment_of("2026-06-10T00:00:00Z")

    evidence = compare(Wise(0, log.items), champion, log, cut=cut)

    assert evidence.candidate_until == evidence.since == "2026-06-10T00:00:00+00:00"
    assert evidence.champion_until == "2026-06-01T00:00:00+00:00"


def test_the_champion_knows_of_new_products_what_serving_tells_it(
    trained: tuple[Report, list[Progress]],
) -> None:
    baskets, items = a_busy_shop()
    log = a_log(baskets, [*items, 999])
    days = divide(log, Split(), seed=1)

    known = load(trained[0].manifest.parent)
    known.models[known.version_info.served] = Popularity(np.full(len(items), -1.0))  # behind what is new

    tops = gate.champion_answers(known, log, days.cases[:1], Split())

    assert log.item_ids[tops[0][0]] == 999


WEEK_AGO = 63.0  # in a shop of ten weeks: in the middle of the fortnight that a training is measured on


def trained_simply(log: Log, out: Path, *, live: ChampionArtifact | None = None) -> Report:
    """Train without a search or a network: what serves is popularity, the same for the same purchases."""
    run = start(log.sequences, Split(), Recipe(), Reporter(ignore, budget=1.0, epochs=1))
    return pipeline.publish(run, evaluation.evaluate(run, live), out, revision="abc123", refit=True)


def twins(folder: Path, *, seed: int) -> GateEvidence:
    """Return the evidence on a shop's new version beside the one of a week ago, of the same recipe."""
    baskets, items = a_fashionable_shop(seed=seed)
    until = (OPENED + pd.Timedelta(days=WEEK_AGO)).isoformat()
    earlier = [basket for basket in baskets if basket[1] < WEEK_AGO]
    trained_simply(a_log(earlier, items, until=until), folder / "champion")
    report = trained_simply(
        a_log(baskets, items), folder / "twin", live=ChampionArtifact(folder / "champion")
    )
    assert report.gate is not None
    return report.gate


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_a_twin_is_as_good_as_the_champion(tmp_path: Path, seed: int) -> None:
    evidence = twins(tmp_path, seed=seed)

    assert evidence.customers >= gate.MIN_CUSTOMERS
    assert evidence.candidate_until == evidence.champion_until == evidence.since
    assert (evidence.gain, evidence.low, evidence.high) == (0.0, 0.0, 0.0)


def test_too_few_customers_are_no_evidence(tmp_path: Path, champion: Scorer) -> None:
    log = a_newer_log(customers=gate.MIN_CUSTOMERS - 1)
    export = ChampionArtifact(tmp_path / "champion", until=champion.version_info.data_until)
    trained_simply(a_log(*a_busy_shop()), export.artifact)

    evidence = trained_simply(log, tmp_path / "candidate", live=export).gate

    assert evidence is not None
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
