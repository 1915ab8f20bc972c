"""Rollouts, every move of each, and what a shop says of them."""

from typing import ClassVar

from django.db import models

from backend.core.ids import uuid7
from backend.core.tenancy import ShopScoped
from backend.rollouts.values import ENDED_STATES, LIVE_STATES, RolloutState


class Rollout(ShopScoped):
    """The way of one version from nobody to everybody, or back. Moved only by ``services.moving``."""

    uuid = models.UUIDField(unique=True, default=uuid7, editable=False)
    number = models.IntegerField()
    candidate = models.ForeignKey("registry.ModelVersion", on_delete=models.PROTECT, related_name="+")
    champion = models.ForeignKey("registry.ModelVersion", on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=16)
    # Of a paused one: where it goes on.
    former_state = models.CharField(max_length=16, blank=True, default="")
    step = models.SmallIntegerField(default=-1)
    percent = models.SmallIntegerField(default=0)
    plan = models.JSONField()
    opened_at = models.DateTimeField()
    entered_at = models.DateTimeField()
    # When a visitor could first be shown what the candidate chose; null before.
    shown_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    words = models.TextField()
    waits_for = models.TextField(blank=True, default="")
    # A person has seen what looked bad and can't decide, and let it go on: it doesn't pause for that again.
    is_looked_at = models.BooleanField(default=False)
    revision = models.IntegerField(default=1)

    class Meta:
        ordering: ClassVar = ["-number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop", "number"], name="rollouts_rollout_number"),
            models.UniqueConstraint(
                fields=["shop"],
                condition=models.Q(state__in=sorted(LIVE_STATES)),
                name="rollouts_rollout_one_live",
            ),
            models.UniqueConstraint(
                fields=["shop"],
                condition=models.Q(state=RolloutState.DRAFT),
                name="rollouts_rollout_one_waits",
            ),
            models.CheckConstraint(
                name="rollouts_rollout_state", condition=models.Q(state__in=list(RolloutState))
            ),
            models.CheckConstraint(
                name="rollouts_rollout_ended",
                condition=models.Q(state__in=sorted(ENDED_STATES), ended_at__isnull=False)
                | (~models.Q(state__in=sorted(ENDED_STATES)) & models.Q(ended_at__isnull=True)),
            ),
            models.CheckConstraint(
                name="rollouts_rollout_paused",
                condition=models.Q(state=RolloutState.PAUSED) ^ models.Q(former_state=""),
            ),
            models.CheckConstraint(
                name="rollouts_rollout_percent", condition=models.Q(percent__gte=0, percent__lte=100)
            ),
            models.CheckConstraint(
                name="rollouts_rollout_interleaved",
                condition=~models.Q(state=RolloutState.INTERLEAVED)
                | models.Q(percent=0, shown_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"rollout {self.number}"


class RolloutMove(ShopScoped):
    """One move of a rollout, with who, why and the evidence. PostgreSQL keeps it as it is: migration 0009."""

    rollout = models.ForeignKey(Rollout, on_delete=models.PROTECT, related_name="moves")
    # Of the rollout after the move.
    revision = models.IntegerField()
    at = models.DateTimeField()
    state = models.CharField(max_length=16)
    step = models.SmallIntegerField()
    percent = models.SmallIntegerField()
    actor = models.TextField()
    words = models.TextField()
    evidence = models.JSONField(default=dict)

    class Meta:
        verbose_name = "move of a rollout"
        ordering: ClassVar = ["revision"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["rollout", "revision"], name="rollouts_move_revision"),
            models.CheckConstraint(
                name="rollouts_move_state", condition=models.Q(state__in=list(RolloutState))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rollout}: {self.state.replace('_', ' ').lower()}"


class RolloutSettings(ShopScoped):
    """What a shop says of its releases. No row: the defaults."""

    is_off = models.BooleanField(default=False)
    plan = models.JSONField(default=dict)
    freezes = models.JSONField(default=list)
    promoters = models.JSONField(default=list)
    updated_at = models.DateTimeField()
    updated_by = models.TextField()

    class Meta:
        verbose_name_plural = "rollout settings"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop"], name="rollouts_settings_one_a_shop"),
        ]

    def __str__(self) -> str:
        return "off" if self.is_off else "on"
