"""The second factor of a sign-in: enrolment, codes, and the way back for who lost the phone."""

import base64
import secrets
from datetime import datetime
from typing import Any

import django_otp
from django.db import IntegrityError, transaction

from backend.core.errors import LostRace
from backend.staff.models import CODE_DIGITS, Authenticator, RecoveryCodes, digest_of, matching_step
from backend.staff.services.recording import record
from backend.staff.services.sessions import delete_sessions
from backend.staff.values import Actor, CodeRefused, StaffAct

# RFC 4226 wants 128 bits at least and recommends 160.
SECRET_BYTES = 20
CODES = 10
# 16 letters of base32 are 80 bits.
CODE_BYTES = 10

WRONG = (
    "This code is wrong, was used before, or came too soon after another. Wait a moment and try the next one."
)


def new_secret() -> str:
    """Return a fresh secret for an app, in base32."""
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def enrol(user_id: int, secret: str, code: str, *, by: Actor, now: datetime) -> list[str]:
    """
    Tie an app to an account that has none, once it shows the right code; return the recovery codes.

    :raises CodeRefused: if the app shows something else
    :raises LostRace: if the account has an app by now
    """
    step = matching_step(secret, code, at=now.timestamp())
    if step is None:
        raise CodeRefused(WRONG)
    try:
        with transaction.atomic():
            Authenticator.objects.create(
                user_id=user_id, name="authenticator", secret=secret, last_step=step, enrolled_at=now
            )
            record(
                StaffAct.SECOND_FACTOR_ENROLLED, account_id=user_id, by=by, now=now,
                reason="An app that shows codes was set up.",
            )  # fmt: skip
            return make_recovery_codes(user_id, by=by, now=now)
    except IntegrityError as error:
        raise LostRace(f"Account {user_id} has an authenticator by now.") from error


@transaction.atomic
def make_recovery_codes(user_id: int, *, by: Actor, now: datetime) -> list[str]:
    """Return ten new codes, which are shown once; the ones before are good for nothing any more."""
    codes = [_new_code() for _ in range(CODES)]
    RecoveryCodes.objects.update_or_create(
        user_id=user_id,
        defaults={"name": "recovery codes", "digests": [digest_of(one) for one in codes], "made_at": now},
    )
    record(
        StaffAct.RECOVERY_CODES_MADE, account_id=user_id, by=by, now=now,
        reason="New recovery codes were made.",
    )  # fmt: skip
    return codes


def check_code(user: Any, code: str) -> Authenticator | RecoveryCodes:
    """
    Use up a code of the app or of the paper.

    :raises CodeRefused: if it is not right, or not yet allowed after a wrong one
    """
    typed = code.replace(" ", "")
    kind = Authenticator if typed.isdigit() and len(typed) == CODE_DIGITS else RecoveryCodes
    device = kind.objects.filter(user_id=user.pk).first()
    # By its id, because the check locks the row: two requests can't use one code.
    found = django_otp.verify_token(user, device.persistent_id, typed) if device else None
    if found is None:
        raise CodeRefused(WRONG)
    return found  # type: ignore[no-any-return]


def reset_second_factor(user_id: int, *, reason: str, by: Actor, now: datetime) -> None:
    """Take an account's app and codes away and end its sessions; its next sign-in enrols anew."""
    with transaction.atomic():
        _take_away(user_id)
        delete_sessions(user_id, but=None, now=now)
        record(StaffAct.SECOND_FACTOR_RESET, account_id=user_id, by=by, now=now, reason=reason)


def move_authenticator(
    user_id: int, secret: str, code: str, *, session: str, by: Actor, now: datetime
) -> list[str]:
    """
    Put another app in the place of an account's own, end its other sessions, and return new recovery codes.

    :raises CodeRefused: if the new app shows another code; the old one then stays
    """
    with transaction.atomic():
        _take_away(user_id)
        delete_sessions(user_id, but=session, now=now)
        return enrol(user_id, secret, code, by=by, now=now)


def _take_away(user_id: int) -> None:
    Authenticator.objects.filter(user_id=user_id).delete()
    RecoveryCodes.objects.filter(user_id=user_id).delete()


def _new_code() -> str:
    letters = base64.b32encode(secrets.token_bytes(CODE_BYTES)).decode().lower()
    return "-".join(letters[place : place + 4] for place in range(0, len(letters), 4))
