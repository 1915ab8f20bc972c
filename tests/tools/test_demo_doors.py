import html
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tools.demo import doors, pages, second_factor
from tools.demo.stack import SHOP, Addresses

DECISION = "01a1fdc8-1909-73b2-9d00-d78c343bbb86"
LINK = f'<a href="/staff/audit/decision/{DECISION}/change/">x</a>'
PAGES = {
    f"/{SHOP}/admin/apps/tailorbird": '<iframe src="/?embedded=1"></iframe>',
    "/": "<!doctype html><html><body>Tailorbird</body></html>",
    f"/{SHOP}/admin/orders": f'<a href="/{SHOP}/admin/apps">Apps</a>'
    f'<a href="/{SHOP}/admin/orders/500012">#1001</a>',
    "/staff/audit/decision/": f'<table id="result_list"><tr><td>{LINK}</td></tr></table>',
    f"/staff/audit/decision/{DECISION}/change/": f"<h1>{DECISION}</h1><p>Order 500012</p>",
    "/account/login": '<form><select name="locale_code"><option value="en">English</option></select></form>'
    '<form><input name="customer_id" placeholder="Name"></form>'
    '<form><input type="hidden" name="customer_id" value="17"><button>Ada</button></form>',
    "/collections/all": '<a href="/products/mug">M</a>'
    '<a href="/collections/all/products/bowl?variant=1">B</a>'
    '<a href="/products/mug">again</a><a href="/pages/about">about</a>',
}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        path = self.path.partition("?")[0]
        body = PAGES.get(path, "Not Found").encode()
        self.send_response(200 if path in PAGES else 404)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"token": "t-1"}).encode())

    def log_message(self, *arguments):
        """Keep the test's output quiet."""


@pytest.fixture
def at():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        origin = f"http://127.0.0.1:{server.server_port}"
        yield Addresses(origin, origin, origin, origin)
        server.shutdown()
        thread.join()


def test_a_page_that_answers_with_an_error_is_a_shut_door(at):
    with pytest.raises(doors.DoorShut, match=r"GET http.+/api/setup answered 404: Not Found"):
        doors.Merchant(at).call("GET", "/api/setup")


def test_an_app_that_the_admin_does_not_show_is_a_shut_door(at, monkeypatch):
    doors.Merchant(at).open_app()
    monkeypatch.setitem(PAGES, f"/{SHOP}/admin/apps/tailorbird", "<p>Not installed</p>")

    with pytest.raises(doors.DoorShut, match="shows no app"):
        doors.Merchant(at).open_app()


def test_a_server_that_is_gone_is_a_shut_door_too():
    nowhere = "http://127.0.0.1:9"

    with pytest.raises(doors.DoorShut, match="ConnectError"), doors.reachable():
        doors.Shopper(Addresses(nowhere, nowhere, nowhere, nowhere)).carousel("/")


def test_the_newest_order_is_the_first_of_the_admins_list(at):
    assert doors.Merchant(at).newest_order() == "500012"


def test_a_decision_counts_as_found_only_on_a_page_that_names_it_and_the_order(at):
    staff = doors.Staff(at, user="staff", password="secret", secret="JBSWY3DPEHPK3PXP")

    assert staff.finds(DECISION, by_order="500012")
    assert not staff.finds(DECISION, by_order="500013")
    assert not staff.finds("another-decision", by_order="500012")


def test_codes_are_those_of_the_standard():
    # RFC 6238, appendix B: the last six of its eight digits.
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"

    found = [second_factor.code(secret, at=moment) for moment in (59, 1111111109, 20000000000)]

    assert found == ["287082", "081804", "353130"]


def test_known_customers_are_no_languages(at):
    assert doors.Shopper(at).known_customers() == ["17"]


def test_products_of_the_storefront_are_listed_once_by_their_own_address(at):
    assert doors.Shopper(at).product_paths() == ["/products/mug", "/products/bowl"]


@pytest.mark.parametrize(("html", "rows"), [
    ('<p class="paginator"><span>1</span> <a>2</a> … <a>12</a> 1,561 decisions</p>', 1561),
    ('<p class="paginator">1 decision</p>', 1),
    ("<p>17 decisions</p>", None),
    ('<p class="paginator"></p>', None),
])  # fmt: skip
def test_the_length_of_a_list_is_read_below_it(html, rows):
    assert doors.rows_in(pages.read(html)) == rows


