"""Make the first account of the staff dashboard; from then on admins make accounts there."""

import secrets
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from backend.core import clock
from backend.staff import services
from backend.staff.values import SYSTEM, Role

PASSWORD_BYTES = 15


class Command(BaseCommand):
    """Make an account with a role and a first password, which is printed once."""

    help = (
        "Make an account of the staff dashboard, or give one that is there a new password and second factor."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take a name and a role."""
        parser.add_argument("username")
        parser.add_argument("--role", choices=[role.value for role in Role], default=Role.ADMIN.value)
        parser.add_argument("--reset", action="store_true", help="of an account that is there already")

    def handle(self, *args: Any, username: str, role: str, reset: bool, **options: Any) -> None:
        """Make or mend the account."""
        password, now = secrets.token_urlsafe(PASSWORD_BYTES), clock.now()
        user = User.objects.filter(username=username).first()
        if user is not None and not reset:
            raise CommandError(f"There is an account {username} already. Add --reset to let it begin anew.")
        if user is None:
            services.make_account(username, role=Role(role), password=password, by=SYSTEM, now=now)
        else:
            self._reset(user, Role(role), password)
        self.stdout.write(f"Account {username}, role {role}, first password: {password}")
        self.stdout.write("Its first sign-in at /staff/ sets up the second factor. Then change the password.")

    def _reset(self, user: User, role: Role, password: str) -> None:
        now = clock.now()
        services.change_account(user, role=role, is_active=True, by=SYSTEM, now=now)
        user.refresh_from_db()
        user.set_password(password)
        user.save()
        services.change_password(user.pk, session=None, by=SYSTEM, now=now)
        why = "The account began anew by a command on the server."
        services.reset_second_factor(user.pk, reason=why, by=SYSTEM, now=now)
        services.unlock(user, by=SYSTEM, now=now)
