"""The collector's door: what it takes, what it refuses and says of it, and that each id counts once."""

import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import OperationalError, connection
from django.test import Client, RequestFactory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.core import clock
from backend.core.ids import uuid7
from backend.events import gateway, queries, rules, views
from backend.events.gateway import Counters
from backend.events.models import BotEvent, Event, Tally
from backend.events.services import Collector, Limits, collecting, writing
from backend.events.values import Outcome, Topic
from backend.shops.models import Shop
from tests.backend.events.bodies import BROWSER, CLIENT, CRAWLER, a_decision, an_event, post, send
from tests.backend.history import a_shop
from tests.backend.racing import Worker

pytestmark = pytest.mark.django_db

BLINK = timedelta(microseconds=1)


def stored(shop: Shop) -> list[Event]:
    return list(Event.objects.for_shop(shop.id).order_by("at", "id"))


def tallies(shop: Shop) -> dict[tuple[str, str], int]:
    rows = Tally.objects.for_shop(shop.id)
    found: dict[tuple[str, str], int] = {}
    for row in rows:
        found[row.topic, row.outcome] = found.get((row.topic, row.outcome), 0) + row.count
    return found


def reasons(answer: Any) -> list[str]:
    return [one["reason"] for one in answer.json()["refused"]]


# What is taken


def test_each_topic_is_kept_with_what_it_says_and_nothing_else(shop: Shop) -> None:
    decision = a_decision(shop)
    now = clock.now()

    answer = post(
        shop,
        an_event("tailorbird:impression", decision=str(decision.id), products=[101, "102", 101], extra="x"),
        an_event("tailorbird:click", decision=str(decision.id), product="101"),
        an_event("tailorbird:add", decision=str(decision.id), product=102),
        an_event("product_viewed", product=999),
        an_event("product_added_to_cart", product="999", quantity=2),
        an_event("checkout_started", checkout="a-token"),
        an_event("checkout_completed", checkout="a-token", order="5001"),
        an_event("checkout_completed", checkout="b-token", order=None),
    )

    assert (answer.status_code, answer.json()) == (202, {"accepted": 8, "duplicate": 0, "refused": []})
    rows = {(row.topic, row.order_id): row for row in stored(shop)}
    assert rows["IMPRESSION", None].product_ids == [101, 102]
    assert rows["IMPRESSION", None].decision_id == rows["CLICK", None].decision_id == decision.id
    assert rows["ADD", None].product_ids == [102]
    assert (rows["CART", None].product_ids, rows["CART", None].quantity) == ([999], 2)
    assert rows["CHECKOUT_STARTED", None].checkout_key == rows["CHECKOUT_COMPLETED", 5001].checkout_key
    assert all(now - timedelta(seconds=1) <= row.at <= clock.now() for row in rows.values())


def test_a_browsers_bucket_is_kept_and_read_once_a_client(shop: Shop) -> None:
    now = clock.now()

    answer = post(
        shop,
        an_event("tailorbird:group", client="a", bucket=0, at=now - timedelta(hours=2)),
        an_event("tailorbird:group", client="a", bucket=77, at=now - timedelta(hours=1)),
        an_event("tailorbird:group", client="b", bucket=9_999, at=now),
        *(an_event("tailorbird:group", bucket=bad) for bad in (-1, 10_000, "5", None, True, 1.0)),
    )

    drawn = list(
        queries.drawn_clients(shop.id, since=now - timedelta(hours=3), until=now + timedelta(hours=1))
    )
    assert (answer.json()["accepted"], reasons(answer)) == (3, ["bad_data"] * 6)
    assert {(one.bucket, one.at) for one in drawn} == {(0, now - timedelta(hours=2)), (9_999, now)}
    assert len({one.client_key for one in drawn} - {"a", "b"}) == 2


