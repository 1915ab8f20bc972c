"""A shop whose customers come once: its models learn from orders, and are measured on their rest."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.recommender.judging.gate import MIN_CUSTOMERS
from models.recommender.learning.progress import Reporter
from models.recommender.log.log import Log
from models.recommender.log.splits import Asked, Split
from models.recommender.runs import pipeline
from models.recommender.runs.evaluation import ChampionArtifact
from models.recommender.runs.run import start
from models.recommender.serving.artifact import load
from models.recommender.values import Report, ignore
from tests.models.conftest import QUICK
from tests.models.shops import a_busy_shop, a_log, a_shop_of_guests

WEEKS = replace(QUICK, test_days=30.0, validation_days=30.0)


def train(log: Log, out: Path, live: ChampionArtifact | None = None) -> Report:
    reporter = Reporter(ignore, budget=WEEKS.train_seconds, epochs=WEEKS.epochs)
    return pipeline.train_log(log, out, WEEKS, reporter, revision="abc123", live=live)


def a_shop(*, until: float = 181.0) -> Log:
    baskets, items = a_shop_of_guests()
    return a_log([basket for basket in baskets if basket[1] < until], items)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The version of the whole shop, beside the one that it had a month before."""
    folder = tmp_path_factory.mktemp("guests")
    earlier = train(a_shop(until=150.0), folder / "earlier")
    return train(a_shop(), folder / "later", ChampionArtifact(earlier.manifest.parent, earlier.data_until))


def ndcg(report: Report, model: str) -> float:
    return next(row.ndcg_at_10 or 0.0 for row in report.metrics if row.model == model)


def test_what_goes_together_is_learned_and_measured_on_newer_orders(report: Report) -> None:
    assert report.reason is None
    assert (report.asked, report.served) == ("orders", "blend")
    assert ndcg(report, "blend") > 1.5 * ndcg(report, "popularity") > 0
    assert ndcg(report, "transformer") > 1.5 * ndcg(report, "popularity")
    assert report.against_simple is not None
    assert report.against_simple.asked == "orders"
    assert {row.customers for row in report.metrics} == {report.against_simple.customers}
    assert " orders)." in report.summary
    assert "Few customers come back" in report.summary


def test_what_goes_with_a_product_in_winter_comes_before_what_went_with_it_in_summer(report: Report) -> None:
    scorer = load(report.manifest.parent)
    leaders = range(100, 190, 3)

    places = [
        [scored.item for scored in scorer.score([leader], exclude={leader}, k=300)] for leader in leaders
    ]

    is_winters = [
        found.index(leader + 1) < found.index(leader + 2)
        for leader, found in zip(leaders, places, strict=True)
    ]
    assert np.mean(is_winters) > 0.7


def test_what_the_home_page_shows_is_told_though_nobody_could_be_asked_there(report: Report) -> None:
    home, stranger = ({one.surface: one for one in report.surfaces}[name] for name in ("home", "stranger"))

    assert (home.orders, home.ways, home.over_popular) == (0, [], None)
    assert home.words == (
        "For customers who came before: what suits the customer. How good that is could not be measured: "
        "too few customers come back."
    )
    assert stranger.words.startswith("For strangers: popular products")


def test_a_stranger_is_shown_popular_products(report: Report) -> None:
    scorer = load(report.manifest.parent)

    shown = scorer.score([], k=5)

    assert [one.score for one in shown] == sorted(scorer.popularity, reverse=True)[:5]


def test_it_is_compared_with_the_version_before_it_on_newer_orders(report: Report) -> None:
    assert report.gate is not None
    assert (report.gate.asked, report.gate.reason) == ("orders", None)
    assert report.gate.customers >= MIN_CUSTOMERS


def test_customers_who_come_back_are_asked_themselves() -> None:
    log = a_log(*a_busy_shop()).sequences

    run = start(log, Split(), WEEKS, Reporter(ignore, budget=1.0, epochs=1))

    assert run.split.asked is Asked.CUSTOMERS
    assert run.recipe == WEEKS


def test_a_few_who_come_back_do_not_speak_for_a_shop_of_guests() -> None:
    baskets, items = a_shop_of_guests()
    regulars = [(f"regular {n % 10}", float(n), [items[n % 9]]) for n in range(180)]
    log = a_log([*baskets, *regulars], items).sequences

    run = start(log, Split(days=30), WEEKS, Reporter(ignore, budget=1.0, epochs=1))

    assert run.split.asked is Asked.ORDERS
    assert len(np.unique([case.user for case in run.test.cases])) > 70
