"""Text that PostgreSQL can hold."""


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
