"""What looks back at the last weeks have found."""

from typing import ClassVar

from django.db import models

from backend.core.tenancy import ShopScoped
from backend.rollouts.values.time_machine import LookBackState


class LookBack(ShopScoped):
    """A rollout's candidate over the last weeks, as it would have served. The newest of a rollout."""

    rollout = models.OneToOneField("rollouts.Rollout", on_delete=models.CASCADE, related_name="+")
    state = models.CharField(max_length=8, default=LookBackState.WAITING)
    progress = models.FloatField(default=0.0)
    words = models.TextField()
    asked_at = models.DateTimeField()
    asked_by = models.TextField()
    # What the recommender found: models.recommender.values.TimeTravel.
    found = models.JSONField(null=True)

    class Meta:
        verbose_name = "look back"
        constraints: ClassVar = [
            models.CheckConstraint(
                name="rollouts_look_back_state", condition=models.Q(state__in=list(LookBackState))
            ),
            models.CheckConstraint(
                name="rollouts_look_back_found",
                condition=models.Q(state=LookBackState.DONE) ^ models.Q(found__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"look back of {self.asked_at:%Y-%m-%d}"
