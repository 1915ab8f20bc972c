"""Types of columns, and lengths of time in their unit."""

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float32]
Reals = NDArray[np.float64]
Events = NDArray[np.int8]

HOUR_US = 3_600_000_000  # microseconds
DAY_US = 24 * HOUR_US
