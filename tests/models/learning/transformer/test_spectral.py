import numpy as np
import pytest
import torch

from models.recommender.learning.transformer.spectral import nearness, spectral_vectors, surprise
from tests.models.shops import Basket, a_log


def test_nearness_counts_pairs_of_one_customer_and_halves_over_four_steps() -> None:
    log = a_log(
        [("ada", day, [item]) for day, item in enumerate([5, 6, 5, 7, 7, 6])] + [("bob", 9, [8])],
        [5, 6, 7, 8],
    )

    counts = nearness(log, seed=1).toarray()

    weight = 2.0 ** -(np.arange(5) / 4)
    # Steps of ada: 5 6 5 7 7 6. Item 5 meets 6 at distances 1, 1, 5 and 3.
    assert counts[0, 1] == pytest.approx(2 * weight[0] + weight[4] + weight[2], rel=1e-6)
    assert np.array_equal(counts, counts.T)
    assert counts[3].tolist() == [0.0] * 4


def test_what_is_near_in_a_basket_does_not_go_by_product_number() -> None:
    log = a_log([(f"c{customer}", 1, range(40)) for customer in range(300)], range(40))

    counts = nearness(log, seed=1).toarray()

    neighbours = counts[np.arange(39), np.arange(1, 40)]
    assert neighbours.mean() == pytest.approx(counts[np.triu_indices(40, 1)].mean(), rel=0.1)


def test_surprise_is_positive_mutual_information_without_the_diagonal() -> None:
    log = a_log([("ada", 1, [5]), ("ada", 2, [6]), ("bob", 1, [7]), ("bob", 2, [8])], [5, 6, 7, 8])

    gain = surprise(nearness(log, seed=1)).toarray()

    # Each item was near one other, once, of four equally frequent contexts.
    expected = np.zeros((4, 4))
    expected[[0, 1, 2, 3], [1, 0, 3, 2]] = np.log(4.0)
    np.testing.assert_allclose(gain, expected, rtol=1e-6)


def worlds() -> list[Basket]:
    """Two groups of customers who never buy from each other's half of the shop."""
    chance = np.random.default_rng(1)
    return [
        (f"c{customer}", day, [int(chance.integers(0, 10)) + 100 * (customer % 2)])
        for customer in range(60)
        for day in range(6)
    ]


def test_items_of_one_world_begin_nearer_than_items_of_two() -> None:
    log = a_log(worlds(), [*range(10), *range(100, 111)])

    vectors, is_near = spectral_vectors(log, width=8, seed=1)

    products = vectors[is_near] @ vectors[is_near].T
    assert is_near.tolist() == [True] * 20 + [False]
    torch.testing.assert_close(vectors[is_near].norm(dim=1), torch.ones(20))
    assert products[:10, :10].mean() > products[:10, 10:].abs().mean() + 0.1
    assert torch.equal(spectral_vectors(log, width=8, seed=1)[0], vectors)


def test_a_shop_with_fewer_items_than_numbers_in_a_vector_gets_zeros_at_the_end() -> None:
    log = a_log([("ada", 1, [5]), ("ada", 2, [6])], [5, 6, 7])

    vectors, is_near = spectral_vectors(log, width=8, seed=1)

    assert vectors.shape == (3, 8)
    assert is_near.tolist() == [True, True, False]
    assert vectors[:, 3:].abs().max() == 0
    assert torch.isfinite(vectors).all()
