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


def test_only_a_shopper_who_agreed_tells_the_cart_of_the_card(at, monkeypatch):
    asked = []
    monkeypatch.setattr(Handler, "do_POST", lambda handler: asked.append(handler.path) or answer(handler))
    monkeypatch.setitem(PAGES, "/checkout", '<form method="post" action="/thank-you"></form>')
    card = pages.Card("17", DECISION, "/products/mug", pages.Form("POST", f"{at.devstore}/cart/add", {}))

    doors.Shopper(at).buy(card)
    agreed = doors.Shopper(at)
    agreed.agree()
    agreed.buy(card)

    assert asked == ["/cart/add", "/thank-you", "/cart/update.js", "/cart/add", "/thank-you"]


def answer(handler):
    handler.send_response(200)
    handler.end_headers()
