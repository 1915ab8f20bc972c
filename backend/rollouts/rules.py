"""Pure decisions of rollouts."""

from backend.rollouts.values import Decision, Quality, Verdict


def judge(candidate: Quality | None, current: Quality | None) -> Verdict:
    """
    Decide whether a candidate goes live.

    The first version of a shop always does: before it there is no model at
    all. A later one does unless it is worse than the current one beyond noise,
    that is, unless its whole interval lies below the current one's. A model
    trained on newer orders is worth having at equal quality.

    Each version was measured on the last weeks before its own training, so the
    comparison is between neighbouring weeks rather than on identical ones.
    """
    if current is None:
        return Verdict(Decision.RELEASE, "No measured version was live before.")
    if candidate is None:
        return Verdict(Decision.REJECT, "The new version could not be measured; the current one could.")
    told = f"NDCG@10 {_told(candidate)} against {_told(current)} of the current version"
    if candidate.high < current.low:
        return Verdict(Decision.REJECT, f"Worse beyond noise: {told}.")
    if candidate.low > current.high:
        return Verdict(Decision.RELEASE, f"Better beyond noise: {told}.")
    return Verdict(Decision.RELEASE, f"Not worse beyond noise, and trained on newer orders: {told}.")


def _told(quality: Quality) -> str:
    return f"{quality.ndcg:.3f} ({quality.low:.3f} to {quality.high:.3f})"
