"""What else changes in a shop while a rollout is on."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ChangeKind(StrEnum):
    """What changed, for visitors of both arms alike."""

    THEME = "THEME"  # another theme was published
    SALE = "SALE"  # many prices fell within a day
    SHOPIFY_ROLLOUT = "SHOPIFY_ROLLOUT"  # one of Shopify's own rollouts and experiments is on
    CURRENCY = "CURRENCY"  # the shop's currency is another than when the rollout was first measured
    SETTINGS = "SETTINGS"  # the holdout or a setting of ours


@dataclass(frozen=True, slots=True)
class Change:
    """
    One change, as it stands on a rollout's timeline.

    :param ended_at: None while it lasts
    :param is_confounding: what was measured says nothing now of what comes, so that a promotion waits
    :param until: the latest end of that; None where nobody knows
    """

    kind: ChangeKind
    began_at: datetime
    ended_at: datetime | None
    words: str
    is_confounding: bool = False
    until: datetime | None = None
