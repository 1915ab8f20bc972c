"""Which decision earned which order line."""

from typing import ClassVar

from django.db import models

from backend.attribution.values import Kind
from backend.core.tenancy import ShopScoped


class OrderAttribution(ShopScoped):
    """That an order was looked at, and how many of the decisions it names exist."""

    order_id = models.BigIntegerField()
    placed_at = models.DateTimeField()
    attributed_at = models.DateTimeField()
    named = models.IntegerField()
    known = models.IntegerField()
    credited = models.IntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop", "order_id"], name="attribution_order_unique"),
        ]
        indexes: ClassVar = [models.Index(fields=["shop", "placed_at"], name="attribution_order_placed")]

    def __str__(self) -> str:
        return f"order {self.order_id}"


class Credit(ShopScoped):
    """One order line, and the decision that earned it."""

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
    shown_at = models.DateTimeField()
    placed_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop", "order_id", "line_id"], name="attribution_credit_unique"),
            models.CheckConstraint(name="attribution_credit_kind", condition=models.Q(kind__in=list(Kind))),
        ]
        indexes: ClassVar = [
            models.Index(fields=["shop", "decision_id"], name="attribution_credit_decision"),
            # The dashboard counts those of today.
            models.Index(fields=["placed_at"], name="attribution_credit_placed"),
        ]

    def __str__(self) -> str:
        return f"order {self.order_id} line {self.line_id}"
