"""What each page of a shop holds, and how far the comparison with what it should hold has come."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from backend.core.tenancy import ShopScoped
from backend.publishing.values import HOME, POPULAR, START


class Publication(ShopScoped):
    """The list that one page shows without asking us: a product's, the home page, or a held-out visitor's."""

    product_id = models.BigIntegerField()
    items = ArrayField(models.BigIntegerField())
    # What a list says beside its products, as JSON: who is to see it. Empty for what everybody sees.
    policy = models.TextField(blank=True, db_default="")
    decision_id = models.UUIDField()
    version_number = models.IntegerField()
    published_at = models.DateTimeField()
    # False from before a write until its answer is stored: who dies in between leaves a row that says
    # "nobody knows", which equals no list and is written again.
    is_confirmed = models.BooleanField(default=True, db_default=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop", "product_id"], name="publishing_publication_unique"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["shop"], name="publishing_unconfirmed", condition=models.Q(is_confirmed=False)
            ),
        ]

    def __str__(self) -> str:
        named = {HOME: "list of the home page", POPULAR: "list for the holdout"}
        return named.get(self.product_id, f"list of product {self.product_id}")


class Comparison(ShopScoped):
    """
    How far a shop's lists are from what its pointer says, and who is at work on them. One row a shop.

    Written only by ``services.claims``.
    """

    # The version whose lists the shop holds, every one of them; null while it holds none, or some.
    version_id = models.UUIDField(null=True)
    # When the shop installed the app: what was written for an earlier installation is gone.
    installed_at = models.DateTimeField(null=True)
    # The version whose lists are being written, the last page that is done, and how many changed so far.
    goal_id = models.UUIDField(null=True)
    cursor = models.BigIntegerField(default=START)
    written = models.IntegerField(default=0)
    # Who works on it, and the last sign of life; both null while nobody does.
    claim = models.UUIDField(null=True)
    heard_at = models.DateTimeField(null=True)
    # Claims since the last progress. The sweep asks for nothing before ``retry_at``.
    attempts = models.IntegerField(default=0)
    retry_at = models.DateTimeField()
    # Why the last try ended early, in words for the merchant; empty when it did not.
    failure = models.TextField(blank=True)
    compared_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop"], name="publishing_comparison_one_per_shop"),
            models.CheckConstraint(
                name="publishing_comparison_claim_is_heard",
                condition=models.Q(claim__isnull=True, heard_at__isnull=True)
                | models.Q(claim__isnull=False, heard_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"lists of shop {self.shop_id}"
