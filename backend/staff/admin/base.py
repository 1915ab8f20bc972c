"""What every page of the dashboard shares: rows of all shops, to look at and nothing else."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db import connection, models
from django.http import HttpRequest, HttpResponse
from django.utils.functional import cached_property
from django.utils.safestring import SafeString

from backend.audit.values import Ledger
from backend.staff import chains
from backend.staff.looked import Looked, RowOfShop
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


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts no more rows than a page can wait for, and leads to no page for which millions are passed by."""

    # Below this many rows an exact count costs nothing.
    EXACT_BELOW = 50_000
    # Of rows that a filter or a search picked, this many or more.
    MOST_COUNTED = 5_000
    MOST_PAGES = 100

    @cached_property
    def count(self) -> int:
        """Return how many rows there are: of a whole large table what the planner believes."""
        rows = self.object_list
        if isinstance(rows, models.QuerySet) and rows.query.where:
            return rows.order_by()[: self.MOST_COUNTED].count()
        if isinstance(rows, models.QuerySet) and not rows.query.where:
            with connection.cursor() as cursor:
                # Of a table in partitions nobody counts more than these.
                cursor.execute(
                    "SELECT COALESCE(SUM(GREATEST(reltuples, 0)), 0)::bigint FROM pg_class"
                    " WHERE oid = %(table)s::regclass"
                    " OR oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = %(table)s::regclass)",
                    {"table": rows.model._meta.db_table},  # noqa: SLF001 -- Django's public name
                )
                estimate: int = cursor.fetchone()[0]
            if estimate >= self.EXACT_BELOW:
                return estimate
        return super().count

    @property
    def num_pages(self) -> int:
        """Return how many pages can be looked at."""
        return min(super().num_pages, self.MOST_PAGES)


class NewestFirst(ChangeList):
    """The list of a table that grows for ever: in the order of its key, whatever an address asks for."""

    def get_ordering(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> list[Any]:
        """Return the one order that an index gives."""
        return ["-pk"]


class ReadOnlyAdmin(Looked, admin.ModelAdmin, RowOfShop):  # type: ignore[type-arg]
    """Rows of every shop, to look at."""

    paginator = BoundedPaginator
    show_full_result_count = False
    # Twice as many take twice the time to draw, on pages that support waits for.
    list_per_page = 25
    list_select_related: ClassVar = ["shop"]
    actions = None
    ordering: ClassVar = ("-pk",)
    change_list_template = "staff/change_list.html"
    change_form_template = "staff/change_form.html"
    # Whether it has a row for each order, answer or delivery: sorting by any column would read all of it.
    is_growing: ClassVar[bool] = False
    # Where filters pick from the newest rows only, because no index knows what they ask for: how many.
    filters_newest: ClassVar[int | None] = None
    # Of a row's state or verdict, where it is not plain from its name.
    meanings: ClassVar[Mapping[str, str]] = {}
    # The ledger that the rows are of, if any: its seals are told on each of its pages.
    ledger: ClassVar[Ledger | None] = None
    # Columns that a row's page tells as the list does, not as they are stored.
    told_as: ClassVar[Mapping[str, str]] = {"state": "state_badge", "verdict": "verdict_badge"}

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        """Return the rows of every shop: support staff serve them all."""
        manager: Any = self.model.objects
        if hasattr(manager, "across_shops"):
            rows: models.QuerySet[Any] = manager.across_shops(reason="support staff serve every shop")
        else:
            rows = manager.all()
        if self.filters_newest and self._is_filtered(request):
            rows = self._newest(rows, self.filters_newest)
        return rows.order_by(*self.get_ordering(request))

    def _is_filtered(self, request: HttpRequest) -> bool:
        names = {getattr(one, "parameter_name", one) for one in self.list_filter}
        return bool(names & set(request.GET))

    def _newest(self, rows: models.QuerySet[Any], many: int) -> models.QuerySet[Any]:
        oldest = rows.order_by("-pk").values_list("pk", flat=True)[many - 1 : many].first()
        return rows if oldest is None else rows.filter(pk__gte=oldest)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Return the list's own class."""
        return NewestFirst if self.is_growing else super().get_changelist(request, **kwargs)

    def get_sortable_by(self, request: HttpRequest) -> Any:
        """Return the columns whose heads sort."""
        return () if self.is_growing else super().get_sortable_by(request)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Return what a row's page shows. Django would build a form, with every row that it may point to."""
        told = list(self.get_readonly_fields(request, obj))
        own = [one.name for one in self.model._meta.concrete_fields if one.editable and not one.primary_key]  # noqa: SLF001 -- Django's public name
        shown = [self.told_as.get(name, name) for name in own if name not in told]
        return list(self.fields or shown + told)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the list, with what its states mean below it."""
        told = [(badge_of(value), meaning) for value, meaning in self.meanings.items()]
        context = {"meanings": told, "filters_newest": self.filters_newest}
        response: Any = super().changelist_view(request, {**(extra_context or {}), **context})
        listed = (getattr(response, "context_data", None) or {}).get("cl")
        if self.ledger and listed is not None:
            shops = {row.shop_id for row in listed.result_list}
            response.context_data["chain"] = chains.told(self.ledger, shops)
        return response  # type: ignore[no-any-return]

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, obj: Any = None, **kwargs: Any
    ) -> Any:
        """Show a row, with how its ledger is sealed."""
        if self.ledger and obj is not None:
            context["chain"] = chains.told(self.ledger, [obj.shop_id])
        return super().render_change_form(request, context, *args, obj=obj, **kwargs)

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
