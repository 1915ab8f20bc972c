"""When a session of staff is over, beside Django's own end after a while without a click."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.contrib.auth import logout
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponseBase

from backend.core import clock

BEGAN: Final = "began_at"
# As NIST SP 800-63B asks for sign-ins with two factors; half an hour idle is SESSION_COOKIE_AGE.
LONGEST: Final = timedelta(hours=12)
# Who gave a password and no code by then begins again.
LONGEST_WITH_ONE_FACTOR: Final = timedelta(minutes=10)


class SessionLimits:
    """Sign out whose session has lasted long enough, however busy it is."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        user: Any = request.user
        if user.is_authenticated and clock.now() >= _ends_at(request, is_verified=user.is_verified()):
            logout(request)
        return self.get_response(request)


def _ends_at(request: HttpRequest, *, is_verified: bool) -> datetime:
    began_at = datetime.fromtimestamp(request.session.get(BEGAN, 0), tz=UTC)
    return began_at + (LONGEST if is_verified else LONGEST_WITH_ONE_FACTOR)


@receiver(user_logged_in)
def begin(request: HttpRequest, **_: Any) -> None:
    """Remember when a session began: Django made it a new key."""
    request.session[BEGAN] = clock.now().timestamp()
