"""
What people can reach over HTTP: a merchant's admin, a shopper's storefront, a support person's dashboard.

Nothing here knows the database or a secret that such a person would not have.
"""

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import quote, urljoin

import httpx

from tools.demo import pages, second_factor
from tools.demo.pages import Card, Element, Form
from tools.demo.pixel import NotTold, Pixel, collector_of
from tools.demo.stack import SHOP, Addresses

# Shopify's session tokens live for 60 s; a new one well before that.
TOKEN_SECONDS: Final = 40.0
TIMEOUT_SECONDS: Final = 60.0

# Shopify's own, as its banner writes it: analytics, marketing, preferences and sale of data.
CONSENT_COOKIE: Final = "_tracking_consent"
CONSENT_GIVEN: Final = {"con": {"CMP": {"a": "1", "m": "1", "p": "1", "s": "1"}}, "v": "2.1"}


class DoorShut(Exception):
    """A page or an answer was not what its visitor needs. The message names the address."""


def _client(origin: str) -> httpx.Client:
    # A connection kept open would make the web process wait for its next request when it is asked to end.
    none_kept = httpx.Limits(max_keepalive_connections=0)
    return httpx.Client(
        base_url=origin, timeout=TIMEOUT_SECONDS, follow_redirects=True, trust_env=False, limits=none_kept
    )


def _expect(response: httpx.Response) -> httpx.Response:
    if not response.is_success:
        request = response.request
        what = f"{request.method} {request.url} answered {response.status_code}"
        raise DoorShut(f"{what}: {response.text[:300]}")
    return response


@contextmanager
def reachable() -> Iterator[None]:
    """Turn a connection that fails into the same plain failure as a wrong answer."""
    try:
        yield
    except NotTold as error:
        raise DoorShut(str(error)) from error
    except httpx.HTTPError as error:
        request = getattr(error, "_request", None)
        where = f"{request.method} {request.url}" if request else "A request"
        raise DoorShut(f"{where} failed: {type(error).__name__} {error}") from error


class Merchant:
    """Someone who owns the shop and opens the app inside the Shopify admin."""

    def __init__(self, at: Addresses) -> None:
        self._devstore = _client(at.devstore)
        self._app = _client(at.ui)
        self._token = ""
        self._token_at = float("-inf")

    def install(self, *, optional_scopes: list[str]) -> None:
        """Install the app in the shop: the click on "Install" in Shopify's admin."""
        asked = {"shop": SHOP, "optional_scopes": optional_scopes}
        _expect(self._devstore.post("/control/install", json=asked))

    def store_state(self) -> dict[str, Any]:
        """Return what the local Shopify says of itself: shops, installs, unusable rows."""
        state: dict[str, Any] = _expect(self._devstore.get("/control/state")).json()
        return state

    def release_orders(self) -> int:
        """Let happen what the shop held back of its history. :returns: how many orders and refunds"""
        released: int = _expect(self._devstore.post("/control/release", json={})).json()["released"]
        return released

    def shop_counts(self) -> dict[str, int]:
        """Return how many products and orders the shop has, by what the local Shopify says of itself."""
        found: dict[str, int] = self._shop_state()["counts"]
        return found

    def holds_back(self) -> bool:
        """Return whether the newest days of the shop were held back when it was filled."""
        return bool(self.store_state()["seeded"]["held_back"])

    def held_back(self) -> int:
        """Return how many orders and refunds of the shop have not happened yet."""
        return int(self._shop_state()["held_back"])

    def _shop_state(self) -> dict[str, Any]:
        shops: list[dict[str, Any]] = self.store_state()["shops"]
        return next(one for one in shops if one["domain"] == SHOP)

    def open_app(self) -> None:
        """Open the app's page: the admin's frame, and in it the app's own document."""
        frame = _expect(self._devstore.get(f"/{SHOP}/admin/apps/tailorbird"))
        frames = pages.read(frame.text).all("iframe")
        if not frames:
            raise DoorShut(f"{frame.url} shows no app.")
        document = _expect(self._app.get(urljoin(str(frame.url), frames[0].attributes["src"])))
        if "<html" not in document.text.lower():
            raise DoorShut(f"The app's page {document.url.path} is no document.")

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Call the app's API as its page does, with a session token of the admin."""
        headers = {"Authorization": f"Bearer {self._session_token()}", "Accept": "application/json"}
        response = _expect(self._app.request(method, path, json=body, headers=headers))
        answer: dict[str, Any] = response.json()
        return answer

    def try_again(self, path: str) -> None:
        """Ask for work that failed, as the app's button does; that it is under way already is as good."""
        headers = {"Authorization": f"Bearer {self._session_token()}"}
        answer = self._app.post(path, headers=headers)
        if answer.status_code != httpx.codes.CONFLICT:
            _expect(answer)

    def add_block(self, editor_url: str) -> None:
        """Follow the app's link into the theme editor, which adds the block."""
        _expect(self._devstore.get(editor_url))

    def newest_order(self) -> str:
        """Return the id of the order on top of the admin's list."""
        page = pages.read(_expect(self._devstore.get(f"/{SHOP}/admin/orders")).text)
        for link in page.all("a"):
            found = re.search(r"/orders/(\d+)", link.attributes.get("href", ""))
            if found:
                return found[1]
        raise DoorShut("The admin's list of orders is empty.")

    def _session_token(self) -> str:
        if time.monotonic() - self._token_at > TOKEN_SECONDS:
            answer = _expect(self._devstore.post(f"/{SHOP}/admin/session-token"))
            self._token, self._token_at = answer.json()["token"], time.monotonic()
        return self._token


