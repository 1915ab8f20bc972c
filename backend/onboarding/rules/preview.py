"""Why a page would show what it shows, in a merchant's words."""

from collections.abc import Mapping
from typing import Final

# As many as a block shows unless its theme says otherwise.
PREVIEWED: Final = 8

MOST_FOUND: Final = 10

# By the reason that a decision keeps.
FALLBACKS: Final[Mapping[str, str]] = {
    "no_model": "No version is live yet, so popular and new products are shown.",
    "artifact_refused": "The files of the live version can't be read, so other lists are shown.",
    "not_finite": "The version's scores are no numbers, so other lists are shown.",
    "new_product": "Nothing is known to go with this product yet, so its collection comes first.",
    "model_short": "The live version knows too few products that can be bought now, so others fill the rest.",
    "model_empty": "The live version knows no product that can be bought now, so others fill the list.",
}

NOTHING: Final = "Nothing can be recommended now: no other product is published, in stock and has a price."


def fallback_words(reason: str, *, items: int) -> str:
    """Return why not everything comes from the live version; empty where it does."""
    if not items:
        return NOTHING
    return FALLBACKS.get(reason, "Other sources fill places that the live version left.") if reason else ""
