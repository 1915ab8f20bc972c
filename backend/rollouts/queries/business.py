"""Whether visitors of the candidate buy as much as their control."""

from backend.rollouts.values import Judged, Rollout, Verdict


def judge_business(rollout: Rollout) -> Judged:
    """Return what is known of a rollout so far. No data is never success."""
    return Judged(Verdict.NOT_ENOUGH, "Nothing was measured yet.")


def confounders(rollout: Rollout) -> tuple[str, ...]:
    """Return in words what else changed in the shop, where it makes a rollout's arms incomparable."""
    return ()
