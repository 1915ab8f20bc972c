import numpy as np

from models.recommender.log.arrays import spans


def test_spans_name_every_place_in_order() -> None:
    places, lengths = spans(np.array([5, 0, 7]), np.array([7, 0, 10]))

    assert places.tolist() == [5, 6, 7, 8, 9]
    assert lengths.tolist() == [2, 0, 3]