def test_an_exposure_is_kept_by_its_rollout_and_read_once_a_client(shop: Shop) -> None:
    now, rollout, other = clock.now(), uuid7(), uuid7()
    shown = {"rollout": str(rollout)}

    answer = post(
        shop,
        an_event("tailorbird:exposure", client="a", bucket=3, at=now - timedelta(hours=2), **shown),
        an_event("tailorbird:exposure", client="a", bucket=4, at=now - timedelta(hours=1), **shown),
        an_event("tailorbird:exposure", client="b", bucket=9_999, at=now, **shown),
        an_event("tailorbird:exposure", client="c", bucket=5, at=now, rollout=str(other)),
        *(an_event("tailorbird:exposure", bucket=bad, **shown) for bad in (-1, 10_000, "5", True)),
        *(an_event("tailorbird:exposure", bucket=5, rollout=bad) for bad in (None, "", 7, "no-rollout", [])),
        an_event("tailorbird:group", client="d", bucket=5, **shown),
    )

    found = list(queries.exposures(shop.id, rollout, until=now + timedelta(hours=1)))
    assert (answer.json()["accepted"], reasons(answer)) == (5, ["bad_data"] * 9)
    assert sorted((one.bucket, one.at) for one in found) == [(3, now - timedelta(hours=2)), (9_999, now)]
    assert list(queries.exposures(shop.id, uuid7(), until=now + timedelta(hours=1))) == []
    assert list(queries.exposures(a_shop("other.myshopify.com").id, rollout, until=now)) == []


def test_what_was_told_of_a_rollout_before_it_was_shown_is_left_out(shop: Shop) -> None:
    now, rollout = clock.now(), uuid7()
    for client, hours in (("early", 3), ("both", 3), ("both", 1), ("late", 0)):
        at = now - timedelta(hours=hours)
        post(shop, an_event("tailorbird:exposure", client=client, bucket=hours, at=at, rollout=str(rollout)))

    found = list(queries.exposures(shop.id, rollout, since=now - timedelta(hours=2), until=now))

    assert [(one.bucket, one.at) for one in found] == [(1, now - timedelta(hours=1))]


def test_nothing_of_a_browser_is_stored_but_its_pseudonym_under_the_shops_key(shop: Shop) -> None:
    other = a_shop("other.myshopify.com")
    for one in (shop, other):
        post(one, an_event("checkout_started", checkout="a-token"), **{"X-Forwarded-For": "203.0.113.77"})

    [mine], [theirs] = stored(shop), stored(other)

    assert mine.client_key != theirs.client_key
    assert mine.checkout_key != theirs.checkout_key
    told = str({name: str(value) for name, value in vars(mine).items()})
    assert [word for word in (CLIENT, "a-token", "203.0.113.77", "Chrome") if word in told] == []


# What is refused


@pytest.mark.parametrize(("event", "reason"), [
    ("no event", "bad_event"),
    (an_event("product_viewed", product=1) | {"id": ""}, "bad_event"),
    (an_event("product_viewed", product=1) | {"id": 5}, "bad_event"),
    (an_event("product_viewed", product=1) | {"id": "x" * 129}, "bad_event"),
    (an_event("product_viewed", product=1) | {"client": None}, "bad_event"),
    (an_event("product_viewed", product=1, at="yesterday"), "bad_event"),
    (an_event("product_viewed", product=1, at="2026-11-29T10:00:00"), "bad_event"),
    (an_event("product_viewed", product=1) | {"at": 17}, "bad_event"),
    (an_event("page_viewed"), "bad_topic"),
    (an_event("product_viewed") | {"topic": ["product_viewed"]}, "bad_topic"),
    (an_event("product_viewed") | {"data": []}, "bad_data"),
    (an_event("product_viewed"), "bad_data"),
    (an_event("product_viewed", product=True), "bad_data"),
    (an_event("product_viewed", product=1.0), "bad_data"),
    (an_event("product_viewed", product=0), "bad_data"),
    (an_event("product_viewed", product="٣"), "bad_data"),
    (an_event("product_viewed", product=2**63), "bad_data"),
    (an_event("product_added_to_cart", product=1), "bad_data"),
    (an_event("product_added_to_cart", product=1, quantity=1_000_001), "too_large"),
    (an_event("tailorbird:click", decision="17", product=1), "bad_data"),
    (an_event("tailorbird:impression", decision=str(uuid7()), products=[]), "bad_data"),
    (an_event("tailorbird:impression", decision=str(uuid7()), products=list(range(1, 52))), "bad_data"),
    (an_event("checkout_started", checkout=""), "bad_data"),
    (an_event("checkout_completed", checkout="t", order="gid"), "bad_data"),
    (an_event("tailorbird:click", decision=str(uuid7()), product=1), "unknown_decision"),
], ids=lambda value: value if isinstance(value, str) else str(value["topic"]))  # fmt: skip
def test_an_event_that_is_not_what_its_topic_must_say_is_refused_alone(
    shop: Shop, event: Any, reason: str
) -> None:
    answer = post(shop, event, an_event("product_viewed", product=7))

    assert (answer.status_code, answer.json()["accepted"]) == (202, 1)
    assert answer.json()["refused"] == [{"index": 0, "reason": reason}]
    assert [row.product_ids for row in stored(shop)] == [[7]]


