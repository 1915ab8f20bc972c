"""Reads of rollouts."""

from backend.rollouts.queries.arms import (
    NOTHING_RELEASED,
    champion_id,
    champion_version,
    champions,
    drawn_arm,
    fresh_arms,
    live_arms,
    live_shops,
    pointed_by_shop,
)
from backend.rollouts.queries.business import (
    changes,
    compared_spans,
    confounders,
    days_left,
    differences,
    due_for_measuring,
    elapsed_days,
    exposed,
    find_estimand,
    history,
    judge_business,
    plan_day,
)
from backend.rollouts.queries.champion import find_champion
from backend.rollouts.queries.gate import find_gate_record, gate_records, release_notes, release_policy
from backend.rollouts.queries.guards import judge_guards
from backend.rollouts.queries.holdout import fresh_holdout, holding_out, holdout, incremental
from backend.rollouts.queries.outcomes import arm_outcomes, in_both_arms, usual_outcomes
from backend.rollouts.queries.recent import forget_cached
from backend.rollouts.queries.reporting import (
    may_promote,
    plan_advice,
    plan_limits,
    rollout_report,
    rollout_summary,
    version_offers,
)
from backend.rollouts.queries.rollouts import (
    find_live_rollout,
    find_waiting_rollout,
    get_rollout,
    moment,
    moves_of,
    rollouts,
    settings,
    shops_with_open_rollouts,
    was_live,
)
from backend.rollouts.queries.shadow import (
    DiffOrder,
    diff,
    judge_shadow,
    shadow_figures,
)
from backend.rollouts.queries.standings import standings
from backend.rollouts.queries.traffic import forecast, is_traffic_old, traffic
from backend.rollouts.queries.verdicts import verdicts_on

__all__ = [
    "NOTHING_RELEASED",
    "DiffOrder",
    "arm_outcomes",
    "champion_id",
    "champion_version",
    "champions",
    "changes",
    "compared_spans",
    "confounders",
    "days_left",
    "diff",
    "differences",
    "drawn_arm",
    "due_for_measuring",
    "elapsed_days",
    "exposed",
    "find_champion",
    "find_estimand",
    "find_gate_record",
    "find_live_rollout",
    "find_waiting_rollout",
    "forecast",
    "forget_cached",
    "fresh_arms",
    "fresh_holdout",
    "gate_records",
    "get_rollout",
    "history",
    "holding_out",
    "holdout",
    "in_both_arms",
    "incremental",
    "is_traffic_old",
    "judge_business",
    "judge_guards",
    "judge_shadow",
    "live_arms",
    "live_shops",
    "may_promote",
    "moment",
    "moves_of",
    "plan_advice",
    "plan_day",
    "plan_limits",
    "pointed_by_shop",
    "release_notes",
    "release_policy",
    "rollout_report",
    "rollout_summary",
    "rollouts",
    "settings",
    "shadow_figures",
    "shops_with_open_rollouts",
    "standings",
    "traffic",
    "usual_outcomes",
    "verdicts_on",
    "version_offers",
    "was_live",
]
