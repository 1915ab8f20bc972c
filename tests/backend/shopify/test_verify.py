"""Signatures: what passes, and every way that must not."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.shopify import verify

from .fake import SECRET, SHOP, oauth_query, proxy_query, webhook_signature

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
STAMP = str(int(NOW.timestamp()))
KEYS = (SECRET,)


# Webhooks


def test_the_documented_webhook_vector_passes() -> None:
    verify.verify_webhook(
        b'{"id":788032119674292922}', "fhhqwxYconmiOqTJ0cD1XzOlT7ONdp6Ryc18pkvlq5Q=", secrets=("hush",)
    )


@pytest.mark.parametrize(
    ("case", "signature"),
    [
        ("missing", ""),
        ("of another body", webhook_signature(b"{ }")),
        ("of another secret", webhook_signature(b"{}", "wrong")),
        ("not ASCII", "ü" * 44),
        ("a lone surrogate", "\udce4" * 44),
        ("cut off", webhook_signature(b"{}")[:-1]),
        ("hex instead of base64", "00" * 32),
    ],
)
def test_a_webhook_with_a_bad_signature_is_forged(case: str, signature: str) -> None:
    with pytest.raises(verify.Forged):
        verify.verify_webhook(b"{}", signature, secrets=KEYS)


def test_both_secrets_pass_while_they_are_rotated() -> None:
    signature = webhook_signature(b"{}", "the former secret")

    verify.verify_webhook(b"{}", signature, secrets=("the new secret", "the former secret"))
    with pytest.raises(verify.Forged):
        verify.verify_webhook(b"{}", signature, secrets=("the new secret",))


def test_a_body_that_is_not_text_is_verified_as_bytes() -> None:
    verify.verify_webhook(b"\xff\xfe\x00", webhook_signature(b"\xff\xfe\x00"), secrets=KEYS)


# App proxy


@pytest.mark.parametrize(
    ("customer", "signature"),
    [
        ("1", "4c68c8624d737112c91818c11017d24d334b524cb5c2b8ba08daa056f7395ddb"),
        ("", "e072b6d7e6622d85912a5214b860d3100dc1e73d9bc29f43796ac8c9ff8093cb"),
    ],
)
def test_the_documented_proxy_vectors_pass(customer: str, signature: str) -> None:
    query = (
        f"extra=1&extra=2&shop=shop-name.myshopify.com&logged_in_customer_id={customer}"
        f"&path_prefix=%2Fapps%2Fawesome_reviews&timestamp=1317327555&signature={signature}"
    )

    found = verify.verify_proxy(query, secrets=("hush",), now=datetime.fromtimestamp(1317327555, UTC))

    assert found.shop_domain == "shop-name.myshopify.com"
    assert found.logged_in_customer_id == (1 if customer else None)
    assert found.path_prefix == "/apps/awesome_reviews"


def pairs(*extra: tuple[str, str], **changes: str) -> list[tuple[str, str]]:
    required = {
        "shop": SHOP,
        "path_prefix": "/apps/tailorbird",
        "timestamp": STAMP,
        "logged_in_customer_id": "",
    }
    return [*extra, *(required | changes).items()]


def test_a_signed_storefront_request_passes_with_its_parameters() -> None:
    query = proxy_query(pairs(("product", "7"), ("title", "Tee & café"), logged_in_customer_id="99"))

    found = verify.verify_proxy(query, secrets=KEYS, now=NOW)

    assert found.parameters == {"product": "7", "title": "Tee & café"}
    assert found.logged_in_customer_id == 99


def test_keys_that_are_prefixes_of_each_other_sort_as_documented() -> None:
    # "page2=1" sorts before "page=1" because "2" is smaller than "="; sorting the keys would swap them.
    message = verify.proxy_message([("page", "1"), ("page2", "1")])

    assert message == "page2=1page=1"
    verify.verify_proxy(proxy_query(pairs(("page", "1"), ("page2", "1"))), secrets=KEYS, now=NOW)


@pytest.mark.parametrize("name", ["shop", "timestamp", "logged_in_customer_id", "path_prefix", "signature"])
def test_a_repeated_reserved_parameter_is_refused(name: str) -> None:
    query = proxy_query(pairs()) + f"&{name}=1"

    with pytest.raises(verify.Malformed):
        verify.verify_proxy(query, secrets=KEYS, now=NOW)


@pytest.mark.parametrize(
    ("case", "query", "error"),
    [
        ("no signature", urlencode(pairs()), verify.Forged),
        ("an empty query", "", verify.Forged),
        ("another secret", proxy_query(pairs(), "wrong"), verify.Forged),
        ("a changed parameter", proxy_query(pairs(("k", "4"))).replace("k=4", "k=5"), verify.Forged),
        ("not ASCII", urlencode([*pairs(), ("signature", "ü" * 64)]), verify.Forged),
        ("broken UTF-8", urlencode(pairs()) + "&signature=%FF%FE", verify.Forged),
        ("upper-case hex", proxy_query(pairs())[:-64] + proxy_query(pairs())[-64:].upper(), verify.Forged),
        ("no shop", proxy_query([("timestamp", STAMP), ("path_prefix", "/a/b")]), verify.Malformed),
        ("another host as shop", proxy_query(pairs(shop="evil.example.com")), verify.Malformed),
        ("a shop with a newline", proxy_query(pairs(shop=f"{SHOP}\n")), verify.Malformed),
        ("a customer that is no number", proxy_query(pairs(logged_in_customer_id="1x")), verify.Malformed),
        ("a customer in other digits", proxy_query(pairs(logged_in_customer_id="١")), verify.Malformed),
        ("a timestamp that is no number", proxy_query(pairs(timestamp="soon")), verify.Malformed),
        ("a timestamp beyond time", proxy_query(pairs(timestamp="9" * 18)), verify.Malformed),
        ("too long", proxy_query(pairs(("x", "y" * 9000))), verify.Malformed),
    ],
)
def test_a_bad_storefront_request_is_refused(case: str, query: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        verify.verify_proxy(query, secrets=KEYS, now=NOW)


@pytest.mark.parametrize(
    ("seconds", "passes"), [(0, True), (90, True), (-90, True), (91, False), (-91, False)]
)
def test_a_signature_is_good_for_ninety_seconds_either_way(seconds: int, passes: bool) -> None:
    query = proxy_query(pairs())
    moment = NOW + timedelta(seconds=seconds)

    if passes:
        verify.verify_proxy(query, secrets=KEYS, now=moment)
    else:
        with pytest.raises(verify.Forged):
            verify.verify_proxy(query, secrets=KEYS, now=moment)


def test_a_signed_text_cannot_be_cut_into_another_customer() -> None:
    """The shopper signs ``a=1`` with a customer inside, then moves the border and claims the customer."""
    honest = pairs(("a", "1logged_in_customer_id=77"))
    signature = proxy_query(honest).rpartition("=")[2]
    cut = [("a", "1"), ("logged_in_customer_id", "77logged_in_customer_id="), *pairs()[:3]]

    for forged in (honest, cut):
        with pytest.raises(verify.Malformed):
            verify.verify_proxy(urlencode([*forged, ("signature", signature)]), secrets=KEYS, now=NOW)


@given(st.lists(st.tuples(st.text(max_size=8), st.text(max_size=8)), max_size=6))
def test_no_query_whatever_breaks_the_check(extra: list[tuple[str, str]]) -> None:
    query = urlencode([(k, v) for k, v in extra], errors="surrogatepass")

    with pytest.raises((verify.Forged, verify.Malformed)):
        verify.verify_proxy(query, secrets=KEYS, now=NOW)


# OAuth callback


def test_the_documented_oauth_vector_is_what_we_sign() -> None:
    signed = [
        ("code", "0907a61c0c8d55e99db179b68161bc00"),
        ("shop", "shop-name.myshopify.com"),
        ("state", "0.6784241404160823"),
        ("timestamp", "1337178173"),
        ("hmac", "1ec235fff76f623ec9108eb9122515bdfb720e26f37f43c780920b5047a4039a"),
    ]

    found = verify.verify_oauth_callback(
        urlencode(signed), secrets=("hush",), now=datetime.fromtimestamp(1337178173, UTC)
    )

    assert found == dict(signed[:-1])


CALLBACK = {"code": "c", "shop": SHOP, "state": "s", "timestamp": STAMP, "host": "YWRtaW4="}


@pytest.mark.parametrize(
    ("case", "query", "error"),
    [
        ("no HMAC", urlencode(CALLBACK), verify.Forged),
        ("another secret", oauth_query(CALLBACK, "wrong"), verify.Forged),
        ("not ASCII", urlencode({**CALLBACK, "hmac": "é" * 64}), verify.Forged),
        ("a repeated shop", oauth_query(CALLBACK) + "&shop=evil.myshopify.com", verify.Malformed),
        ("a repeated HMAC", oauth_query(CALLBACK) + "&hmac=00", verify.Malformed),
        ("another host as shop", oauth_query({**CALLBACK, "shop": "evil.example.com"}), verify.Malformed),
        ("a day old", oauth_query({**CALLBACK, "timestamp": str(int(STAMP) - 86_400)}), verify.Forged),
        ("no timestamp", oauth_query({"code": "c", "shop": SHOP, "state": "s"}), verify.Malformed),
    ],
)
def test_a_bad_callback_is_refused(case: str, query: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        verify.verify_oauth_callback(query, secrets=KEYS, now=NOW)
