from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.recommender.judging import surfaces
from models.recommender.learning.progress import Reporter
from models.recommender.log.log import Log
from models.recommender.log.splits import Split
from models.recommender.runs import pipeline
from models.recommender.runs.run import start
from models.recommender.serving.artifact import load, read_manifest, read_weights
from models.recommender.values import Recipe, Report, ignore
from tests.models.conftest import QUICK
from tests.models.shops import Basket, a_busy_shop, a_log

FEW_PASSES = replace(QUICK, epochs=2)


def train(log: Log, out: Path, *, former: Path | None = None, recipe: Recipe = FEW_PASSES) -> Report:
    reporter = Reporter(ignore, budget=recipe.train_seconds, epochs=recipe.epochs)
    return pipeline.train_log(log, out, recipe, reporter, revision="abc123", former=former)


def visits(baskets: Sequence[Basket], *, until: float) -> list[Basket]:
    return [basket for basket in baskets if basket[1] < until]


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A version of the busy shop when it was eleven weeks old."""
    baskets, items = a_busy_shop()
    folder = tmp_path_factory.mktemp("earlier") / "earlier"
    train(a_log(visits(baskets, until=75), items), folder)
    return folder


@pytest.fixture(scope="module")
def later(tmp_path_factory: pytest.TempPathFactory, earlier: Path) -> Report:
    """The whole busy shop with one product more, trained from its earlier version."""
    baskets, items = a_busy_shop()
    grown = a_log([*baskets, ("customer 1", 78.0, [999])], [*items, 999])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(surfaces, "FEWEST_ORDERS", 20)
        return train(grown, tmp_path_factory.mktemp("later") / "later", former=earlier)


def test_a_training_goes_on_from_an_earlier_version_of_a_smaller_shop(later: Report) -> None:
    assert later.params["started_from"].startswith("earlier, manifest ")
    assert later.items == 41


def test_weights_that_know_the_answers_are_left_alone(later: Report, tmp_path: Path) -> None:
    baskets, items = a_busy_shop()

    report = train(a_log(visits(baskets, until=75), items), tmp_path / "again", former=later.manifest.parent)

    assert (
        report.params["started_from"]
        == "nothing: later may have learned from what this training is checked on"
    )


def test_weights_of_another_shape_are_left_alone_with_a_reason(earlier: Path, tmp_path: Path) -> None:
    baskets, items = a_busy_shop()
    wider = replace(FEW_PASSES, width=2 * FEW_PASSES.width)

    report = train(a_log(baskets, items), tmp_path / "wider", former=earlier, recipe=wider)

    assert report.params["started_from"].startswith("nothing: The former version's")


def test_what_a_later_training_starts_from_knows_nothing_of_the_newest_weeks(earlier: Path) -> None:
    weights = read_weights(earlier)

    assert weights is not None
    assert weights.until is not None
    baskets, items = a_busy_shop()
    log = a_log(visits(baskets, until=75), items)
    assert weights.until < np.quantile(log.at, 0.9)


def test_a_training_that_started_from_another_version_is_not_reproduced_from_its_data_alone(
    later: Report,
) -> None:
    from models.recommender.cli.reproduce import _obstacles

    manifest = read_manifest(later.manifest.parent)

    assert any("went on from earlier" in obstacle for obstacle in _obstacles(manifest))


def test_each_surface_is_told_with_what_serves_it(later: Report) -> None:
    told = {one.surface: one for one in later.surfaces}

    assert set(told) == {"home", "product_basket", "cart", "stranger"}  # nobody looked at anything here
    served = {name: [way.way for way in one.ways if way.is_served] for name, one in told.items()}
    assert served["home"] == [later.served]
    manifest = read_manifest(later.manifest.parent)
    shares = (manifest["related_by"], manifest["related_share"], manifest["cart_share"])
    assert shares == (later.related_by, later.related_share, later.cart_share)
    assert told["product_basket"].chosen_on > 0
    assert told["product_basket"].words.startswith("On product pages: ")
    assert served["product_basket"] == ["fusion" if later.related_share else "customer"]
    assert told["stranger"].ways == []  # only customers who came back are in this shop's newest days


def test_a_recipe_without_the_transformer_blends_the_simple_models_alone(tmp_path: Path) -> None:
    baskets, items = a_busy_shop()

    report = train(
        a_log(baskets, items), tmp_path / "plain", recipe=replace(FEW_PASSES, has_transformer=False)
    )

    assert report.served != "popularity"
    assert "transformer" not in {*report.weights, *(row.model for row in report.metrics)}
    assert "schedule" not in report.params
    assert load(report.manifest.parent).score([items[0]], k=3)


def test_cases_that_tuned_and_stopped_the_models_do_not_weigh_them(later: Report) -> None:
    baskets, items = a_busy_shop()
    grown = a_log([*baskets, ("customer 1", 78.0, [999])], [*items, 999])
    run = start(grown.sequences, Split(), FEW_PASSES, Reporter(ignore, budget=1.0, epochs=1))

    assert sum(len(cut.tuning) for cut in run.cuts) > 0
    assert later.blend["cases"] == sum(len(cut.cases) for cut in run.cuts)


def test_too_few_customers_to_measure_can_still_teach_what_serves(tmp_path: Path) -> None:
    baskets, items = a_busy_shop(customers=24)

    report = train(a_log(visits(baskets, until=60), items), tmp_path / "few")

    assert report.blend["customers"] < report.blend["cases"]
    assert report.served == report.blend["served"] != "popularity"
    assert "rehearse-1" in report.params["schedule"]
    assert {row.ndcg_at_10 for row in report.metrics} == {None}
    assert report.reason is not None
    assert report.reason.startswith("not enough data: ")
    assert report.summary.endswith(f"To measure it there is {report.reason}")
