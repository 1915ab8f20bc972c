"""Single fields, as both of Shopify's forms hold them."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from backend.catalog.values import ProductStatus
from backend.core.text import storable

_STATUSES: Final = frozenset(status.value for status in ProductStatus)


def text(value: Any) -> str:
    return storable(str(value)) if value is not None else ""


def status(value: Any) -> str:
    text = str(value or "ACTIVE").upper()
    # A status that Shopify invents later is not one to recommend from.
    return text if text in _STATUSES else ProductStatus.DRAFT.value


def moment(value: Any) -> datetime | None:
    return required_moment(value) if value else None


def required_moment(value: Any) -> datetime:
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError(f"{value!r} has no time zone.")
    # The ends of time exist in some zones only; this is where they are refused, not when they are read back.
    return moment.astimezone(UTC)


def number(value: Any) -> int | None:
    return None if value is None else int(value)


def money(value: Any) -> Decimal:
    amount = Decimal(str(value))
    if not amount.is_finite():
        raise ValueError(f"{value!r} is no amount of money.")
    return amount
