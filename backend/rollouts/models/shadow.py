"""What a candidate would have shown: sums by the hour, and lists by the page."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from backend.core.tenancy import ShopScoped


class ShadowReading(ShopScoped):
    """One hour of a rollout's shadow, as sums that pool: ``values.ShadowSums``."""

    rollout = models.ForeignKey("rollouts.Rollout", on_delete=models.CASCADE, related_name="+")
    hour = models.DateTimeField()
    sums = models.JSONField()
    # Sketches of the products that each version showed; see ``rules.pooling``.
    champion_seen = models.BinaryField()
    candidate_seen = models.BinaryField()

    class Meta:
        verbose_name = "reading of a shadow"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["rollout", "hour"], name="rollouts_shadow_hour"),
        ]

    def __str__(self) -> str:
        return f"shadow of {self.hour:%Y-%m-%d %H}"


class ShadowCursor(ShopScoped):
    """How far the shadow of a rollout has come. Whoever moves it on holds its row: nothing counts twice."""

    rollout = models.OneToOneField("rollouts.Rollout", on_delete=models.CASCADE, related_name="+")
    until = models.DateTimeField()
    looked_at = models.DateTimeField()
    # Of its pages' lists: how many there are to compare, null until they were counted.
    pages = models.IntegerField(null=True)
    summary = models.JSONField(null=True)

    def __str__(self) -> str:
        return f"shadow until {self.until:%Y-%m-%d %H:%M:%S}"


class ShadowPage(ShopScoped):
    """What one page shows everybody under the champion and under the candidate of a rollout."""

    rollout = models.ForeignKey("rollouts.Rollout", on_delete=models.CASCADE, related_name="+")
    # 0 is the home page; the products follow, the most sold first.
    rank = models.IntegerField()
    product_id = models.BigIntegerField(null=True)
    champion = ArrayField(models.BigIntegerField())
    candidate = ArrayField(models.BigIntegerField())
    overlap = models.FloatField()
    alike = models.FloatField()

    class Meta:
        verbose_name = "page of a shadow"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["rollout", "rank"], name="rollouts_shadow_page"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["rollout", "alike", "rank"], name="rollouts_shadow_least_alike"),
            models.Index(fields=["rollout", "product_id"], name="rollouts_shadow_product"),
        ]

    def __str__(self) -> str:
        return f"page {self.rank}"
