"""Session tokens: which shop an embedded page speaks for."""

from collections.abc import Sequence
from typing import Any, ClassVar
from urllib.parse import urlsplit

from backend.core.errors import Refused

from .values import SessionToken, is_shop_domain


class BadSessionToken(Refused):
    """A session token is missing, expired, foreign or forged."""

    code = "invalid_session_token"
    status = 401
    # App Bridge then fetches a fresh token and asks once more.
    headers: ClassVar[dict[str, str]] = {"X-Shopify-Retry-Invalid-Session-Request": "1"}


def read_session_token(authorization: str, *, api_key: str, secrets: Sequence[str]) -> SessionToken:
    """
    Verify an ``Authorization`` header and return what its token says.

    ShopifyAPI checks the signature (HS256 only), audience, times with 10 s
    of leeway and the fields ``iss, dest, sub, jti, sid``. We ask for more:
    an expiry must be there, and both hosts must be exactly the same shop.

    :raises BadSessionToken: whatever is wrong; the message is safe to show
    """
    claims = _decode(authorization, api_key=api_key, secrets=secrets)
    if not isinstance(claims.get("exp"), int) or not isinstance(claims.get("nbf"), int):
        raise BadSessionToken("The session token does not say when it is valid.")
    issuer, destination = (urlsplit(str(claims[name])) for name in ("iss", "dest"))
    shop = destination.netloc
    if issuer.netloc != shop or not is_shop_domain(shop):
        raise BadSessionToken("The session token names no shop.")
    return SessionToken(shop_domain=shop.lower(), user_id=str(claims["sub"]), session_id=str(claims["sid"]))


def _decode(authorization: str, *, api_key: str, secrets: Sequence[str]) -> dict[str, Any]:
    from shopify import session_token

    if not authorization.isascii():
        raise BadSessionToken("The session token is not text.")
    for secret in secrets:
        try:
            claims: dict[str, Any] = session_token.decode_from_header(authorization, api_key, secret)
        except session_token.SessionTokenError:
            continue
        except (TypeError, AttributeError, ValueError) as error:
            # The library takes for granted that the hosts are texts and addresses.
            raise BadSessionToken("The session token names no shop.") from error
        return claims
    raise BadSessionToken("The session token is missing, expired or not meant for this app.")
