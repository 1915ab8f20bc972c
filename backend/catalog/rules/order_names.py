"""
What people call an order: "#1001", "1001", "EN1001-A".

A shop chooses what stands before and after the number; who asks for an order
may leave that out, or write it in another way.
"""

import re
from typing import Final

from .fields import LARGEST_ID

_DIGITS: Final = re.compile(r"[0-9]{1,19}")
# Nobody searches for more at once.
_MOST_NUMBERS: Final = 8


def called(text: str) -> list[str]:
    """Return the names in full that a text may stand for, in capitals as the index has them."""
    bare = text.strip().upper()
    return [bare, f"#{bare}"] if bare else []


def numbers_in(text: str) -> list[int]:
    """Return the numbers that a text holds, one of which may be the order's."""
    found = [int(digits) for digits in _DIGITS.findall(text)[:_MOST_NUMBERS]]
    return [number for number in found if number <= LARGEST_ID]


def is_called(name: str, text: str) -> bool:
    """Tell whether a name and a text mean the same, though one leaves out a prefix or a suffix."""
    first, second = (_letters(each) for each in (name, text))
    return bool(first and second) and (first in second or second in first)


def _letters(text: str) -> str:
    return "".join(letter for letter in text.upper() if letter.isalnum())
