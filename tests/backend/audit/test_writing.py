"""How a decision gets to disk: the connection of its own, what is shared, and what an erasure leaves."""

import threading
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import psycopg2
import pytest
from django.db import IntegrityError, OperationalError, connection, transaction

from backend.audit import gateway, queries, rules, services
from backend.audit.models import DECISIONS, Content, Decision
from backend.audit.values import DecisionRecord, ShownItem
from backend.core import partitions
from backend.core.ids import uuid7
from backend.shops import services as shops
from backend.shops.models import Shop
from tests.backend.audit.test_ledgers import a_decision
from tests.backend.audit.wire import sent_by_the_ledger
from tests.backend.history import NOW, a_shop
from tests.backend.racing import Worker, until

pytestmark = pytest.mark.django_db(transaction=True)

KEY = "a" * 32
LONG = tuple(
    ShownItem(7_900_000_000_000 + n, n / 8, f"Often bought with Product {n}", n) for n in range(1, 9)
)


@pytest.fixture
def shop() -> Shop:
    return a_shop()


def stored(id_: UUID) -> Decision:
    return Decision.objects.across_shops(reason="a test looks at a row").get(id=id_)


def recorded(shop_id: int) -> dict[UUID, DecisionRecord]:
    ids = Decision.objects.for_shop(shop_id).values_list("id", flat=True)
    return {one.id: one for one in queries.decisions(shop_id, list(ids))}


def end_sessions_of_the_ledger() -> None:
    """End this thread's own session, as a restart of PostgreSQL does."""
    pid = gateway._own.connection.info.backend_pid
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
        until(lambda: not _is_there(pid))


def _is_there(pid: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = %s)", [pid])
        return bool(cursor.fetchone()[0])


# The connection


def test_a_decision_is_on_disk_before_its_writer_goes_on(shop: Shop) -> None:
    decision = a_decision(shop.id)

    services.record_decision(decision)

    # Another session sees it: nothing waits for a commit.
    assert queries.decisions(shop.id, [decision.id]) == [decision]


def test_a_second_decision_is_one_message_of_one_statement(
    shop: Shop, django_assert_num_queries: Any
) -> None:
    services.record_decision(a_decision(shop.id))

    with django_assert_num_queries(0), sent_by_the_ledger() as sent:
        services.record_decision(a_decision(shop.id))

    [message] = sent
    assert message.startswith("EXECUTE decide_0(")


def test_a_lost_connection_loses_no_decision_and_doubles_none(shop: Shop) -> None:
    services.record_decision(a_decision(shop.id))
    end_sessions_of_the_ledger()
    decision = a_decision(shop.id)

    services.record_decision(decision)

    assert queries.decisions(shop.id, [decision.id]) == [decision]
    assert Decision.objects.for_shop(shop.id).count() == 2


def test_a_decision_whose_answer_was_lost_after_its_commit_is_written_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = gateway._own._send

    def send_and_lose(*args: Any) -> None:
        plain(*args)
        monkeypatch.setattr(gateway._own, "_send", plain)
        end_sessions_of_the_ledger()
        plain(*args)  # what the driver would have raised for the first one's lost answer

    monkeypatch.setattr(gateway._own, "_send", send_and_lose)
    decision = a_decision(shop.id)

    services.record_decision(decision)

    assert queries.decisions(shop.id, [decision.id]) == [decision]
    assert Decision.objects.for_shop(shop.id).count() == 1


def test_the_same_decision_twice_is_refused(shop: Shop) -> None:
    decision = a_decision(shop.id)
    services.record_decision(decision)

    with pytest.raises(IntegrityError):
        services.record_decision(decision)


