"""Who asks, and what: one question with all that its answer looks at."""

from dataclasses import dataclass
from datetime import datetime

import structlog

from backend.core import database
from backend.core.crypto import pseudonym_under
from backend.core.database import DATABASE_DOWN
from backend.core.errors import describe
from backend.features import queries as features
from backend.features.values import NO_PAST
from backend.rollouts import queries as rollouts
from backend.rollouts.values import LiveArms
from backend.serving import rules
from backend.serving.services.gathering import LiveWorld
from backend.serving.services.scoring import Chosen
from backend.serving.values import Ask, Query
from backend.shops import queries as shops
from backend.shops import services as shop_services

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Visitor:
    """
    Who asks, as far as we may know: pseudonyms.

    :param key: of the customer, or else of the browser; None of somebody unknown
    :param customer_key: where they are logged in
    """

    key: str | None
    customer_key: str | None


@dataclass(frozen=True, slots=True)
class Asked:
    """One question, with all that its answer looks at."""

    query: Query
    visitor: Visitor
    world: LiveWorld
    live: LiveArms
    chosen: Chosen | None
    explores: bool  # whether the merchant lets chance change an order a little, and nobody asked to see one

    @property
    def rollout(self) -> str:
        """The rollout that chose what is shown; empty where none did."""
        is_chosen = self.chosen is not None and not self.query.is_held_out
        return str(self.chosen.rollout_id or "") if self.chosen and is_chosen else ""


def find_visitor(shop_id: int, ask: Ask) -> Visitor:
    """Return who asks."""
    customer = _customer(shop_id, ask.customer_id) if ask.customer_id else None
    browser = _pseudonym(shop_id, ask.visitor) if ask.visitor else None
    return Visitor(customer or browser, customer)


def _customer(shop_id: int, customer_id: int) -> str | None:
    try:
        with database.FRESHNESS:
            return shop_services.find_visitor_pseudonym(shop_id, customer_id)
    except DATABASE_DOWN as error:
        # Whether they were redacted can't be known now, so nothing is made for them.
        log.warning("customer_unknown", error=describe(error))
        return None


def is_held_out(shop_id: int, browser_id: str | None) -> bool:
    """Return whether a browser sees what is popular. Its page drew by the same function before it asked."""
    policy = rollouts.holdout(shop_id)
    return bool(policy.percent and browser_id) and rules.is_held_out(policy, browser_id or "")


def _pseudonym(shop_id: int, visitor: str) -> str:
    """Return a browser's own id as a pseudonym of this shop, which no other shop's equals."""
    # The prefix keeps browsers and customers apart should their ids ever look alike.
    return pseudonym_under(shops.pseudonym_key(shop_id), f"visitor:{visitor}")


def query_of(shop_id: int, ask: Ask, visitor: Visitor, *, now: datetime, is_held_out: bool) -> Query:
    """Return what is asked, with the past of who asks."""
    return Query(
        surface=ask.surface,
        limit=ask.limit,
        now=now,
        context_product_id=ask.context_product_id,
        past=features.recent_past(shop_id, visitor.key) if visitor.key else NO_PAST,
        recent=ask.recent,
        cart=ask.cart,
        exclude=ask.exclude,
        is_held_out=is_held_out,
    )
