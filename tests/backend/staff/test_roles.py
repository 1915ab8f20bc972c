"""Who may see and do what at the staff dashboard: every address, asked by each of the cast."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from backend.staff import services
from backend.staff.models import StaffEvent
from backend.staff.values import SYSTEM, Actor, NotPermitted, Role
from tests.backend.history import NOW
from tests.backend.staff.people import PASSWORD, an_account, signed_in

pytestmark = pytest.mark.django_db

# Of everybody who may come in at all.
OWN = {"index", "logout", "password_change", "password_change_done", "jsi18n", "second_factor", "search"}
# Of who has given a password, or not even that.
BEFORE = {"login", "verify", "enrol"}
ACCOUNTS = {"auth_user", "staff_staffevent"}
# Told by tests of their own: acts, which only a POST does, and what has nothing of a shop.
ELSEWHERE = {
    "logout",
    "autocomplete",
    "view_on_site",
    "auth_user_act",
    "core_pendingjob_again",
    "rollouts_rollout_stop",
}
# The page of no row at all: what answers 404 or leads back to the list was let through to look for it.
LET_IN = {200, 302, 404, 405}


def addresses() -> Iterator[tuple[str, str]]:
    """Yield the name and a path of every address of the dashboard."""
    site = next(one for one in get_resolver().url_patterns if getattr(one, "namespace", None) == "admin")
    assert isinstance(site, URLResolver)
    yield from _walk(site, "/")


def _walk(resolver: URLResolver, before: str) -> Iterator[tuple[str, str]]:
    at = before + _filled(str(resolver.pattern))
    for one in resolver.url_patterns:
        if isinstance(one, URLResolver):
            yield from _walk(one, at)
        elif isinstance(one, URLPattern) and one.name:
            yield one.name, at + _filled(str(one.pattern))


def _filled(pattern: str) -> str:
    filled = {
        "<path:object_id>": "0", "<path:content_type_id>": "0", "<int:account_id>": "0",
        "<int:job_id>": "0", "<int:rollout_id>": "0", "<str:name>": "unlock", "<id>": "0",
        "<uuid:decision_id>": "0197a1b2-0000-7000-8000-00000000000a",
    }  # fmt: skip
    for part, value in filled.items():
        pattern = pattern.replace(part, value)
    return pattern.removeprefix("^").removesuffix("$").replace("(?P<url>.*)", "x")


ADDRESSES = sorted({(name, path) for name, path in addresses() if "(?P<app_label>" not in path})


def test_the_walk_meets_every_page_of_every_table() -> None:
    met = {name for name, _ in ADDRESSES}

    for model in admin.site._registry:
        assert {
            f"{model._meta.app_label}_{model._meta.model_name}_{page}" for page in ("changelist", "change")
        } <= met
    assert met >= OWN | BEFORE


def may(role: Role, name: str) -> bool:
    """Return what the roles promise of an address."""
    if name in OWN:
        return True
    table, _, page = name.rpartition("_")
    if name == "auth_user_password_change":
        table, page = "auth_user", "change"
    if table in ACCOUNTS:
        pages = {"changelist", "change"} | ({"add"} if table == "auth_user" else set())
        return role is Role.ADMIN and page in pages
    return page in {"changelist", "change", "why"}


@pytest.mark.parametrize("role", list(Role))
def test_each_role_is_let_into_its_pages_and_no_others(role: Role) -> None:
    client, other = signed_in(an_account(role=role)), an_account("bea")
    act = StaffEvent.objects.latest("id")
    wrong = []

    for name, path in ADDRESSES:
        if name in BEFORE | ELSEWHERE or name.endswith("_history"):
            continue
        there = path.replace("/user/0/", f"/user/{other.pk}/").replace(
            "/staffevent/0/", f"/staffevent/{act.pk}/"
        )
        status = client.get(there).status_code
        if (status in LET_IN) is not may(role, name) or status >= 500:
            wrong.append((name, path, status))

    assert wrong == []


def test_nothing_here_is_edited_so_there_is_no_history_of_edits() -> None:
    client = signed_in(an_account(role=Role.ADMIN))

    assert {client.get(path).status_code for name, path in ADDRESSES if name.endswith("_history")} == {404}


@pytest.mark.parametrize("who", ["outsider", "one factor", "no role", "closed"])
def test_who_has_no_role_and_two_factors_is_shown_nothing(who: str) -> None:
    client = Client()
    if who != "outsider":
        user = an_account(role=None if who == "no role" else Role.ADMIN)
        client = signed_in(user)
    if who == "one factor":
        session = client.session
        del session["otp_device_id"]
        session.save()
    if who == "closed":
        User.objects.update(is_active=False)
    let_in = [
        (name, path)
        for name, path in ADDRESSES
        if name not in BEFORE and client.get(path).status_code not in {302, 404}
    ]

    # Words of Django's scripts, which Django shows to everybody.
    assert let_in in ([("jsi18n", "/staff/jsi18n/")], [])
    assert client.get("/staff/audit/decision/").headers["Location"].startswith("/staff/login/")


@pytest.mark.parametrize("role", [Role.SUPPORT, Role.OPERATOR])
@pytest.mark.parametrize("act", ["unlock", "reset-second-factor", "end-sessions"])
def test_only_admins_act_on_accounts(role: Role, act: str) -> None:
    other = an_account("bea")
    before = StaffEvent.objects.count()
    client = signed_in(an_account(role=role))

    answer = client.post(f"/staff/auth/user/{other.pk}/act/{act}/")

    assert answer.status_code == 403
    assert StaffEvent.objects.count() == before + 1  # the account that was made above
    assert User.objects.get(pk=other.pk).authenticator


def test_nobody_becomes_more_than_an_admin() -> None:
    owner = User.objects.create_superuser("owner")
    client = signed_in(an_account(role=Role.ADMIN))

    changed = client.post(f"/staff/auth/user/{owner.pk}/change/", {"role": "support", "is_active": "on"})
    password = client.post(
        f"/staff/auth/user/{owner.pk}/password/", {"password1": "x" * 20, "password2": "x" * 20}
    )
    acted = client.post(f"/staff/auth/user/{owner.pk}/act/reset-second-factor/")
    made = client.post(
        "/staff/auth/user/add/",
        {
            "username": "eve",
            "role": "admin",
            "password1": PASSWORD,
            "password2": PASSWORD,
            "is_superuser": "on",
        },
    )

    assert [one.status_code for one in (changed, password, acted)] == [403, 403, 403]
    assert made.status_code == 302
    eve = User.objects.get(username="eve")
    assert (eve.is_superuser, eve.is_staff, services.role_of(eve)) == (False, True, "admin")


def test_a_role_is_changed_by_another_admin_only_and_ends_the_sessions() -> None:
    ada, bea = an_account("ada", Role.ADMIN), an_account("bea", Role.SUPPORT)
    client, of_bea = signed_in(ada), signed_in(bea)

    client.post(f"/staff/auth/user/{bea.pk}/change/", {"role": "operator", "is_active": "on"})
    own = client.post(
        f"/staff/auth/user/{ada.pk}/change/", {"role": "support", "is_active": "on"}, follow=True
    )

    assert services.role_of(bea) == "operator"
    assert of_bea.get("/staff/").status_code == 302
    assert services.role_of(ada) == "admin"
    assert "Nobody changes the role or state of their own account" in own.content.decode()
    newest = StaffEvent.objects.get(event="ACCOUNT_CHANGED")
    assert (newest.actor, newest.account_id, newest.details) == (
        f"staff:{ada.pk}", bea.pk, {"role": {"old": "support", "new": "operator"}},
    )  # fmt: skip


def test_a_form_that_changes_nothing_records_nothing() -> None:
    ada, bea = an_account("ada", Role.ADMIN), an_account("bea", Role.SUPPORT)

    signed_in(ada).post(f"/staff/auth/user/{bea.pk}/change/", {"role": "support", "is_active": "on"})

    assert not StaffEvent.objects.filter(event="ACCOUNT_CHANGED").exists()


def test_a_closed_account_is_out_at_once() -> None:
    ada, bea = an_account("ada", Role.ADMIN), an_account("bea", Role.SUPPORT)
    of_bea = signed_in(bea)

    signed_in(ada).post(f"/staff/auth/user/{bea.pk}/change/", {"role": "support"})

    assert of_bea.get("/staff/").status_code == 302
    assert StaffEvent.objects.get(event="ACCOUNT_CHANGED").reason == "The account was closed."


def test_one_changes_nobodys_role_to_ones_own_advantage() -> None:
    ada = an_account("ada", Role.ADMIN)

    with pytest.raises(NotPermitted):
        services.change_account(ada, role=Role.SUPPORT, is_active=True, by=Actor(ada.pk), now=NOW)
    services.change_account(ada, role=Role.SUPPORT, is_active=True, by=SYSTEM, now=NOW)

    assert services.role_of(ada) == "support"


def test_the_record_of_accounts_names_nobody(django_user_model: Any) -> None:
    ada = an_account("ada-lovelace", Role.ADMIN)
    services.unlock(ada, by=Actor(ada.pk, "203.0.113.9"), now=NOW)

    written = " ".join(str(row) for row in StaffEvent.objects.values())

    assert "lovelace" not in written
    assert f"staff:{ada.pk}" in written
