"""Whether what a candidate answered in the shadow lets it be shown."""

from backend.rollouts.values import Judged, Rollout, Verdict


def judge_shadow(rollout: Rollout) -> Judged:
    """Return what is known of a rollout so far. No data is never success."""
    return Judged(Verdict.NOT_ENOUGH, "Nothing was compared yet.")
