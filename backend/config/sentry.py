"""Error reports, without anything a shop or a shopper would not want to leave our servers."""

import re
from typing import Any

# Names of values that are secrets or could identify a person, wherever they turn up in a report.
_PRIVATE_NAME = re.compile(
    r"token|secret|password|hmac|signature|authorization|cookie|e-?mail|phone|address|first_?name|last_?name|payload|body",
    re.IGNORECASE,
)
# Shopify's tokens, session tokens (JWT) and e-mail addresses inside free text.
_PRIVATE_TEXT = re.compile(r"shp[a-z]{2}_\w+|eyJ[\w-]+\.[\w-]+\.[\w-]*|[\w.+-]+@[\w-]+\.[\w.]+")
REMOVED = "[removed]"


def start_sentry(dsn: str) -> None:
    """Start reporting errors to a Sentry server; without an address do nothing."""
    if not dsn:
        return
    import sentry_sdk

    sentry_sdk.init(dsn=dsn, send_default_pii=False, before_send=_before_send, max_request_body_size="never")


def _before_send(event: Any, _hint: dict[str, Any]) -> Any:
    request = event.get("request")
    if request:
        # Signed query strings are credentials.
        request.pop("query_string", None)
    return scrub(event)


def scrub(value: Any) -> Any:
    """Return a copy of a report without private values, whatever its depth."""
    if isinstance(value, dict):
        return {
            key: REMOVED if isinstance(key, str) and _PRIVATE_NAME.search(key) else scrub(inner)
            for key, inner in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [scrub(inner) for inner in value]
    if isinstance(value, str):
        return _PRIVATE_TEXT.sub(REMOVED, value)
    return value
