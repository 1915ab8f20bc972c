"""
Which decisions an order belongs to, and what they earned of it.

Joins and credits are ledgers: PostgreSQL refuses to change them, see migration 0005.
"""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from backend.attribution.values import Kind, Outcome, Reason, Via
from backend.core.tenancy import ShopScoped


class OrderAttribution(ShopScoped):
    """That an order was looked at, and whether it could be joined to what its shopper saw."""

    order_id = models.BigIntegerField()
    placed_at = models.DateTimeField()
    attributed_at = models.DateTimeField()
    # What was bought, so that coverage can ask which of it was recommended; nothing of a test order.
    product_ids = ArrayField(models.BigIntegerField(), default=list, db_default=[])
    # Empty for orders that were looked at before this was kept.
    outcome = models.CharField(max_length=14, blank=True, db_default="")
    # Events of its shopper may still come; null once none can.
    look_again_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop", "order_id"], name="attribution_order_unique"),
            models.CheckConstraint(name="attribution_order_outcome", condition=Q(outcome__in=["", *Outcome])),
        ]
        indexes: ClassVar = [
            models.Index(fields=["shop", "placed_at"], name="attribution_order_placed"),
            models.Index(
                fields=["look_again_at"],
                name="attribution_order_again",
                condition=Q(look_again_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"order {self.order_id}"


class OfferedProduct(ShopScoped):
    """When a product was recommended to anybody."""

    product_id = models.BigIntegerField()
    # In a list that was written ahead. The ledger doesn't say when a page ceased to show it, so it stands.
    listed_at = models.DateTimeField(null=True)
    # In answers to visitors: the first and the last of them.
    answered_first_at = models.DateTimeField(null=True)
    answered_last_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop", "product_id"], name="attribution_offered_unique"),
        ]

    def __str__(self) -> str:
        return f"product {self.product_id}"


class OfferScan(ShopScoped):
    """Up to when a shop's decisions were read for the table above."""

    until = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop"], name="attribution_scan_one_a_shop"),
        ]

    def __str__(self) -> str:
        return f"offers of shop {self.shop_id}"


class Join(ShopScoped):
    """
    That an order and a decision belong together: a shopper did something with it before they ordered.

    It outlives what it was found by: an event, a token or an attribute that is gone takes no join along.
    """

    order_id = models.BigIntegerField()
    # Not a foreign key: the ledger of decisions stands alone.
    decision_id = models.UUIDField()
    product_id = models.BigIntegerField()
    via = models.CharField(max_length=9)
    kind = models.CharField(max_length=12)
    # When the card was clicked or seen. Null where older versions of the block did not tell.
    acted_at = models.DateTimeField(null=True)
    position = models.SmallIntegerField()
    shown_at = models.DateTimeField()
    joined_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["shop", "order_id", "decision_id", "product_id", "via", "kind", "acted_at"],
                name="attribution_join_unique",
                nulls_distinct=False,
            ),
            models.CheckConstraint(name="attribution_join_via", condition=Q(via__in=list(Via))),
            models.CheckConstraint(name="attribution_join_kind", condition=Q(kind__in=list(Kind))),
        ]
        indexes: ClassVar = [models.Index(fields=["shop", "decision_id"], name="attribution_join_decision")]

    def __str__(self) -> str:
        return f"order {self.order_id}, decision {self.decision_id}"


class Credit(ShopScoped):
    """
    What a decision earned of one order line, or what of that was taken back.

    Quantity and amount are signed; what a line is credited with is the sum of its rows.
    """

    order_id = models.BigIntegerField()
    line_id = models.BigIntegerField()
    product_id = models.BigIntegerField()
    # Not a foreign key: the ledger of decisions stands alone.
    decision_id = models.UUIDField()
    kind = models.CharField(max_length=12)
    position = models.SmallIntegerField()
    quantity = models.IntegerField()
    amount = models.DecimalField(max_digits=18, decimal_places=4)
    currency = models.CharField(max_length=3)
    reason = models.CharField(max_length=9, db_default=Reason.BOUGHT)
    # The thing that made this row necessary and its id, such as "order 900" or "refund 300".
    caused_by = models.TextField(blank=True, db_default="")
    # As in the join that it rests on.
    acted_at = models.DateTimeField(null=True)
    shown_at = models.DateTimeField()
    placed_at = models.DateTimeField()
    # Null for what was credited before rows were kept for ever.
    recorded_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="attribution_credit_kind", condition=Q(kind__in=list(Kind))),
            models.CheckConstraint(name="attribution_credit_reason", condition=Q(reason__in=list(Reason))),
        ]
        indexes: ClassVar = [
            models.Index(fields=["shop", "order_id", "line_id"], name="attribution_credit_order"),
            models.Index(fields=["shop", "decision_id"], name="attribution_credit_decision"),
            # Results of a time.
            models.Index(fields=["shop", "placed_at"], name="attribution_credit_shop"),
            # The dashboard counts those of today.
            models.Index(fields=["placed_at"], name="attribution_credit_placed"),
        ]

    def __str__(self) -> str:
        return f"order {self.order_id} line {self.line_id}"
