"""What all judges say of a rollout."""

from datetime import datetime

from backend.rollouts import rules
from backend.rollouts.queries.business import confounders, judge_business
from backend.rollouts.queries.guards import judge_guards
from backend.rollouts.queries.interleaving import judge_interleaving
from backend.rollouts.queries.shadow import judge_shadow
from backend.rollouts.values import Rollout, RolloutState, Verdicts


def verdicts_on(rollout: Rollout, now: datetime) -> Verdicts:
    """Return what the judges say of a rollout who have something to look at where it stands."""
    if rollout.ended_at is not None or rollout.state is RolloutState.DRAFT:
        return Verdicts()
    if rules.is_unseen(rollout):
        return Verdicts(shadow=judge_shadow(rollout))
    if rules.is_interleaved(rollout):
        return Verdicts(guards=judge_guards(rollout), interleaving=judge_interleaving(rollout, now=now))
    return Verdicts(
        guards=judge_guards(rollout),
        business=judge_business(rollout, now=now),
        confounders=confounders(rollout, now=now),
    )
