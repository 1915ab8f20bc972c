from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.recommender import faithful
from models.recommender.api import (
    ItemFacts,
    NewProduct,
    Past,
    Reason,
    ReasonKind,
    Recipe,
    Scored,
    Scorer,
    load,
)
from models.recommender.learning.blend.lessons import item_signs
from models.recommender.learning.simple.tuning import DEFAULTS, fit_all
from models.recommender.learning.transformer.inference import serving_model
from models.recommender.learning.transformer.trainer import Trainer
from models.recommender.log.history import UNKNOWN_TIME, Event
from models.recommender.log.log import Log
from models.recommender.runs import export
from models.recommender.serving import explain
from models.recommender.serving.blend import Blend, LinearMixer, bought_column, feature_count
from models.recommender.serving.rankers import (
    CONTENT_KNN,
    EASE,
    MARKOV,
    PERSONAL_FREQUENCY,
    POPULARITY,
    SESSION_KNN,
    Model,
    Sum,
)
from tests.models.shops import UNBOUNDED, Basket, a_busy_shop, a_log

DAY = 86_400_000_000
MAY = 1_778_000_000_000_000  # 2026-05-05, microseconds
LONG_AGO = MAY - 400 * DAY
FACTS = {"related_by": MARKOV, "data_hash": "ab", "data_until": "2026-06-01T00:00:00Z", "code_revision": "1"}
TITLES = {100: "Beeswax Candle", 101: "Candle Holder"}


def a_scented_shop() -> Log:
    """
    Return the busy shop as one of candles: products 2n and 2n + 1 have their scent in common.

    Who bought both buys 2n + 1 again in the two orders after.
    """
    baskets, items = a_busy_shop(customers=500)
    again: list[Basket] = [
        (customer, day + later, [item for item in bought if item % 2 and item - 1 in bought])
        for customer, day, bought in baskets
        for later in (0.1, 0.2)
    ]
    log = a_log([*baskets, *again], items)
    facts = [ItemFacts(f"scent{number // 2} candle", {"type": ("Candles",)}) for number in range(log.items)]
    return replace(log, facts=tuple(facts))


def an_artifact(folder: Path, served: str, log: Log | None = None) -> Scorer:
    """Return the scorer of an artifact with every model in it; the transformer has learned nothing."""
    log = log or a_scented_shop()
    moment = int(log.at.max()) + 1
    trainer = Trainer(Recipe(width=16, window=8), log)
    members = [*fit_all(log, DEFAULTS)[0], serving_model(trainer.average, log, moment=moment)]
    by_name = {member.name: member for member in members}
    blend = a_blend([by_name[MARKOV], by_name[PERSONAL_FREQUENCY]], log, moment)
    parts = export.Parts(
        log=log,
        members=members,
        blend=blend,
        related=by_name[MARKOV].table.without_self(),  # type: ignore[attr-defined]
        network=trainer.average,
        vocabulary=trainer.vocabulary,
    )
    export.write(folder, parts, {**FACTS, "served": served})
    return load(folder)


def a_blend(members: Sequence[Model], log: Log, moment: int) -> Blend:
    """Return a blend that listens to how strongly two members name an item, to both alike."""
    linear = np.zeros(feature_count(len(members)), dtype=np.float32)
    linear[[0, 2]] = 1.0
    zeros = np.zeros_like(linear)
    mixer = LinearMixer(linear, zeros, zeros, np.array([bought_column(len(linear))]), UNBOUNDED)
    return Blend(
        tuple(members), item_signs(log, moment), mixer, np.full(2, 0.5, dtype=np.float32), drops_seen=False
    )


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    return an_artifact(tmp_path_factory.mktemp("artifact") / "blend", "blend")


def reasons_of(answer: list[Scored]) -> dict[int, Reason]:
    return {scored.item: scored.reason for scored in answer}


def test_what_was_bought_again_names_its_count_and_its_last_moment(scorer: Scorer) -> None:
    past = Past([104, 100, 104], at=np.array([MAY - DAY, MAY - DAY, MAY]))

    reasons = reasons_of(scorer.score(past, k=10, now=MAY + DAY))

    assert reasons[104] == Reason(ReasonKind.BOUGHT_BEFORE, item=104, count=2, last_at=MAY)


