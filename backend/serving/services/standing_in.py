"""The list made ahead in place of an answer."""

from typing import Final

from backend.audit.values import ShownItem
from backend.core import database
from backend.serving import queries, rules
from backend.serving.services.asking import is_held_out
from backend.serving.values import Answer, Ask, Card, MadeAhead
from backend.shops import queries as shops
from backend.shops.values import ShopState

# What such an answer calls its fallback.
STAND_IN: Final = "stand_in"


def find_stand_in(ask: Ask) -> Answer | None:
    """
    Return the page's list made ahead, where no answer could be made or recorded; None where it has none.

    Its own decision is on record since it was made, so nothing is written. What must not be shown is
    left out, and nothing else fills its place.
    """
    shop = shops.find_shop_by_domain(ask.shop_domain)
    if shop is None or shop.state is not ShopState.INSTALLED or is_held_out(shop.id, ask.visitor):
        return None
    with database.FRESHNESS:
        ahead = queries.made_ahead(shop.id, ask.context_product_id)
        shown = _still_shown(shop.id, ahead, ask)
    if not shown or ahead.decision_id is None:
        return None
    items = tuple(
        (ShownItem(card.product_id, None, rules.WHY_MADE_AHEAD, place), card)
        for place, card in enumerate(shown, start=1)
    )
    number = ahead.version_number
    return Answer(ahead.decision_id, ask.surface, items, number, fallback=STAND_IN, is_personal=False)


def _still_shown(shop_id: int, ahead: MadeAhead, ask: Ask) -> list[Card]:
    """Return the products of a list made ahead that may be shown to who asks, as many as they ask for."""
    available = queries.shelf(shop_id).available
    hidden = {*ask.cart, *ask.exclude, ask.context_product_id}
    left = [one for one in ahead.product_ids if one in available and one not in hidden]
    cards = queries.cards(shop_id, left)
    return [cards[one] for one in left if one in cards][: ask.limit]
