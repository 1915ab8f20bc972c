"""The site of the staff dashboard: who may come in, and the pages that belong to no table."""

from typing import Any

from django.contrib.admin.options import ModelAdmin
from django.contrib.admin.sites import AdminSite
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils.http import urlencode

from backend.staff.looked import Looked, RowOfShop


class StaffSite(AdminSite):
    """Django's admin behind two factors and a role."""

    # The storefront and the embedded UI are other sites; there is none to view from here.
    site_url = None
    site_header = "Tailorbird staff"
    site_title = "Tailorbird"
    index_title = "Shops, models and decisions"
    empty_value_display = "–"
    enable_nav_sidebar = False
    login_template = "staff/login.html"

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Register the pages of tables, each of which records looks at shops whatever its class forgets."""
        pages = admin_class or ModelAdmin
        if not issubclass(pages, Looked):
            pages = type(pages.__name__, (Looked, pages, RowOfShop), {"__doc__": pages.__doc__})
        super().register(model_or_iterable, pages, **options)

    def has_permission(self, request: HttpRequest) -> bool:
        """Let in who signed in with both factors and has a role."""
        user: Any = request.user
        return super().has_permission(request) and user.is_verified() and bool(user.get_all_permissions())

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Ask for the password, and lead who gave it on to the second factor."""
        user: Any = request.user
        if user.is_active and user.is_staff and not user.is_verified():
            return redirect(f"{reverse('admin:verify')}?{urlencode({'next': _next(request)})}")
        return super().login(request, extra_context)

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Return the addresses of the site, those of ours before those of Django."""
        from backend.staff import views

        behind = self.admin_view
        own: list[URLPattern | URLResolver] = [
            # For who has given a password and nothing more yet.
            path("verify/", views.Verify.as_view(), name="verify"),
            path("enrol/", views.Enrol.as_view(), name="enrol"),
            path("search/", behind(views.search), name="search"),
            path("second-factor/", behind(views.OwnSecondFactor.as_view()), name="second_factor"),
        ]
        return [*own, *super().get_urls()]

    def password_change(  # type: ignore[override]
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        """Change one's own password, which ends one's other sessions."""
        from backend.staff import views

        return views.change_own_password(self, request, extra_context)


def _next(request: HttpRequest) -> str:
    return request.GET.get("next") or request.get_full_path()
