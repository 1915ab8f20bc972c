import math
from dataclasses import replace
from pathlib import Path

import pytest

from models.recommender.judging import surfaces
from models.recommender.learning.blend import choice
from models.recommender.learning.progress import Reporter
from models.recommender.log.log import Log
from models.recommender.log.splits import Split
from models.recommender.runs import pipeline
from models.recommender.runs.run import LEFT_OUT, start
from models.recommender.serving.artifact import ENCODER_FILE, load, read_manifest
from models.recommender.values import Recipe, Report, ignore
from tests.models.conftest import QUICK
from tests.models.shops import a_busy_shop, a_log

FEW_PASSES = replace(QUICK, epochs=2)


def train(log: Log, out: Path, *, recipe: Recipe = FEW_PASSES) -> Report:
    reporter = Reporter(ignore, budget=recipe.train_seconds, epochs=recipe.epochs)
    return pipeline.train_log(log, out, recipe, reporter, revision="abc123")


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The report of a training of the busy shop."""
    baskets, items = a_busy_shop()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(surfaces, "FEWEST_ORDERS", 20)
        return train(a_log(baskets, items), tmp_path_factory.mktemp("busy") / "busy")


def test_each_surface_is_told_with_what_serves_it(busy: Report) -> None:
    told = {one.surface: one for one in busy.surfaces}

    assert set(told) == {"home", "product_basket", "cart", "stranger"}  # nobody looked at anything here
    served = {name: [way.way for way in one.ways if way.is_served] for name, one in told.items()}
    assert served["home"] == [busy.served]
    manifest = read_manifest(busy.manifest.parent)
    shares = (manifest["related_by"], manifest["related_share"], manifest["cart_share"])
    assert shares == (busy.related_by, busy.related_share, busy.cart_share)
    assert told["product_basket"].chosen_on > 0
    assert told["product_basket"].words.startswith("On product pages: ")
    assert served["product_basket"] == ["fusion" if busy.related_share else "customer"]
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


def test_a_transformer_that_nothing_asks_takes_no_more_time_and_the_report_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "LEAD", -math.inf)  # the best member serves alone
    baskets, items = a_busy_shop()

    report = train(a_log(baskets, items), tmp_path / "plain")

    assert (report.served, report.related_by) == ("personal_frequency", "item_knn")
    assert report.curve
    assert not {"extend", "refit"} & set(report.params["schedule"])
    assert "transformer" not in {row.model for row in report.metrics}
    assert LEFT_OUT in report.summary
    assert LEFT_OUT in report.card
    assert not (tmp_path / "plain" / ENCODER_FILE).exists()
    assert load(tmp_path / "plain").score([items[0]], k=3)


def test_cases_that_tuned_and_stopped_the_models_do_not_weigh_them(busy: Report) -> None:
    baskets, items = a_busy_shop()
    grown = a_log([*baskets, ("customer 1", 78.0, [999])], [*items, 999])
    run = start(grown.sequences, Split(), FEW_PASSES, Reporter(ignore, budget=1.0, epochs=1))

    assert sum(len(cut.tuning) for cut in run.cuts) > 0
    assert busy.blend["cases"] == sum(len(cut.cases) for cut in run.cuts)


def test_too_few_customers_to_measure_can_still_teach_what_serves(tmp_path: Path) -> None:
    baskets, items = a_busy_shop(customers=24)

    report = train(a_log([basket for basket in baskets if basket[1] < 60], items), tmp_path / "few")

    assert report.blend["customers"] < report.blend["cases"]
    assert report.served == report.blend["served"] != "popularity"
    assert "rehearse-1" in report.params["schedule"]
    assert {row.ndcg_at_10 for row in report.metrics} == {None}
    assert report.reason is not None
    assert report.reason.startswith("not enough data: ")
    assert f"To measure it there is {report.reason}" in report.summary
