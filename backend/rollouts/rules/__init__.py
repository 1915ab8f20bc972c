"""Pure decisions of rollouts."""

from backend.rollouts.rules.drawing import draw_arm, is_compared, rollout_salt
from backend.rollouts.rules.gate import FIRST, judge, read_evidence
from backend.rollouts.rules.holdout import (
    CENT,
    CONFIDENCE,
    MOST_DEVIATIONS,
    add_up,
    compare_sales,
    t_quantile,
)

__all__ = [
    "CENT",
    "CONFIDENCE",
    "FIRST",
    "MOST_DEVIATIONS",
    "add_up",
    "compare_sales",
    "draw_arm",
    "is_compared",
    "judge",
    "read_evidence",
    "rollout_salt",
    "t_quantile",
]