def send(client: httpx.Client, form: Form) -> httpx.Response:
    """Send a form as a browser would."""
    if form.method == "POST":
        return client.post(form.url, data=form.fields)
    return client.get(form.url, params=form.fields)


class Shopper:
    """A visitor of the storefront, with cookies of their own."""

    def __init__(self, at: Addresses) -> None:
        self._shop = _client(at.devstore)
        self._pixel = Pixel()

    @property
    def cookie(self) -> str:
        """Return the Cookie header that says who this is."""
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self._shop.cookies.jar)

    def carousel(self, path: str) -> list[Card]:
        """Return the recommended products that a page shows."""
        page = _expect(self._shop.get(path))
        return pages.carousel(pages.read(page.text), at=str(page.url))

    def product_id(self, path: str) -> int:
        """Return the id of the product at an address, as theme scripts see it."""
        found: int = _expect(self._shop.get(f"{path}.js")).json()["id"]
        return found

    def product(self, path: str) -> dict[str, Any]:
        """Return what theme scripts see of the product at an address."""
        found: dict[str, Any] = _expect(self._shop.get(f"{path}.js")).json()
        return found

    def collector(self, path: str) -> str:
        """Return where the pixel that runs on a page tells its events."""
        found = collector_of(pages.read(_expect(self._shop.get(path)).text))
        if found is None:
            raise DoorShut(f"No pixel of ours runs on {path}.")
        return found

    def product_paths(self) -> list[str]:
        """Return the addresses of the products on the shop's first page of all products."""
        links = pages.read(_expect(self._shop.get("/collections/all")).text).all("a")
        paths = [link.attributes.get("href", "").partition("?")[0] for link in links]
        found = [re.sub(r"^/collections/[^/]+", "", path) for path in paths if "/products/" in path]
        return list(dict.fromkeys(found))

    def known_customers(self) -> list[str]:
        """Return the customers that the sign-in page offers."""
        page = pages.read(_expect(self._shop.get("/account/login")).text)
        boxes = [*page.all("input", name="customer_id"), *page.all("button", name="customer_id")]
        values = [box.attributes.get("value", "") for box in boxes]
        return list(dict.fromkeys(value for value in values if value))

    def sign_in(self, customer_id: str) -> None:
        """Sign in as one of the shop's customers."""
        _expect(self._shop.post("/account/login", data={"customer_id": customer_id}))

    def agree(self) -> None:
        """Accept in the shop's cookie banner, which keeps the answer in a cookie."""
        self._shop.cookies.set(CONSENT_COOKIE, quote(json.dumps(CONSENT_GIVEN)))

    def buy(self, card: Card) -> None:
        """
        Look at a recommended product, put it into the cart with its card's own button, and check out.

        Who agreed is heard of by the app's pixel all the way, and tells the cart of the card.
        """
        if card.quick_add is None:
            raise DoorShut(f"The card of product {card.product_id} has no button that adds it to the cart.")
        page = self._look(card)
        if self._agreed:
            self._tell_cart(card)
        _expect(send(self._shop, card.quick_add))
        self._tell(page, ("tailorbird:add", _of(card)), ("product_added_to_cart", _of_product(card)))
        self._check_out()

    @property
    def _agreed(self) -> bool:
        return CONSENT_COOKIE in self._shop.cookies

    def _look(self, card: Card) -> Element:
        """See the card on its page, follow its link and come back. :returns: the page of the card"""
        page = self._visit(card.page)
        self._tell(page, ("tailorbird:click", _of(card)))
        self._visit(card.href)
        return page

    def _visit(self, url: str) -> Element:
        answer = _expect(self._shop.get(url))
        page = pages.read(answer.text)
        if self._agreed:
            self._pixel.hear(page, pages.carousel(page, at=str(answer.url)))
        return page

    def _tell(self, page: Element, *events: tuple[str, dict[str, Any]]) -> None:
        if self._agreed:
            self._pixel.tell(page, *events)

    def _check_out(self) -> None:
        checkout = _expect(self._shop.get("/checkout"))
        if self._agreed:
            self._pixel.hear(pages.read(checkout.text))
        found = [form for form in self._forms(checkout) if form.method == "POST"]
        if not found:
            raise DoorShut(f"{checkout.url} shows no checkout.")
        thanks = _expect(send(self._shop, found[-1]))
        if "thank" not in str(thanks.url):
            raise DoorShut(f"The checkout led to {thanks.url}, not to a thank-you page.")
        if self._agreed:
            self._pixel.hear(pages.read(thanks.text))

    def _tell_cart(self, card: Card) -> None:
        """Leave the click with the cart, as the block's script does for a visitor who agreed."""
        click = f"{card.decision_id}:{card.product_id}:{int(time.time())}:a"
        _expect(self._shop.post("/cart/update.js", json={"attributes": {"_tailorbird": click}}))

    def _forms(self, page: httpx.Response) -> list[Form]:
        return pages.forms(pages.read(page.text), at=str(page.url))


