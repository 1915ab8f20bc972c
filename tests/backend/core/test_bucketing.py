"""The draw of visitors: the same here as in the storefront's script."""

import json
import math
from collections import Counter
from pathlib import Path
from uuid import UUID

import pytest

from backend.core.bucketing import BUCKETS, bucket

SHARED = json.loads((Path(__file__).parents[2] / "bucketing.json").read_text(encoding="utf-8"))
BROWSERS = [str(UUID(int=number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128)) for number in range(20_000)]


@pytest.mark.parametrize("case", SHARED["cases"], ids=lambda case: f"{case['salt']}:{case['unit']}")
def test_the_bucket_is_the_one_that_pages_draw_too(case: dict[str, object]) -> None:
    drawn = bucket(str(case["salt"]), str(case["unit"]))

    assert drawn == case["bucket"]


def test_every_bucket_is_equally_likely() -> None:
    tenths = Counter(bucket("salt", one) * 10 // BUCKETS for one in BROWSERS)

    # Four standard deviations of a binomial with a share of a tenth.
    assert max(abs(count - 2_000) for count in tenths.values()) < 4 * math.sqrt(20_000 * 0.09)
    assert sum(tenths.values()) == 20_000


def test_draws_under_two_salts_know_nothing_of_each_other() -> None:
    both = sum(bucket("one", each) < 1_000 and bucket("other", each) < 1_000 for each in BROWSERS)

    assert abs(both - 200) < 4 * math.sqrt(20_000 * 0.01 * 0.99)
