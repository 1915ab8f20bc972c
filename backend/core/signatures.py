"""Ed25519 signatures by a key outside the database, and their check by any key that ever signed."""

import base64
import hashlib
from functools import cache
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings

KEY_ID_BYTES: Final = 8


def sign(message: bytes) -> bytes:
    """Return the signature of a message by the present key."""
    return _signing_key().sign(message)


def is_signed(message: bytes, signature: bytes, *, key_id: bytes) -> bool:
    """Return whether one of the known keys made a signature; of an unknown key nothing is believed."""
    key = _known_keys().get(key_id)
    if key is None:
        return False
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def is_known(key_id: bytes) -> bool:
    """Return whether a key is the present one or among the former ones."""
    return key_id in _known_keys()


def public_key() -> bytes:
    """Return the public half of the present key."""
    return _signing_key().public_key().public_bytes_raw()


def public_key_text() -> str:
    """Return the same as it is written among ``LEDGER_FORMER_KEYS``."""
    return base64.urlsafe_b64encode(public_key()).decode()


def key_id() -> bytes:
    """Return the name of the present key, which stands beside each of its signatures."""
    return name_of(public_key())


def name_of(public: bytes) -> bytes:
    """Return the name of a public key."""
    return hashlib.sha256(public).digest()[:KEY_ID_BYTES]


def forget_cached() -> None:
    """Read the settings again. For tests, which rotate keys."""
    _signing_key.cache_clear()
    _known_keys.cache_clear()


@cache
def _signing_key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(base64.urlsafe_b64decode(settings.LEDGER_SIGNING_KEY))


@cache
def _known_keys() -> dict[bytes, Ed25519PublicKey]:
    former = [base64.urlsafe_b64decode(key) for key in settings.LEDGER_FORMER_KEYS]
    return {name_of(key): Ed25519PublicKey.from_public_bytes(key) for key in [public_key(), *former]}
