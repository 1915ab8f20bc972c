import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.recommender.api import NewProduct, Past, Reason, ReasonKind, Scorer, load
from models.recommender.learning.starts import (
    MOST_ARRIVALS,
    NEW_DAYS,
    is_arrival,
    learn_arrivals,
)
from models.recommender.log.arrays import DAY_US
from models.recommender.log.content import ItemFacts, Vocabulary
from models.recommender.log.history import Event, History
from models.recommender.log.log import NEVER, Log
from models.recommender.serving.arrivals import FEWEST_PLACES, Arrivals, with_arrival
from models.recommender.serving.artifact import MANIFEST_FILE
from models.recommender.serving.newcomers import Content
from tests.models.serving.test_explain import MAY, a_scented_shop, an_artifact
from tests.models.shops import a_log

RED_CUP, BLUE_CUP, RED_LAMP, BLUE_LAMP, NEW_CUP, NEW_LAMP = range(6)
TITLES = ["Red cup", "Blue cup", "Red lamp", "Blue lamp", "Green cup", "Green lamp"]


def a_shop(baskets: list[tuple[str, float, list[int]]], titles: list[str] = TITLES) -> Log:
    """Return a shop whose products are numbered as their titles are."""
    log = a_log(baskets, range(len(titles)))
    return replace(log, facts=tuple(ItemFacts(title) for title in titles))


def cups_and_lamps() -> Arrivals:
    """Each of the four old products sold alike; the green ones never did."""
    return learn_arrivals(a_shop([("ada", 1, [RED_CUP, BLUE_CUP]), ("bob", 1, [RED_LAMP, BLUE_LAMP])]))


def everything(arrivals: Arrivals) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.ones(len(arrivals), dtype=np.bool_)


def test_an_arrival_is_listed_young_and_never_sold() -> None:
    log = a_shop([("ada", NEW_DAYS + 5.0, [RED_CUP])])
    created = log.created_at.copy()
    created[BLUE_CUP] = log.at.max() - (NEW_DAYS + 1) * DAY_US
    created[RED_LAMP] = log.at.max() - (NEW_DAYS - 1) * DAY_US
    created[BLUE_LAMP] = NEVER  # nobody knows
    listed = log.is_listed.copy()
    listed[NEW_LAMP] = False
    created[NEW_CUP] = created[NEW_LAMP] = log.at.max()

    found = is_arrival(replace(log, created_at=created, is_listed=listed))

    assert np.flatnonzero(found).tolist() == [RED_LAMP, BLUE_LAMP, NEW_CUP]


def test_the_newest_of_too_many_arrivals_are_kept() -> None:
    count = MOST_ARRIVALS + 3
    log = a_log([("ada", 1, [0])], range(count + 1))
    young = np.full(count + 1, log.at.max()) + np.arange(count + 1)[::-1]

    arrivals = learn_arrivals(replace(log, created_at=young))

    assert arrivals.items.tolist() == list(range(1, MOST_ARRIVALS + 1))


@pytest.mark.parametrize(
    ("case", "met", "expected"),
    [
        ("cups speak for a cup", [RED_CUP, BLUE_CUP], NEW_CUP),
        ("lamps speak for a lamp", [RED_LAMP], NEW_LAMP),
        ("more lamps than cups", [RED_CUP, RED_LAMP, BLUE_LAMP], NEW_LAMP),
        ("nothing known: the newest", [], NEW_LAMP),
    ],
)
def test_the_arrival_shares_words_with_what_the_customer_met(
    case: str, met: list[int], expected: int
) -> None:
    arrivals = cups_and_lamps()

    choice = arrivals.choose(History.of(met), everything(arrivals))

    assert choice is not None
    assert choice.item == expected, case


def test_a_purchase_says_more_than_a_look() -> None:
    arrivals = cups_and_lamps()
    history = History.of([RED_CUP, RED_LAMP], events=[Event.PURCHASE, Event.VIEW])

    choice = arrivals.choose(history, everything(arrivals))

    assert choice is not None
    assert choice.item == NEW_CUP


@pytest.mark.parametrize(
    ("case", "loved", "other", "expected"),
    [
        ("lamps sold well", RED_LAMP, RED_CUP, NEW_LAMP),
        ("cups sold well", RED_CUP, RED_LAMP, NEW_CUP),
    ],
)
def test_words_of_products_that_started_well_speak_for_an_arrival(
    case: str, loved: int, other: int, expected: int
) -> None:
    many = [(f"customer {number}", 1.0, [loved]) for number in range(30)]
    log = a_shop([*many, ("ada", 1.0, [other])])
    arrivals = learn_arrivals(log)

    choice = arrivals.choose(History.of([]), np.isin(arrivals.items, [NEW_CUP, NEW_LAMP]))

    assert choice is not None
    assert choice.item == expected, case


