"""Whether a candidate's answers are as sound and as quick as the champion's."""

from backend.rollouts.values import Judged, Rollout, Verdict


def judge_guards(rollout: Rollout) -> Judged:
    """Return what is known of a rollout so far. No data is never success."""
    return Judged(Verdict.NOT_ENOUGH, "Nothing was counted yet.")
