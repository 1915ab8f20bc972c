"""Session tokens: one that is right, and every way to be wrong."""

import time
from typing import Any

import pytest

from backend.shopify.session import BadSessionToken, read_session_token

from .fake import API_KEY, SECRET, SHOP, session_token

NOW = int(time.time())


def read(token: str) -> Any:
    return read_session_token(f"Bearer {token}", api_key=API_KEY, secrets=(SECRET,))


def test_a_good_token_names_shop_and_user() -> None:
    found = read(session_token())

    assert (found.shop_domain, found.user_id) == (SHOP, "7")


def test_a_token_of_the_former_secret_passes_while_secrets_are_rotated() -> None:
    token = session_token(secret="the former secret, which is long enough")

    found = read_session_token(
        f"Bearer {token}", api_key=API_KEY, secrets=(SECRET, "the former secret, which is long enough")
    )

    assert found.shop_domain == SHOP


@pytest.mark.parametrize(
    ("case", "changes"),
    [
        ("expired", {"exp": NOW - 30, "nbf": NOW - 90}),
        ("without expiry", {"exp": None}),
        ("without a beginning", {"nbf": None}),
        ("not valid yet", {"nbf": NOW + 3600, "exp": NOW + 3660}),
        ("for another app", {"aud": "another-app"}),
        ("without audience", {"aud": None}),
        ("without user", {"sub": None}),
        ("without session", {"sid": None}),
        ("issued by another shop", {"iss": "https://other.myshopify.com/admin"}),
        (
            "issued by another host",
            {"iss": "https://evil.example.com/admin", "dest": "https://evil.example.com"},
        ),
        (
            "for a look-alike host",
            {"iss": f"https://{SHOP}.evil.com/admin", "dest": f"https://{SHOP}.evil.com"},
        ),
        ("with a port", {"iss": f"https://{SHOP}:8443/admin", "dest": f"https://{SHOP}:8443"}),
        ("with a password", {"iss": f"https://a:b@{SHOP}/admin", "dest": f"https://a:b@{SHOP}"}),
        ("of a host that is no address", {"iss": "https://[evil/admin", "dest": "https://[evil"}),
        ("for a list of hosts", {"dest": [f"https://{SHOP}"]}),
        ("of another secret", {"secret": "another secret that is long enough"}),
        ("unsigned", {"algorithm": "none"}),
        ("signed otherwise", {"algorithm": "HS512"}),
    ],
)
@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_a_bad_token_is_refused(case: str, changes: dict[str, Any]) -> None:
    with pytest.raises(BadSessionToken):
        read(session_token(**changes))


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic abc",
        "bearer x.y.z",
        "Bearer ü.ü.ü",
        "Bearer a.b",
        "Bearer " + "x" * 9000,
    ],
)
def test_a_header_that_holds_no_token_is_refused(header: str) -> None:
    with pytest.raises(BadSessionToken):
        read_session_token(header, api_key=API_KEY, secrets=(SECRET,))


def test_the_refusal_asks_app_bridge_for_a_fresh_token() -> None:
    assert BadSessionToken.status == 401
    assert BadSessionToken.headers == {"X-Shopify-Retry-Invalid-Session-Request": "1"}
