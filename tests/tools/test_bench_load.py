import json
import time
from datetime import UTC, datetime

import pytest

from backend.shopify.verify import Forged, verify_proxy
from bench import load
from bench.serving import _address
from tests.tools.origin import QuietHandler, serving


class Handler(QuietHandler):
    def do_GET(self):
        if self.path == "/slow":
            time.sleep(0.1)
        body = json.dumps({"path": self.path, "filler": "x" * 100_000}).encode()
        self.answer(503 if self.path == "/broken" else 200, body)


@pytest.fixture
def origin():
    with serving(Handler) as address:
        yield address


def test_a_connection_reads_whole_answers_one_after_another(origin):
    connection = load.Connection(origin)

    bodies = [json.loads(connection.get(path)) for path in ("/a", "/b")]

    connection.close()
    assert [body["path"] for body in bodies] == ["/a", "/b"]


def test_closed_load_counts_what_was_answered(origin):
    found = load.closed(origin, ["/slow"], seconds=0.5)

    assert load.CONNECTIONS * 4 <= found.requests <= load.CONNECTIONS * 6
    assert found.p50_ms > 100


def test_paced_load_keeps_its_pace_and_counts_the_wait(origin):
    found = load.paced(origin, ["/a"], per_second=100, seconds=0.5)
    late = load.paced(origin, ["/slow"], per_second=200, seconds=0.5)

    assert found.requests == 50
    assert late.p99_ms > 200


def test_a_wrong_answer_ends_the_measurement(origin):
    with pytest.raises(load.WrongAnswer, match="/broken answered"):
        load.closed(origin, ["/a", "/broken"], seconds=5)


def test_addresses_are_signed_as_the_app_wants_them():
    now = datetime(2026, 11, 21, tzinfo=UTC)
    query = {
        "shop": "willow-gifts.myshopify.com",
        "path_prefix": "/apps/tailorbird",
        "timestamp": str(int(now.timestamp())),
        "logged_in_customer_id": "17",
        "surface": "home",
    }

    query_string = _address(query, "hush").partition("?")[2]

    assert verify_proxy(query_string, secrets=["hush"], now=now).logged_in_customer_id == 17
    with pytest.raises(Forged):
        verify_proxy(query_string, secrets=["other"], now=now)
