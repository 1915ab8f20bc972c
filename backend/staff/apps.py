"""The Django application of this folder."""

from typing import Any

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class StaffConfig(AppConfig):
    """Show support staff what happened, let operators act and admins manage accounts."""

    name = "backend.staff"
    label = "staff"
    verbose_name = "Staff dashboard"

    def ready(self) -> None:
        """Keep the groups of the roles as this code has them, and record locks."""
        from axes.signals import user_locked_out

        from backend.staff import middleware  # noqa: F401 -- it listens for sign-ins

        post_migrate.connect(keep_roles, dispatch_uid="staff_roles")
        user_locked_out.connect(note_lock, dispatch_uid="staff_locks")


def keep_roles(sender: AppConfig, using: str, **_: Any) -> None:
    """Give the roles their permissions, once the last app has its tables: each brings some of its own."""
    if sender != list(apps.get_app_configs())[-1]:
        return
    from django.contrib.auth.management import create_permissions

    from backend.staff.services import keep_roles as keep

    for config in apps.get_app_configs():
        create_permissions(config, using=using, verbosity=0)
    keep()


def note_lock(request: Any, username: str, **_: Any) -> None:
    """Record that somebody was locked out, once: a try while the lock lasts sends the signal too."""
    if request.axes_failures_since_start is None:
        return
    from backend.core import clock
    from backend.core.edge import client_address
    from backend.staff import services
    from backend.staff.values import Actor

    services.note_lock(username, by=Actor(address=client_address(request)), now=clock.now())