@pytest.mark.parametrize("hours", [-49, 49, -24 * 400, 24 * 365 * 500])
def test_an_event_of_more_than_two_days_away_is_refused(shop: Shop, hours: int) -> None:
    answer = post(shop, an_event("product_viewed", product=1, at=clock.now() + timedelta(hours=hours)))

    assert reasons(answer) == ["too_old" if hours < 0 else "too_new"]
    assert stored(shop) == []


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
def test_the_ends_of_time_are_refused_and_break_nothing(shop: Shop, at: str) -> None:
    assert post(shop, an_event("product_viewed", product=1, at=at)).status_code == 202
    assert stored(shop) == []


def test_a_clock_ahead_tells_no_moment_after_the_arrival(shop: Shop) -> None:
    post(shop, an_event("product_viewed", product=1, at=clock.now() + timedelta(hours=47)))

    [row] = stored(shop)
    assert row.at <= row.received_at


def test_a_clock_a_little_behind_tells_no_moment_before_the_decision(shop: Shop) -> None:
    decision = a_decision(shop)
    early = decision.at - timedelta(minutes=9)

    post(shop, an_event("tailorbird:click", at=early, decision=str(decision.id), product=101))

    [row] = stored(shop)
    assert row.at == decision.at


def test_what_no_decision_can_have_caused_is_refused(shop: Shop) -> None:
    decision, other = a_decision(shop), a_decision(a_shop("other.myshopify.com"))
    early = decision.at - timedelta(minutes=11)

    answer = post(
        shop,
        an_event("tailorbird:click", decision=str(other.id), product=101),
        an_event("tailorbird:click", decision=str(decision.id), product=104),
        an_event("tailorbird:impression", decision=str(decision.id), products=[101, 104]),
        an_event("tailorbird:click", at=early, decision=str(decision.id), product=101),
    )

    assert reasons(answer) == ["unknown_decision", "wrong_product", "wrong_product", "before_decision"]
    assert stored(shop) == []


def test_a_decision_that_is_made_a_moment_later_is_found_then(shop: Shop) -> None:
    decision = a_decision(shop)
    event = an_event("tailorbird:click", decision=str(uuid7()), product=101)
    assert reasons(post(shop, event)) == ["unknown_decision"]

    answer = post(shop, an_event("tailorbird:click", decision=str(decision.id), product=101))

    assert answer.json()["accepted"] == 1


# Once


def test_an_id_counts_once_in_a_body_across_bodies_and_by_its_own_day(shop: Shop) -> None:
    now = clock.now()
    same = an_event("product_viewed", product=1, at=now, event_id="sh-1")
    changed = an_event("product_viewed", product=2, at=now - timedelta(microseconds=1), event_id="sh-1")
    day_before = an_event("product_viewed", product=3, at=now - timedelta(days=1), event_id="sh-1")

    first = post(shop, same, same)
    second = post(shop, same, changed, day_before)

    assert (first.json()["accepted"], first.json()["duplicate"]) == (1, 1)
    assert (second.json()["accepted"], second.json()["duplicate"]) == (1, 2)
    assert [row.product_ids for row in stored(shop)] == [[3], [1]]


def test_the_same_id_of_another_shop_is_another_event(shop: Shop) -> None:
    other = a_shop("other.myshopify.com")
    event = an_event("product_viewed", product=1, event_id="sh-1")

    assert [post(one, event).json()["accepted"] for one in (shop, other)] == [1, 1]


@pytest.mark.django_db(transaction=True)
def test_two_threads_that_send_the_same_keep_it_once_and_are_told_so(shop: Shop) -> None:
    events = [an_event("product_viewed", product=place + 1, event_id=f"sh-{place}") for place in range(20)]

    workers = [Worker(lambda: post(shop, *events).json()) for _ in range(6)]
    answers = [worker.finish() for worker in workers]

    assert sum(answer["accepted"] for answer in answers) == len(stored(shop)) == 20
    assert sum(answer["duplicate"] for answer in answers) == 100
    assert tallies(shop)["VIEW", "ACCEPTED"] == 20


