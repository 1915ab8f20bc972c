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
from functools import cached_property
from typing import Any, Final

import structlog
from django.db import transaction

from backend.audit import services as audit
from backend.audit.values import DecisionRecord
from backend.core.errors import LostRace, Unavailable
from backend.core.tenancy import ScopedQuerySet
from backend.publishing.models import Publication
from backend.publishing.services import claims
from backend.publishing.values import HOME, POPULAR, Claim
from backend.rollouts.values import HoldoutPolicy
from backend.serving.services import GeneralLists
from backend.shopify.gateway import AdminClient, refuse_user_errors
from backend.shopify.values import gid, number_of
from backend.shops import services as shops

log = structlog.get_logger(__name__)

# Shopify takes 25 metafields in one call; each list needs two, and the one for the holdout a third.
METAFIELDS_PER_LIST: Final = 2
LISTS_PER_CALL: Final = 25 // METAFIELDS_PER_LIST


class WriteFailed(Unavailable):
    """Shopify could not write some metafields, and says that it was its own fault."""

    code = "shopify_unavailable"


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
    """Brings pages of one shop to the lists of one version."""

    def __init__(
        self, held: Claim, lists: GeneralLists, holdout: HoldoutPolicy, *, clock: Callable[[], datetime]
    ) -> None:
        self.held = held
        self.lists = lists
        self.holdout = holdout
        self.clock = clock
        # Products that our catalogue has and Shopify has not: it takes no list that names one.
        self._gone: set[int] = set()

    def bring(self, product_ids: Sequence[int]) -> int:
        """
        Write those of some pages' lists that differ from what the pages hold.

        :returns: how many were written
        :raises UserErrors: if Shopify declines a list and nothing is wrong with its products
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
        self._forget_gone(changed, refused)
        changed = self._changed([one for one in product_ids if one not in self._gone])
        refused = self._write(changed) if changed else []
        if refused:
            refuse_user_errors({"userErrors": refused}, what="recommendations")
        return len(changed)

    def _changed(self, product_ids: Sequence[int]) -> list[_List]:
        lists = [self._list(one) for one in product_ids]
        rows = self._rows(product_ids)
        confirmed = rows.filter(is_confirmed=True).values_list("product_id", "items", "policy")
        there = {product_id: (items, policy) for product_id, items, policy in confirmed}
        # A shop with nothing to sell keeps its lists: Liquid leaves out what can't be bought.
        rows.filter(product_id__in=[one.product_id for one in lists if not one.items]).delete()
        return [one for one in lists if one.items and (one.items, one.policy) != there.get(one.product_id)]

    def _list(self, product_id: int) -> _List:
        if product_id == POPULAR:
            policy = json.dumps({"percent": self.holdout.percent, "salt": self.holdout.salt})
            return _List(product_id, self.lists.decide_held_out(without=self._gone), policy)
        decision = self.lists.decide(None if product_id == HOME else product_id, without=self._gone)
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
                claims.doubt(self.held.shop_id)
            raise

    def _rows(self, product_ids: Collection[int]) -> ScopedQuerySet[Publication]:
        return Publication.objects.for_shop(self.held.shop_id).filter(product_id__in=product_ids)

    def _note(self, lists: Sequence[_List]) -> None:
        rows = [
            Publication(
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
        Publication.objects.for_shop(self.held.shop_id).bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["shop", "product_id"],
            update_fields=[
                "items",
                "policy",
                "decision_id",
                "version_number",
                "published_at",
                "is_confirmed",
            ],
        )

    def _send(self, lists: Sequence[_List]) -> list[dict[str, Any]]:
        """Send lists in one call; return why Shopify took none of them, or nothing if it took all."""
        metafields = [metafield for one in lists for metafield in _metafields(one, self._installation)]
        # Behind the others, so that an error's place still tells its list.
        metafields += [_policy(one, self._installation) for one in lists if one.policy]
        result = self._client.execute("metafields_set", {"metafields": metafields})["metafieldsSet"]
        refused: list[dict[str, Any]] = result["userErrors"]
        if any(error["code"] == "INTERNAL_ERROR" for error in refused):
            raise WriteFailed(f"Shopify could not write lists: {refused[0]['message']}")
        return refused

    def _forget_gone(self, lists: Sequence[_List], refused: Sequence[dict[str, Any]]) -> None:
        """Ask which products of the refused lists Shopify does not have. :raises UserErrors: if it has all"""
        named = {error["elementIndex"] for error in refused if error["elementIndex"] is not None}
        places = {place // METAFIELDS_PER_LIST for place in named}
        suspects = [one for place, one in enumerate(lists) if place in places]
        products = {one.product_id for one in suspects} | {item for one in suspects for item in one.items}
        gone = self._missing(products - {HOME, POPULAR})
        if not gone:
            refuse_user_errors({"userErrors": refused}, what="recommendations")
        log.warning("products_gone", products=sorted(gone))
        self._gone |= gone
        # A page that is gone holds nothing.
        self._rows(gone).delete()

    def _missing(self, product_ids: set[int]) -> set[int]:
        ids = [gid("Product", one) for one in sorted(product_ids)]
        nodes = self._client.execute("nodes", {"ids": ids})["nodes"]
        return product_ids - {number_of(node["id"]) for node in nodes if node}

    @cached_property
    def _client(self) -> AdminClient:
        return shops.admin_client(self.held.shop_id, now=self.clock())

    @cached_property
    def _installation(self) -> str:
        # Asked for once there is something to write: a comparison that finds nothing asks Shopify nothing.
        found: str = self._client.execute("installation")["currentAppInstallation"]["id"]
        return found


# Where the lists lie that belong to no product: in the app's own installation.
_NAMESPACES: Final = {HOME: "home", POPULAR: "holdout"}


def _metafields(one: _List, installation: str) -> list[dict[str, Any]]:
    is_of_shop = one.product_id in _NAMESPACES
    owner = installation if is_of_shop else gid("Product", one.product_id)
    namespace = _NAMESPACES.get(one.product_id, "$app")
    products = json.dumps([gid("Product", product_id) for product_id in one.items])
    return [
        {
            "ownerId": owner,
            "namespace": namespace,
            "key": "products" if is_of_shop else "recs",
            "type": "list.product_reference",
            "value": products,
        },
        {
            "ownerId": owner,
            "namespace": namespace,
            "key": "decision",
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
