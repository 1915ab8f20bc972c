"""Text that PostgreSQL can hold, and figures as people write them."""

import math


def storable(text: str) -> str:
    """
    Return a text without what PostgreSQL refuses: NUL, and halves of surrogate pairs.

    JSON may carry both, and one of them in a product's title would otherwise
    fail its delivery for ever.
    """
    if "\x00" in text:
        text = text.replace("\x00", "")
    # A lone half becomes a question mark; everything else passes through unchanged.
    return text.encode("utf-8", "replace").decode()


def signed_percent(value: float | None) -> str:
    """Return a change as people write it. Rounded down, so that no loss and no missed bar looks like less."""
    if value is None:
        return "unknown"
    # What floating point lost beyond the sixth digit is no part of the figure: 6.9999999 is 7.
    return f"{math.floor(round(value * 10, 6)) / 10:+.1f}%".replace("-", "−")
