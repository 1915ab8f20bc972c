"""Encryption at rest for tokens and keys."""

import hashlib
import hmac
from functools import cache
from typing import Any, Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models

from .errors import Corrupt


class Undecipherable(Corrupt):
    """No configured key opens a stored secret."""

    code = "undecipherable"


@cache
def _keys() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.ENCRYPTION_KEYS])


def encrypt(plain: bytes) -> bytes:
    """Encrypt and sign with the first key."""
    return _keys().encrypt(plain)


def decrypt(sealed: bytes) -> bytes:
    """
    Open what any of the keys sealed.

    :raises Undecipherable: if none of ENCRYPTION_KEYS made it
    """
    try:
        return _keys().decrypt(sealed)
    except InvalidToken as error:
        raise Undecipherable("A stored secret was not made with any key in ENCRYPTION_KEYS.") from error


class EncryptedTextField(models.TextField):  # type: ignore[type-arg]
    """
    Text that is encrypted in the database and plain in Python.

    It cannot be searched or compared in SQL, which is the point.
    """

    def get_prep_value(self, value: Any) -> str | None:
        """Encrypt on the way in."""
        if value is None:
            return None
        return encrypt(str(value).encode()).decode()

    def from_db_value(self, value: str | None, *_: Any) -> str | None:
        """Decrypt on the way out."""
        if value is None:
            return None
        return decrypt(value.encode()).decode()


PSEUDONYM_HEX_DIGITS: Final = 32


def pseudonym_under(key: bytes, told: str) -> str:
    """
    Return the name that something has under a shop's key: nobody without the key can make it or go back.

    :param told: its own id, behind a word that says what it is where ids of several kinds are named
    """
    # A browser may send half of a pair of surrogates, which plain UTF-8 refuses.
    message = told.encode("utf-8", "surrogatepass")
    return hmac.digest(key, message, hashlib.sha256).hex()[:PSEUDONYM_HEX_DIGITS]