def test_what_was_only_looked_at_counts_no_purchase(scorer: Scorer) -> None:
    past = Past([104], events=np.array([Event.VIEW], dtype=np.int8))

    assert reasons_of(scorer.score(past, k=40))[104] == Reason(ReasonKind.BOUGHT_BEFORE, item=104, count=0)


def test_a_follower_names_what_it_follows_and_nothing_else_does(scorer: Scorer) -> None:
    # In this shop 101 is bought after 100, 121 after 120.
    reasons = reasons_of(scorer.score([100, 120], k=40))

    assert reasons[101] == Reason(ReasonKind.OFTEN_BOUGHT_AFTER, item=100)
    assert reasons[121] == Reason(ReasonKind.OFTEN_BOUGHT_AFTER, item=120)
    assert ReasonKind.FOR_YOU in {reason.kind for reason in reasons.values()}


def test_an_explanation_puts_what_moves_an_item_most_first(scorer: Scorer) -> None:
    found = explain.explain(scorer, [100, 120], 101)

    assert found is not None
    assert found.reason == Reason(ReasonKind.OFTEN_BOUGHT_AFTER, item=100)
    assert found.removals[0].item == 100
    assert found.removals[0].place > 10 > found.place
    assert found.removals[-1].place < found.removals[0].place


def test_an_explanation_states_no_cause_that_changes_nothing(scorer: Scorer) -> None:
    last = scorer.score([100, 120], k=40)[-1].item

    found = explain.explain(scorer, [100, 120], last)

    assert found is not None
    assert found.reason.kind is ReasonKind.FOR_YOU
    assert explain.explain(scorer, [100, 120], 424242) is None


def test_stated_causes_move_their_item_and_random_ones_do_not(scorer: Scorer) -> None:
    chance = np.random.default_rng(4)
    pasts = [(100 + 2 * chance.choice(20, 4, replace=False)).tolist() for _ in range(30)]

    figures = faithful.faithfulness(scorer, pasts, seed=1)

    held = figures["definitions"]["falls by 5 places or more, or out of the first 10"]
    assert figures["stated"] >= 100
    assert held["cause"] >= 0.9
    assert held["random"] < 0.2


def test_stated_causes_of_similar_baskets_move_their_item(scorer: Scorer) -> None:
    by_baskets = replace(scorer, version_info=replace(scorer.version_info, served=SESSION_KNN))
    chance = np.random.default_rng(4)
    pasts = [(100 + 2 * chance.choice(20, 4, replace=False)).tolist() for _ in range(30)]

    figures = faithful.faithfulness(by_baskets, pasts, seed=1)

    held = figures["definitions"]["falls by 5 places or more, or out of the first 10"]
    assert figures["kinds"][ReasonKind.OFTEN_BOUGHT_AFTER] >= 60
    assert held["cause"] >= 0.9
    assert held["random"] < 0.2
    # Here 101 lies in each basket with 100.
    followers = reasons_of(by_baskets.score([100, 120], k=10))
    assert followers[101] == Reason(ReasonKind.OFTEN_BOUGHT_AFTER, item=100)


