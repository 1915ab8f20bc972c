"""Waits for PostgreSQL that end, whatever becomes of the server."""

import time
from collections.abc import Iterator

import psycopg2
import pytest
from django.core.signals import request_finished, request_started
from django.db import Error, OperationalError, close_old_connections, connection, transaction
from psycopg2 import extensions

from backend.core import database

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _bounded() -> Iterator[None]:
    database.bound_waits()
    yield
    extensions.set_wait_callback(None)
    database.close_breakers()
    connection.close()
    # A server learns late that a client is gone.
    ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'")


def ask(sql: str = "SELECT 1") -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        cursor.fetchall()


def test_whoever_has_patience_for_a_moment_waits_no_longer() -> None:
    ask()
    began = time.monotonic()

    with database.Patience(0.1), pytest.raises(OperationalError, match="did not answer in time"):
        ask("SELECT pg_sleep(10)")

    assert 0.1 <= time.monotonic() - began < 2.0


def ask_until_it_fails() -> None:
    while True:
        ask("SELECT pg_sleep(0.15)")


def test_all_statements_share_the_patience() -> None:
    ask()
    began = time.monotonic()

    with database.Patience(0.4), pytest.raises(OperationalError):
        ask_until_it_fails()

    assert 0.4 <= time.monotonic() - began < 2.0


def test_a_database_that_was_late_is_left_alone_by_who_waits_no_longer_and_by_nobody_else() -> None:
    short, long = database.Patience(0.05), database.Patience(30.0)
    with short, pytest.raises(OperationalError):
        ask("SELECT pg_sleep(10)")

    with long:
        ask()
    ask()
    with short, pytest.raises(OperationalError, match="a moment ago"):
        ask()


def test_after_a_rest_one_may_try_and_its_success_is_everybodys(monkeypatch: pytest.MonkeyPatch) -> None:
    patience = database.Patience(30.0)
    monkeypatch.setattr(database, "REST_SECONDS", 30.0)
    patience.rest()
    with patience, pytest.raises(OperationalError, match="a moment ago"):
        ask()
    monkeypatch.setattr(patience, "_rests_until", 1.0)

    assert (patience.may_try(), patience.may_try()) == (True, False)
    # The others wait for whoever tries, however long they may.
    monkeypatch.setattr(database, "REST_SECONDS", 0.0)
    assert not patience.may_try()

    monkeypatch.setattr(patience, "_rests_until", 1.0)
    with patience:
        ask()
        ask()
    assert patience.may_try()
    assert patience.may_try()


def test_who_waits_within_a_shorter_patience_waits_no_longer() -> None:
    ask()
    began = time.monotonic()

    with database.Patience(0.1), database.Patience(30.0), pytest.raises(OperationalError):
        ask("SELECT pg_sleep(10)")

    assert time.monotonic() - began < 2.0


def test_a_connection_whose_wait_ran_out_is_not_used_again() -> None:
    with database.Patience(0.05), pytest.raises(OperationalError):
        ask("SELECT pg_sleep(10)")

    assert connection.connection is None
    ask()


@transaction.atomic
def ask_in_vain_and_go_on() -> None:
    with database.Patience(0.05), pytest.raises(OperationalError):
        ask("SELECT pg_sleep(10)")
    ask()


def test_within_a_transaction_nothing_goes_on_by_another_connection() -> None:
    with pytest.raises(Error):
        ask_in_vain_and_go_on()

    connection.close()
    ask()


def test_a_look_at_a_connection_that_had_an_error_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    ask()
    connection.errors_occurred = True
    # It hangs when it is asked whether it lives.
    driver = connection.connection
    monkeypatch.setattr(connection, "is_usable", lambda: driver.cursor().execute("SELECT pg_sleep(10)"))
    for signal in (request_started, request_finished):
        monkeypatch.setattr(signal, "receivers", list(signal.receivers))
    database.bound_looks()
    began = time.monotonic()

    with pytest.raises(psycopg2.OperationalError, match="did not answer in time"):
        request_finished.send(sender=None)

    assert time.monotonic() - began < 2.0
    for signal in (request_started, request_finished):
        assert not signal.disconnect(close_old_connections)
        assert signal.disconnect(database._look_at_connections)
