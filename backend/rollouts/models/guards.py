"""What the serving processes counted of a rollout's arms."""

from typing import ClassVar

from django.db import models

from backend.core.tenancy import ShopScoped


class GuardRecord(ShopScoped):
    """All that the judge of one rollout's technical guardrails knows: see ``rules.load_guards``."""

    rollout = models.OneToOneField("rollouts.Rollout", on_delete=models.CASCADE, related_name="+")
    state = models.JSONField()
    since = models.DateTimeField()
    counted_at = models.DateTimeField()

    class Meta:
        verbose_name = "guards of a rollout"
        constraints: ClassVar = [
            models.CheckConstraint(
                name="rollouts_guards_moments", condition=models.Q(counted_at__gte=models.F("since"))
            ),
        ]

    def __str__(self) -> str:
        return f"guards of {self.rollout}"
