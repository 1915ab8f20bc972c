from dataclasses import replace

import numpy as np
import pytest

from models.recommender.log.history import Event, History
from models.recommender.log.splits import Case
from models.recommender.serving.blend import (
    OF_PLACE,
    SIGNS,
    Blend,
    LinearMixer,
    NetworkMixer,
    bought_column,
    feature_count,
)
from models.recommender.serving.rankers import MARKOV, Decay, ItemTable, ItemToItem, Model, Popularity, top_k
from models.recommender.serving.transformer import TRENDS
from tests.models.shops import UNBOUNDED, a_busy_shop, a_log

ITEMS = 40
LOG = a_log(*a_busy_shop(customers=5))
MOMENT = int(LOG.at.max()) + 1
NO_SIGNS = np.zeros((ITEMS, SIGNS), dtype=np.float32)


def a_table(strengths: dict[int, dict[int, float]], name: str) -> ItemToItem:
    """Return a model in which an item names others this strongly."""
    rows = [sorted(strengths.get(item, {}).items(), key=lambda pair: -pair[1]) for item in range(ITEMS)]
    table = ItemTable(
        starts=np.cumsum([0, *map(len, rows)]),
        items=np.array([item for row in rows for item, _ in row], dtype=np.int32),
        values=np.array([value for row in rows for _, value in row], dtype=np.float32),
    )
    return ItemToItem(table, np.arange(ITEMS, 0, -1.0), Decay(5.0), name)


def following(items: range, name: str) -> ItemToItem:
    """Return a model that knows what follows some items, the next number, and is silent on others."""
    return a_table({item: {(item + 1) % ITEMS: 1.0} for item in items}, name)


def noise(seed: int, name: str) -> ItemToItem:
    """Return a model that names three others at random."""
    chance = np.random.default_rng(seed)
    return a_table(
        {
            item: {int(other): 1.0 for other in chance.choice(ITEMS, 3, replace=False)}
            for item in range(ITEMS)
        },
        name,
    )


def cases_of(count: int, *, seed: int) -> list[Case]:
    """Return customers who buy the next number after their last one, and one item at random."""
    chance = np.random.default_rng(seed)
    cases = []
    for user in range(count):
        items = chance.integers(ITEMS, size=4)
        bought = np.unique([(items[-1] + 1) % ITEMS, chance.integers(ITEMS)])
        cases.append(Case(History.of(items), bought, seen=np.unique(items), user=user))
    return cases


def a_blend(members: tuple[Model, ...], weights: dict[int, float], *, drops_seen: bool = False) -> Blend:
    """Return a blend with these weights by feature, all others 0."""
    linear = np.zeros(feature_count(len(members)), dtype=np.float32)
    for feature, weight in weights.items():
        linear[feature] = weight
    zeros = np.zeros_like(linear)
    mixer = LinearMixer(linear, zeros, zeros, np.array([bought_column(len(linear))]), UNBOUNDED)
    shares = np.full(len(members), 1 / len(members), dtype=np.float32)
    return Blend(members, NO_SIGNS, mixer, shares, drops_seen)


def test_a_mixer_weighs_repeats_and_long_histories_otherwise() -> None:
    mixer = LinearMixer(
        linear=np.array([1.0, 10.0, 0.0], dtype=np.float32),
        again=np.array([-3.0, 0.0, 0.0], dtype=np.float32),
        longer=np.array([0.5, 0.0, 0.0], dtype=np.float32),
        bought=np.array([1]),
        known=np.array([[-9.0, 0.0, 0.0], [9.0, 1.0, 4.0]], dtype=np.float32),
    )

    values = mixer.values(np.array([[2.0, 0.0, 4.0], [2.0, 1.0, 4.0], [2.0, 0.0, 9.0]], dtype=np.float32))

    # 2 + 4 x 0.5 x 2, and beside it 10 for being bought before, whose first feature counts -3 x 2.
    # A history longer than any that taught counts as the longest.
    assert values == pytest.approx([6.0, 10.0, 6.0])


def test_a_mixer_carries_nothing_beyond_what_taught_it() -> None:
    one, nothing = np.ones(2, dtype=np.float32), np.zeros(2, dtype=np.float32)
    known = np.array([[-1.0, 0.0], [2.0, 0.0]], dtype=np.float32)
    mixer = LinearMixer(one, nothing, nothing, np.array([1]), known)

    values = mixer.values(np.array([[-3.5, 0.0], [-1.0, 0.0], [1.0, 0.0], [8.0, 0.0]], dtype=np.float32))

    assert values.tolist() == [-1.0, -1.0, 1.0, 2.0]


def test_a_mixer_of_before_bounds_the_length_of_a_history_only() -> None:
    blend = a_blend((noise(1, MARKOV),), {0: 1.0})
    arrays = {**blend.arrays(), "known": np.array([0.0, 4.0], dtype=np.float32)}

    restored = Blend.restore(arrays, blend.settings(), {MARKOV: blend.members[0]})

    assert isinstance(restored.mixer, LinearMixer)
    assert restored.mixer.known[:, -1].tolist() == [0.0, 4.0]
    assert np.isinf(restored.mixer.known[:, :-1]).all()