def test_only_the_first_days_of_a_product_are_its_start() -> None:
    """Cups sold at once, lamps as often but long after they came: cups started better."""
    late = [("bob", 200.0 + number, [RED_LAMP, BLUE_LAMP]) for number in range(10)]
    soon = [("ada", 1.0 + number, [RED_CUP, BLUE_CUP]) for number in range(10)]
    log = a_shop([*soon, ("bob", 1.0, [RED_LAMP, BLUE_LAMP]), *late])
    log = replace(log, created_at=np.full(log.items, int(log.at.max())))

    new_cup, new_lamp = learn_arrivals(log).suit(History.of([]))

    assert new_cup > new_lamp


def test_what_words_add_is_the_ridge_regression_of_the_starts() -> None:
    log = a_shop([("ada", 1, [RED_CUP, BLUE_CUP]), ("bob", 40, [RED_CUP]), ("cyd", 80, [RED_LAMP])])
    vocabulary = Vocabulary.learn(log.facts)
    tokens = vocabulary.matrix(log.facts)

    found = learn_arrivals(log, vocabulary).words

    rows = np.zeros((3, len(vocabulary)))
    for row, item in enumerate([RED_CUP, BLUE_CUP, RED_LAMP]):
        span = slice(tokens.starts[item], tokens.starts[item + 1])
        rows[row, tokens.rows[span]] = tokens.weights[span]
    # A month's sales: 2 in 60 days, 1 in 60, and 1 on the last day, which counts as 14.
    starts = np.log1p([2 * 30 / 60, 30 / 60, 30 / 14])
    gram = rows.T @ rows + 10 * np.eye(len(vocabulary))
    assert found == pytest.approx(np.linalg.solve(gram, rows.T @ (starts - starts.mean())), abs=1e-5)


def test_a_hidden_arrival_leaves_the_place_to_the_next() -> None:
    arrivals, history = cups_and_lamps(), History.of([RED_CUP])

    choice = arrivals.choose(history, np.array([False, True]))
    nothing = arrivals.choose(history, np.array([False, False]))

    assert choice is not None
    assert choice.item == NEW_LAMP
    assert nothing is None


@pytest.mark.parametrize(
    ("case", "met", "cause"),
    [
        ("the only cup wins the cup its place", [RED_LAMP, RED_CUP, RED_CUP], RED_CUP),
        ("two of a kind: either would do", [RED_CUP, BLUE_CUP], None),
        ("nothing in common", [], None),
    ],
)
def test_a_cause_is_what_the_place_would_be_lost_without(
    case: str, met: list[int], cause: int | None
) -> None:
    arrivals = learn_arrivals(a_shop([("ada", 1, [RED_CUP, BLUE_CUP]), ("bob", 1, [RED_LAMP, BLUE_LAMP])]))

    choice = arrivals.choose(History.of(met), everything(arrivals))

    assert choice is not None
    assert choice.cause == cause, case
    if cause is not None:
        without = arrivals.choose(History.of(met).without(cause), everything(arrivals))
        assert without is not None
        assert without.item != choice.item


def test_what_the_customer_looked_at_is_new_no_more() -> None:
    arrivals = cups_and_lamps()

    choice = arrivals.choose(History.of([NEW_CUP], events=[Event.VIEW]), everything(arrivals))

    assert choice is not None
    assert choice.item == NEW_LAMP


def test_products_created_after_training_are_arrivals_too() -> None:
    log = a_shop([("ada", 1, [RED_CUP, BLUE_CUP]), ("bob", 1, [RED_LAMP, BLUE_LAMP])])
    vocabulary = Vocabulary.learn(log.facts)
    newcomers = vocabulary.matrix([ItemFacts("Red cup"), ItemFacts("Unheard of")])

    arrivals = learn_arrivals(log).with_products(newcomers)
    choice = arrivals.choose(History.of([RED_CUP]), everything(arrivals))

    assert arrivals.items.tolist() == [NEW_CUP, NEW_LAMP, 6, 7]
    assert choice is not None
    assert choice.item == 6


def test_a_shop_without_words_or_sales_still_offers_its_newest() -> None:
    nothing_sold = learn_arrivals(a_shop([]))
    no_words = learn_arrivals(replace(a_log([("ada", 1, [0])], range(4)), facts=()))

    chosen = [some.choose(History.of([]), everything(some)) for some in (nothing_sold, no_words)]

    assert [None if choice is None else choice.item for choice in chosen] == [NEW_LAMP, 3]
    assert np.isfinite(no_words.suit(History.of([0]))).all()


