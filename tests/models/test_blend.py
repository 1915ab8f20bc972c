from dataclasses import replace

import numpy as np
import pytest
import torch

from models.recommender import blending, evaluation
from models.recommender.blend import Blend, Mixer, feature_count
from models.recommender.blending import Learned, learn, listwise_loss
from models.recommender.history import History
from models.recommender.rankers import MARKOV, Decay, ItemTable, ItemToItem, Model, Popularity, top_k
from models.recommender.splits import Case
from models.recommender.transformer import TRENDS
from tests.models.shops import a_busy_shop, a_log

ITEMS = 40
LOG = a_log(*a_busy_shop(customers=5))
MOMENT = int(LOG.at.max()) + 1
SIGNS = np.zeros((ITEMS, TRENDS), dtype=np.float32)


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
    for _ in range(count):
        items = chance.integers(ITEMS, size=4)
        bought = np.unique([(items[-1] + 1) % ITEMS, chance.integers(ITEMS)])
        cases.append(Case(History.of(items), bought, seen=np.unique(items)))
    return cases


def a_blend(members: tuple[Model, ...], weights: dict[int, float], *, drops_seen: bool = False) -> Blend:
    """Return a blend with these weights by feature, all others 0."""
    linear = np.zeros(feature_count(len(members)), dtype=np.float32)
    for feature, weight in weights.items():
        linear[feature] = weight
    nothing = np.zeros(0, dtype=np.float32)
    mixer = Mixer(linear, np.zeros((len(linear), 0), dtype=np.float32), nothing, nothing)
    shares = np.full(len(members), 1 / len(members), dtype=np.float32)
    return Blend(members, SIGNS, mixer, shares, drops_seen)


def taught(members: list[Model], count: int, *, seed: int = 1) -> Learned:
    return learn(members, cases_of(count, seed=seed), log=LOG, moment=MOMENT, drop_seen=False, seed=7)


def quality(model: Model) -> float:
    return evaluation.rank(model.scores, cases_of(400, seed=99), items=ITEMS).ndcg_mean


def test_a_mixer_adds_a_hidden_layer_to_a_linear_model() -> None:
    mixer = Mixer(
        linear=np.array([1.0, -2.0], dtype=np.float32),
        inward=np.array([[1.0], [1.0]], dtype=np.float32),
        bias=np.array([-1.0], dtype=np.float32),
        outward=np.array([4.0], dtype=np.float32),
    )

    values = mixer.values(np.array([[2.0, 1.0], [1.0, 0.0]], dtype=np.float32))

    # SiLU(2) = 2 / (1 + e^-2) = 1.761594, and SiLU(0) = 0.
    assert values == pytest.approx([0.0 + 4 * 1.761594, 1.0])


def test_the_loss_is_the_mean_cross_entropy_of_what_was_bought() -> None:
    values = torch.tensor([0.0, 0.0, 0.0, np.log(3.0)], dtype=torch.float32)
    owner = torch.tensor([0, 0, 1, 1])
    wanted = torch.tensor([1.0, 1.0, 0.0, 1.0])

    loss = listwise_loss(values, owner, wanted, 2)

    # First case: two of two bought, each with chance 1/2; second: chance 3/4.
    assert float(loss) == pytest.approx((np.log(2) + np.log(4 / 3)) / 2)


@pytest.mark.parametrize("items", [[3], [3, 9, 4], []])
def test_a_blend_of_one_member_ranks_as_that_member(items: list[int]) -> None:
    member = noise(0, MARKOV)
    blend = a_blend((member,), {0: 1.0})

    ranked = top_k(blend.scores(History.of(items)), 10)

    assert ranked.tolist() == top_k(member.scores(History.of(items)), 10).tolist()


def test_members_that_know_different_customers_are_blended() -> None:
    members: list[Model] = [following(range(20), "first"), following(range(20, ITEMS), "second")]

    learned = taught(members, 120)
    blend = learned.apply(members, log=LOG, moment=MOMENT)

    assert blend.name == "blend"
    assert quality(blend) > 1.2 * max(quality(member) for member in members)
    assert learned.weights["first"] == pytest.approx(0.5, abs=0.15)
    assert sum(learned.weights.values()) == pytest.approx(1.0)
    assert learned.figures["low"] > 0.1


def test_a_member_that_adds_nothing_is_not_asked() -> None:
    members: list[Model] = [
        following(range(20), "first"),
        following(range(20, ITEMS), "second"),
        noise(5, "chatters"),
    ]

    learned = taught(members, 200)
    blend = learned.apply(members, log=LOG, moment=MOMENT)

    assert set(learned.weights) == {"first", "second"}
    assert isinstance(blend, Blend)
    assert [member.name for member in blend.members] == ["first", "second"]
    assert quality(blend) > 1.2 * max(quality(member) for member in members)


@pytest.mark.parametrize("seed", range(4))
def test_cross_validation_never_picks_a_blend_that_is_worse_than_its_best_member(seed: int) -> None:
    best = following(range(ITEMS), "knows")
    members: list[Model] = [noise(seed, "noise"), best, noise(seed + 50, "more noise")]

    learned = taught(members, 60, seed=seed)
    served = learned.apply(members, log=LOG, moment=MOMENT)

    assert learned.best == "knows"
    assert quality(served) >= 0.99 * quality(best)


def test_a_member_that_nothing_can_be_added_to_is_served_itself() -> None:
    members: list[Model] = [noise(3, "noise"), following(range(ITEMS), "knows")]
    certain = [replace(case, bought=case.bought[:1]) for case in cases_of(50, seed=2)]
    certain = [replace(case, bought=np.array([(case.history.items[-1] + 1) % ITEMS])) for case in certain]

    learned = learn(members, certain, log=LOG, moment=MOMENT, drop_seen=False, seed=7)

    assert learned.apply(members, log=LOG, moment=MOMENT) is members[1]
    assert learned.weights == {"knows": 1.0}
    assert learned.figures["reason"] == "No blend was better than its best member by more than the noise."


def test_too_few_customers_teach_nothing_and_the_report_says_so() -> None:
    members: list[Model] = [following(range(20), "first"), following(range(20, ITEMS), "second")]

    learned = taught(members, 19)

    assert not learned.is_blended
    assert learned.figures["reason"] == "19 customers came back; 20 are needed to weigh the models."


def test_the_same_seed_teaches_the_same_blend() -> None:
    members: list[Model] = [following(range(20), "first"), following(range(20, ITEMS), "second")]

    first, second = taught(members, 80).blend.arrays(), taught(members, 80).blend.arrays()

    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_a_network_learns_what_no_weight_a_member_can_say() -> None:
    features = np.zeros((600 * 6, feature_count(1)), dtype=np.float32)
    features[:, :2] = np.random.default_rng(5).normal(size=(600 * 6, 2))
    # Wanted is what has two features of the same sign: no linear model can tell.
    product = features[:, 0] * features[:, 1]
    wanted = np.concatenate([row == row.max() for row in product.reshape(600, 6)])
    lessons = blending.Lessons(features, np.arange(601) * 6, wanted, np.ones(600, dtype=np.int64))

    linear = lessons.ndcg(blending.fit_features(lessons, 7).values(features)).mean()
    network = lessons.ndcg(blending.fit_network(lessons, 7).values(features)).mean()

    assert network > linear + 0.1


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
