"""What shoppers did, in the one form that training and serving share."""

from typing import ClassVar

from django.db import models

from backend.core.tenancy import ShopScoped


class Interaction(ShopScoped):
    """One purchased product. Derived: it can be rebuilt from the catalogue app at any time."""

    source = models.CharField(max_length=10, default="order")
    # The order line's id: one row however often its order is told to us.
    line_id = models.BigIntegerField()
    # A pseudonym under the shop's own key; null for a guest.
    customer_key = models.CharField(max_length=32, null=True)  # noqa: DJ001 -- a guest has none; the index skips it
    # The order's id: a guest's whole history is one basket.
    basket_id = models.BigIntegerField()
    product_id = models.BigIntegerField()
    event = models.CharField(max_length=12, default="purchase")
    quantity = models.IntegerField()
    unit_price = models.DecimalField(max_digits=18, decimal_places=4)
    occurred_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop", "source", "line_id"], name="features_interaction_line"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["shop", "customer_key", "-occurred_at"],
                name="features_customer_recent",
                condition=models.Q(customer_key__isnull=False),
            ),
            models.Index(fields=["shop", "occurred_at"], name="features_occurred"),
            models.Index(fields=["shop", "basket_id"], name="features_basket"),
        ]

    def __str__(self) -> str:
        return f"{self.event} of {self.product_id}"
