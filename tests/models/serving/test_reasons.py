import numpy as np
import pytest

from models.recommender.log.history import History
from models.recommender.serving import reasons
from models.recommender.serving.blend import (
    ALONE_IN_BLAS,
    SIGNS,
    Blend,
    LinearMixer,
    NetworkMixer,
    bought_column,
    feature_count,
)
from models.recommender.serving.features import IS_BOUGHT
from models.recommender.serving.rankers import (
    CONTENT_KNN,
    MARKOV,
    Decay,
    ItemTable,
    ItemToItem,
    PersonalFrequency,
    top_k,
)
from models.recommender.serving.reasons import FEW_CANDIDATES, LIST, Cause, causes, loses_its_place
from tests.models.shops import UNBOUNDED

ITEMS = 60
MEMBERS = 3
NEVER = Decay(1e12)  # nothing fades: without one item of a history, the others count as before


def a_table(name: str, *, seed: int) -> ItemToItem:
    """Return a model in which every item names eight others, as strongly as chance will have it."""
    chance = np.random.default_rng(seed)
    rows = [chance.choice(ITEMS, 8, replace=False) for _ in range(ITEMS)]
    table = ItemTable(
        starts=np.arange(ITEMS + 1) * 8,
        items=np.concatenate(rows).astype(np.int32),
        values=chance.random(8 * ITEMS).astype(np.float32),
    )
    return ItemToItem(table, np.arange(ITEMS, 0, -1.0), NEVER, name)


def a_mixer(*, seed: int) -> LinearMixer:
    """Return a mixer that hears the members, and of a customer only whether an item was bought before."""
    chance = np.random.default_rng(seed)
    features = feature_count(MEMBERS)
    heard = np.zeros(features, dtype=np.float32)
    heard[[*range(2 * MEMBERS), 2 * MEMBERS + IS_BOUGHT]] = 1.0
    linear, again = chance.random((2, features)).astype(np.float32) * heard
    return LinearMixer(linear, again, np.zeros_like(linear), np.array([bought_column(features)]), UNBOUNDED)


def a_network(*, seed: int) -> NetworkMixer:
    """Return a mixer as earlier versions have it."""
    chance = np.random.default_rng(seed)
    features = feature_count(MEMBERS)
    linear = chance.random(features).astype(np.float32)
    inward = chance.normal(size=(features, 4)).astype(np.float32)
    return NetworkMixer(linear, inward, np.full(4, 0.1, dtype=np.float32), np.full(4, 0.2, dtype=np.float32))


def a_blend(*, seed: int, shares: tuple[float, float, float] = (1 / 3, 1 / 3, 1 / 3)) -> Blend:
    members = (
        PersonalFrequency(np.arange(ITEMS, 0, -1.0), NEVER, popularity_weight=0.1),
        a_table(MARKOV, seed=seed),
        a_table(CONTENT_KNN, seed=seed + 1),
    )
    signs = np.zeros((ITEMS, SIGNS), dtype=np.float32)
    return Blend(members, signs, a_mixer(seed=seed), np.array(shares, dtype=np.float32), False)


def place(blend: Blend, history: History, item: int) -> int:
    """Return the place of an item, from 0."""
    return int(np.flatnonzero(top_k(blend.scores(history), ITEMS) == item)[0])


def stated(blend: Blend, history: History) -> dict[int, Cause]:
    """Return by recommended item the stated cause."""
    judged = blend.judge(history)
    tops = top_k(judged.scores, LIST)
    found = zip(tops.tolist(), causes(blend, history, tops, judged), strict=True)
    return {item: cause for item, cause in found if cause is not None}


@pytest.mark.parametrize(("few", "are_own_proved"), [(FEW_CANDIDATES, True), (0, False)])
def test_without_its_cause_an_item_loses_its_place_when_all_members_are_asked_again(
    monkeypatch: pytest.MonkeyPatch, few: int, are_own_proved: bool
) -> None:
    monkeypatch.setattr(reasons, "FEW_CANDIDATES", few)
    tried = 0
    for seed in range(8):
        blend, history = a_blend(seed=seed), History.of(np.random.default_rng(seed).choice(ITEMS, 6))
        for item, cause in stated(blend, history).items():
            if item == cause.item and not are_own_proved:
                continue
            before, after = place(blend, history, item), place(blend, history.without(cause.item), item)
            assert loses_its_place(before, after), (seed, item, cause)
            tried += 1

    assert tried > 8


def test_a_member_that_is_hardly_heard_names_no_cause() -> None:
    history = History.of(np.random.default_rng(2).choice(ITEMS, 6))

    heard = stated(a_blend(seed=2), history).values()
    hardly_heard = stated(a_blend(seed=2, shares=(0.495, 0.495, 0.01)), history).values()

    assert any(cause.is_likeness for cause in heard)
    assert hardly_heard
    assert not any(cause.is_likeness for cause in hardly_heard)


def test_what_holds_all_rivals_alike_is_the_cause_of_none() -> None:
    # Product 0 names 2 to 13, the more popular louder; without it their popularity orders them as before.
    table = ItemTable(
        starts=np.array([0, *[12] * 14]),
        items=np.arange(2, 14, dtype=np.int32),
        values=np.linspace(1.0, 0.9, 12, dtype=np.float32),
    )
    popularity = np.array([0.0, 0.0, *range(14, 2, -1)])
    model, history = ItemToItem(table, popularity, NEVER, MARKOV), History.of([0, 1])
    tops = top_k(model.scores(history), LIST)

    found = causes(model, history, tops, model.told(history))

    assert tops.tolist() == list(range(2, 12))
    assert found == [None] * LIST


@pytest.mark.parametrize("rows", [0, 1, ALONE_IN_BLAS // (5 * feature_count(MEMBERS)), 4_000])
def test_a_network_values_many_candidates_as_it_values_each(rows: int) -> None:
    mixer = a_network(seed=3)
    features = np.random.default_rng(4).normal(size=(rows, len(mixer.linear))).astype(np.float32)

    values = mixer.values(features)

    hidden = features @ mixer.inward + mixer.bias
    expected = features @ mixer.linear + (hidden / (1 + np.exp(-hidden))) @ mixer.outward
    assert values == pytest.approx(expected, abs=1e-4)
