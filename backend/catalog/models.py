"""
Tables of what a shop sells and sold.

Shopify's own numbers are the keys between them: a line may arrive before its
product, and a product may be gone while its lines stay.
"""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.db.models.functions import Left, Upper

from backend.core.ids import uuid7
from backend.core.tenancy import ShopScoped

from .values import LIVE_IMPORT_STATES, ImportState, Part, PartState, ProductStatus


class Product(ShopScoped):
    """A product, with what a recommendation needs to show it."""

    product_id = models.BigIntegerField()
    handle = models.TextField()
    title = models.TextField()
    vendor = models.TextField(blank=True)
    product_type = models.TextField(blank=True)
    tags = ArrayField(models.TextField(), default=list)
    status = models.CharField(max_length=10)
    published_at = models.DateTimeField(null=True)
    price_min = models.DecimalField(max_digits=18, decimal_places=4)
    price_max = models.DecimalField(max_digits=18, decimal_places=4)
    currency = models.CharField(max_length=3, blank=True)
    image_url = models.TextField(blank=True)
    image_width = models.IntegerField(null=True)
    image_height = models.IntegerField(null=True)
    image_alt = models.TextField(blank=True)
    total_inventory = models.IntegerField(null=True)
    # Whether any variant can be bought now.
    available = models.BooleanField(default=False)
    # Null until the Admin API said so: webhooks do not.
    is_gift_card = models.BooleanField(null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    # A tombstone: an older update that arrives after the delete must not revive the product.
    deleted_at = models.DateTimeField(null=True)
    # Nobody announced the deletion: we asked for the product and it was not there. Seen again, it lives.
    deletion_is_inferred = models.BooleanField(default=False, db_default=False)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="catalog_product_deletion", condition=Q(deletion_is_inferred=False) | ~Q(deleted_at=None)
            ),
            models.UniqueConstraint(fields=["shop", "product_id"], name="catalog_product_unique"),
            models.CheckConstraint(
                name="catalog_product_status", condition=Q(status__in=list(ProductStatus))
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["shop", "-published_at"],
                name="catalog_product_sellable",
                condition=Q(available=True, deleted_at=None, status=ProductStatus.ACTIVE),
            ),
            # Asked once a minute for each model in memory.
            models.Index(
                fields=["shop", "-created_at"], name="catalog_product_newest", condition=Q(deleted_at=None)
            ),
        ]

    def __str__(self) -> str:
        return self.title

    # The shop has a page of it, in stock or not: as rows are looked for, and as one row tells.
    WITH_PAGE: ClassVar = Q(deleted_at=None, status=ProductStatus.ACTIVE, published_at__isnull=False)

    @property
    def has_page(self) -> bool:
        """Whether ``WITH_PAGE`` holds of this row as it would be written now."""
        is_active = self.status == ProductStatus.ACTIVE
        return self.deleted_at is None and is_active and self.published_at is not None


class Variant(ShopScoped):
    """One buyable form of a product."""

    variant_id = models.BigIntegerField()
    product_id = models.BigIntegerField()
    title = models.TextField(blank=True)
    sku = models.TextField(blank=True)
    price = models.DecimalField(max_digits=18, decimal_places=4)
    inventory_quantity = models.IntegerField(null=True)
    inventory_policy = models.CharField(max_length=16, blank=True)
    # Whether its stock is counted; null until the Admin API said so: webhooks do not.
    tracked = models.BooleanField(null=True)
    available = models.BooleanField(default=False)
    updated_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop", "variant_id"], name="catalog_variant_unique"),
        ]
        indexes: ClassVar = [models.Index(fields=["shop", "product_id"], name="catalog_variant_product")]

    def __str__(self) -> str:
        return f"variant {self.variant_id}"