def test_a_server_that_is_gone_is_told_to_the_caller_and_the_next_answer_goes_on(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as down:
        down.setattr(gateway, "_parameters", lambda _: {"host": "/nowhere", "dbname": "gone"})
        with pytest.raises(OperationalError):
            services.record_decision(a_decision(shop.id))

    services.record_decision(a_decision(shop.id))

    assert Decision.objects.for_shop(shop.id).count() == 1


def test_a_statement_that_takes_too_long_is_given_up_and_not_tried_again(shop: Shop) -> None:
    services.record_decision(a_decision(shop.id))
    decision = a_decision(shop.id)
    holder = psycopg2.connect(**gateway._parameters(connection))
    with closing(holder), holder.cursor() as cursor, gateway._own.connection.cursor() as own:
        cursor.execute("LOCK TABLE audit_decision IN ACCESS EXCLUSIVE MODE")
        own.execute("SET lock_timeout = '50ms'")

        with pytest.raises(OperationalError, match="lock timeout"):
            services.record_decision(decision)

    assert queries.decisions(shop.id, [decision.id]) == []
    services.record_decision(decision)
    assert queries.decisions(shop.id, [decision.id]) == [decision]


def test_the_connection_has_the_limits_of_its_process(shop: Shop) -> None:
    services.record_decision(a_decision(shop.id))

    with gateway._own.connection.cursor() as own, connection.cursor() as djangos:
        for name in ("statement_timeout", "lock_timeout", "synchronous_commit"):
            told = []
            for cursor in (own, djangos):
                cursor.execute(f"SHOW {name}")
                told.append(cursor.fetchone())
            assert told[0] == told[1], name


def test_a_statement_that_is_not_prepared_any_more_is_prepared_again(shop: Shop) -> None:
    services.record_decision(a_decision(shop.id))
    with gateway._own.connection.cursor() as cursor:
        cursor.execute("DISCARD ALL")

    services.record_decision(a_decision(shop.id))

    assert Decision.objects.for_shop(shop.id).count() == 2


def test_a_threads_connection_ends_with_its_thread(shop: Shop) -> None:
    pids = []

    def work() -> None:
        services.record_decision(a_decision(shop.id))
        pids.append(gateway._own.connection.info.backend_pid)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    until(lambda: not _is_there(pids[0]))


def test_a_decision_within_a_transaction_goes_with_it(shop: Shop) -> None:
    class Undone(Exception):
        pass

    decision = a_decision(shop.id, items=LONG)

    def record_and_fail() -> None:
        for _ in range(3):
            services.record_decision(a_decision(shop.id, items=LONG))
        services.record_decision(decision)
        assert queries.decisions(shop.id, [decision.id]) == [decision]
        raise Undone

    with pytest.raises(Undone), transaction.atomic():
        record_and_fail()

    assert Decision.objects.for_shop(shop.id).count() == 0
    assert Content.objects.for_shop(shop.id).count() == 0
    # What was undone is not believed to be there.
    services.record_decision(decision)
    assert queries.decisions(shop.id, [decision.id]) == [decision]


# What is shared


def test_a_list_that_repeats_within_a_day_is_stored_once(shop: Shop) -> None:
    decisions = [a_decision(shop.id, items=LONG) for _ in range(5)]
    for decision in decisions:
        services.record_decision(decision)

    assert recorded(shop.id) == {one.id: one for one in decisions}
    assert Content.objects.for_shop(shop.id).count() == 1
    sizes = [len(stored(one.id).items_packed) for one in decisions]
    # It stands in rows until that has cost as much as a row of contents would.
    assert sizes == [86, 86, 17, 17, 17]


def test_the_next_day_and_another_shop_share_nothing_with_it(shop: Shop) -> None:
    other = a_shop("other.myshopify.com")
    for _ in range(3):
        services.record_decision(a_decision(shop.id, items=LONG))

    for decision in (
        a_decision(shop.id, items=LONG, at=NOW + timedelta(days=1)),
        a_decision(other.id, items=LONG),
    ):
        services.record_decision(decision)
        assert rules.address_of(bytes(stored(decision.id).items_packed)) is None


def test_a_content_that_was_erased_is_written_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        services.record_decision(a_decision(shop.id, items=LONG))
    services.erase_shop(shop.id, now=NOW)
    # A minute later the process does not believe any more what it wrote.
    gateway.contents._there.clear()
    decision = a_decision(shop.id, items=LONG)

    services.record_decision(decision)

    assert queries.decisions(shop.id, [decision.id]) == [decision]


def test_two_writers_of_the_same_contents_in_another_order_pass(shop: Shop) -> None:
    why = "Chosen for you, and for you alone"
    lists = [tuple(ShownItem(n * 1_000 + m, None, why, m) for m in range(1, 9)) for n in range(40)]

    def publish(chosen: list[Any]) -> None:
        services.record_decisions(
            [a_decision(shop.id, items=items) for items in chosen for _ in range(4)], shop_id=shop.id
        )

    workers = [Worker(lambda chosen=chosen: publish(chosen)) for chosen in (lists, lists[::-1])]
    for worker in workers:
        worker.finish()

    assert Decision.objects.for_shop(shop.id).count() == 320
    assert (
        len(queries.decisions(shop.id, Decision.objects.for_shop(shop.id).values_list("id", flat=True)))
        == 320
    )


def test_what_went_in_is_read_by_name_wherever_it_stands(shop: Shop) -> None:
    inputs = {"shelf": b"s" * 5_000, "limit": b"8", "ask": b"a question of some length, the same for all"}
    personal = {"cart": b"1,2,3", "recent": bytes(range(256)) * 10}
    decisions = [a_decision(shop.id, inputs=inputs, personal_inputs=personal) for _ in range(9)]
    for decision in decisions:
        services.record_decision(decision)

    for decision in decisions:
        assert queries.inputs_of(shop.id, decision.id) == inputs | personal
    other = a_shop("other.myshopify.com")
    assert queries.inputs_of(other.id, decisions[0].id) == {}


def test_rules_and_the_version_of_features_are_read_back_wherever_they_stand(shop: Shop) -> None:
    rules_ = ("without what is in the cart", "a place for a new product")
    told = {"rules": rules_, "feature_version": "f1", "inputs": {"shelf": b"s" * 5_000}}
    decisions = [a_decision(shop.id, **told) for _ in range(12)]
    for decision in decisions:
        services.record_decision(decision)

    assert recorded(shop.id) == {one.id: one for one in decisions}
    # All that went in takes one address and its name, once it has repeated.
    assert len(stored(decisions[-1].id).inputs_packed) == 20


def test_an_input_with_a_name_of_the_ledgers_is_refused(shop: Shop) -> None:
    with pytest.raises(ValueError, match="rules"):
        services.record_decision(a_decision(shop.id, inputs={"rules": b"none"}))

    assert Decision.objects.for_shop(shop.id).count() == 0


# What an erasure leaves


def test_a_forgotten_visitors_decision_keeps_the_hash_of_what_was_wiped_and_names_the_act(shop: Shop) -> None:
    decision = a_decision(shop.id, personal_inputs={"cart": b"1,2,3"}, inputs={"limit": b"8"})
    services.record_decision(decision)
    before = stored(decision.id)
    act = uuid7()

    assert services.forget_visitor(shop.id, KEY, act=act) == 1

    after = stored(decision.id)
    wiped = rules.personal_hash(bytes(before.salt), KEY, bytes(before.personal_packed))
    assert rules.kept_hash(bytes(after.erased)) == wiped
    assert (after.visitor_key, after.salt, after.personal_packed) == (None, None, None)
    assert queries.find_decision(shop.id, decision.id).erased_by == act
    assert queries.inputs_of(shop.id, decision.id) == {"limit": b"8"}
    # Once is enough: what is wiped says for ever which act wiped it.
    assert services.forget_visitor(shop.id, KEY, act=uuid7()) == 0


def test_without_personal_inputs_the_hash_is_the_same_in_sql_and_in_python(shop: Shop) -> None:
    decision = a_decision(shop.id)
    services.record_decision(decision)
    salt = bytes(stored(decision.id).salt)

    services.forget_visitor(shop.id, KEY, act=uuid7())

    assert rules.kept_hash(bytes(stored(decision.id).erased)) == rules.personal_hash(salt, KEY, None)


def test_a_decision_of_nobody_has_no_salt(shop: Shop) -> None:
    decision = a_decision(shop.id, visitor_key=None)

    services.record_decision(decision)

    assert stored(decision.id).salt is None


def test_a_record_on_its_way_while_its_customer_is_suppressed_ties_nobody(shop: Shop) -> None:
    """It began before the suppression and commits after the customer was forgotten."""
    condition = shops.suppression_of(shop.id, KEY)
    # It looks, and then takes its time, as an answer does that waits for a disk.
    slow = replace(condition, sql=f"({condition.sql}) OR pg_sleep(0.3) IS NULL")
    decision = a_decision(shop.id, personal_inputs={"cart": b"1"})
    writer = Worker(lambda: services.record_decision(decision, untied_if=slow))
    until(_sleeps)

    shops.suppress(shop.id, customer_key=KEY, now=NOW)
    services.forget_visitor(shop.id, KEY, act=uuid7())
    writer.finish()

    row = stored(decision.id)
    assert (row.visitor_key, row.personal_packed, row.salt) == (None, None, None)


def _sleeps() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep')")
        return bool(cursor.fetchone()[0])


def test_a_record_does_not_wait_for_somebody_being_suppressed(shop: Shop) -> None:
    decision = a_decision(shop.id)
    condition = shops.suppression_of(shop.id, KEY)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('suppression'), %s::int)", [shop.id])

        Worker(lambda: services.record_decision(decision, untied_if=condition)).finish()

    assert stored(decision.id).visitor_key is None


