"""What answers whom."""

from typing import ClassVar

from django.db import models

from backend.audit.values import Surface
from backend.core.tenancy import ShopScoped


class SurfacePointer(ShopScoped):
    """The version that answers one surface of one shop. Moved only by ``services._apply``."""

    surface = models.CharField(max_length=20)
    champion = models.ForeignKey("registry.ModelVersion", on_delete=models.PROTECT, related_name="+")
    revision = models.IntegerField(default=1)
    moved_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop", "surface"], name="rollouts_pointer_unique"),
            models.CheckConstraint(
                name="rollouts_pointer_surface", condition=models.Q(surface__in=list(Surface))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.surface} r{self.revision}"
