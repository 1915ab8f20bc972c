"""
Write some pages' lists into the shop's own metafields, if they differ from what the pages hold.

The theme block renders them without a script and while our servers are down.
Shopify announces each write as a change of its product, so nothing is written
that is there already.
"""

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog
from django.db import transaction

from backend.audit import services as audit
from backend.audit.values import DecisionRecord
from backend.catalog import queries as catalog
from backend.core.errors import Corrupt, LostRace
from backend.core.tenancy import ScopedQuerySet
from backend.publishing import rules
from backend.publishing.models import Publication
from backend.publishing.services import claims
from backend.publishing.services.sending import Sender
from backend.publishing.values import HOME, POPULAR, Claim, Slot
from backend.serving import queries as serving
from backend.serving.services import GeneralLists
from backend.shopify.gateway import refuse_user_errors
from backend.shopify.values import gid

log = structlog.get_logger(__name__)

# Shopify takes 25 metafields in one call; each list needs two, and the one for the holdout a third.
METAFIELDS_PER_LIST: Final = 2
LISTS_PER_CALL: Final = 25 // METAFIELDS_PER_LIST
# A product has a list in each slot.
CLEARED_PER_CALL: Final = LISTS_PER_CALL // len(Slot)


class UnsoundList(Corrupt):
    """A list holds what no list may hold, and would go on doing so on pages that nobody can call back."""


@dataclass(frozen=True, slots=True)
class _List:
    """
    What one page shall show.

    :param product_id: HOME for the home page, POPULAR for what held-out visitors see
    :param policy: who sees it, as JSON; empty for everybody
    """

    product_id: int
    decision: DecisionRecord
    policy: str = ""

    @property
    def items(self) -> list[int]:
        return [item.product_id for item in self.decision.items]


