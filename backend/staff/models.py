"""Second factors of staff, and the append-only record of what was done to their accounts."""

import base64
import hashlib
from typing import ClassVar, Final

from django.contrib.auth.models import User
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django_otp.models import Device, ThrottlingMixin
from django_otp.oath import TOTP

from backend.core import clock
from backend.core.crypto import EncryptedTextField
from backend.core.ids import uuid7

CODE_DIGITS: Final = 6


class SecondFactor(ThrottlingMixin, Device):  # type: ignore[misc]
    """
    What django-otp's devices of staff share: after each wrong code the next try waits twice as long.

    django-otp's own plugins are not used, because they keep secrets and codes readable in the database.
    """

    # One of each kind an account.
    user = models.OneToOneField(User, on_delete=models.CASCADE)

    class Meta:
        abstract = True

    def get_throttle_factor(self) -> int:
        """Return the seconds to wait after the first wrong code."""
        return 1

    def verify_token(self, token: str) -> bool:
        """Accept a code once. The caller holds a lock on the row: see ``django_otp.verify_token``."""
        allowed, _ = self.verify_is_allowed()
        if not allowed:
            return False
        is_right = self.accept(token)
        if is_right:
            self.throttle_reset(commit=False)
            self.save()
        else:
            self.throttle_increment()
        return is_right

    def accept(self, token: str) -> bool:
        """Use a code up, if it is right."""
        raise NotImplementedError


class Authenticator(SecondFactor):
    """An app that shows a new code each 30 seconds, by RFC 6238."""

    # Base32, as the app was told it.
    secret = EncryptedTextField()
    # The 30 seconds of the last code that was accepted: one that was seen over a shoulder is worth nothing.
    last_step = models.BigIntegerField(default=-1)
    enrolled_at = models.DateTimeField()

    def accept(self, token: str) -> bool:
        """Use up the code of now, of the 30 seconds before or of those to come."""
        step = matching_step(self.secret, token, at=clock.now().timestamp(), after=self.last_step)
        if step is None:
            return False
        self.last_step = step
        return True


class RecoveryCodes(SecondFactor):
    """Codes on paper, each good once, for who has lost the app."""

    # SHA-256 of each: the codes have 80 random bits, so there is nothing to guess from a digest.
    digests = ArrayField(models.CharField(max_length=64))
    made_at = models.DateTimeField()

    def accept(self, token: str) -> bool:
        """Use up one code."""
        digest = digest_of(token)
        if digest not in self.digests:
            return False
        self.digests = [one for one in self.digests if one != digest]
        return True


class StaffEvent(models.Model):
    """Who did what to which account. PostgreSQL refuses to change it, as it does the ledgers of shops."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    at = models.DateTimeField()
    event = models.CharField(max_length=40)
    # "staff:7", or "system": by id, because a ledger outlives names and must not hold them.
    actor = models.TextField()
    account_id = models.BigIntegerField(null=True)
    reason = models.TextField()
    details = models.JSONField(default=dict)
    # Where the request came from, as the trusted edge saw it.
    address = models.GenericIPAddressField(null=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [models.Index(fields=["account_id", "-id"], name="staff_event_account")]

    def __str__(self) -> str:
        return f"{self.event} account {self.account_id}"


def matching_step(secret: str, token: str, *, at: float, after: int = -1) -> int | None:
    """Return the 30 seconds whose code this is, later than ``after``; None where it is nobody's."""
    if len(token) != CODE_DIGITS or not (token.isascii() and token.isdigit()):
        return None
    totp = TOTP(secret_bytes(secret))
    totp.time = at
    return totp.t() if totp.verify(int(token), tolerance=1, min_t=after + 1) else None


def secret_bytes(secret: str) -> bytes:
    """Return the key that a base32 secret stands for."""
    return base64.b32decode(secret)


def digest_of(code: str) -> str:
    """Return what is stored of a recovery code, however it was typed."""
    plain = "".join(sign for sign in code.lower() if sign.isalnum())
    return hashlib.sha256(plain.encode()).hexdigest()
