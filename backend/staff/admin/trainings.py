"""Training runs, past and present."""

from django.contrib import admin
from django.utils.safestring import SafeString

from backend.registry.models import ModelVersion
from backend.staff import words
from backend.staff.admin.base import ReadOnlyAdmin, among
from backend.staff.tables import figure, table, to_row
from backend.training.models import TrainingRun
from backend.training.values import Reason, RunState


@admin.register(TrainingRun)
class TrainingRunAdmin(ReadOnlyAdmin):
    """Training runs, past and present."""

    list_display = (
        "created_at",
        "shop_link",
        "state_badge",
        "reason",
        "requested_by",
        "message",
        "finished_at",
    )
    list_filter = (among("state", RunState), among("reason", Reason))
    meanings = words.RUNS
    fieldsets = (
        (None, {"fields": ("uuid", "shop_link", "state_told", "message", "error", "version")}),
        (
            "When and why",
            {
                "fields": (
                    "reason",
                    "requested_by",
                    "attempts",
                    "created_at",
                    "started_at",
                    "heard_at",
                    "finished_at",
                )
            },
        ),
        ("How it learned", {"fields": ("curve_table",)}),
    )

    @admin.display(description="Version")
    def version(self, row: TrainingRun) -> SafeString | str:
        """Return the version that the training made, as a link."""
        if row.version_id is None:
            return "–"
        made = ModelVersion.objects.for_shop(row.shop_id).filter(uuid=row.version_id).first()
        return to_row("registry_modelversion", made.pk, made) if made else str(row.version_id)

    @admin.display(description="Learning curve")
    def curve_table(self, row: TrainingRun) -> SafeString:
        """Return the curve as numbers."""
        rows = [
            (
                point["epoch"],
                f"{point['seconds']:.0f} s",
                figure(point["train_loss"]),
                figure(point["validation_ndcg"]),
            )
            for point in row.curve
        ]
        heads = ("Pass over the data", "After", "Training error", "NDCG@10 on unseen purchases")
        return table(heads, rows, empty="Nothing was learned step by step.")