def test_a_customer_who_is_not_on_the_list_stays_tied(shop: Shop) -> None:
    shops.suppress(shop.id, customer_key="f" * 32, now=NOW)
    decision = a_decision(shop.id, personal_inputs={"cart": b"1"})

    services.record_decision(decision, untied_if=shops.suppression_of(shop.id, KEY))

    assert queries.decisions(shop.id, [decision.id]) == [decision]
    assert stored(decision.id).salt is not None


def test_a_decision_of_another_shop_is_not_among_those_recorded(shop: Shop) -> None:
    other = a_shop("other.myshopify.com")

    with pytest.raises(Exception, match="of another shop"):
        services.record_decisions([a_decision(other.id)], shop_id=shop.id)

    assert Decision.objects.for_shop(other.id).count() == 0


def test_a_decision_that_waits_while_its_day_gets_a_partition_is_recorded(shop: Shop) -> None:
    # Of no day that a migration made a partition for.
    at = NOW.replace(year=2031)
    decision = a_decision(shop.id, at=at)

    with services.erasure():
        partitions.make(DECISIONS, [at.date()])
        writer = Worker(partial(_record_and_close, decision))
        writer.finish_or_wait()
        assert not writer.is_over
    writer.finish()

    assert recorded(shop.id) == {decision.id: decision}


def _record_and_close(decision: DecisionRecord) -> None:
    services.record_decision(decision)
    gateway.close()


def test_a_ledger_that_fails_says_nothing_of_the_connection_that_everything_else_has(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise psycopg2.OperationalError("It did not answer in time.")

    monkeypatch.setattr(gateway._Own, "_send", fail)
    with pytest.raises(OperationalError, match="in time"):
        services.record_decision(a_decision(shop.id))

    assert connection.connection is not None
    # Django would ask it, outside of all patience, whether it lives.
    assert not connection.errors_occurred
