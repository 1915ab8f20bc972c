import time

import pytest

from tests.tools.origin import QuietHandler, serving
from tools.demo import traffic
from tools.demo.traffic import Visit

SLOW_SECONDS = 0.15


class Handler(QuietHandler):
    def do_GET(self):
        if self.path == "/slow":
            time.sleep(SLOW_SECONDS)
        if self.path == "/never":
            self.close_connection = True
            return
        # A worker that ends without having said so.
        self.close_connection = self.path == "/unannounced"
        body = (self.headers.get("Cookie") or "nobody").encode()
        self.answer(404 if self.path == "/missing" else 200, body)


@pytest.fixture
def origin():
    with serving(Handler) as address:
        yield address


def test_every_visit_is_sent_at_the_pace_asked_for(origin):
    seen = []
    began = time.monotonic()

    answers = traffic.send(origin, [Visit("/", "who=me")] * 40, per_second=200, tick=seen.append)

    assert 0.19 < time.monotonic() - began < 2.0
    assert [answer.status for answer in answers] == [200] * 40
    assert {answer.body for answer in answers} == {b"who=me"}
    assert sorted(seen) == list(range(1, 41))


def test_time_waited_behind_slow_answers_is_counted(origin):
    visits = [Visit("/slow")] * (traffic.CONNECTIONS * 2)

    answers = traffic.send(origin, visits, per_second=10_000, tick=lambda _: None)

    slowest = max(answer.milliseconds for answer in answers)
    assert slowest > SLOW_SECONDS * 2 * 1000


def test_refusals_and_broken_connections_are_answers_too(origin):
    refused = traffic.send(origin, [Visit("/missing")], per_second=100, tick=lambda _: None)
    broken = traffic.send("http://127.0.0.1:9", [Visit("/")] * 2, per_second=100, tick=lambda _: None)

    assert [answer.status for answer in refused] == [404]
    assert [answer.status for answer in broken] == [0, 0]


def test_a_visit_on_a_connection_that_ended_meanwhile_is_sent_once_more(origin):
    kept = traffic.send(origin, [Visit("/unannounced")] * 40, per_second=400, tick=lambda _: None)
    never = traffic.send(origin, [Visit("/never")], per_second=100, tick=lambda _: None)

    assert [answer.status for answer in kept] == [200] * 40
    assert [answer.status for answer in never] == [0]


@pytest.mark.parametrize(("share", "value"), [(0.5, 2), (0.51, 3), (0.99, 4), (1.0, 4), (0.0, 1)])
def test_a_percentile_is_the_nearest_rank(share, value):
    assert traffic.percentile([4, 1, 3, 2], share) == value


def test_there_is_no_percentile_of_nothing():
    with pytest.raises(ValueError, match="nothing"):
        traffic.percentile([], 0.5)
