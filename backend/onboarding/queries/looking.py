"""The address at which a merchant sees their own storefront as one arm of a rollout."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote
from uuid import UUID

from backend.catalog import queries as catalog
from backend.core.errors import Refused
from backend.onboarding.queries.preview import NoSuchProduct
from backend.rollouts import queries as rollouts
from backend.rollouts.values import LIVE_STATES
from backend.serving.services import LOOK_VALID, override_url
from backend.shops import queries as shops


class NothingToShow(Refused):
    """The rollout has not begun, or is over: there are no two arms."""

    code = "nothing_to_show"
    status = 409


@dataclass(frozen=True, slots=True)
class Look:
    """An address that shows one arm to whoever has it, until a moment."""

    url: str
    until: datetime


def look(shop_id: int, rollout_id: UUID, *, arm: str, product_id: int | None, now: datetime) -> Look:
    """
    Return the address of a page of the storefront under one arm.

    :param product_id: on whose page; None on the home page
    :raises UnknownRollout: if the shop has no such rollout
    :raises NothingToShow: if it shows no arm
    :raises NoSuchProduct: if the shop has no such product
    """
    rollout = rollouts.get_rollout(shop_id, rollout_id)
    if rollout.state not in LIVE_STATES:
        raise NothingToShow("This rollout is not under way, so there is no other version to look at.")
    domain = shops.get_shop(shop_id).domain
    path = _path(shop_id, product_id)
    address = override_url(domain, arm, rollout_id=rollout.id, now=now, path=path)
    return Look(address, now + LOOK_VALID)


def _path(shop_id: int, product_id: int | None) -> str:
    if product_id is None:
        return "/"
    found = catalog.products_for_serving(shop_id, [product_id])
    if not found:
        raise NoSuchProduct("This product is not in your shop.", field="product")
    return f"/products/{quote(found[0].handle)}"
