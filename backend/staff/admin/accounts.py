"""Accounts of staff, which admins manage, and the record of what was done to them."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import unquote

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminPasswordChangeForm
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path
from django.utils.decorators import method_decorator
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from backend.core import clock
from backend.core.errors import Failure
from backend.staff import queries, services
from backend.staff.admin.base import ReadOnlyAdmin, among
from backend.staff.forms import AccountForm, NewAccountForm
from backend.staff.models import StaffEvent
from backend.staff.tables import badge, in_words, table
from backend.staff.values import Actor, Role, StaffAct
from backend.staff.views import actor_of

Act = Callable[..., None]


def _reset_second_factor(user: User, *, by: Actor, now: datetime) -> None:
    why = "An admin took the second factor away; the next sign-in sets up a new one."
    services.reset_second_factor(user.pk, reason=why, by=by, now=now)


def _end_sessions(user: User, *, by: Actor, now: datetime) -> None:
    services.end_sessions(user.pk, by=by, now=now)


# What an admin does to an account by one button, with what is told when it is done.
ACTS: Mapping[str, tuple[Act, str]] = {
    "unlock": (services.unlock, "The account is unlocked."),
    "reset-second-factor": (
        _reset_second_factor,
        "The second factor is reset and every session of the account has ended.",
    ),
    "end-sessions": (_end_sessions, "Every session of the account has ended."),
}

# Roles are code, not rows that somebody edits.
admin.site.unregister(Group)
admin.site.unregister(User)


@admin.register(User)
class AccountAdmin(UserAdmin):  # type: ignore[type-arg]
    """Who may sign in, and what for. Accounts are closed, never deleted: the record names them by id."""

    form = AccountForm
    add_form = NewAccountForm
    add_form_template = None
    change_form_template = "staff/account.html"
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "id", "role", "state", "second_factor", "last_login")
    list_filter = ("is_active",)
    search_fields = ("username",)
    filter_horizontal = ()
    list_per_page = 25
    actions = None
    show_full_result_count = False
    readonly_fields = (
        "username",
        "id",
        "second_factor",
        "state",
        "last_login",
        "date_joined",
        "acts",
    )
    fieldsets = (
        (None, {"fields": ("username", "id", "role", "is_active", "state")}),
        ("Sign-in", {"fields": ("second_factor", "last_login", "date_joined")}),
        ("What was done to it and by it", {"fields": ("acts",)}),
    )
    add_fieldsets = ((None, {"fields": ("username", "role", "password1", "password2")}),)

    def get_queryset(self, request: HttpRequest) -> Any:
        """Return the accounts with their roles and second factors, asked for with the rows."""
        rows = super().get_queryset(request).filter(is_staff=True)
        return rows.prefetch_related("groups").select_related("authenticator", "recoverycodes")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Let nobody become more than an admin by way of a superuser's account."""
        is_above = obj is not None and obj.is_superuser and not request.user.is_superuser
        return super().has_change_permission(request, obj) and not is_above

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Return what the page of an account only tells; a new one has nothing to tell."""
        return self.readonly_fields if obj else ()

    def get_urls(self) -> list[Any]:
        """Return the addresses of accounts, with one for each act on one."""
        act = self.admin_site.admin_view(self.act_on)
        return [path("<int:account_id>/act/<str:name>/", act, name="auth_user_act"), *super().get_urls()]

    @method_decorator(require_POST)
    def act_on(self, request: HttpRequest, account_id: int, name: str) -> HttpResponse:
        """Do to an account what one button says."""
        user = get_object_or_404(self.get_queryset(request), pk=account_id)
        if name not in ACTS or not self.has_change_permission(request, user):
            raise PermissionDenied
        act, done = ACTS[name]
        act(user, by=actor_of(request), now=clock.now())
        messages.success(request, done)
        return redirect("admin:auth_user_change", account_id)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Make or change an account through the services, which record it."""
        role, by, now = Role(form.cleaned_data["role"]), actor_of(request), clock.now()
        if not change:
            password = form.cleaned_data["password1"]
            made = services.make_account(obj.username, role=role, password=password, by=by, now=now)
            obj.pk = made.pk
            return
        try:
            services.change_account(obj, role=role, is_active=obj.is_active, by=by, now=now)
        except Failure as error:
            messages.error(request, error.message)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> Any:  # noqa: A002 -- Django's
        """Set a new password for somebody, which ends their sessions."""
        response = super().user_change_password(request, id, form_url)
        if request.method == "POST" and response.status_code == 302 and "password1" in request.POST:
            services.change_password(int(unquote(id)), session=None, by=actor_of(request), now=clock.now())
        return response

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:  # type: ignore[override]
        """Leave it to the services: Django's own log names people, and can be changed."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> None:  # type: ignore[override]
        """Leave it to the services."""

    @admin.display(description="Role")
    def role(self, row: User) -> str:
        """Return what the account may do."""
        if row.is_superuser:
            return "superuser"
        return ", ".join(sorted(group.name for group in row.groups.all())) or "none"

    @admin.display(description="State")
    def state(self, row: User) -> SafeString:
        """Return whether the account may sign in."""
        if not row.is_active:
            return badge("closed", "quiet")
        is_locked = queries.is_locked(row.username, now=clock.now())
        return badge("locked for a while", "bad") if is_locked else badge("open", "good")

    @admin.display(description="Second factor")
    def second_factor(self, row: User) -> str:
        """Return since when the account has a second factor, and how many recovery codes are left."""
        if not hasattr(row, "authenticator"):
            return "not set up yet"
        left = len(row.recoverycodes.digests) if hasattr(row, "recoverycodes") else 0
        return f"since {row.authenticator.enrolled_at:%d %b %Y}, {left} recovery codes left"

    @admin.display(description="Record")
    def acts(self, row: User) -> SafeString:
        """Return the newest acts on the account."""
        return _table_of(StaffEvent.objects.filter(account_id=row.pk)[:25])


@admin.register(StaffEvent)
class StaffEventAdmin(ReadOnlyAdmin):
    """What was done to accounts, and by whom. The database lets nobody change it."""

    list_display = ("moment", "event_name", "account_id", "actor", "reason", "address")
    list_filter = (among("event", StaffAct),)
    list_select_related: ClassVar = []
    is_growing = True

    @admin.display(description="When")
    def moment(self, row: StaffEvent) -> str:
        """Return the moment to the second."""
        return f"{row.at:%d %b %Y, %H:%M:%S} UTC"

    @admin.display(description="Event")
    def event_name(self, row: StaffEvent) -> str:
        """Return what happened, in words."""
        return in_words(row.event)


def _table_of(events: Any) -> SafeString:
    rows = [(f"{one.at:%d %b %Y, %H:%M} UTC", in_words(one.event), one.actor, one.reason) for one in events]
    return table(("When", "Event", "By", "What"), rows, empty="Nothing yet.")
