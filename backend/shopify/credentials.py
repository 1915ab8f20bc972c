"""Who we are to Shopify."""

from django.conf import settings

from backend.core.errors import Corrupt


class MissingCredentials(Corrupt):
    """The app's key or secret is not configured."""

    code = "missing_credentials"


def api_key() -> str:
    """Return the app's client id."""
    if not settings.SHOPIFY_API_KEY:
        raise MissingCredentials("SHOPIFY_API_KEY is not set.")
    return str(settings.SHOPIFY_API_KEY)


def secrets() -> tuple[str, ...]:
    """
    Return the secrets that signatures may be made with, the current one first.

    During a rotation Shopify signs with the oldest secret that was not
    revoked, for up to an hour after the switch, so both must be accepted.
    """
    if not settings.SHOPIFY_API_SECRET:
        # An empty secret would accept what anyone can sign.
        raise MissingCredentials("SHOPIFY_API_SECRET is not set.")
    both = (settings.SHOPIFY_API_SECRET, settings.SHOPIFY_API_SECRET_OLD)
    return tuple(str(secret) for secret in both if secret)


def secret() -> str:
    """Return the secret to present and to sign with."""
    return secrets()[0]
