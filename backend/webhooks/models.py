"""The inbox."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from .values import DeliveryState


class WebhookDelivery(models.Model):
    """
    One delivery from Shopify.

    Not scoped to a shop by the manager: a delivery may be about a shop that
    we do not know, and is found by its own id. No handler reads another
    shop's rows through it.
    """

    shop = models.ForeignKey("shops.Shop", null=True, on_delete=models.CASCADE, related_name="+")
    shop_domain = models.CharField(max_length=255)
    # Shopify's id of the delivery, the same across its retries.
    delivery_id = models.CharField(max_length=128)
    event_id = models.TextField(blank=True)
    topic = models.CharField(max_length=64)
    api_version = models.TextField(blank=True)
    triggered_at = models.DateTimeField()
    received_at = models.DateTimeField()
    # Sent by a tool for testing: written down, and nothing else.
    is_test = models.BooleanField("test delivery", default=False, db_default=False)
    # Allow-listed fields only; see rules.py.
    payload = models.JSONField()
    state = models.CharField(max_length=10, default=DeliveryState.PENDING)
    due_at = models.DateTimeField()
    # When its last message went out, or will be due.
    sent_at = models.DateTimeField(db_default=Now())
    attempts = models.PositiveSmallIntegerField(default=0)
    finished_at = models.DateTimeField(null=True)
    outcome = models.TextField(blank=True)

    class Meta:
        verbose_name_plural = "webhook deliveries"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop_domain", "delivery_id"], name="webhooks_delivery_unique"),
            models.CheckConstraint(
                name="webhooks_delivery_state", condition=Q(state__in=list(DeliveryState))
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["due_at"], name="webhooks_pending", condition=Q(state=DeliveryState.PENDING)
            ),
            models.Index(fields=["finished_at"], name="webhooks_finished"),
            # Support looks for what is not done; nearly all is.
            models.Index(
                fields=["state", "-id"], name="webhooks_not_done", condition=~Q(state=DeliveryState.DONE)
            ),
            models.Index(fields=["id"], name="webhooks_tests", condition=Q(is_test=True)),
        ]

    def __str__(self) -> str:
        return f"{self.topic} {self.delivery_id}"
