"""What was written ahead to a shop."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from backend.core.tenancy import ShopScoped

# Stands for the home page where a product's id would be: Shopify numbers from 1.
HOME = 0


class Publication(ShopScoped):
    """The list that one product page, or the home page, shows without asking us."""

    product_id = models.BigIntegerField()
    items = ArrayField(models.BigIntegerField())
    decision_id = models.UUIDField()
    version_number = models.IntegerField()
    published_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop", "product_id"], name="publishing_publication_unique"),
        ]

    def __str__(self) -> str:
        return f"list of product {self.product_id}" if self.product_id else "list of the home page"
