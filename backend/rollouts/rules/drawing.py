"""Which arm of a rollout a visitor is in. The storefront's script draws by the same rule."""

from backend.core.bucketing import BUCKETS
from backend.rollouts.values import CANDIDATE, CHAMPION, CONTROL


def draw_arm(bucket: int, percent: int) -> str:
    """
    Return the arm of a visitor by their bucket under the rollout's salt.

    The candidate grows from the low end of the line and its control, as large, from the high end, so that
    widening moves nobody back. Above one half the control is what is left.

    :param percent: of the visitors whom the candidate answers
    """
    if bucket * 100 < percent * BUCKETS:
        return CANDIDATE
    if bucket * 100 >= (100 - percent) * BUCKETS:
        return CONTROL
    return CHAMPION


def is_compared(bucket: int, percent: int) -> bool:
    """Return whether a visitor belongs to the two arms of equal size that are compared."""
    share = min(percent, 100 - percent)
    return bucket * 100 < share * BUCKETS or bucket * 100 >= (100 - share) * BUCKETS


def rollout_salt(rollout: object) -> str:
    """Return the public salt under which a rollout's visitors are drawn, independent of every other draw."""
    return f"rollout:{rollout}"


def arm_weights(percent: int) -> dict[str, int]:
    """Return the share of each arm in percent, by its name, as ``draw_arm`` draws them: 100 in all."""
    control = min(percent, 100 - percent)
    return {CHAMPION: 100 - percent - control, CANDIDATE: percent, CONTROL: control}