def test_a_cart_is_read_as_the_orders_that_taught_what_goes_with_it() -> None:
    # Orders teach by items that count as bought and are no answer; a storefront lays them into the cart.
    blend = a_blend((a_table({3: {5: 2.0, 8: 1.0}, 5: {9: 0.4}}, MARKOV),), {1: 1.0}, drops_seen=True)
    items, at = np.array([3, 5]), np.array([7, 7])
    cart = History.of(items, at, [Event.CART, Event.CART], now=7)

    taught, served = blend.opinions(History.of(items, at, now=7)), blend.opinions(cart)

    assert served.candidates.tolist() == taught.candidates.tolist()
    assert served.features == pytest.approx(taught.features, abs=1e-5)
    # What lies in the cart takes no place of what may be recommended.
    assert served.features[served.candidates == 8, 1].tolist() == pytest.approx([OF_PLACE[0]])


def test_a_mixer_adds_a_hidden_layer_to_a_linear_model() -> None:
    mixer = NetworkMixer(
        linear=np.array([1.0, -2.0], dtype=np.float32),
        inward=np.array([[1.0], [1.0]], dtype=np.float32),
        bias=np.array([-1.0], dtype=np.float32),
        outward=np.array([4.0], dtype=np.float32),
    )

    values = mixer.values(np.array([[2.0, 1.0], [1.0, 0.0]], dtype=np.float32))

    # SiLU(2) = 2 / (1 + e^-2) = 1.761594, and SiLU(0) = 0.
    assert values == pytest.approx([0.0 + 4 * 1.761594, 1.0])


def test_a_hidden_unit_far_below_zero_is_silent() -> None:
    one, nothing = np.ones(1, dtype=np.float32), np.zeros(1, dtype=np.float32)
    mixer = NetworkMixer(
        linear=nothing, inward=np.array([[1.0]], dtype=np.float32), bias=nothing, outward=one
    )

    # Warnings are errors in these tests.
    assert mixer.values(np.array([[-1000.0], [2.0]], dtype=np.float32)) == pytest.approx([0.0, 1.761594])


@pytest.mark.parametrize("items", [[3], [3, 9, 4], []])
def test_a_blend_of_one_member_ranks_as_that_member(items: list[int]) -> None:
    member = noise(0, MARKOV)
    blend = a_blend((member,), {0: 1.0})

    ranked = top_k(blend.scores(History.of(items)), 10)

    assert ranked.tolist() == top_k(member.scores(History.of(items)), 10).tolist()


@pytest.mark.parametrize("items", [11, 320, 321, 4000])
@pytest.mark.parametrize("distinct", [1, 3, 10**9])
def test_the_best_items_are_those_of_a_stable_sort(items: int, distinct: int) -> None:
    scores = np.random.default_rng(items).integers(distinct, size=items).astype(np.float64)

    assert top_k(scores, 10).tolist() == np.argsort(-scores, kind="stable")[:10].tolist()


def test_what_was_bought_comes_last_where_it_is_no_answer() -> None:
    blend = a_blend((following(range(ITEMS), MARKOV),), {0: 1.0}, drops_seen=True)

    scores = blend.scores(History.of([5, 6, 30]))

    assert set(np.argsort(scores)[:3]) == {5, 6, 30}
    assert scores.argmax() == 31


@pytest.mark.parametrize(
    ("case", "member"),
    [
        ("silent", a_table({}, MARKOV)),
        ("nothing ever sold", Popularity(np.zeros(ITEMS))),
        ("enormous", a_table({item: {1: 1e30} for item in range(ITEMS)}, MARKOV)),
        ("logits far apart", replace(a_table({1: {2: 1e4}}, "x"), name="transformer")),
    ],
)
@pytest.mark.parametrize("items", [[], [1], [1] * 700, list(range(ITEMS))])
def test_scores_are_always_finite(case: str, member: Model, items: list[int]) -> None:
    blend = a_blend((member, noise(1, "other")), {0: 1.0, 1: 2.0, 2: 1.0})

    scores = blend.scores(History.of(items))

    assert scores.shape == (ITEMS,)
    assert np.isfinite(scores).all(), case


def test_a_blend_read_back_scores_the_same() -> None:
    members = (noise(1, "one"), noise(2, "two"))
    blend = a_blend(members, {0: 0.5, 2: 1.5})
    by_name: dict[str, Model] = {member.name: member for member in members}

    again = Blend.restore(blend.arrays(), blend.settings(), by_name)

    history = History.of([4, 7])
    assert np.array_equal(again.scores(history), blend.scores(history))


def test_a_blend_of_an_earlier_version_reads_its_network_and_its_fewer_signs() -> None:
    member, chance = noise(1, "one"), np.random.default_rng(5)
    # Without the sign that tells what is bought again.
    features = feature_count(1, TRENDS)
    arrays = {
        "linear": chance.normal(size=features).astype(np.float32),
        "inward": chance.normal(size=(features, 4)).astype(np.float32),
        "bias": chance.normal(size=4).astype(np.float32),
        "outward": chance.normal(size=4).astype(np.float32),
        "signs": chance.normal(size=(ITEMS, TRENDS)).astype(np.float32),
        "shares": np.ones(1, dtype=np.float32),
    }

    blend = Blend.restore(arrays, {"members": ["one"], "drops_seen": False}, {"one": member})

    said = blend.opinions(History.of([4, 7]))
    hidden = said.features @ arrays["inward"] + arrays["bias"]
    expected = said.features @ arrays["linear"] + (hidden / (1 + np.exp(-hidden))) @ arrays["outward"]
    assert said.features[:, -2 - TRENDS : -2] == pytest.approx(arrays["signs"][said.candidates])
    assert blend.scores(History.of([4, 7]))[said.candidates] == pytest.approx(expected, abs=1e-4)
