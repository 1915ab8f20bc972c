"""Pages of tables that record each look at a shop: every page that is registered here becomes one."""

from collections.abc import Callable, Iterable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse

from backend.core import clock
from backend.staff.values import Look


class RowOfShop:
    """Put behind the class of a table's pages, which may know better."""

    def shop_of(self, row: Any) -> int | None:
        """Return the shop that a row is of; None where it is of no shop, or of none any more."""
        return getattr(row, "shop_id", None)

    def thing(self, row: Any) -> str:
        """Return a row's number or id, as the merchant may read it: never a pseudonym."""
        return str(row.pk)


class Looked:
    """Put before the class of a table's pages by ``StaffSite.register``."""

    model: Any
    shop_of: Callable[[Any], int | None]
    thing: Callable[[Any], str]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show a list, once it is recorded that its shops were looked at."""
        response: Any = super().changelist_view(request, extra_context)  # type: ignore[misc]
        listed = (getattr(response, "context_data", None) or {}).get("cl")
        if listed is not None:
            page = f"list of {self.model._meta.verbose_name_plural}"  # noqa: SLF001 -- Django's public name
            note_looks(request, [Look(shop, page) for shop in self._shops(listed.result_list)])
        return response  # type: ignore[no-any-return]

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        """Show a row, once it is recorded that its shop was looked at."""
        self.note_look(request, kwargs.get("obj"))
        return super().render_change_form(request, context, *args, **kwargs)  # type: ignore[misc]

    def history_view(self, request: HttpRequest, object_id: str, *_: Any) -> HttpResponse:
        """Show nothing: rows are never edited here, so there is no history of edits."""
        raise Http404

    def note_look(self, request: HttpRequest, row: Any, page: str | None = None) -> None:
        """Record that a row's page was looked at."""
        for shop in self._shops([row] if row is not None else []):
            name = page or str(self.model._meta.verbose_name)  # noqa: SLF001 -- Django's public name
            note_looks(request, [Look(shop, name, self.thing(row))])

    def _shops(self, rows: Iterable[Any]) -> list[int]:
        return sorted({shop for row in rows if (shop := self.shop_of(row)) is not None})


def note_looks(request: HttpRequest, looks: list[Look]) -> None:
    """Record what the one who asks is about to be shown."""
    if not looks:
        return
    from backend.staff.services import record_looks
    from backend.staff.views import actor_of

    record_looks(looks, by=actor_of(request), now=clock.now())
