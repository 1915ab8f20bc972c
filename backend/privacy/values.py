"""What crosses the border of the app ``privacy``."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

# The law gives a shop a month to answer; Shopify says 30 days.
ANSWER_WITHIN: Final = timedelta(days=30)
# How long a request, and with it the pseudonym that finds the customer's rows, is kept after that.
KEEP_AFTER_DUE: Final = timedelta(days=30)


@dataclass(frozen=True)
class DataRequestInfo:
    """A customer's request as the owner of the shop sees it: Shopify tells them who asked, by its number."""

    id: UUID
    shopify_id: int | None
    requested_at: datetime
    due_at: datetime
    downloaded_at: datetime | None
    orders: int
    decisions: int