def test_evidence_names_the_places_before_and_after(scorer: Scorer) -> None:
    stated = next(one for one in scorer.score([100, 120], k=10) if one.item == 101)

    history, chance = scorer.history([100, 120]), np.random.default_rng(1)
    evidence = faithful.evidence_of(scorer, history, stated, chance, {})
    unnamed = Scored(110, 0.0, Reason(ReasonKind.FOR_YOU))
    general = faithful.evidence_of(scorer, history, unnamed, chance, {})

    assert evidence is not None
    assert evidence.without_cause > 10 >= evidence.place
    assert evidence.without_random is not None
    assert evidence.without_random <= 10
    assert general is None


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (Reason(ReasonKind.BOUGHT_BEFORE, 100, 3, MAY), "You bought it 3 times, last in May"),
        (Reason(ReasonKind.BOUGHT_BEFORE, 100, 1, MAY), "You bought it in May"),
        (Reason(ReasonKind.BOUGHT_BEFORE, 100, 1), "You bought it before"),
        (Reason(ReasonKind.BOUGHT_BEFORE, 100, 0), "You looked at it before"),
        (
            Reason(ReasonKind.BOUGHT_BEFORE, 100, 2, MAY - 400 * DAY),
            "You bought it 2 times, last in March 2025",
        ),
        (Reason(ReasonKind.OFTEN_BOUGHT_AFTER, 100), "Often bought after Beeswax Candle"),
        (Reason(ReasonKind.BOUGHT_TOGETHER, 100), "Often bought together with Beeswax Candle"),
        (Reason(ReasonKind.SIMILAR_TO, 101), "Similar to Candle Holder"),
        (Reason(ReasonKind.NEW_SIMILAR_TO, 101, group="Candles"), "New in Candles, similar to Candle Holder"),
        (Reason(ReasonKind.NEW_SIMILAR_TO, 101), "New, similar to Candle Holder"),
        (Reason(ReasonKind.NEW_ARRIVAL, 101), "New arrival, similar to Candle Holder"),
        (Reason(ReasonKind.NEW_ARRIVAL, group="Candles"), "New arrival in Candles"),
        (Reason(ReasonKind.NEW_ARRIVAL), "New arrival"),
        (Reason(ReasonKind.FOR_YOU), "Chosen for you"),
        (Reason(ReasonKind.POPULAR, count=9), "Popular in this shop"),
        (Reason(ReasonKind.NEWEST), "New in this shop"),
    ],
)
def test_every_reason_has_words(reason: Reason, expected: str) -> None:
    assert explain.words(reason, TITLES.__getitem__, now=MAY + DAY) == expected


@pytest.mark.parametrize(
    ("case", "past", "page", "is_general"),
    [
        ("a customer", [104, 110, 104], None, False),
        ("a customer on a page", [104, 110, 104], 106, False),
        ("a stranger on a page", [], 106, False),
        ("a stranger", [], None, True),
    ],
)
def test_few_of_a_ranking_have_the_reasons_that_they_have_among_all(
    scorer: Scorer, case: str, past: list[int], page: int | None, is_general: bool
) -> None:
    everything = scorer.score(past, context=page, k=28)

    ranking = scorer.rank(past, context=page, k=28)

    assert ranking.items == [one.item for one in everything], case
    assert ranking.why([1, 4, 9]) == [everything[place].reason for place in (1, 4, 9)], case
    assert ranking.why([]) == [], case
    assert ranking.is_general == is_general, case
    general = {ReasonKind.POPULAR, ReasonKind.NEWEST}
    assert all(one.reason.kind in general for one in everything) == is_general, case


