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
    _keep_staff_account(os.environ["STAFF_USER"], os.environ["STAFF_PASSWORD"], os.environ["STAFF_SECRET"])
    take_up_lost_work()


def _make_schema(name: str) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f'CREATE SCHEMA IF NOT EXISTS "{name}"')


def _keep_staff_account(name: str, password: str, secret: str) -> None:
    """Make or mend the account of an admin of the staff dashboard, its second factor set up."""
    from django.contrib.auth.models import User

    from backend.core import clock
    from backend.staff import services
    from backend.staff.models import Authenticator
    from backend.staff.values import SYSTEM, Role

    now = clock.now()
    user = User.objects.filter(username=name).first()
    if user is None:
        user = services.make_account(name, role=Role.ADMIN, password=password, by=SYSTEM, now=now)
    services.give_role(user, Role.ADMIN)
    if not user.check_password(password) or not user.is_active:
        user.set_password(password)
        user.is_active = True
        user.save()
    app, is_new = Authenticator.objects.get_or_create(
        user=user, defaults={"name": "authenticator", "secret": secret, "enrolled_at": now}
    )
    if not is_new and app.secret != secret:
        Authenticator.objects.filter(pk=app.pk).update(secret=secret, last_step=-1)


def take_up_lost_work() -> None:
    """
    Hand out again what the worker of a former demo held when it ended.

    The sweeps wait for minutes of silence to be sure that nobody holds a job. Here nobody can: the
    former demo's processes have ended and the new one's have not begun.
    """
    from backend.catalog.models import Import
    from backend.catalog.services.imports import STALLED_AFTER, sweep_imports
    from backend.catalog.values import LIVE_IMPORT_STATES
    from backend.core import clock, leases, queue
    from backend.training import services as training
    from backend.training.models import TrainingRun
    from backend.training.values import LIVE, WAITING

    now, reason = clock.now(), "the demo's worker is gone for every shop"
    runs = TrainingRun.objects.across_shops(reason=reason).filter(state__in=LIVE)
    # An attempt that we ended ourselves says nothing against the run.
    runs.update(heard_at=now - 2 * WAITING, attempts=0)
    imports = Import.objects.across_shops(reason=reason).filter(state__in=LIVE_IMPORT_STATES)
    imports.update(touched_at=now - 2 * STALLED_AFTER)
    training.sweep(now=now)
    sweep_imports(now=now)
    leases.free_all()
    queue.send_unsent()


if __name__ == "__main__":
    main()
