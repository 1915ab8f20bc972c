import json
import time
from contextlib import closing
from datetime import UTC, datetime

import pytest

from backend.shopify.verify import Forged, verify_proxy
from bench import load
from bench.serving.product import address
from tests.tools.origin import QuietHandler, serving


class Handler(QuietHandler):
    asked = []

    def do_GET(self):
        self.asked.append(self.path)
        if self.path == "/slow":
            time.sleep(0.1)
        # Workers that end: one says so in its last answer, one does not, one in the middle, one at once.
        self.close_connection = self.path in ("/last", "/unannounced", "/cut", "/never")
        if self.path == "/never":
            return
        if self.path == "/cut":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
            return
        body = json.dumps({"path": self.path, "filler": "x" * 100_000}).encode()
        headers = {"Connection": "close"} if self.path == "/last" else {}
        self.answer(503 if self.path == "/broken" else 200, body, headers)


@pytest.fixture
def origin():
    with serving(Handler) as address:
        yield address


def test_a_connection_reads_whole_answers_one_after_another(origin):
    connection = load.Connection(origin)

    bodies = [json.loads(connection.get(path)) for path in ("/a", "/b")]

    connection.close()
    assert [body["path"] for body in bodies] == ["/a", "/b"]


def test_a_connection_that_was_announced_to_end_is_opened_anew(origin):
    with closing(load.Connection(origin)) as connection:
        bodies = [json.loads(connection.get(path)) for path in ("/last", "/last", "/a")]

    assert [body["path"] for body in bodies] == ["/last", "/last", "/a"]
    assert connection.retried == 0


def test_a_kept_connection_that_ended_unannounced_is_tried_once_more_and_counted(origin):
    with closing(load.Connection(origin)) as connection:
        connection.get("/unannounced")
        connection.get("/a")

    assert connection.retried == 1
    assert load.closed(origin, ["/unannounced"], seconds=0.3).retried > 0


@pytest.mark.parametrize("path", ["/cut", "/never"])
def test_an_answer_that_breaks_off_or_never_comes_is_not_asked_for_again(origin, path):
    with closing(load.Connection(origin)) as connection, pytest.raises(load.WrongAnswer, match="closed"):
        connection.get(path)

    assert connection.retried == 0


def test_closed_load_counts_what_was_answered(origin):
    Handler.asked.clear()

    found = load.closed(origin, ["/slow"], seconds=0.5)

    assert found.requests == len(Handler.asked)
    assert 0 < found.requests <= load.CONNECTIONS * 6
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

    query_string = address(query, "hush").partition("?")[2]

    assert verify_proxy(query_string, secrets=["hush"], now=now).logged_in_customer_id == 17
    with pytest.raises(Forged):
        verify_proxy(query_string, secrets=["other"], now=now)


def test_connections_share_the_list_so_that_nothing_is_asked_twice_before_all_was_asked(origin):
    Handler.asked.clear()

    load.paced(origin, [f"/{number}" for number in range(40)], per_second=200, seconds=0.2)

    assert sorted(Handler.asked) == sorted(f"/{number}" for number in range(40))


def test_answers_are_counted_by_their_kind(origin):
    found = load.paced(
        origin,
        ["/a", "/b"],
        per_second=100,
        seconds=0.2,
        kind_of=lambda head, body: f"{head[9:12].decode()} {json.loads(body)['path']}",
    )

    assert found.kinds == {"200 /a": 10, "200 /b": 10}
