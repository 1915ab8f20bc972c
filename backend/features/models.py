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


class ClientLink(ShopScoped):
    """The visitor that a browser is known as, learned from the decisions that it saw."""

    client_key = models.CharField(max_length=32)
    visitor_key = models.CharField(max_length=32)
    # The visitor was a customer when it was learned.
    is_customer = models.BooleanField()
    seen_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop", "client_key"], name="features_link_client"),
        ]
        indexes: ClassVar = [models.Index(fields=["shop", "visitor_key"], name="features_link_visitor")]

    def __str__(self) -> str:
        return f"link {self.pk}"


class BrowsingStep(ShopScoped):
    """
    A product that a visitor looked at or put into a cart, once in a half hour.

    Derived from the storefront's events of browsers that are linked to a visitor. A table of its own, so that
    whoever counts purchases can't meet a view by accident.
    """

    client_key = models.CharField(max_length=32)
    visitor_key = models.CharField(max_length=32)
    product_id = models.BigIntegerField()
    event = models.CharField(max_length=12)
    visit = models.IntegerField()
    basket_id = models.BigIntegerField()
    occurred_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["shop", "client_key", "product_id", "event", "visit"], name="features_step_once"
            ),
            models.CheckConstraint(
                name="features_step_event", condition=models.Q(event__in=["view", "cart"])
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["shop", "visitor_key", "-occurred_at"], name="features_step_recent"),
            models.Index(fields=["occurred_at"], name="features_step_occurred"),
        ]

    def __str__(self) -> str:
        return f"{self.event} of {self.product_id}"


class EventMark(models.Model):
    """Up to when events were turned into steps: one row for all shops."""

    received_at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.received_at)
