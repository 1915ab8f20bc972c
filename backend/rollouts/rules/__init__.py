"""Pure decisions of rollouts."""

from backend.rollouts.rules.drawing import arm_weights, draw_arm, is_compared, rollout_salt
from backend.rollouts.rules.gate import FIRST, judge, read_evidence
from backend.rollouts.rules.guarding import (
    ENOUGH_ANSWERS,
    GUARD_ALPHA,
    LOOK_SECONDS,
    add_counts,
    advance_guards,
    dump_guards,
    guard_evidence,
    guard_verdict,
    latency_place,
    load_guards,
    seconds_to_detect,
)
from backend.rollouts.rules.holdout import (
    CENT,
    CONFIDENCE,
    MOST_DEVIATIONS,
    add_up,
    compare_sales,
    t_quantile,
)
from backend.rollouts.rules.judging import (
    GUARDRAILS,
    business_verdict,
    compare_metrics,
    days_left,
    days_words,
    interval_words,
    required,
)
from backend.rollouts.rules.plans import read_freezes, read_plan, storable_freezes, storable_plan
from backend.rollouts.rules.power import StepForecast, days_to_decision, forecast
from backend.rollouts.rules.ratio import RATIO_ALPHA, SampleRatio, sample_ratio
from backend.rollouts.rules.sequences import (
    Interval,
    boundary,
    metric_alpha,
    relative_difference,
)

__all__ = [
    "CENT",
    "CONFIDENCE",
    "ENOUGH_ANSWERS",
    "FIRST",
    "GUARDRAILS",
    "GUARD_ALPHA",
    "LOOK_SECONDS",
    "MOST_DEVIATIONS",
    "RATIO_ALPHA",
    "Interval",
    "SampleRatio",
    "StepForecast",
    "add_counts",
    "add_up",
    "advance_guards",
    "arm_weights",
    "boundary",
    "business_verdict",
    "compare_metrics",
    "compare_sales",
    "days_left",
    "days_to_decision",
    "days_words",
    "draw_arm",
    "dump_guards",
    "forecast",
    "guard_evidence",
    "guard_verdict",
    "interval_words",
    "is_compared",
    "judge",
    "latency_place",
    "load_guards",
    "metric_alpha",
    "read_evidence",
    "read_freezes",
    "read_plan",
    "relative_difference",
    "required",
    "rollout_salt",
    "sample_ratio",
    "seconds_to_detect",
    "storable_freezes",
    "storable_plan",
    "t_quantile",
]
