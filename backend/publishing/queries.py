"""Reads of publishing."""

from uuid import UUID

from backend.features import queries as features
from backend.publishing.models import Comparison, Publication
from backend.publishing.values import HOME, NOTHING, Held, Progress


def held(shop_id: int) -> Held:
    """Return what a shop's pages hold."""
    row = Comparison.objects.for_shop(shop_id).first()
    return _held(row) if row else NOTHING


def progress(shop_id: int, version_id: UUID) -> Progress | None:
    """Return how far the writing of a version's lists has come, or None while nobody is at it."""
    row = Comparison.objects.for_shop(shop_id).filter(goal_id=version_id).first()
    if row is None:
        return None
    pages = [HOME, *features.listed_products(shop_id)]
    return Progress(sum(page <= row.cursor for page in pages), len(pages))


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
