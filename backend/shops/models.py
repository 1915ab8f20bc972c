"""Tables of tenants and their tokens."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from backend.core.crypto import EncryptedTextField
from backend.core.ids import uuid7
from backend.core.tenancy import ShopScoped

from .values import ShopState


class Shop(models.Model):
    """A tenant. The one table that is not scoped to a shop."""

    uuid = models.UUIDField(default=uuid7, unique=True, editable=False)
    domain = models.CharField(max_length=255, unique=True)
    # Shopify's own number; known once the shop's details were read.
    shopify_id = models.BigIntegerField(null=True)
    name = models.TextField(blank=True)
    currency = models.CharField(max_length=3, blank=True)
    timezone = models.TextField(blank=True)
    plan_name = models.TextField(blank=True)
    state = models.CharField(max_length=12, default=ShopState.INSTALLED)
    installed_at = models.DateTimeField(null=True)
    uninstalled_at = models.DateTimeField(null=True)
    redacted_at = models.DateTimeField(null=True)
    # Since when the shop's rows are being deleted; null before, and once nothing is left.
    erasing_since = models.DateTimeField(null=True)
    scopes = ArrayField(models.TextField(), default=list)
    # Makes customers pseudonymous. Destroying it makes every pseudonym meaningless for good.
    pseudonym_key = EncryptedTextField(null=True)
    # Makes the digests of the suppression list; made with its first entry.
    suppression_key = EncryptedTextField(null=True)
    # True when no token can be had until the merchant opens the app again.
    needs_reauth = models.BooleanField(default=False)
    # Whether one place of a visitor's list may go to a product that never sold.
    shows_new_products = models.BooleanField(default=True, db_default=True)
    # Since when neighbouring products change places by chance in some lists; null while they don't.
    explores_since = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="shops_shop_state", condition=models.Q(state__in=list(ShopState))),
            models.CheckConstraint(
                name="shops_shop_key_unless_redacted",
                condition=models.Q(state=ShopState.REDACTED, pseudonym_key__isnull=True)
                | (~models.Q(state=ShopState.REDACTED) & models.Q(pseudonym_key__isnull=False)),
            ),
            models.CheckConstraint(
                name="shops_shop_no_suppression_once_redacted",
                condition=~models.Q(state=ShopState.REDACTED) | models.Q(suppression_key__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return self.domain


class Suppression(ShopScoped):
    """
    A customer or an order that was redacted: nothing may be tied to them again.

    A keyed hash under the shop's suppression key. It goes with the shop.
    """

    digest = models.CharField(max_length=64)
    since = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop", "digest"], name="shops_suppression_unique"),
        ]

    def __str__(self) -> str:
        return f"suppression {self.pk}"


class WebPixel(ShopScoped):
    """The app's web pixel in a shop, as Shopify is known to hold it. Written by ``services.pixel``."""

    # Shopify's global id; empty until the first answer.
    pixel_id = models.TextField(blank=True)
    # Null from before a change until its answer is stored, and while there is none.
    settings = models.JSONField(null=True)
    # Of the installation that it was switched on for: uninstalling takes it away.
    installed_at = models.DateTimeField(null=True)
    activated_at = models.DateTimeField(null=True)
    # Why Shopify declined the last try, and when the sweep asks again.
    failure = models.TextField(blank=True)
    retry_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop"], name="shops_web_pixel_one_per_shop"),
        ]

    def __str__(self) -> str:
        return f"web pixel of shop {self.shop_id}"


class TopicSubscription(ShopScoped):
    """That Shopify tells us of a topic in this shop alone. Written by ``services.subscribing``."""

    # As the schema of the Admin API names it.
    topic = models.CharField(max_length=60)
    # Where the news goes; empty after a refusal.
    uri = models.TextField(blank=True)
    # Of the installation that it was made for: uninstalling takes it away.
    installed_at = models.DateTimeField(null=True)
    failure = models.TextField(blank=True)
    # When it is looked for again, whatever came of the last look.
    look_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop", "topic"], name="shops_subscription_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.topic} of shop {self.shop_id}"


class AccessToken(ShopScoped):
    """The one pair of offline tokens a shop has. Refreshed under a lock on this row."""

    access_token = EncryptedTextField()
    refresh_token = EncryptedTextField(blank=True)
    # Null means the token never expires: older custom apps still get such tokens.
    expires_at = models.DateTimeField(null=True)
    refresh_expires_at = models.DateTimeField(null=True)
    scopes = ArrayField(models.TextField(), default=list)
    # Counts refreshes: a caller whose token was refused can tell whether it was replaced meanwhile.
    revision = models.PositiveIntegerField(default=1)
    refreshed_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop"], name="shops_token_one_per_shop"),
        ]

    def __str__(self) -> str:
        return f"token of shop {self.shop_id}"
