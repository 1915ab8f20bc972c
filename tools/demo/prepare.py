"""
Bring the database up to date and keep the staff account, in a process of its own.

The orchestrator itself never loads Django: it stays small and outlives every setting.
"""

import os

from backend.config import launch


def main() -> None:
    """Run the steps; each may run again at any time."""
    launch.prepare()
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", interactive=False, verbosity=1)
    _make_schema(os.environ["MLFLOW_SCHEMA"])
    _keep_staff_account(os.environ["STAFF_USER"], os.environ["STAFF_PASSWORD"])


def _make_schema(name: str) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f'CREATE SCHEMA IF NOT EXISTS "{name}"')


def _keep_staff_account(name: str, password: str) -> None:
    """
    Make or mend the support person's account.

    It may look at everything and change nothing: no superuser, "view" permissions only.
    """
    from django.contrib.auth.models import Permission, User

    user, _ = User.objects.update_or_create(username=name, defaults={"is_staff": True, "is_active": True})
    if not user.check_password(password):
        user.set_password(password)
        user.save()
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))


if __name__ == "__main__":
    main()
