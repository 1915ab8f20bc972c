"""
Single fields, as both of Shopify's forms hold them.

What a column cannot hold is dealt with here, where the value can be named: a
stock beyond all counting is bounded, a picture of no possible size has none,
and an id, a quantity sold or an amount of money that is out of range is a
``ValueError``, because any other value in its place would be made up.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from backend.catalog.values import ProductStatus
from backend.core.errors import Unreadable
from backend.core.text import storable

_STATUSES: Final = frozenset(status.value for status in ProductStatus)

LARGEST_INTEGER: Final = 2**31 - 1
LARGEST_ID: Final = 2**63 - 1
# Eighteen digits, four of them after the point.
LARGEST_AMOUNT: Final = Decimal("99999999999999.9999")
CURRENCY_LETTERS: Final = 3


def text(value: Any) -> str:
    return storable(str(value)) if value is not None else ""


def texts(value: Any) -> list[str]:
    """Read tags: a list, or a text with commas between."""
    parts = value if isinstance(value, list) else text(value).split(",")
    return [part for part in (text(each).strip() for each in parts) if part]


def status(value: Any) -> str:
    name = text(value).upper()
    # A status that Shopify invents later is not one to recommend from.
    return name if name in _STATUSES else ProductStatus.DRAFT.value


def policy(value: Any) -> str:
    """Read what happens when a variant is sold out: CONTINUE sells on, all else does not."""
    return text(value).upper()[:16]


def currency(value: Any) -> str:
    code = text(value)
    if len(code) > CURRENCY_LETTERS:
        raise Unreadable("A currency is not one of three letters.")
    return code


def moment(value: Any) -> datetime | None:
    return required_moment(value) if value else None


def required_moment(value: Any) -> datetime:
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise Unreadable("A moment has no time zone.")
    # The ends of time exist in some zones only; this is where they are refused, not when they are read back.
    return moment.astimezone(UTC)


def identifier(value: Any) -> int:
    number = int(value)
    if isinstance(value, float) or not 0 <= number <= LARGEST_ID:
        raise Unreadable(f"{str(number)[:40]} is no id.")
    return number


def optional_identifier(value: Any) -> int | None:
    return None if value is None else identifier(value)


def order_number(value: Any) -> int | None:
    """Read the number in an order's name. It helps to find the order and decides nothing."""
    is_one = isinstance(value, int) and 0 < value <= LARGEST_ID
    return value if is_one else None


def quantity(value: Any) -> int:
    """Read how many were sold."""
    number = int(value)
    if abs(number) > LARGEST_INTEGER:
        raise Unreadable(f"{str(number)[:40]} is no quantity.")
    return number


def returned(value: Any) -> int:
    """Read how many were taken back, never fewer than none: they are taken off what was sold."""
    number = quantity(value)
    if number < 0:
        raise Unreadable(f"{number} is no quantity to take back.")
    return number


def stock(value: Any) -> int | None:
    """Read how many are left; more than two thousand millions are as good as that."""
    return None if value is None else bounded(int(value))


def bounded(number: int) -> int:
    return max(-LARGEST_INTEGER, min(number, LARGEST_INTEGER))


def pixels(value: Any) -> int | None:
    """Read a picture's width or height; what no picture measures is not known."""
    number = None if value is None else int(value)
    return number if number is not None and 0 < number <= LARGEST_INTEGER else None


def money(value: Any) -> Decimal:
    amount = Decimal(str(value))
    if not amount.is_finite() or abs(amount) > LARGEST_AMOUNT:
        raise Unreadable(f"{str(amount)[:40]} is no amount of money.")
    return amount