class Writer:
    """Brings pages of one shop to the lists of one version, in one of their slots."""

    def __init__(
        self,
        held: Claim,
        slot: Slot,
        lists: GeneralLists,
        sender: Sender,
        *,
        policy: str = "",
        clock: Callable[[], datetime],
    ) -> None:
        """
        Write lists for whoever holds a shop's claim.

        :param policy: who is held out, for the list that those see
        """
        self.held = held
        self.slot = slot
        self.lists = lists
        self.sender = sender
        self.policy = policy
        self.clock = clock
        # Products that our catalogue has and Shopify has not: it takes no list that names one. And what
        # sold out since the copy of what is in stock was made.
        self._unfit: set[int] = set()

    def bring(self, product_ids: Sequence[int]) -> int:
        """
        Write those of some pages' lists that differ from what the pages hold.

        :returns: how many were written
        :raises UserErrors: if Shopify declines a list and nothing is wrong with its products
        :raises UnsoundList: if a list is not fit to stand on a page
        :raises LostRace: if another worker has the shop's lists by now
        """
        changed = self._changed(product_ids)
        if not changed:
            return 0
        refused = self._write(changed)
        if not refused:
            return len(changed)
        # The call is all or nothing. A product that was deleted meanwhile, as the page's own or within
        # a list, would hold back its neighbours: the lists are made again without it.
        gone = self._forget_gone(changed, refused)
        changed = self._changed([one for one in product_ids if one not in gone])
        refused = self._write(changed) if changed else []
        if refused:
            refuse_user_errors({"userErrors": refused}, what="recommendations")
        return len(changed)

    def _changed(self, product_ids: Sequence[int]) -> list[_List]:
        lists = self._sound([self._list(one) for one in product_ids])
        rows = self._rows(product_ids)
        confirmed = rows.filter(is_confirmed=True).values_list("product_id", "items", "policy")
        there = {product_id: (items, policy) for product_id, items, policy in confirmed}
        # A shop with nothing to sell keeps its lists: Liquid leaves out what can't be bought.
        rows.filter(product_id__in=[one.product_id for one in lists if not one.items]).delete()
        return [one for one in lists if one.items and (one.items, one.policy) != there.get(one.product_id)]

    def _sound(self, lists: list[_List]) -> list[_List]:
        """
        Return lists of what the shop sells now, each product once and none on its own page.

        A page may stay in a cache for hours: what is wrong with its list can't be undone there.
        """
        for one in lists:
            if not rules.is_sound(one.items, page=one.product_id):
                raise UnsoundList(f"The list of the page {one.product_id} holds its product, or one twice.")
        sold_out = self._sold_out(lists)
        if not sold_out:
            return lists
        # The lists are made of a copy that is some seconds old.
        shop_id = self.held.shop_id
        self._unfit |= serving.shelf(shop_id).available - set(catalog.available_product_ids(shop_id))
        made_again = [self._list(one.product_id) if sold_out & set(one.items) else one for one in lists]
        if still := self._sold_out(made_again):
            raise UnsoundList(f"Lists hold the products {sorted(still)}, which the shop does not sell.")
        return made_again

    def _sold_out(self, lists: list[_List]) -> set[int]:
        items = {item for one in lists for item in one.items}
        return items - catalog.available_among(self.held.shop_id, items)

    def _list(self, product_id: int) -> _List:
        if product_id == POPULAR:
            decision = self.lists.decide_held_out(without=self._unfit)
            return _List(product_id, decision, self.policy)
        decision = self.lists.decide(None if product_id == HOME else product_id, without=self._unfit)
        return _List(product_id, decision)

    def _write(self, changed: Sequence[_List]) -> list[dict[str, Any]]:
        """Record, write and confirm, in that order: nothing is shown that was not recorded."""
        self._announce(changed)
        refused = self._send(changed)
        if not refused:
            self._confirm(changed)
        return refused

    @transaction.atomic
    def _announce(self, changed: Sequence[_List]) -> None:
        claims.hear(self.held, now=self.clock())
        audit.record_decisions([one.decision for one in changed], shop_id=self.held.shop_id)
        self._note(changed)

    def _confirm(self, changed: Sequence[_List]) -> None:
        rows = self._rows([one.product_id for one in changed])
        try:
            with transaction.atomic():
                claims.hear(self.held, now=self.clock())
                rows.update(is_confirmed=True)
        except LostRace:
            # We were silent for too long, and then wrote all the same: whoever came after us may have
            # written these pages before or after we did.
            with transaction.atomic():
                rows.update(is_confirmed=False)
                claims.doubt(self.held.shop_id, self.slot)
            raise

    def _rows(self, product_ids: Collection[int]) -> ScopedQuerySet[Publication]:
        rows = Publication.objects.for_shop(self.held.shop_id)
        return rows.filter(slot=self.slot, product_id__in=product_ids)

    def _note(self, lists: Sequence[_List]) -> None:
        rows = [
            Publication(
                slot=self.slot,
                product_id=one.product_id,
                items=one.items,
                policy=one.policy,
                decision_id=one.decision.id,
                version_number=self.lists.arm.version_number,
                published_at=self.clock(),
                is_confirmed=False,
            )
            for one in lists
        ]
        changing = ["items", "policy", "decision_id", "version_number", "published_at", "is_confirmed"]
        Publication.objects.for_shop(self.held.shop_id).bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["shop", "slot", "product_id"],
            update_fields=changing,
        )

    def _send(self, lists: Sequence[_List]) -> list[dict[str, Any]]:
        """Send lists in one call; return why Shopify took none of them, or nothing if it took all."""
        owner = self.sender.installation
        metafields = [metafield for one in lists for metafield in _metafields(one, self.slot, owner)]
        # Behind the others, so that an error's place still tells its list.
        metafields += [_policy(one, owner) for one in lists if one.policy]
        return self.sender.send(metafields)

    def _forget_gone(self, lists: Sequence[_List], refused: Sequence[dict[str, Any]]) -> set[int]:
        """
        Return which products of the refused lists Shopify does not have.

        :raises UserErrors: if it has all
        """
        named = {error["elementIndex"] for error in refused if error["elementIndex"] is not None}
        places = {place // METAFIELDS_PER_LIST for place in named}
        suspects = [one for place, one in enumerate(lists) if place in places]
        products = {one.product_id for one in suspects} | {item for one in suspects for item in one.items}
        gone = self.sender.missing(products - {HOME, POPULAR})
        if not gone:
            refuse_user_errors({"userErrors": refused}, what="recommendations")
        log.warning("products_gone", products=sorted(gone))
        self._unfit |= gone
        # A page that is gone holds nothing.
        self._rows(gone).delete()
        return gone


def clear(held: Claim, product_ids: Sequence[int], sender: Sender, *, clock: Callable[[], datetime]) -> None:
    """Take the lists of both slots away from some products, ``CLEARED_PER_CALL`` at most."""
    rows = Publication.objects.for_shop(held.shop_id).filter(product_id__in=product_ids)
    with transaction.atomic():
        claims.hear(held, now=clock())
        rows.update(is_confirmed=False)
    # With a product that is deleted its metafields are gone, and Shopify declines to delete them.
    there = set(product_ids) - sender.missing(product_ids)
    if there:
        sender.remove([one for product_id in sorted(there) for one in _identifiers(product_id)])
    rows.delete()


def _identifiers(product_id: int) -> list[dict[str, str]]:
    return [
        {"ownerId": gid("Product", product_id), "namespace": "$app", "key": key + ending}
        for ending in _ENDINGS.values()
        for key in ("recs", "decision")
    ]


# Where the lists lie that belong to no product: in the app's own installation.
_NAMESPACES: Final = {HOME: "home", POPULAR: "holdout"}

# What the keys of a slot's metafields end with. Of the list for held-out visitors there is one.
_ENDINGS: Final = {Slot.A: "", Slot.B: "_b"}


def _metafields(one: _List, slot: Slot, installation: str) -> list[dict[str, Any]]:
    is_of_shop = one.product_id in _NAMESPACES
    owner = installation if is_of_shop else gid("Product", one.product_id)
    namespace = _NAMESPACES.get(one.product_id, "$app")
    products = json.dumps([gid("Product", product_id) for product_id in one.items])
    return [
        {
            "ownerId": owner,
            "namespace": namespace,
            "key": ("products" if is_of_shop else "recs") + _ENDINGS[slot],
            "type": "list.product_reference",
            "value": products,
        },
        {
            "ownerId": owner,
            "namespace": namespace,
            "key": "decision" + _ENDINGS[slot],
            "type": "single_line_text_field",
            "value": str(one.decision.id),
        },
    ]


def _policy(one: _List, installation: str) -> dict[str, Any]:
    namespace = _NAMESPACES[one.product_id]
    return {
        "ownerId": installation,
        "namespace": namespace,
        "key": "policy",
        "type": "json",
        "value": one.policy,
    }
