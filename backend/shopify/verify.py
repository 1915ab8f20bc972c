"""
Signatures: what really came from Shopify.

Three algorithms that look alike and are not: webhooks sign the raw body
(base64), the app proxy signs the sorted query without separators (hex), and
OAuth signs the sorted query joined by ``&`` (hex). Every comparison is of
bytes in constant time, so a signature that is not ASCII is merely wrong.

Nothing here reads the clock, the settings or the database.
"""

import base64
import hashlib
import hmac
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import parse_qsl

from backend.core.errors import Refused

from .values import ProxyRequest, is_shop_domain

# The tolerance of Shopify's own JavaScript library.
TIMESTAMP_TOLERANCE: Final = timedelta(seconds=90)
# No parameter of ours is longer, and a signed query costs a hash of its whole length.
LONGEST_QUERY: Final = 8_000

_PROXY_RESERVED: Final = ("shop", "path_prefix", "timestamp", "logged_in_customer_id", "signature")
_OAUTH_RESERVED: Final = ("code", "hmac", "shop", "state", "timestamp", "host")
_HIDDEN: Final = re.compile("|".join(f"{reserved}=" for reserved in _PROXY_RESERVED))
_DIGITS: Final = re.compile(r"[0-9]{1,19}")
_PATH_PREFIX: Final = re.compile(r"/[A-Za-z0-9_\-/]{1,255}")


class Forged(Refused):
    """A signature is missing, wrong or too old."""

    code = "bad_signature"
    status = 401


class Malformed(Refused):
    """A signed request lacks something or says it twice."""

    code = "malformed_request"
    status = 400


# Webhooks


def verify_webhook(body: bytes, signature: str, *, secrets: Sequence[str]) -> None:
    """
    Check that a webhook's body was signed by Shopify.

    :param body: the bytes as they came, before any parsing
    :raises Forged: if no secret made this signature
    """
    if not signature:
        raise Forged("The webhook carries no signature.")
    expected = (base64.b64encode(_digest(secret, body)) for secret in secrets)
    if not _matches_any(signature, expected):
        raise Forged("The webhook's signature does not match its body.")


# App proxy


def verify_proxy(query_string: str, *, secrets: Sequence[str], now: datetime) -> ProxyRequest:
    """
    Check a storefront request that came through Shopify's app proxy.

    Works on the raw query: a parsed dictionary keeps one of repeated keys and
    breaks the signature. The signed text has no separators, so ``a=1b=2`` and
    ``a=1&b=2`` sign alike; that is why reserved keys must come once, have
    their exact form, and must not hide inside another parameter.

    :raises Malformed: if a reserved parameter is missing, repeated or hidden
    :raises Forged: if the signature or its age is wrong
    """
    pairs = _pairs(query_string)
    single = _only_once(pairs, _PROXY_RESERVED)
    signature = single.get("signature")
    if not signature:
        raise Forged("The request carries no signature.")
    message = proxy_message(pairs).encode(errors="surrogateescape")
    if not _matches_any(signature, (_digest(secret, message).hex().encode() for secret in secrets)):
        raise Forged("The request's signature does not match its query.")
    _refuse_hidden_keys(pairs)
    return _proxy_request(pairs, single, now=now)


def proxy_message(pairs: Sequence[tuple[str, str]]) -> str:
    """
    Return the text that the app proxy signs.

    The joined ``key=value`` texts are sorted, as documented, not the keys:
    the two differ when one key is a prefix of another.
    """
    values: dict[str, list[str]] = {}
    for key, value in pairs:
        if key != "signature":
            values.setdefault(key, []).append(value)
    return "".join(sorted(f"{key}={','.join(each)}" for key, each in values.items()))


def _proxy_request(
    pairs: Sequence[tuple[str, str]], single: Mapping[str, str], *, now: datetime
) -> ProxyRequest:
    shop = single.get("shop", "")
    if not is_shop_domain(shop):
        raise Malformed("The request names no shop.", field="shop")
    path_prefix = single.get("path_prefix", "")
    if not _PATH_PREFIX.fullmatch(path_prefix):
        raise Malformed("The request names no path prefix.", field="path_prefix")
    return ProxyRequest(
        shop_domain=shop.lower(),
        path_prefix=path_prefix,
        logged_in_customer_id=_customer_id(single.get("logged_in_customer_id", "")),
        signed_at=_fresh(single.get("timestamp", ""), now=now),
        parameters={key: value for key, value in pairs if key not in _PROXY_RESERVED},
        repeated=_repeated(pairs),
    )