def test_without_a_common_clock_all_sales_tell_a_start() -> None:
    baskets = [
        ("ada", 1.0, [RED_CUP]),
        *((f"customer {day}", float(day), [RED_LAMP]) for day in range(90, 99)),
    ]
    log = replace(a_shop(baskets), has_clock=False)
    arrivals = learn_arrivals(replace(log, created_at=np.full(log.items, NEVER)))

    suit = dict(zip(arrivals.items.tolist(), arrivals.suit(History.of([])), strict=True))

    assert suit[NEW_LAMP] > suit[NEW_CUP]


def test_the_last_place_of_a_list_goes_to_the_arrival() -> None:
    placed = with_arrival(np.array([4, 2, 9, 7]), 11, np.array([10, 11]))

    assert placed.tolist() == [4, 2, 9, 11]


@pytest.mark.parametrize(
    ("case", "top"),
    [
        ("one is there already", [4, 10, 9, 7, 5]),
        ("too short a list", list(range(FEWEST_PLACES - 1))),
    ],
)
def test_a_list_stays_as_it_is(case: str, top: list[int]) -> None:
    assert with_arrival(np.array(top), 11, np.array([10, 11])).tolist() == top, case


def test_an_artifact_gives_back_what_was_learned() -> None:
    log = a_shop([("ada", 1, [RED_CUP, BLUE_CUP])])
    learned = learn_arrivals(log)
    content = Content(Vocabulary.learn(log.facts), learned.tokens, np.zeros((0, 0), dtype=np.float32))

    restored = Arrivals.restore(learned.arrays(), content)
    before = Arrivals.restore(None, content)

    assert restored.items.tolist() == learned.items.tolist()
    assert np.array_equal(restored.suit(History.of([RED_CUP])), learned.suit(History.of([RED_CUP])))
    assert (len(before), before.choose(History.of([RED_CUP]), everything(before))) == (0, None)


def a_shop_with_arrivals() -> Log:
    """The scented shop, whose four newest products never sold."""
    log = a_scented_shop()
    return log.where(log.item < 36)


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    return an_artifact(tmp_path_factory.mktemp("artifact") / "blend", "blend", a_shop_with_arrivals())


def test_an_artifact_places_the_arrival_that_training_measured(scorer: Scorer) -> None:
    measured = learn_arrivals(a_shop_with_arrivals())
    past = Past([104, 135], at=np.array([MAY - DAY_US, MAY]))

    choice = measured.choose(scorer.history(past, now=MAY), everything(measured))
    placed = scorer.arrival(past, available=scorer.arrival_ids, now=MAY)

    assert scorer.arrival_ids == {136, 137, 138, 139}
    assert choice is not None
    assert placed is not None
    assert placed.item == 100 + choice.item
    assert placed.score == pytest.approx(choice.suit, abs=1e-6)


def test_a_scorer_places_only_what_may_be_shown_and_only_for_someone_it_knows(scorer: Scorer) -> None:
    scorer = scorer.with_products([NewProduct(7, ItemFacts("scent2 refill", {"type": ("Candles",)}), MAY)])
    arrivals = scorer.arrival_ids

    refill = scorer.arrival([104], available=arrivals)
    others = [
        scorer.arrival([104], available=arrivals - {7}),
        scorer.arrival([104], available=arrivals, exclude={7}),
    ]

    assert refill is not None
    assert refill.item == 7
    assert refill.reason == Reason(ReasonKind.NEW_ARRIVAL, item=104, group="Candles")
    assert all(one is not None and one.item in {136, 137, 138, 139} for one in others)
    assert scorer.arrival([], available=arrivals) is None
    assert scorer.arrival([424242], available=arrivals) is None
    assert scorer.arrival([104], available=set()) is None


def test_an_artifact_from_before_places_only_what_was_created_since(tmp_path: Path) -> None:
    folder = tmp_path / "artifact"
    an_artifact(folder, "blend", a_shop_with_arrivals())
    manifest = json.loads((folder / MANIFEST_FILE).read_text(encoding="utf-8"))
    for name in [name for name in manifest["files"] if name.startswith("arrivals.")]:
        (folder / name).unlink()
        del manifest["files"][name]
    (folder / MANIFEST_FILE).write_text(json.dumps(manifest), encoding="utf-8")

    former = load(folder)
    taught = former.with_products([NewProduct(7, ItemFacts("scent2 refill"), MAY)])

    assert former.arrival_ids == frozenset()
    assert former.arrival([104], available={7, 136}) is None
    placed = taught.arrival([104], available={7, 136})
    assert placed is not None
    assert placed.item == 7