class StaleProduct(ShopScoped):
    """
    A product to ask the Admin API about, because what told of it left something open.

    The row is the question; it goes once the answer is stored.
    """

    product_id = models.BigIntegerField()
    # Counts askings: an answer to an earlier one does not close a later one.
    askings = models.PositiveIntegerField(default=1)
    # While a worker has it in hand, or after a failure, when to try next. Null means at once.
    due_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    # Answers since the last asking by which Shopify does not have it.
    absences = models.PositiveSmallIntegerField(default=0, db_default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop", "product_id"], name="catalog_stale_product_unique"),
        ]

    def __str__(self) -> str:
        return f"stale product {self.product_id}"


class Collection(ShopScoped):
    """A collection of products."""

    collection_id = models.BigIntegerField()
    handle = models.TextField()
    title = models.TextField()
    updated_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop", "collection_id"], name="catalog_collection_unique"),
        ]

    def __str__(self) -> str:
        return self.title


class ProductCollection(ShopScoped):
    """That a product is in a collection."""

    product_id = models.BigIntegerField()
    collection_id = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["shop", "product_id", "collection_id"], name="catalog_product_collection_unique"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["shop", "collection_id", "product_id"], name="catalog_collection_products"),
        ]

    def __str__(self) -> str:
        return f"product {self.product_id} in collection {self.collection_id}"


# No order is called by more; an index can't hold words without end.
NAME_KEY = Left(Upper("name"), 100)


class Order(ShopScoped):
    """An order, without anything that names a person."""

    order_id = models.BigIntegerField()
    # What people call it, such as "#1001" or "EN1001-A", and the number in that; both are not always unique.
    # Empty and null until an import or a webhook said so, for orders that were stored before names were.
    name = models.TextField(blank=True, db_default="")
    number = models.BigIntegerField(null=True)
    # A keyed hash under the shop's own key; null for a guest.
    customer_key = models.CharField(max_length=32, null=True)  # noqa: DJ001 - a guest is not an empty key
    created_at = models.DateTimeField()
    processed_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    cancelled_at = models.DateTimeField(null=True)
    currency = models.CharField(max_length=3)
    test = models.BooleanField(default=False)
    source_name = models.TextField(blank=True)
    cart_token = models.TextField(blank=True)
    checkout_token = models.TextField(blank=True)
    # A list of objects with decision_id, product_id (or null), via and, where told, clicked_at as a unix
    # second; see values.RecommendationLink.
    recommendation_ids = models.JSONField(default=list)
    # The refunds that what is left of its lines counts already. Null where that was not told: then those up
    # to its ``updated_at`` are.
    counted_refunds = ArrayField(models.BigIntegerField(), null=True)
    # A tombstone, as for products.
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop", "order_id"], name="catalog_order_unique"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["shop", "customer_key", "processed_at"], name="catalog_order_customer"),
            models.Index(fields=["shop", "processed_at"], name="catalog_order_processed"),
            # The name first: support is told an order's name and not always its shop.
            models.Index(NAME_KEY, "shop", name="catalog_order_name", condition=~Q(name="")),
            models.Index(
                fields=["number", "shop"], name="catalog_order_number", condition=Q(number__isnull=False)
            ),
            GinIndex(
                fields=["recommendation_ids"],
                name="catalog_order_decisions",
                opclasses=["jsonb_path_ops"],
                condition=~Q(recommendation_ids=[]),
            ),
        ]

    def __str__(self) -> str:
        return f"order {self.name or self.order_id}"


