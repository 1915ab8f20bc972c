"""What every page of the dashboard shares: rows of all shops, to look at and nothing else."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar

from django.contrib import admin
from django.core.paginator import Paginator
from django.db import connection, models
from django.http import HttpRequest, HttpResponse
from django.utils.functional import cached_property
from django.utils.safestring import SafeString

from backend.staff.tables import badge_of, in_words, to_row, with_meaning


def among(name: str, values: type[StrEnum]) -> type[admin.SimpleListFilter]:
    """Return a filter by a column of known values: Django's own would read the whole table for them."""

    class Among(admin.SimpleListFilter):
        title = name
        parameter_name = name

        def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
            return [(value.value, in_words(value)) for value in values]

        def queryset(self, request: HttpRequest, queryset: Any) -> Any:
            return queryset.filter(**{name: self.value()}) if self.value() else queryset

    return Among


class EstimatedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts a whole large table by the planner's estimate; COUNT(*) would read all of it each time."""

    # Below this many rows an exact count costs nothing.
    EXACT_BELOW = 50_000

    @cached_property
    def count(self) -> int:
        """Return how many rows there are, roughly when there are many."""
        rows = self.object_list
        if isinstance(rows, models.QuerySet) and not rows.query.where:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass",
                    [rows.model._meta.db_table],  # noqa: SLF001 -- Django's public name
                )
                estimate: int = cursor.fetchone()[0]
            if estimate >= self.EXACT_BELOW:
                return estimate
        return super().count


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Rows of every shop, to look at."""

    paginator = EstimatedPaginator
    show_full_result_count = False
    empty_value_display = "–"
    list_per_page = 50
    list_select_related: ClassVar = ["shop"]
    actions = None
    ordering: ClassVar = ("-pk",)
    change_list_template = "staff/change_list.html"
    # Of a row's state or verdict, where it is not plain from its name.
    meanings: ClassVar[Mapping[str, str]] = {}

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        """Return the rows of every shop: support staff serve them all."""
        manager: Any = self.model.objects
        if hasattr(manager, "across_shops"):
            rows: models.QuerySet[Any] = manager.across_shops(reason="support staff serve every shop")
        else:
            rows = manager.all()
        return rows.order_by(*self.get_ordering(request))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Return what a row's page shows. Django would build a form, with every row that it may point to."""
        told = list(self.get_readonly_fields(request, obj))
        own = [one.name for one in self.model._meta.concrete_fields if one.editable and not one.primary_key]  # noqa: SLF001 -- Django's public name
        return list(self.fields or [name for name in own if name not in told] + told)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the list, with what its states mean below it."""
        told = [(badge_of(value), meaning) for value, meaning in self.meanings.items()]
        return super().changelist_view(request, {**(extra_context or {}), "meanings": told})

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="State", ordering="state")
    def state_badge(self, row: Any) -> SafeString:
        """Return the row's state as a badge."""
        return badge_of(row.state)

    @admin.display(description="State")
    def state_told(self, row: Any) -> SafeString:
        """Return the row's state with what it means."""
        return with_meaning(row.state, self.meanings)

    @admin.display(description="Verdict", ordering="verdict")
    def verdict_badge(self, row: Any) -> SafeString:
        """Return the row's verdict as a badge."""
        return badge_of(row.verdict)

    @admin.display(description="Verdict")
    def verdict_told(self, row: Any) -> SafeString:
        """Return the row's verdict with what it means."""
        return with_meaning(row.verdict, self.meanings)

    @admin.display(description="Shop", ordering="shop")
    def shop_link(self, row: Any) -> SafeString | str:
        """Return the row's shop as a link."""
        return to_row("shops_shop", row.shop_id, row.shop.domain) if row.shop_id else "–"
