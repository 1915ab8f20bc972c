"""Writes of onboarding: the theme's word, settings that two apps below keep, and looks at the storefront."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote
from uuid import UUID

from django.db import transaction

from backend.catalog import queries as catalog
from backend.core.errors import Refused
from backend.monitoring import services as monitoring
from backend.monitoring.values import TriggerPolicy
from backend.onboarding.models import ThemeReport
from backend.onboarding.queries.preview import NoSuchProduct
from backend.onboarding.values import BlockStatus, Placement
from backend.rollouts import services as rollouts
from backend.rollouts.queries import get_rollout
from backend.rollouts.values import LIVE_STATES, ReleasePolicy
from backend.serving.services import LOOK_VALID, give_override_url


def report_theme_blocks(shop_id: int, statuses: Mapping[Placement, BlockStatus], *, now: datetime) -> None:
    """Remember what App Bridge says of our theme blocks; of one it doesn't name its former word stands."""
    ThemeReport.objects.for_shop(shop_id).bulk_create(
        [
            ThemeReport(placement=placement, status=status, reported_at=now)
            for placement, status in statuses.items()
        ],
        update_conflicts=True,
        unique_fields=["shop", "placement"],
        update_fields=["status", "reported_at"],
    )


@transaction.atomic
def set_model_settings(
    shop_id: int, release: ReleasePolicy, watching: TriggerPolicy, *, now: datetime, actor: str
) -> None:
    """Change what a shop asks of a new version and how it wants to be watched, both or neither."""
    rollouts.set_release_policy(shop_id, release, now=now, actor=actor)
    monitoring.set_trigger_policy(shop_id, watching, now=now, actor=actor)


class NothingToShow(Refused):
    """The rollout has not begun, or is over: there are no two arms."""

    code = "nothing_to_show"
    status = 409


@dataclass(frozen=True, slots=True)
class PreviewLink:
    """An address that shows one arm to whoever has it, until a moment."""

    url: str
    until: datetime


def preview_link(
    shop_id: int, rollout_id: UUID, *, arm: str, product_id: int | None, now: datetime, actor: str
) -> PreviewLink:
    """
    Return the address of a page of the storefront under one arm. That it was asked for is on record.

    :param product_id: on whose page; None on the home page
    :raises UnknownRollout: if the shop has no such rollout
    :raises NothingToShow: if it shows no arm
    :raises NoSuchProduct: if the shop has no such product
    """
    rollout = get_rollout(shop_id, rollout_id)
    if rollout.state not in LIVE_STATES:
        raise NothingToShow("This rollout is not under way, so there is no other version to look at.")
    path = _path(shop_id, product_id)
    address = give_override_url(rollout, arm, now=now, actor=actor, path=path)
    return PreviewLink(address, now + LOOK_VALID)


def _path(shop_id: int, product_id: int | None) -> str:
    if product_id is None:
        return "/"
    found = catalog.products_for_serving(shop_id, [product_id])
    if not found:
        raise NoSuchProduct("This product is not in your shop.", field="product")
    return f"/products/{quote(found[0].handle)}"
