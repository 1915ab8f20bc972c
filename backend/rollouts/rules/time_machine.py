"""What a look back at the last weeks tells a merchant."""

from collections.abc import Mapping
from typing import Any


def look_back_words(found: Mapping[str, Any]) -> str:
    """Return what was found as a plain sentence, with what it can't tell."""
    if found["reason"]:
        return f"Nothing can be told: {found['reason']}"
    low, high = found["low"] * 100, found["high"] * 100
    ends = f"between {low:+.1f} % and {high:+.1f} %"
    verdict = (
        "would have found more of what customers bought"
        if low > 0
        else "would have found less of what customers bought"
        if high < 0
        else "would have done about as well"
    )
    return (
        f"Over the last 30 days a model made like the new one {verdict}: {ends}, over {found['customers']:,} "
        f"customers. They bought among what they were shown, so this speaks for what was live."
    )
