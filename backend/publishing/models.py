"""What each page of a shop holds, and how far the comparison with what it should hold has come."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from backend.core.tenancy import ShopScoped
from backend.publishing.values import HOME, POPULAR, START, Slot


class Publication(ShopScoped):
    """The list in one slot of one page: a product's or the home page; or that of held-out visitors."""

    # Of the list for held-out visitors there is one, which counts as the first slot's.
    slot = models.CharField(max_length=1, default=Slot.A, db_default=Slot.A)
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
            models.UniqueConstraint(
                fields=["shop", "slot", "product_id"], name="publishing_publication_unique"
            ),
            models.CheckConstraint(
                name="publishing_publication_slot", condition=models.Q(slot__in=list(Slot))
            ),
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
    """How far the lists in one slot are from what its version would show. Written by ``services.claims``."""

    slot = models.CharField(max_length=1)
    # The version whose lists the slot holds, every one of them; null while it holds none, or some.
    version_id = models.UUIDField(null=True)
    # The version whose lists are being written, the last page that is done, and how many changed so far.
    goal_id = models.UUIDField(null=True)
    cursor = models.BigIntegerField(default=START)
    written = models.IntegerField(default=0)
    compared_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop", "slot"], name="publishing_comparison_one_per_slot"),
            models.CheckConstraint(
                name="publishing_comparison_slot", condition=models.Q(slot__in=list(Slot))
            ),
        ]

    def __str__(self) -> str:
        return f"slot {self.slot} of shop {self.shop_id}"


class Publisher(ShopScoped):
    """
    Who is at work on a shop's lists, and what its pages are told of the slots. One row a shop.

    Written only by ``services.claims``.
    """

    # When the shop installed the app: what was written for an earlier installation is gone.
    installed_at = models.DateTimeField(null=True)
    # The value of the one metafield that says which slot is shown to whom; empty while there is none.
    switch = models.JSONField(default=dict)
    # False from before a write of it until its answer is stored.
    is_switch_confirmed = models.BooleanField(default=True)
    # The share of visitors that is held out, as the list for them was compared last, and when.
    holdout = models.TextField(blank=True, default="")
    holdout_compared_at = models.DateTimeField(null=True)
    # Who works on it, and the last sign of life; both null while nobody does.
    claim = models.UUIDField(null=True)
    heard_at = models.DateTimeField(null=True)
    # Claims since the last progress. The sweep asks for nothing before ``retry_at``.
    attempts = models.IntegerField(default=0)
    retry_at = models.DateTimeField()
    # Why the last try ended early, in words for the merchant; empty when it did not.
    failure = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop"], name="publishing_publisher_one_per_shop"),
            models.CheckConstraint(
                name="publishing_publisher_claim_is_heard",
                condition=models.Q(claim__isnull=True, heard_at__isnull=True)
                | models.Q(claim__isnull=False, heard_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"lists of shop {self.shop_id}"
