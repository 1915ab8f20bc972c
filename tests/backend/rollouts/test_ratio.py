"""The sequential sample-ratio test beside its authors' own code, whose numbers lie in oracles.json."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backend.rollouts.rules import RATIO_ALPHA, sample_ratio
from backend.rollouts.rules.ratio import SampleRatio, log_evidence

ORACLES = json.loads(Path(__file__).with_name("oracles.json").read_text(encoding="utf-8"))["ratios"]


@pytest.mark.parametrize("oracle", ORACLES)
def test_the_evidence_is_that_of_its_authors(oracle: dict[str, Any]) -> None:
    found = log_evidence(oracle["counts"], oracle["shares"], concentration=10_000)

    assert found == pytest.approx(oracle["log_evidence"], rel=1e-9, abs=1e-9)
    assert SampleRatio(tuple(oracle["counts"]), found).p_value == pytest.approx(
        oracle["p_value"], rel=1e-9, abs=1e-9
    )


def test_nobody_proves_nothing() -> None:
    assert sample_ratio((0, 0)).log_evidence == pytest.approx(0)
    assert sample_ratio((0, 0)).p_value == 1.0


def test_the_evidence_is_fair_over_every_way_in_which_visitors_can_come() -> None:
    visitors = 12
    gained = sum(
        math.comb(visitors, candidate)
        / 2**visitors
        * math.exp(sample_ratio((candidate, visitors - candidate)).log_evidence)
        for candidate in range(visitors + 1)
    )

    assert gained == pytest.approx(1, abs=1e-9)


def test_an_arm_that_loses_one_visitor_in_twenty_is_found() -> None:
    assert not sample_ratio((1_000, 950)).is_mismatched
    assert sample_ratio((20_000, 19_000)).is_mismatched


def test_a_thousand_to_one_is_a_mismatch_and_no_less() -> None:
    assert not SampleRatio((0, 0), math.log(999)).is_mismatched
    assert SampleRatio((0, 0), math.log(1_001)).is_mismatched


@pytest.mark.parametrize(
    "counts", [(60, 140), (200, 400), (170, 330), (300, 480), (800, 1_050), (9_000, 9_700)]
)
def test_a_small_shop_finds_arms_that_are_far_apart(counts: tuple[int, int]) -> None:
    assert sample_ratio(counts).is_mismatched


@pytest.mark.parametrize("counts", [(0, 8), (40, 60), (260, 300), (5_000, 5_150)])
def test_arms_that_chance_draws_are_no_mismatch(counts: tuple[int, int]) -> None:
    assert not sample_ratio(counts).is_mismatched


def test_a_holdout_of_five_percent_that_is_twice_as_large_is_found_early() -> None:
    assert sample_ratio((100, 900), (0.05, 0.95)).is_mismatched
    assert not sample_ratio((50, 950), (0.05, 0.95)).is_mismatched


def test_looking_a_thousand_times_finds_nothing_in_a_healthy_draw() -> None:
    chance = np.random.default_rng(11)
    candidate = np.cumsum(chance.binomial(50, 0.5, (200, 1_000)), axis=1)

    mismatched = sum(
        any(
            sample_ratio((int(count), 50 * look - int(count))).is_mismatched
            for look, count in enumerate(run, 1)
        )
        for run in candidate
    )

    assert mismatched <= 200 * RATIO_ALPHA + 1
