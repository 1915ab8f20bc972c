"""The two ledgers. PostgreSQL itself refuses to change them: see migration 0002."""

from typing import ClassVar

from django.db import models

from backend.audit.values import Channel, Surface
from backend.core.ids import uuid7
from backend.core.tenancy import ShopScoped


class LedgerEvent(ShopScoped):
    """Who did what to which thing, when and why."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    at = models.DateTimeField()
    event = models.CharField(max_length=40)
    actor = models.TextField()
    subject = models.TextField()
    reason = models.TextField()
    details = models.JSONField(default=dict)
    # What it was and what it became, by name; null where nothing had a value before, or has one after.
    old = models.JSONField(null=True)
    new = models.JSONField(null=True)
    # Where it came from: the app, the staff dashboard, a job; and the request behind it, as the logs name it.
    source = models.TextField(blank=True, default="")
    request_id = models.TextField(blank=True, default="")

    class Meta:
        verbose_name = "event"
        ordering: ClassVar = ["-at"]
        indexes: ClassVar = [
            models.Index(fields=["shop", "-at"], name="audit_event_shop_at"),
            # Support looks for the rare ones.
            models.Index(fields=["event", "-id"], name="audit_event_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.subject}"


class Decision(ShopScoped):
    """What was shown to whom, chosen by which version, and why."""

    id = models.UUIDField(primary_key=True, editable=False)
    at = models.DateTimeField()
    surface = models.CharField(max_length=20)
    channel = models.CharField(max_length=20)
    # A pseudonym under the shop's own key; null when nobody in particular was meant.
    visitor_key = models.CharField(max_length=32, null=True)  # noqa: DJ001 -- unknown is not empty, and the index skips it
    arm = models.CharField(max_length=40)
    # Not a foreign key: a ledger outlives what it speaks of.
    version_id = models.UUIDField(null=True)
    version_number = models.IntegerField(null=True)
    context_product_id = models.BigIntegerField(null=True)
    items = models.JSONField()
    requested = models.SmallIntegerField()
    latency_ms = models.FloatField()
    fallback = models.TextField(blank=True)
    request_id = models.TextField(blank=True)

    class Meta:
        # The id begins with the moment, so the primary key sorts by time for free.
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["shop", "channel", "-at"], name="audit_decision_channel"),
            models.Index(
                fields=["shop", "visitor_key", "-at"],
                name="audit_decision_visitor",
                condition=models.Q(visitor_key__isnull=False),
            ),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="audit_decision_surface", condition=models.Q(surface__in=list(Surface))
            ),
            models.CheckConstraint(
                name="audit_decision_channel", condition=models.Q(channel__in=list(Channel))
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)