class OrderLine(ShopScoped):
    """One line of an order."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="+")
    line_id = models.BigIntegerField()
    product_id = models.BigIntegerField(null=True)
    variant_id = models.BigIntegerField(null=True)
    quantity = models.IntegerField()
    # What is left after refunds and edits.
    current_quantity = models.IntegerField()
    unit_price = models.DecimalField(max_digits=18, decimal_places=4)
    discounted_total = models.DecimalField(max_digits=18, decimal_places=4)
    decision_id = models.UUIDField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop", "line_id"], name="catalog_line_unique"),
        ]
        indexes: ClassVar = [models.Index(fields=["shop", "product_id"], name="catalog_line_product")]

    def __str__(self) -> str:
        return f"line {self.line_id}"


class Refund(ShopScoped):
    """
    That a refund was applied.

    Refunds say how much went back, not what is left, so applying one twice
    would take twice. The row makes a replay harmless, and keeps a refund that
    came before its order until the order is here.
    """

    refund_id = models.BigIntegerField()
    order_id = models.BigIntegerField()
    created_at = models.DateTimeField()
    # A list of pairs: the line's id and the quantity that went back.
    lines = models.JSONField(default=list)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop", "refund_id"], name="catalog_refund_unique"),
        ]
        indexes: ClassVar = [models.Index(fields=["shop", "order_id"], name="catalog_refund_order")]

    def __str__(self) -> str:
        return f"refund {self.refund_id}"


class ShopCounts(ShopScoped):
    """
    How much of a shop's history there was at one moment.

    Counting half a million orders and their customers takes longer than a page
    may. What came since is counted beside it: it has larger row numbers.
    """

    orders = models.IntegerField()
    order_lines = models.IntegerField()
    customers = models.IntegerField()
    guest_orders = models.IntegerField()
    # The newest rows that were counted.
    last_order = models.BigIntegerField()
    last_line = models.BigIntegerField()
    counted_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop"], name="catalog_counts_one_a_shop"),
        ]

    def __str__(self) -> str:
        return f"counts of shop {self.shop_id}"


class ChangedOrder(ShopScoped):
    """
    An order that an import changed, until what depends on it was brought up to date.

    A webhook asks for that itself, one order at a time; an import may change thousands at once.
    """

    order_id = models.BigIntegerField()
    # Counts changes, so that one that comes while an earlier one is worked on is worked on too.
    changes = models.PositiveIntegerField(default=1, db_default=1)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop", "order_id"], name="catalog_changed_order_unique"),
        ]

    def __str__(self) -> str:
        return f"order {self.order_id}"


class Import(ShopScoped):
    """One run of bringing a shop's history in."""

    uuid = models.UUIDField(default=uuid7, unique=True, editable=False)
    state = models.CharField(max_length=8, default=ImportState.QUEUED)
    # Only what changed since this moment is asked for; null asks for everything.
    since = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    # The sweep looks at live imports that were not touched for a while.
    touched_at = models.DateTimeField()
    error = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="catalog_import_state", condition=Q(state__in=list(ImportState))),
            models.UniqueConstraint(
                fields=["shop"],
                name="catalog_one_live_import",
                condition=Q(state__in=list(LIVE_IMPORT_STATES)),
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["shop", "-created_at"], name="catalog_import_latest")]

    def __str__(self) -> str:
        return f"import {self.uuid}"


class ImportPart(ShopScoped):
    """One half of an import: one bulk operation and how far it is."""

    of = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="+")
    part = models.CharField(max_length=8)
    state = models.CharField(max_length=9, default=PartState.WAITING)
    # When Shopify was last asked to start it; an answer that never came is looked for from here on.
    asked_at = models.DateTimeField(null=True)
    # Shopify's id of the bulk operation.
    operation_id = models.TextField(blank=True)
    # Counts starts, so that an export that Shopify lost is asked for again, but not for ever.
    attempts = models.PositiveSmallIntegerField(default=0)
    # Loads that began and never said how they ended: their worker was killed, or failed in a way of its own.
    lost_loads = models.PositiveSmallIntegerField(default=0)
    done = models.IntegerField(default=0)
    total = models.IntegerField(default=0)
    # Records that were left out, and some of them: line, what and why.
    set_aside = models.IntegerField(default=0)
    samples = models.JSONField(default=list)
    # What people should know though the part goes on, in words.
    note = models.TextField(blank=True)
    error = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="catalog_import_part", condition=Q(part__in=list(Part))),
            models.CheckConstraint(name="catalog_import_part_state", condition=Q(state__in=list(PartState))),
            models.UniqueConstraint(fields=["of", "part"], name="catalog_import_part_unique"),
        ]
        indexes: ClassVar = [models.Index(fields=["operation_id"], name="catalog_import_operation")]

    def __str__(self) -> str:
        return f"{self.part} of import {self.of_id}"
