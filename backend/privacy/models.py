"""Requests of customers for what is stored about them."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from backend.core.ids import uuid7
from backend.core.tenancy import ShopScoped


class DataRequest(ShopScoped):
    """
    One customers/data_request. The file is written when it is fetched, from what is stored then.

    No copy of anybody's data lies around to be forgotten later.
    """

    uuid = models.UUIDField(default=uuid7, unique=True, editable=False)
    # The inbox's row: one request however often its job runs.
    delivery_id = models.BigIntegerField()
    # Shopify's number of the request, by which the owner finds it in the admin.
    shopify_id = models.BigIntegerField(null=True)
    # A pseudonym; null where Shopify named orders and no customer, and once they were redacted.
    customer_key = models.CharField(max_length=32, null=True)  # noqa: DJ001 - nobody is not an empty key
    order_ids = ArrayField(models.BigIntegerField(), default=list)
    requested_at = models.DateTimeField()
    due_at = models.DateTimeField()
    downloaded_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop", "delivery_id"], name="privacy_request_one_per_delivery"),
        ]
        indexes: ClassVar = [models.Index(fields=["due_at"], name="privacy_request_due")]

    def __str__(self) -> str:
        return f"data request {self.uuid}"
