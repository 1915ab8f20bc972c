"""What a visitor did, as bytes for a cache of the benchmark's own. NumPy and the recommender's door only."""

import numpy as np

from models.recommender import api
from models.recommender.log.arrays import Events, Ints

BYTES_A_STEP = 8 + 8 + 1


def write_past(items: Ints, at: Ints, events: Events) -> bytes:
    """Return the columns of a past as bytes."""
    return items.tobytes() + at.tobytes() + events.tobytes()


def read_past(kept: bytes | None) -> api.Past:
    """Return the past that bytes are of; an empty one where there are none."""
    if not kept:
        return api.Past([])
    steps = len(kept) // BYTES_A_STEP
    return api.Past(
        np.frombuffer(kept, np.int64, steps),
        np.frombuffer(kept, np.int64, steps, 8 * steps),
        np.frombuffer(kept, np.int8, steps, 16 * steps),
    )
