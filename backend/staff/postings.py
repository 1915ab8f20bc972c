"""Rows of credit as the pages of decisions and orders show them."""

from collections.abc import Mapping

from backend.attribution.values import PostingInfo
from backend.staff.tables import Cell, badge, in_words

POSTING_HEADS = ("Product", "Quantity", "Amount", "Because", "Written")


def posting(row: PostingInfo, titles: Mapping[int, str]) -> tuple[Cell, ...]:
    """Return one row: what was added, or taken back and why."""
    because = f"{in_words(row.reason)} ({row.caused_by})" if row.caused_by else in_words(row.reason)
    return (
        titles.get(row.product_id, f"product {row.product_id}"),
        f"{row.quantity:+d}",
        f"{row.amount:+.2f} {row.currency}",
        badge(because, "bad" if row.amount < 0 else "good"),
        f"{row.recorded_at:%d %b %Y, %H:%M:%S} UTC" if row.recorded_at else "–",
    )
