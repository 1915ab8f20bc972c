"""What was a reason to train, and what was not."""

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString

from backend.monitoring import queries as monitoring
from backend.monitoring.models import RetrainTrigger
from backend.monitoring.values import Kind, Verdict
from backend.staff import words
from backend.staff.admin.base import ReadOnlyAdmin, among
from backend.staff.tables import badge_of, facts, in_words, to_row
from backend.training.models import TrainingRun


@admin.register(RetrainTrigger)
class RetrainTriggerAdmin(ReadOnlyAdmin):
    """What was a reason to train, and what was not."""

    list_display = ("created_at", "verdict_badge", "kind_name", "in_words", "shop_link")
    is_growing = True
    list_filter = (among("kind", Kind), among("verdict", Verdict))
    meanings = words.TRIGGERS
    fieldsets = (
        (None, {"fields": ("shop_link", "kind_name", "verdict_told", "in_words", "run_link", "created_at")}),
        ("Evidence", {"fields": ("subject_told", "evidence_table", "uuid")}),
    )

    @admin.display(description="Kind")
    def kind_name(self, row: RetrainTrigger) -> str:
        """Return the kind, in words."""
        return in_words(row.kind)

    @admin.display(description="In words")
    def in_words(self, row: RetrainTrigger) -> str:
        """Return what was found, in words."""
        return row.words

    @admin.display(description="Training")
    def run_link(self, row: RetrainTrigger) -> SafeString | str:
        """Return the training that was asked for, as a link."""
        if row.run_id is None:
            return "none was asked for"
        run = TrainingRun.objects.for_shop(row.shop_id).get(uuid=row.run_id)
        return format_html(
            "{} {}", to_row("training_trainingrun", run.pk, "the run it asked for"), badge_of(run.state)
        )

    @admin.display(description="Looked at")
    def subject_told(self, row: RetrainTrigger) -> str:
        """Return which data was looked at: a reason found in it is acted on once."""
        return row.subject

    @admin.display(description="Figures")
    def evidence_table(self, row: RetrainTrigger) -> SafeString:
        """Return what was found, line by line."""
        rows = [(figure.name, figure.value) for figure in monitoring.figures(row.evidence)]
        return facts(rows, empty="A person's wish needs no figures.")