@pytest.fixture(scope="module")
def by_content(tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    return an_artifact(tmp_path_factory.mktemp("artifact") / "content", CONTENT_KNN)


def test_a_product_that_sold_with_nothing_has_what_is_like_it_beside_it(tmp_path: Path) -> None:
    baskets, items = a_busy_shop()
    unsold, alone = 900, 901
    log = a_log([*baskets, ("loner", 90.0, [alone])], [*items, unsold, alone])
    scents = [*(number // 2 for number in range(len(items))), 2, 3]
    facts = tuple(ItemFacts(f"scent{scent} candle", {"type": ("Candles",)}) for scent in scents)
    scorer = an_artifact(tmp_path / "artifact", "blend", replace(log, facts=facts))

    for page, alike in ((unsold, {104, 105}), (alone, {106, 107})):
        beside = scorer.score([], context=page, k=2)

        assert {scored.item for scored in beside} == alike
        assert {scored.reason for scored in beside} == {Reason(ReasonKind.SIMILAR_TO, item=page)}


def test_what_is_beside_a_product_by_likeness_is_not_said_to_be_bought_together(scorer: Scorer) -> None:
    table = scorer.alike_table
    info = replace(scorer.version_info, related_by=CONTENT_KNN)
    alike = replace(scorer, related_table=table, version_info=info)

    assert scorer.score([], context=104, k=1)[0].reason == Reason(ReasonKind.BOUGHT_TOGETHER, item=104)
    [beside] = alike.score([], context=104, k=1)
    assert (beside.item, beside.reason) == (105, Reason(ReasonKind.SIMILAR_TO, item=104))


REFILL = NewProduct(7, ItemFacts("scent2 refill", {"type": ("Candles",)}), MAY)


def test_a_product_that_arrived_this_morning_is_recommended_by_what_it_resembles(by_content: Scorer) -> None:
    scorer = by_content.with_products([REFILL])

    reasons = reasons_of(scorer.score([104], k=40))

    assert 7 not in reasons_of(by_content.score([104], k=40))
    assert reasons[7].kind is ReasonKind.NEW_SIMILAR_TO
    assert (reasons[7].item, reasons[7].group) == (104, "Candles")


def test_what_stands_in_a_place_of_its_own_is_explained_by_what_won_it_the_place(scorer: Scorer) -> None:
    rival = NewProduct(8, ItemFacts("scent8 refill", {"type": ("Candles",)}), MAY)
    taught = scorer.with_products([REFILL, rival])

    found = explain.explain(taught, [104, 104, 116], 7)

    assert found is not None
    assert found.place > 10
    assert found.reason == Reason(ReasonKind.NEW_ARRIVAL, item=104, group="Candles")


def test_a_new_product_has_related_products_and_a_customer_who_bought_it(by_content: Scorer) -> None:
    scorer = by_content.with_products([REFILL])

    beside = scorer.score([], context=7, k=3)

    assert {beside[0].item, beside[1].item} == {104, 105}
    assert beside[0].reason == Reason(ReasonKind.SIMILAR_TO, item=7)
    assert scorer.score([7], k=1)[0].item in {104, 105}


def test_a_new_product_is_newest_among_what_never_sold_and_behind_what_did(by_content: Scorer) -> None:
    older = NewProduct(8, ItemFacts("Bench"), MAY - DAY)

    shown = [scored.item for scored in by_content.with_products([older, REFILL]).score([], k=50)]

    assert shown.index(7) < shown.index(8)
    assert shown[:40] == [scored.item for scored in by_content.score([], k=40)]


@pytest.mark.parametrize("served", ["blend", "transformer", POPULARITY, "session_knn", "ease"])
def test_every_model_takes_new_products_and_stays_finite(scorer: Scorer, served: str) -> None:
    taught = scorer.with_products([REFILL, NewProduct(999, ItemFacts()), NewProduct(100, ItemFacts("known"))])

    for past in ([], [7], [999, 100], [100, 7] * 30):
        scores = taught.models[served].scores(taught.history(past))
        assert scores.shape == (42,)
        assert np.isfinite(scores).all()
    assert taught.models[served].scores(taught.history([100, 101]))[:40] == pytest.approx(
        scorer.models[served].scores(scorer.history([100, 101])), abs=1e-4
    )


@pytest.mark.parametrize("past", [[100, 104, 100, 120], [7, 100, 999, 7, 103]])
@pytest.mark.parametrize("name", [MARKOV, EASE, CONTENT_KNN, PERSONAL_FREQUENCY, SESSION_KNN])
def test_what_the_items_of_a_history_add_makes_the_scores(scorer: Scorer, name: str, past: list[int]) -> None:
    taught = scorer.with_products([REFILL, NewProduct(999, ItemFacts("scent4"))])
    history, model = taught.history(past), taught.models[name]
    assert isinstance(model, Sum)

    scores, addends = model.told(history)
    added = addends.of(np.unique(history.items), np.arange(42))

    silent = model.scores(taught.history([]))
    assert (added > 0).any()
    assert silent + added.sum(axis=1) == pytest.approx(scores)
    assert addends.of(np.unique(history.items)[1:], np.array([41, 3])) == pytest.approx(added[[41, 3], 1:])


def test_no_new_products_change_nothing(scorer: Scorer) -> None:
    assert scorer.with_products([]) is scorer


def test_columns_that_nobody_may_write_to_are_read(scorer: Scorer) -> None:
    past = Past(np.array([100, 104]), np.array([UNKNOWN_TIME, MAY]), np.array([2, 0], dtype=np.int8))
    for column in (past.items, past.at, past.events):
        column.setflags(write=False)  # type: ignore[union-attr]

    assert len(scorer.score(past, k=5, now=MAY)) == 5
