"""One search for whatever support holds in its hands. Indexes answer it; nothing is scanned."""

import re
from collections.abc import Callable, Iterator
from typing import Final
from uuid import UUID

from backend.audit import queries as audit
from backend.catalog import queries as catalog
from backend.catalog.models import Order
from backend.registry.models import ModelVersion
from backend.shops.models import Shop
from backend.staff.values import Found, Hit

WHY: Final = "support is told a number, and not whose it is"
# More of one kind are no help to who searches.
MOST: Final = 50
# Of one visitor; whoever has more decisions is a machine, and some of them are enough.
MOST_DECISIONS: Final = 2_000
LONGEST: Final = 100

ID = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
PSEUDONYM = re.compile(r"[0-9a-f]{32}", re.IGNORECASE | re.ASCII)
# Shopify's ids have 13 or 14 digits today.
NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)
VERSION = re.compile(r"v(?:ersion)?\s*([0-9]{1,9})", re.IGNORECASE | re.ASCII)
DOMAIN = re.compile(r"[a-z0-9][a-z0-9-]*(\.myshopify\.com)?", re.IGNORECASE | re.ASCII)


def search(text: str) -> list[Hit]:
    """Return what is called so in any shop: each kind newest first."""
    term = text.strip()
    if not term or len(term) > LONGEST or not term.isprintable():
        return []
    shops = dict(Shop.objects.values_list("id", "domain"))
    hits = {(one.found, one.key): one for look_up in LOOK_UPS for one in look_up(term, shops)}
    return list(hits.values())


def _decisions(term: str, shops: dict[int, str]) -> Iterator[Hit]:
    """Yield the decision with an id."""
    if not ID.fullmatch(term):
        return
    for one in audit.decisions_across_shops([UUID(term)]):
        yield Hit(
            Found.DECISION, str(one.id), one.shop_id, shops.get(one.shop_id, ""), f"Decision {one.id}", one.at
        )


def _versions(term: str, shops: dict[int, str]) -> Iterator[Hit]:
    """Yield the versions with an id or a number."""
    rows = ModelVersion.objects.across_shops(reason=WHY)
    if ID.fullmatch(term):
        rows = rows.filter(uuid=UUID(term))
    elif named := VERSION.fullmatch(term):
        rows = rows.filter(shop_id__in=list(shops), number=int(named[1]))
    else:
        return
    for pk, shop, number, at in rows.order_by("-pk").values_list("pk", "shop_id", "number", "created_at")[
        :MOST
    ]:
        yield Hit(Found.VERSION, str(pk), shop, shops[shop], f"Version {number}", at)


def _of_visitor(term: str, shops: dict[int, str]) -> Iterator[Hit]:
    """Yield the newest decisions made for a pseudonym, and its newest orders."""
    if not PSEUDONYM.fullmatch(term):
        return
    key = term.lower()
    newest = sorted(audit.ids_for_visitor(key, limit=MOST_DECISIONS), reverse=True)[:MOST]
    decisions = audit.decisions_across_shops([id_ for id_, _ in newest])
    for one in sorted(decisions, key=lambda decision: decision.id, reverse=True):
        yield Hit(
            Found.DECISION, str(one.id), one.shop_id, shops.get(one.shop_id, ""), f"Decision {one.id}", one.at
        )
    # Naming every shop lets the index on (shop, customer) answer.
    rows = Order.objects.across_shops(reason=WHY).filter(shop_id__in=list(shops), customer_key=key)
    for row in rows.order_by("-processed_at")[:MOST]:
        yield _order(row, shops)


def _orders(term: str, shops: dict[int, str]) -> Iterator[Hit]:
    """Yield the orders that people or programs call so: "#1001", "1001", "EN1001-A", or the long id."""
    named = [(one.shop_id, one.order_id) for one in catalog.orders_by_name(term, shop_ids=list(shops))]
    number = term.removeprefix("#")
    order_id = int(number) if NUMBER.fullmatch(number) else None
    wanted = {one for _, one in named} | ({order_id} if order_id is not None else set())
    rows = Order.objects.across_shops(reason=WHY).filter(shop_id__in=list(shops), order_id__in=wanted)
    found = {(row.shop_id, row.order_id): row for row in rows} if wanted else {}
    with_id = [pair for pair in found if pair[1] == order_id]
    for pair in dict.fromkeys([*named, *with_id]):
        if pair in found:
            yield _order(found[pair], shops)


def _order(row: Order, shops: dict[int, str]) -> Hit:
    label = f"Order {row.name}" if row.name else f"Order {row.order_id}"
    return Hit(Found.ORDER, str(row.pk), row.shop_id, shops[row.shop_id], label, row.processed_at)


def _shops(term: str, shops: dict[int, str]) -> Iterator[Hit]:
    """Yield the shop with a domain."""
    if not DOMAIN.fullmatch(term):
        return
    domain = term.lower().removesuffix(".myshopify.com") + ".myshopify.com"
    for pk, name in shops.items():
        if name == domain:
            yield Hit(Found.SHOP, str(pk), pk, name, name, None)


LookUp = Callable[[str, dict[int, str]], Iterator[Hit]]
LOOK_UPS: Final[tuple[LookUp, ...]] = (_orders, _decisions, _versions, _of_visitor, _shops)