@pytest.mark.django_db(transaction=True)
def test_what_waits_for_a_slow_write_is_written_together(
    shop: Shop, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    piles: list[int] = []
    plain = collecting.write

    def counting(rows: Any, **more: Any) -> Any:
        piles.append(len(rows))
        return plain(rows, **more)

    monkeypatch.setattr(collecting, "write", counting)
    with collector._group._turn:
        workers = [Worker(lambda: post(shop, an_event("product_viewed", product=1)).json()) for _ in range(4)]
        while len(collector._group._waiting) < 4:
            pass

    assert [worker.finish()["accepted"] for worker in workers] == [1, 1, 1, 1]
    assert piles == [4]


# Bots


def test_crawlers_are_kept_apart_and_counted(shop: Shop) -> None:
    answer = post(shop, an_event("product_viewed", product=1), agent=CRAWLER)
    nameless = post(shop, an_event("product_viewed", product=2), agent="")

    assert [answer.json()["accepted"], nameless.json()["accepted"]] == [1, 1]
    assert stored(shop) == []
    assert BotEvent.objects.for_shop(shop.id).count() == 2
    assert tallies(shop) == {("VIEW", "BOT"): 2}


def test_a_client_faster_than_any_person_is_kept_apart_from_then_on(shop: Shop, collector: Collector) -> None:
    collector.limits = Limits(address=1_000, shop=1_000, client=3)

    for _ in range(5):
        post(shop, an_event("product_viewed", product=1))
        post(shop, an_event("product_viewed", product=1, client="somebody else"[:4]))

    assert len(stored(shop)) == 6
    assert BotEvent.objects.for_shop(shop.id).count() == 4


# Limits


def test_a_body_is_bounded_in_bytes_and_in_events(shop: Shop, collector: Collector) -> None:
    large = post(shop, an_event("product_viewed", product=1, padding="x" * rules.MOST_BYTES))
    many = post(shop, *[an_event("product_viewed", product=1) for _ in range(21)])
    collector.flush()

    assert (large.status_code, large.json()["error"]["code"]) == (413, "too_large")
    assert (many.status_code, many.json()["error"]["code"]) == (400, "bad_body")
    assert stored(shop) == []
    assert tallies(shop) == {("", "TOO_LARGE"): 1, ("", "BAD_REQUEST"): 1}


@pytest.mark.parametrize("is_valkey_there", [True, False])
def test_an_address_has_a_limit_and_others_are_not_held_to_it(
    shop: Shop, collector: Collector, is_valkey_there: bool
) -> None:
    collector.limits = Limits(address=5, shop=1_000)
    collector._counters._told_at = 0.0 if is_valkey_there else float("inf")

    def sent(address: str) -> Any:
        return post(
            shop, *[an_event("product_viewed", product=1)] * 2, **{"X-Forwarded-For": f"6.6.6.6, {address}"}
        )

    answers = [sent("203.0.113.7") for _ in range(3)]
    elsewhere = sent("203.0.113.8")
    collector.flush()

    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert int(answers[-1].headers["Retry-After"]) == 60 - clock.now().second
    assert answers[-1].json()["error"]["code"] == "rate_limited"
    assert elsewhere.status_code == 202
    assert tallies(shop)["", "RATE_LIMITED"] == 2


def test_a_sender_who_was_refused_may_send_again_at_the_turn_of_the_minute(
    shop: Shop, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    collector.limits = Limits(address=1, shop=1_000)
    turn = clock.now().replace(second=0, microsecond=0)

    def sent(at: datetime) -> Any:
        monkeypatch.setattr(clock, "now", lambda: at)
        return post(shop, an_event("product_viewed", product=1))

    taken, refused, again = (sent(at) for at in (turn - 2 * BLINK, turn - BLINK, turn))

    assert [answer.status_code for answer in (taken, refused, again)] == [202, 429, 202]
    assert refused.headers["Retry-After"] == "1"


def test_a_sender_with_many_addresses_of_one_network_has_one_limit(shop: Shop, collector: Collector) -> None:
    collector.limits = Limits(address=5, shop=1_000)

    answers = [
        post(shop, an_event("product_viewed", product=1), **{"X-Forwarded-For": f"2001:db8:0:7::{host:x}"})
        for host in range(1, 8)
    ]
    elsewhere = post(shop, an_event("product_viewed", product=1), **{"X-Forwarded-For": "2001:db8:0:8::1"})

    assert [answer.status_code for answer in answers] == [202] * 5 + [429] * 2
    assert elsewhere.status_code == 202


def test_a_shop_has_a_limit_and_others_are_not_held_to_it(shop: Shop, collector: Collector) -> None:
    collector.limits = Limits(address=1_000, shop=3)
    other = a_shop("other.myshopify.com")

    answers = [post(shop, *[an_event("product_viewed", product=1) for _ in range(2)]) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [202, 429]
    assert post(other, an_event("product_viewed", product=1)).status_code == 202


def test_an_address_without_a_shop_has_the_same_limit(collector: Collector) -> None:
    collector.limits = Limits(address=2, shop=1_000)

    assert [post(uuid7(), an_event("product_viewed")).status_code for _ in range(3)] == [404, 404, 429]


# Whose


@pytest.mark.parametrize("state", ["UNINSTALLED", "REDACTED"])
def test_a_shop_that_left_collects_nothing(shop: Shop, state: str) -> None:
    key = None if state == "REDACTED" else shop.pseudonym_key
    Shop.objects.filter(id=shop.id).update(state=state, pseudonym_key=key)

    answer = post(shop, an_event("product_viewed", product=1))

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_shop")
    assert stored(shop) == []


@pytest.mark.parametrize("path", ["", "/", "/none", f"/{UUID(int=7)}", f"/{UUID(int=7)}/more"])
def test_an_address_of_no_shop_says_so_to_programs(path: str) -> None:
    answer = Client().post(f"/events{path}", "{}", content_type="text/plain")

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_shop")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


# Browsers


def test_a_page_of_any_origin_may_ask_and_send_and_nobody_sends_credentials(shop: Shop) -> None:
    asked = Client().options(
        f"/events/{shop.uuid}",
        headers={"Origin": "null", "Access-Control-Request-Method": "POST"},
    )
    answer = post(shop, an_event("product_viewed", product=1))

    assert asked.status_code == 204
    assert asked.headers["Access-Control-Allow-Methods"] == "POST, OPTIONS"
    assert asked.headers["Access-Control-Allow-Headers"] == "content-type"
    for one in (asked, answer):
        assert one.headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in one.headers
        assert one.cookies == {}


@pytest.mark.parametrize("kind", ["text/plain;charset=UTF-8", "application/json"])
def test_a_body_comes_as_text_or_as_json_without_a_csrf_token(shop: Shop, kind: str) -> None:
    body = json.dumps({"events": [an_event("product_viewed", product=1)]})

    answer = Client(enforce_csrf_checks=True).post(
        f"/events/{shop.uuid}", body, content_type=kind, headers={"User-Agent": BROWSER}
    )

    assert answer.status_code == 202


@pytest.mark.parametrize("method", ["get", "put", "delete", "head"])
def test_events_are_posted(shop: Shop, method: str) -> None:
    answer = getattr(Client(), method)(f"/events/{shop.uuid}")

    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST, OPTIONS")


# Garbage and failures


@pytest.mark.parametrize("body", [
    b"", b"null", b"[]", b"{}", b"\xff\xfe", b'{"events": {}}', b'{"events": []}', b"[" * 15_000,
    b'{"events": [' + b"[" * 15_000, b'{"events": [' + b"9" * 5_000 + b"]}",
])  # fmt: skip
def test_a_body_that_is_no_list_of_events_is_told_so(shop: Shop, body: bytes) -> None:
    answer = send(shop, body)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_body")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
ODD = st.fixed_dictionaries(
    {},
    optional={
        "id": st.text(max_size=6) | JSON,
        "topic": st.sampled_from(["product_viewed", "checkout_started", "tailorbird:click"]) | JSON,
        "at": st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat) | JSON,
        "client": st.text(max_size=6) | JSON,
        "data": st.dictionaries(
            st.sampled_from(["product", "products", "decision", "checkout", "order", "quantity"]), JSON
        )
        | JSON,
    },
)


@given(events=st.lists(ODD | JSON, min_size=1, max_size=5), body=st.none() | st.binary(max_size=60))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_garbage_of_every_kind_gets_an_answer_and_spoils_nothing(
    shop: Shop, events: list[Any], body: bytes | None
) -> None:
    good = an_event("product_viewed", product=1)

    answer = send(shop, json.dumps({"events": [*events, good]}) if body is None else body)

    assert answer.status_code in {202, 400, 413}
    assert answer.status_code != 202 or answer.json()["accepted"] >= 1


def test_a_database_that_is_down_is_told_as_such_and_loses_no_count(
    shop: Shop, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: Any, **__: Any) -> Any:
        raise OperationalError("gone")

    post(shop, an_event("page_viewed"))
    with monkeypatch.context() as patch:
        patch.setattr(collecting, "write", down)
        answer = post(shop, an_event("product_viewed", product=1))
    collector.flush()

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert tallies(shop) == {("", "BAD_TOPIC"): 1}


def test_a_mistake_of_ours_shows_no_trace(shop: Shop, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.DEBUG = True
    monkeypatch.setattr(collecting, "write", lambda *_, **__: 1 / 0)

    answer = post(shop, an_event("product_viewed", product=1))

    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "unexpected")
    assert "Traceback" not in answer.content.decode()
    assert "ZeroDivision" not in answer.content.decode()


def test_a_sender_that_leaves_in_the_middle_is_no_mistake_of_ours(
    shop: Shop, capfd: pytest.CaptureFixture[str]
) -> None:
    class Gone(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise ConnectionResetError

    request = RequestFactory().post(f"/events/{shop.uuid}", b"{}", content_type="text/plain")
    request._stream = Gone()

    answer = views.collect(request, shop_uuid=shop.uuid)

    assert (answer.status_code, json.loads(answer.content)["error"]["code"]) == (400, "cut_short")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Traceback" not in capfd.readouterr().err


def test_what_is_refused_is_counted_by_shop_topic_and_reason(shop: Shop, collector: Collector) -> None:
    post(
        shop,
        an_event("page_viewed"),
        an_event("product_viewed"),
        an_event("product_viewed", product=1, event_id="sh-1"),
        an_event("product_viewed", product=1, event_id="sh-1"),
        an_event("tailorbird:click", decision=str(uuid7()), product=1),
    )
    collector.flush()
    now = clock.now()

    assert queries.tallies(shop.id, since=now, until=now) == {
        (None, Outcome.BAD_TOPIC): 1,
        (Topic.CLICK, Outcome.UNKNOWN_DECISION): 1,
        (Topic.VIEW, Outcome.ACCEPTED): 1,
        (Topic.VIEW, Outcome.BAD_DATA): 1,
        (Topic.VIEW, Outcome.DUPLICATE): 1,
    }


def test_what_two_processes_are_sent_counts_together_within_a_second(shop: Shop) -> None:
    processes = [Counters(), Counters()]
    now = clock.now().replace(second=10)
    for each in processes:
        each.add({"address:203.0.113.7": 3}, now=now)

    for each in processes:
        each.add({"address:203.0.113.7": 1}, now=now)
        each.tell()

    assert [each.add({"address:203.0.113.7": 0}, now=now) for each in processes] == [
        {"address:203.0.113.7": 7},
        {"address:203.0.113.7": 8},
    ]
    assert processes[0].add({"address:203.0.113.7": 1}, now=now + timedelta(minutes=1)) == {
        "address:203.0.113.7": 1
    }


def test_no_sender_makes_a_process_grow_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "MOST_COUNTED", 100)
    counters, now = Counters(), clock.now()

    for number in range(1_000):
        counters.add({f"address:{number}": 1}, now=now)

    assert len(counters._sums) == 100


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_the_server_ended_costs_no_event(shop: Shop) -> None:
    post(shop, an_event("product_viewed", product=1))
    ended = connection.connection
    pid = ended.info.backend_pid
    Worker(lambda: connection.cursor().execute("SELECT pg_terminate_backend(%s, 5000)", [pid])).finish()

    answer = post(shop, an_event("product_viewed", product=2))

    assert answer.json()["accepted"] == 1
    assert connection.connection is not ended
    assert len(stored(shop)) == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("has_it", [True, False])
def test_a_pooler_that_changes_the_session_costs_no_event(shop: Shop, has_it: bool) -> None:
    post(shop, an_event("product_viewed", product=1))
    if has_it:
        writing.EVENTS._known_to.clear()
    else:
        with connection.cursor() as cursor:
            cursor.execute("DEALLOCATE ALL")

    answer = post(shop, an_event("product_viewed", product=2))

    assert answer.json()["accepted"] == 1
    assert len(stored(shop)) == 2
