"""Reads of publishing."""

from backend.publishing.models import Comparison, Publication
from backend.publishing.values import NOTHING, Held


def held(shop_id: int) -> Held:
    """Return what a shop's pages hold."""
    row = Comparison.objects.for_shop(shop_id).first()
    return _held(row) if row else NOTHING


def has_lists(shop_id: int) -> bool:
    """Tell whether a shop's pages hold lists of ours, of whatever version."""
    return Publication.objects.for_shop(shop_id).filter(is_confirmed=True).exists()


def held_by_shop() -> dict[int, Held]:
    """Return what the pages of each shop hold that was ever written to."""
    rows = Comparison.objects.across_shops(reason="the sweep looks at every shop")
    return {row.shop_id: _held(row) for row in rows}


def _held(row: Comparison) -> Held:
    return Held(
        version_id=row.version_id,
        goal_id=row.goal_id,
        installed_at=row.installed_at,
        heard_at=row.heard_at,
        retry_at=row.retry_at,
        compared_at=row.compared_at,
        failure=row.failure,
    )
