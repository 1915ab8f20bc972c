"""Accounts of staff: roles, locks and sessions. Every change is recorded with who made it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import axes.utils
from django.contrib import admin
from django.contrib.auth.models import Group, Permission, User
from django.db import transaction

from backend.staff.models import Authenticator, RecoveryCodes
from backend.staff.services.recording import record
from backend.staff.services.sessions import delete_sessions
from backend.staff.values import Actor, NotPermitted, Role, StaffAct

# Beside looking at every page of the dashboard, which all roles may.
ACTS = frozenset({"core.change_pendingjob", "rollouts.change_rollout"})
ACCOUNTS = frozenset({"auth.view_user", "auth.add_user", "auth.change_user", "staff.view_staffevent"})


def keep_roles() -> None:
    """Make the groups of the roles, each with the permissions that this code gives it."""
    may_look = {_to_view(model) for model in admin.site._registry} - ACCOUNTS  # noqa: SLF001 -- the admin's own list
    given = {
        Role.SUPPORT: may_look,
        Role.OPERATOR: may_look | ACTS,
        Role.ADMIN: may_look | ACTS | ACCOUNTS,
    }
    every = {
        f"{one.content_type.app_label}.{one.codename}": one
        for one in Permission.objects.select_related("content_type")
    }
    for role, names in given.items():
        group, _ = Group.objects.get_or_create(name=role.value)
        group.permissions.set([every[name] for name in names])


def _to_view(model: Any) -> str:
    return f"{model._meta.app_label}.view_{model._meta.model_name}"  # noqa: SLF001 -- Django's public name


@transaction.atomic
def make_account(username: str, *, role: Role, password: str | None, by: Actor, now: datetime) -> User:
    """Make an account that may sign in; its first sign-in enrols the second factor."""
    user = User.objects.create_user(username, password=password, is_staff=True)
    give_role(user, role)
    record(
        StaffAct.ACCOUNT_MADE, account_id=user.pk, by=by, now=now,
        reason=f"An account with the role {role} was made.", details={"role": role.value},
    )  # fmt: skip
    return user


def give_role(user: User, role: Role) -> None:
    """Let an account do what one role may, and nothing else."""
    user.groups.set([Group.objects.get(name=role.value)])


@transaction.atomic
def change_account(user: User, *, role: Role, is_active: bool, by: Actor, now: datetime) -> None:
    """
    Give an account another role, or close or open it.

    :raises NotPermitted: if it is one's own: nobody locks the last door behind themselves, or opens one
    """
    before = {"role": role_of(user), "is_active": User.objects.get(pk=user.pk).is_active}
    after = {"role": role.value, "is_active": is_active}
    if before == after:
        return
    if user.pk == by.user_id:
        raise NotPermitted("Nobody changes the role or state of their own account: ask another admin.")
    give_role(user, role)
    User.objects.filter(pk=user.pk).update(is_active=is_active)
    delete_sessions(user.pk, but=None, now=now)
    changed = {
        name: {"old": before[name], "new": after[name]} for name in after if before[name] != after[name]
    }
    record(
        StaffAct.ACCOUNT_CHANGED, account_id=user.pk, by=by, now=now,
        reason=_in_words(changed), details=changed,
    )  # fmt: skip


def _in_words(changed: Mapping[str, Mapping[str, object]]) -> str:
    told = []
    if "role" in changed:
        told.append(f"The role became {changed['role']['new']}.")
    if "is_active" in changed:
        told.append("The account was opened." if changed["is_active"]["new"] else "The account was closed.")
    return " ".join(told)


def role_of(user: User) -> str | None:
    """Return an account's role; None where it has none, as a superuser needs none."""
    names = set(user.groups.values_list("name", flat=True))
    return next((role.value for role in reversed(Role) if role.value in names), None)


@transaction.atomic
def change_password(user_id: int, *, session: str | None, by: Actor, now: datetime) -> None:
    """Record that a password was changed, and end the account's other sessions."""
    delete_sessions(user_id, but=session, now=now)
    record(
        StaffAct.PASSWORD_CHANGED, account_id=user_id, by=by, now=now,
        reason="The password was changed." if by.user_id == user_id else "A new password was set by another.",
    )  # fmt: skip


@transaction.atomic
def end_sessions(user_id: int, *, by: Actor, now: datetime) -> None:
    """Sign an account out everywhere."""
    ended = delete_sessions(user_id, but=None, now=now)
    record(
        StaffAct.SESSIONS_ENDED, account_id=user_id, by=by, now=now,
        reason="Every session of the account was ended.", details={"sessions": ended},
    )  # fmt: skip


@transaction.atomic
def unlock(user: User, *, by: Actor, now: datetime) -> None:
    """Let an account try to sign in again: passwords and codes."""
    axes.utils.reset(username=user.get_username())
    for model in (Authenticator, RecoveryCodes):
        model.objects.filter(user_id=user.pk).update(
            throttling_failure_count=0, throttling_failure_timestamp=None
        )
    record(
        StaffAct.ACCOUNT_UNLOCKED, account_id=user.pk, by=by, now=now, reason="The account was unlocked."
    )  # fmt: skip


def note_lock(username: str, *, by: Actor, now: datetime) -> None:
    """Record that an account was locked after wrong passwords; a name that is nobody's leaves no trace."""
    for account_id in User.objects.filter(username=username).values_list("pk", flat=True):
        record(
            StaffAct.ACCOUNT_LOCKED, account_id=account_id, by=by, now=now,
            reason="Too many wrong passwords in a row: the account is locked for a while.",
        )  # fmt: skip


def note_sign_in(user_id: int, *, device: str, by: Actor, now: datetime) -> None:
    """Record a sign-in with both factors."""
    record(
        StaffAct.SIGNED_IN, account_id=user_id, by=by, now=now,
        reason=f"Signed in with a password and {device}.",
    )  # fmt: skip