def _repeated(pairs: Sequence[tuple[str, str]]) -> frozenset[str]:
    times = Counter(key for key, _ in pairs)
    return frozenset(key for key, counted in times.items() if counted > 1)


def _customer_id(text: str) -> int | None:
    if not text:
        return None
    if not _DIGITS.fullmatch(text):
        raise Malformed("The customer's id is not a number.", field="logged_in_customer_id")
    return int(text)


def _refuse_hidden_keys(pairs: Sequence[tuple[str, str]]) -> None:
    """
    Refuse a query in which one parameter swallowed another.

    A shopper can add any parameter before Shopify signs, and then cut the
    signed text elsewhere. Whatever the cut, the true reserved parameter ends
    up inside a key or a value, and there it is found.
    """
    for key, value in pairs:
        if "=" in key or _HIDDEN.search(f"{key}={value}", 1):
            raise Malformed(f"The parameter {key[:40]!r} hides another parameter.", field=key[:40])


# OAuth


def verify_oauth_callback(query_string: str, *, secrets: Sequence[str], now: datetime) -> dict[str, str]:
    """
    Check the query with which Shopify sends a merchant back, and return it.

    :returns: the parameters without ``hmac``, each once; ``shop`` is a real shop domain
    :raises Malformed: if a parameter is missing or repeated
    :raises Forged: if the HMAC or its age is wrong
    """
    pairs = _pairs(query_string)
    single = _only_once(pairs, _OAUTH_RESERVED)
    signature = single.get("hmac")
    if not signature:
        raise Forged("The callback carries no HMAC.")
    message = oauth_message(pairs).encode(errors="surrogateescape")
    if not _matches_any(signature, (_digest(secret, message).hex().encode() for secret in secrets)):
        raise Forged("The callback's HMAC does not match its query.")
    _fresh(single.get("timestamp", ""), now=now)
    if not is_shop_domain(single.get("shop", "")):
        raise Malformed("The callback names no shop.", field="shop")
    return {key: value for key, value in pairs if key not in {"hmac", "signature"}}


def oauth_message(pairs: Sequence[tuple[str, str]]) -> str:
    """Return the text that an OAuth redirect signs: sorted by key and joined by ``&``."""
    return "&".join(f"{key}={value}" for key, value in sorted(pairs) if key not in {"hmac", "signature"})


# Common parts


def _digest(secret: str, message: bytes) -> bytes:
    return hmac.digest(secret.encode(), message, hashlib.sha256)


def _matches_any(given: str, expected: Iterable[bytes]) -> bool:
    """Compare with each expectation; all of them, so that time tells nothing."""
    seen = given.encode(errors="replace")
    return any([hmac.compare_digest(seen, each) for each in expected])  # noqa: C419 - a generator would stop early


def _pairs(query_string: str) -> list[tuple[str, str]]:
    if len(query_string) > LONGEST_QUERY:
        raise Malformed("The query is too long.")
    # surrogateescape keeps broken bytes apart instead of folding them into one replacement character.
    return parse_qsl(query_string, keep_blank_values=True, errors="surrogateescape")


def _only_once(pairs: Sequence[tuple[str, str]], reserved: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in pairs:
        if key not in reserved:
            continue
        if key in found:
            raise Malformed(f"The parameter {key} comes more than once.", field=key)
        found[key] = value
    return found


def _fresh(timestamp: str, *, now: datetime) -> datetime:
    if not _DIGITS.fullmatch(timestamp) or len(timestamp) > 11:
        raise Malformed("The timestamp is not a number of seconds.", field="timestamp")
    signed_at = datetime.fromtimestamp(int(timestamp), tz=UTC)
    if abs(now - signed_at) > TIMESTAMP_TOLERANCE:
        raise Forged("The signature is too old, or our clock is wrong.")
    return signed_at
