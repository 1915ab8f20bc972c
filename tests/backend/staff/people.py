"""The cast of the staff dashboard, signed in with both factors."""

from datetime import UTC, datetime

from django.contrib.auth.models import User
from django.test import Client
from django_otp import DEVICE_ID_SESSION_KEY
from django_otp.oath import TOTP

from backend.staff import services
from backend.staff.models import Authenticator, secret_bytes
from backend.staff.values import SYSTEM, Role

BACKEND = "django.contrib.auth.backends.ModelBackend"
PASSWORD = "a long enough word"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
ENROLLED_AT = datetime(2026, 11, 1, tzinfo=UTC)


def an_account(name: str = "ada", role: Role | None = Role.SUPPORT) -> User:
    """Return an account with a role and an app that shows codes; without a role it may nothing."""
    if role is None:
        user = User.objects.create_user(name, password=PASSWORD, is_staff=True)
    else:
        user = services.make_account(name, role=role, password=PASSWORD, by=SYSTEM, now=ENROLLED_AT)
    enrolled(user)
    return user


def enrolled(user: User) -> Authenticator:
    """Give an account an app with a known secret."""
    return Authenticator.objects.create(
        user=user, name="authenticator", secret=SECRET, enrolled_at=ENROLLED_AT
    )


def signed_in(user: User) -> Client:
    """Return a browser in which an account is signed in with both factors."""
    client = Client()
    client.force_login(user, backend=BACKEND)
    session = client.session
    session[DEVICE_ID_SESSION_KEY] = user.authenticator.persistent_id
    session.save()
    return client


def an_owner() -> Client:
    """Return the browser of a superuser."""
    user = User.objects.create_superuser("owner", password=PASSWORD)
    enrolled(user)
    return signed_in(user)


def code_at(moment: datetime, secret: str = SECRET) -> str:
    """Return what the app shows at a moment."""
    totp = TOTP(secret_bytes(secret))
    totp.time = moment.timestamp()
    return f"{totp.token():06d}"