def _of(card: Card) -> dict[str, Any]:
    return {"decision": card.decision_id, "product": card.product_id}


def _of_product(card: Card) -> dict[str, Any]:
    return {"product": card.product_id, "quantity": 1}


class Staff:
    """A support person at the staff dashboard."""

    def __init__(self, at: Addresses, *, user: str, password: str, secret: str) -> None:
        self._site = _client(at.web)
        self._home = at.staff
        self._account = {"username": user, "password": password}
        self._secret = secret

    def sign_in(self) -> None:
        """Sign in with the account that the demo made: its password, then a code that its app would show."""
        asked = self._fill(_expect(self._site.get(self._home)), self._account)
        if "login" in asked.url.path:
            raise DoorShut("The staff dashboard refused the account that the demo made.")
        done = self._fill(asked, {"code": second_factor.code(self._secret, at=time.time())})
        if "verify" in done.url.path:
            # Each code is good once, and somebody may have used the one of now.
            time.sleep(second_factor.STEP_SECONDS)
            done = self._fill(done, {"code": second_factor.code(self._secret, at=time.time())})
        if "verify" in done.url.path:
            raise DoorShut("The staff dashboard refused the code of the account that the demo made.")

    def _fill(self, page: httpx.Response, fields: dict[str, str]) -> httpx.Response:
        for form in pages.forms(pages.read(page.text), at=str(page.url)):
            if fields.keys() <= form.fields.keys():
                return _expect(send(self._site, Form(form.method, form.url, form.fields | fields)))
        raise DoorShut(f"{page.url} shows no form that asks for {', '.join(fields)}.")

    def count(self, listing: str) -> int:
        """Return how many rows a list of the dashboard says it has, like "audit/decision"."""
        page = pages.read(_expect(self._site.get(f"{self._home}{listing}/")).text)
        found = rows_in(page)
        if found is None:
            raise DoorShut(f"The dashboard's list {listing} does not say how long it is.")
        return found

    def finds(self, decision_id: str, *, by_order: str) -> bool:
        """Tell whether a search by order leads to a decision's page that names both."""
        listing = _expect(self._site.get(f"{self._home}audit/decision/", params={"q": by_order}))
        tables = pages.read(listing.text).all("table", id="result_list")
        for link in (link for table in tables for link in table.all("a")):
            address = urljoin(str(listing.url), link.attributes.get("href", ""))
            if decision_id in address:
                text = pages.read(_expect(self._site.get(address)).text).whole_text()
                return decision_id in text and by_order in text
        return False


def rows_in(page: Element) -> int | None:
    """Return the number of rows that Django's list names under its pages; None if it names none."""
    for paginator in page.all("p"):
        # The paragraph's own words; the numbers of its pages are links inside it.
        named = re.search(r"(\d[\d,.]*) [a-z ]+$", " ".join(paginator.text.split()))
        if paginator.has_class("paginator") and named:
            return int(re.sub(r"\D", "", named[1]))
    return None
