"""What answers whom, now and at every moment before."""

from typing import ClassVar

from django.db import models

from backend.core.tenancy import ShopScoped


class PointerFields(ShopScoped):
    """
    What a shop's pointer holds.

    The champion answers; a candidate, while a rollout is on, answers ``percent`` of the visitors and is
    compared on ``shadow_percent`` of the requests; or the two draft personal lists together. The former
    version answers where the champion can't.
    """

    champion = models.ForeignKey("registry.ModelVersion", on_delete=models.PROTECT, related_name="+")
    former = models.ForeignKey("registry.ModelVersion", on_delete=models.PROTECT, related_name="+", null=True)
    candidate = models.ForeignKey(
        "registry.ModelVersion", on_delete=models.PROTECT, related_name="+", null=True
    )
    rollout = models.ForeignKey("rollouts.Rollout", on_delete=models.PROTECT, related_name="+", null=True)
    percent = models.SmallIntegerField(default=0)
    shadow_percent = models.SmallIntegerField(default=0)
    is_interleaved = models.BooleanField(default=False, db_default=False)
    revision = models.IntegerField(default=1)

    class Meta:
        abstract = True


SHARES = models.Q(
    percent__gte=0, percent__lte=100, shadow_percent__gte=0, shadow_percent__lte=100
) & ~models.Q(percent__gt=0, shadow_percent__gt=0)
# One candidate at a time, and never without the rollout that answers for it.
ONE_ROLLOUT = models.Q(candidate__isnull=True, rollout__isnull=True, percent=0, shadow_percent=0) | models.Q(
    candidate__isnull=False, rollout__isnull=False
)
# Lists of both versions are drafted before the candidate has a share of its own, and after its shadow.
INTERLEAVED = models.Q(is_interleaved=False) | models.Q(candidate__isnull=False, percent=0, shadow_percent=0)


class Pointer(PointerFields):
    """What answers a shop's visitors. One row a shop, moved only by ``services.pointing``."""

    moved_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop"], name="rollouts_pointer_one_a_shop"),
            models.CheckConstraint(name="rollouts_pointer_shares", condition=SHARES),
            models.CheckConstraint(name="rollouts_pointer_one_rollout", condition=ONE_ROLLOUT),
            models.CheckConstraint(name="rollouts_pointer_interleaved", condition=INTERLEAVED),
            models.CheckConstraint(
                name="rollouts_pointer_two_versions", condition=~models.Q(candidate=models.F("champion"))
            ),
        ]

    def __str__(self) -> str:
        return f"pointer r{self.revision}"


class PointerMove(PointerFields):
    """
    What a shop's pointer held from one moment on, who moved it there and why.

    PostgreSQL refuses to change it: see migration 0009.
    """

    at = models.DateTimeField()
    actor = models.TextField()
    words = models.TextField()

    class Meta:
        verbose_name = "move of a pointer"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop", "revision"], name="rollouts_pointer_move_revision"),
            models.CheckConstraint(name="rollouts_pointer_move_shares", condition=SHARES),
            models.CheckConstraint(name="rollouts_pointer_move_interleaved", condition=INTERLEAVED),
        ]

    def __str__(self) -> str:
        return f"pointer r{self.revision}"
