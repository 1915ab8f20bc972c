"""What is known of staff accounts' second factors and locks."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from axes.conf import settings as axes_settings
from axes.models import AccessAttempt
from django.db.models import Sum

from backend.staff.models import Authenticator, RecoveryCodes

# Who has fewer is asked to make new ones.
FEW_CODES: Final = 3


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """The second factor of an account that has one."""

    enrolled_at: datetime
    codes_left: int


def is_enrolled(user_id: int) -> bool:
    """Return whether an account has an app that shows codes."""
    found: bool = Authenticator.objects.filter(user_id=user_id).exists()
    return found


def get_authenticator(user_id: int) -> Authenticator:
    """Return the app of an account that has one."""
    found: Authenticator = Authenticator.objects.get(user_id=user_id)
    return found


def codes_left(user_id: int) -> int:
    """Return how many recovery codes of an account are unused."""
    digests = RecoveryCodes.objects.filter(user_id=user_id).values_list("digests", flat=True).first()
    return len(digests or ())


def find_second_factor(user_id: int) -> SecondFactor | None:
    """Return the second factor of an account, or None before its first sign-in."""
    app = Authenticator.objects.filter(user_id=user_id).first()
    return SecondFactor(app.enrolled_at, codes_left(user_id)) if app else None


def is_locked(username: str, *, now: datetime) -> bool:
    """Return whether an account may not try a password for a while, because too many were wrong."""
    recent = AccessAttempt.objects.filter(
        username=username, attempt_time__gte=now - axes_settings.AXES_COOLOFF_TIME
    )
    failures: int | None = recent.aggregate(all=Sum("failures_since_start"))["all"]
    limit: int = axes_settings.AXES_FAILURE_LIMIT
    return (failures or 0) >= limit
