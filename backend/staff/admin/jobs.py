"""Jobs that were asked for and are not done: what waits, what runs, what fails, what was set aside."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import OuterRef, Q, Subquery
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce, Now
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.defaultfilters import pluralize
from django.urls import path
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from backend.catalog.models import Import
from backend.core import clock
from backend.core.errors import Failure
from backend.core.leases import LEASE_SECONDS
from backend.core.models import PendingJob
from backend.shops.models import Shop
from backend.staff import services, words
from backend.staff.admin.base import ReadOnlyAdmin
from backend.staff.tables import badge_of, facts, in_words, to_row
from backend.staff.values import JobState
from backend.staff.views import actor_of
from backend.training.models import TrainingRun
from backend.webhooks.models import WebhookDelivery

# What is named by a job's ids beside shops, and belongs to one.
BELONGS_TO_A_SHOP: Mapping[str, Any] = {
    "import_id": Import,
    "run_id": TrainingRun,
    "delivery_id": WebhookDelivery,
}

# Of an error in the list; its page has all of it.
MOST_CHARACTERS = 160


class IsSetAside(admin.SimpleListFilter):
    """A filter by whether a person must look."""

    title = "whether it was set aside"
    parameter_name = "set_aside"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the two answers there are."""
        return [("yes", "set aside"), ("no", "still to be done")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Return the jobs of the answer that was picked."""
        if self.value() is None:
            return queryset
        return queryset.filter(given_up_at__isnull=self.value() != "yes")


@admin.register(PendingJob)
class PendingJobAdmin(ReadOnlyAdmin):
    """Jobs that were asked for and are not done. What is done has no row any more."""

    list_display = ("requested", "state_badge", "job_name", "shop_link", "error_begin")
    list_filter = (IsSetAside,)
    list_select_related: ClassVar = []
    # An import of a large shop asks for one job an order.
    is_growing = True
    meanings = words.JOBS
    change_form_template = "staff/job.html"
    fieldsets = (
        (None, {"fields": ("job_name", "shop_link", "state_told", "error")}),
        ("When", {"fields": ("requested_at", "due_at", "sent_at", "heartbeat_at", "given_up_at")}),
        ("For", {"fields": ("ids_table", "request_id")}),
    )

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        """Return jobs, each with its shop and with what the database's own clock says of its worker."""
        silent = Q(heartbeat_at__lt=Now() - timedelta(seconds=LEASE_SECONDS))
        rows = super().get_queryset(request).annotate(shop_id=_shop_id(), is_silent=silent)
        domains = Shop.objects.filter(pk=OuterRef("shop_id")).values("domain")
        told: models.QuerySet[Any] = rows.annotate(shop_domain=Subquery(domains))
        return told

    def get_urls(self) -> list[Any]:
        """Return the addresses of jobs, with the one that asks for a job again."""
        again = self.admin_site.admin_view(self.ask_again)
        return [path("<int:job_id>/again/", again, name="core_pendingjob_again"), *super().get_urls()]

    @method_decorator(require_POST)
    def ask_again(self, request: HttpRequest, job_id: int) -> HttpResponse:
        """Let a job that was set aside be tried anew."""
        if not request.user.has_perm("core.change_pendingjob"):
            raise PermissionDenied
        row = get_object_or_404(self.get_queryset(request), pk=job_id)
        try:
            services.ask_again(job_id, shop_id=_existing_shop(row), by=actor_of(request), now=clock.now())
        except Failure as error:
            messages.error(request, error.message)
        else:
            messages.success(request, "The job is asked for again.")
        return redirect("admin:core_pendingjob_changelist")

    def shop_of(self, row: Any) -> int | None:
        """Return the shop that a job is for."""
        return _existing_shop(row)

    @admin.display(description="Requested at (UTC)")
    def requested(self, row: PendingJob) -> str:
        """Return when it was asked for first."""
        return f"{row.requested_at:%d %b %Y, %H:%M:%S}"

    @admin.display(description="Job")
    def job_name(self, row: PendingJob) -> str:
        """Return the job, in words."""
        return in_words(row.job)

    @admin.display(description="Shop")
    def shop_link(self, row: Any) -> SafeString | str:
        """Return the shop that the job is for, as a link."""
        return to_row("shops_shop", row.shop_id, row.shop_domain) if row.shop_domain else "–"

    @admin.display(description="State")
    def state_badge(self, row: Any) -> SafeString:
        """Return the state, with how often it failed."""
        state, failed = _state(row), row.failures + row.crashes
        if not failed:
            return badge_of(state)
        verb = "" if state is JobState.FAILING else "failed "
        return format_html("{} {}{} time{}", badge_of(state), verb, failed, pluralize(failed))

    @admin.display(description="State")
    def state_told(self, row: Any) -> SafeString:
        """Return the state, with how often it failed and what it means."""
        return format_html("{}: {}", self.state_badge(row), words.JOBS[_state(row)])

    @admin.display(description="Error")
    def error_begin(self, row: PendingJob) -> str:
        """Return how the error of the last try begins."""
        return row.error if len(row.error) <= MOST_CHARACTERS else f"{row.error[:MOST_CHARACTERS]}…"

    @admin.display(description="Ids")
    def ids_table(self, row: PendingJob) -> SafeString:
        """Return what the job is called with."""
        return facts([(in_words(name), value) for name, value in row.ids.items()], empty="It needs none.")


def _existing_shop(row: Any) -> int | None:
    """Return the shop that a job is for; its ids may outlive the shop."""
    return row.shop_id if row.shop_domain else None


def _shop_id() -> Coalesce:
    named: list[Any] = [_id("shop_id")]
    for name, model in BELONGS_TO_A_SHOP.items():
        manager = model.objects
        is_scoped = hasattr(manager, "across_shops")
        rows = manager.across_shops(reason="a job names one row") if is_scoped else manager.all()
        named.append(Subquery(rows.filter(pk=_id(name, of=OuterRef("ids"))).order_by().values("shop_id")))
    return Coalesce(*named, output_field=models.BigIntegerField())


def _id(name: str, *, of: Any = "ids") -> Cast:
    return Cast(KeyTextTransform(name, of), models.BigIntegerField())


def _state(row: Any) -> JobState:
    if row.given_up_at is not None:
        return JobState.SET_ASIDE
    if row.holder is not None:
        return JobState.SILENT if row.is_silent else JobState.RUNNING
    return JobState.FAILING if row.failures or row.crashes else JobState.WAITING
