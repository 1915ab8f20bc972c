"""What was measured of rollouts, and what else changed in a shop meanwhile."""

from typing import ClassVar

from django.db import models

from backend.core.tenancy import ShopScoped
from backend.rollouts.values import ChangeKind, Metric, Verdict


class RolloutEstimand(ShopScoped):
    """
    What a rollout's revenue is measured by, chosen before anybody saw it.

    PostgreSQL refuses to change it: a bound that moves with what it bounds proves nothing.
    """

    rollout = models.OneToOneField("rollouts.Rollout", on_delete=models.CASCADE, related_name="+")
    window = models.DurationField()
    past = models.DurationField()
    # Null where the shop had no orders to choose it from.
    bound = models.DecimalField(max_digits=18, decimal_places=4, null=True)
    currency = models.CharField(max_length=3, blank=True)
    orders = models.IntegerField()
    fixed_at = models.DateTimeField()

    class Meta:
        verbose_name = "estimand of a rollout"

    def __str__(self) -> str:
        return f"at most {self.bound} {self.currency}"


class RolloutReading(ShopScoped):
    """
    One metric of a rollout at one moment: both arms' sums as they were judged, and the interval.

    The newest is always kept; of the older ones enough to draw a line.
    """

    rollout = models.ForeignKey("rollouts.Rollout", on_delete=models.CASCADE, related_name="+")
    metric = models.CharField(max_length=16)
    read_at = models.DateTimeField()
    candidate_visitors = models.IntegerField()
    candidate_total = models.DecimalField(max_digits=24, decimal_places=6)
    candidate_squares = models.DecimalField(max_digits=38, decimal_places=8)
    control_visitors = models.IntegerField()
    control_total = models.DecimalField(max_digits=24, decimal_places=6)
    control_squares = models.DecimalField(max_digits=38, decimal_places=8)
    # Of the visitors of both arms: who told a bucket of the other arm too. They count where they were first.
    in_both_arms = models.IntegerField(default=0, db_default=0)
    # Of the metric on what visitors had bought before, by which the sums were adjusted; 0 for none.
    slope = models.FloatField(default=0)
    percent = models.FloatField(null=True)
    low = models.FloatField(null=True)
    high = models.FloatField(null=True)
    verdict = models.CharField(max_length=16)
    # How long the whole reading took: the next one waits in proportion.
    took_ms = models.IntegerField()

    class Meta:
        verbose_name = "reading of a rollout"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["rollout", "metric", "read_at"], name="rollouts_rollout_reading_once"
            ),
            models.CheckConstraint(
                name="rollouts_rollout_reading_metric", condition=models.Q(metric__in=list(Metric))
            ),
            models.CheckConstraint(
                name="rollouts_rollout_reading_verdict", condition=models.Q(verdict__in=list(Verdict))
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["rollout", "-read_at"], name="rollouts_rollout_reading_at"),
        ]

    def __str__(self) -> str:
        return f"{self.metric} at {self.read_at:%Y-%m-%d %H:%M}"


class TrafficReading(ShopScoped):
    """What a shop's visitors usually do, for a forecast; one row a shop, measured anew once a day."""

    read_at = models.DateTimeField()
    days = models.FloatField()
    visitors = models.IntegerField()
    buyers = models.IntegerField()
    revenue = models.DecimalField(max_digits=24, decimal_places=6)
    squares = models.DecimalField(max_digits=38, decimal_places=8)
    # Visitors who clicked a product of a personal list.
    clickers = models.IntegerField(default=0, db_default=0)

    class Meta:
        verbose_name = "reading of a shop's visitors"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop"], name="rollouts_traffic_one_a_shop"),
        ]

    def __str__(self) -> str:
        return f"{self.visitors} visitors in {self.days:.0f} days"


class ShopChange(ShopScoped):
    """Something that changed in a shop and that visitors of both arms met: no doing of ours."""

    kind = models.CharField(max_length=16)
    # What it is at its source, so that what is told twice stands here once.
    key = models.TextField()
    began_at = models.DateTimeField()
    # Null while it lasts; what happens at one moment ends when it begins.
    ended_at = models.DateTimeField(null=True)
    words = models.TextField()
    details = models.JSONField(default=dict)

    class Meta:
        verbose_name = "change of a shop"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop", "kind", "key"], name="rollouts_change_once"),
            models.CheckConstraint(
                name="rollouts_change_kind", condition=models.Q(kind__in=list(ChangeKind))
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["shop", "-began_at"], name="rollouts_change_newest")]

    def __str__(self) -> str:
        return self.words


class PriceReading(ShopScoped):
    """The prices of a sample of a shop's products at one moment; kept for two days, while a rollout is on."""

    read_at = models.DateTimeField()
    # By product id.
    prices = models.JSONField()

    class Meta:
        verbose_name = "reading of prices"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop", "read_at"], name="rollouts_prices_once"),
        ]

    def __str__(self) -> str:
        return f"{len(self.prices)} prices"
