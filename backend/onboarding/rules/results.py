"""What recommendations earned, in a merchant's words."""

from collections.abc import Mapping
from typing import Final

from backend.attribution.values import Outcome
from backend.rollouts.values import MIN_BUYERS, MIN_VISITORS, Unproven

# The spans that the page offers, in days with today.
PERIODS: Final = (7, 30, 90)
DEFAULT_PERIOD: Final = 30

TOP_PRODUCTS: Final = 5

# Why an order with a recommended product could not be joined to what its shopper saw.
NOT_JOINED: Final[Mapping[Outcome, str]] = {
    Outcome.BEFORE_INSTALL: "Placed before Tailorbird was installed.",
    Outcome.OTHER_CHANNEL: "Placed elsewhere: at a till, as a draft or by another program.",
    Outcome.NO_PIXEL: "Nothing came from any shopper of your storefront that day.",
    Outcome.NO_SCRIPT: "The recommendations did not run in the shopper's browser.",
    Outcome.BLOCKED: "The shopper's browser blocked the measuring.",
    Outcome.NO_CONSENT: "The shopper did not agree to be measured, or blocked everything.",
}

# Why the two groups of a holdout can't be compared yet.
UNPROVEN: Final[Mapping[Unproven, str]] = {
    Unproven.FEW_VISITORS: (
        f"There are too few visitors to compare: each group needs {MIN_VISITORS:,}. It only takes time."
    ),
    Unproven.FEW_BUYERS: (
        f"Too few visitors have bought yet: each group needs {MIN_BUYERS:,} buyers. It only takes time."
    ),
    Unproven.WRONG_SHARES: (
        "The two groups are not of the sizes that were drawn, so one is counted worse than the other, "
        "and a comparison would mislead."
    ),
}
