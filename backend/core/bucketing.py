"""
Draw visitors into groups: the same visitor always into the same one, here and in the storefront's script.

Both sides hash the browser's own id under a salt that anybody may know, so a page can tell its group
without asking us and without waiting. ``tests/bucketing.json`` holds what both must give.
"""

from typing import Final
from uuid import UUID

import mmh3

# A hundredth of a percent each: fine enough for any share that is offered.
BUCKETS: Final = 10_000


def bucket(salt: str, unit: str) -> int:
    """
    Return the bucket of a unit, 0 ... ``BUCKETS`` - 1, each equally likely.

    Draws under different salts are independent of one another.

    :param salt: the name of the draw, public
    :param unit: who is drawn: the browser's own id

    Source: MurmurHash3_x86_32 with seed 0 (Appleby), over UTF-8; the hash is scaled rather than reduced
    modulo, so that no bucket is larger by more than one of 2**32 values.
    """
    return mmh3.hash(f"{salt}:{unit}".encode(), signed=False) * BUCKETS >> 32


def is_in_share(drawn: int, percent: int) -> bool:
    """Return whether a bucket lies in the first ``percent`` of all: a wider share keeps whom it had."""
    return drawn * 100 < percent * BUCKETS


def holdout_draw(shop: UUID) -> str:
    """Return the salt under which a shop's visitors are held out: for good, so it never changes."""
    return f"holdout:{shop}"