def test_a_card_without_a_button_cannot_be_bought(at):
    card = pages.Card("17", DECISION, "/products/mug", None)

    with pytest.raises(doors.DoorShut, match="product 17 has no button"):
        doors.Shopper(at).buy(card)


ACCOUNT = "0197a1b2-0000-7000-8000-0000000000aa"
CHECKOUT = {"token": "c0ffee", "email": "ann@example.com", "order": {"id": "5001"}}


def a_page(body, *events, pixel=None):
    """Return a page of the storefront that names its pixel and what it hears first."""
    about = json.dumps({"pixel": pixel, "events": [{"name": name, "data": data} for name, data in events]})
    return f'<script data-page="{html.escape(about)}"></script>{body}'


def a_walk(at, monkeypatch):
    """Prepare the pages of a purchase; return what is posted, and the card that is bought."""
    posted = []

    def post(handler):
        body = handler.rfile.read(int(handler.headers["Content-Length"] or 0)).decode()
        posted.append((handler.path, body))
        told = handler.path.startswith("/events/")
        answer(handler, 202 if told else 200, b'{"accepted": 1, "refused": []}' if told else thanks.encode())

    pixel = {"settings": {"endpoint": at.web, "accountID": ACCOUNT}}
    shown_card = f'<li class="tailorbird__card" data-product="17" data-decision="{DECISION}"></li>'
    shown = f"<tailorbird-carousel><ul>{shown_card}</ul></tailorbird-carousel>"
    product = {"productVariant": {"product": {"id": "17"}}}
    thanks = a_page("Thank you", ("checkout_completed", {"checkout": CHECKOUT}), pixel=pixel)
    monkeypatch.setattr(Handler, "do_POST", post)
    monkeypatch.setitem(PAGES, "/collections/all", a_page(shown, ("page_viewed", {}), pixel=pixel))
    monkeypatch.setitem(PAGES, "/products/mug", a_page("", ("product_viewed", product), pixel=pixel))
    form = '<form method="post" action="/thank-you"></form>'
    started = a_page(form, ("checkout_started", {"checkout": CHECKOUT}), pixel=pixel)
    monkeypatch.setitem(PAGES, "/checkout", started)
    add = pages.Form("POST", f"{at.devstore}/cart/add", {})
    return posted, pages.Card("17", DECISION, "/products/mug", add, "/collections/all")


def test_a_shopper_who_did_not_agree_is_heard_of_by_nobody(at, monkeypatch):
    posted, card = a_walk(at, monkeypatch)

    doors.Shopper(at).buy(card)

    assert [path for path, _ in posted] == ["/cart/add", "/thank-you"]


def test_a_shopper_who_agreed_tells_the_cart_of_the_card_and_is_heard_of_by_ids_alone(at, monkeypatch):
    posted, card = a_walk(at, monkeypatch)
    shopper = doors.Shopper(at)
    shopper.agree()

    shopper.buy(card)

    told = [
        event for path, body in posted if path == f"/events/{ACCOUNT}" for event in json.loads(body)["events"]
    ]
    assert [(event["topic"], event["data"]) for event in told] == [
        ("tailorbird:impression", {"decision": DECISION, "products": ["17"]}),
        ("tailorbird:click", {"decision": DECISION, "product": "17"}),
        ("product_viewed", {"product": "17"}),
        ("tailorbird:add", {"decision": DECISION, "product": "17"}),
        ("product_added_to_cart", {"product": "17", "quantity": 1}),
        ("checkout_started", {"checkout": "c0ffee"}),
        ("checkout_completed", {"checkout": "c0ffee", "order": "5001"}),
    ]
    assert len({event["id"] for event in told}) == len(told)
    assert len({event["client"] for event in told}) == 1
    other = [path for path, _ in posted if not path.startswith("/events/")]
    assert other == ["/cart/update.js", "/cart/add", "/thank-you"]


def test_an_event_that_is_refused_is_a_shut_door(at, monkeypatch):
    _, card = a_walk(at, monkeypatch)
    monkeypatch.setattr(Handler, "do_POST", lambda handler: answer(handler, 429, b"{}"))
    shopper = doors.Shopper(at)
    shopper.agree()

    with pytest.raises(doors.DoorShut, match=r"/events/.+ answered 429"), doors.reachable():
        shopper.buy(card)


def answer(handler, status=200, body=b""):
    handler.send_response(status)
    handler.end_headers()
    handler.wfile.write(body)
