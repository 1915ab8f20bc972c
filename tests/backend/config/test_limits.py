"""No process waits for the database for ever, and no shopper waits for somebody's lock."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.db import OperationalError, connection, connections, transaction

from backend.config import limits
from backend.config.limits import LIMITS, Limits, Process
from tests.backend.history import a_product, a_shop
from tests.backend.racing import Worker
from tests.backend.serving.storefront import DOMAIN, ask

ROOT = Path(__file__).resolve().parents[3]
URL = "postgresql://user:secret@db.example.com:5432/tailorbird"
SHOWN = "SELECT current_setting('statement_timeout'), current_setting('lock_timeout'),"
SHOWN += " current_setting('idle_in_transaction_session_timeout')"


@pytest.fixture
def as_web() -> Iterator[None]:
    """Use the database as the web process does."""
    plain = connection.settings_dict["OPTIONS"]
    connection.close()
    connection.settings_dict["OPTIONS"] = limits.database(settings.DATABASE_URL, LIMITS[Process.WEB])[
        "OPTIONS"
    ]
    yield
    connection.close()
    connection.settings_dict["OPTIONS"] = plain


@pytest.mark.django_db(transaction=True)
def test_the_limits_reach_the_server(as_web: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(SHOWN)
        assert cursor.fetchone() == ("5s", "1s", "15s")


def test_what_the_address_says_has_the_last_word() -> None:
    said = limits.database(f"{URL}?options=-c%20lock_timeout%3D9s&sslmode=require", Limits(5, 1, 15))

    assert said["OPTIONS"]["options"].endswith("-c lock_timeout=9s")
    assert "-c statement_timeout=5000 " in said["OPTIONS"]["options"]
    assert said["OPTIONS"]["sslmode"] == "require"


@pytest.mark.parametrize(
    ("how", "shown"),
    [
        ("import backend.config.gunicorn; import backend.config.wsgi", Limits(5, 1, 15)),
        ("import celery_worker.app", Limits(3600, 30, 300)),
        ("from backend.config import launch; launch.prepare()", Limits(0, 0, 0)),
    ],
)
def test_each_process_has_its_own_and_a_migration_none(how: str, shown: Limits) -> None:
    asked = f"{how}\nfrom django.conf import settings; print(settings.DATABASE_LIMITS)"

    answer = subprocess.run(
        [sys.executable, "-c", asked],
        env={**_environment(), "DJANGO_SETTINGS_MODULE": "backend.config.settings"},
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
        check=False,
    )

    assert answer.stdout.strip().endswith(str(shown)), answer.stderr


def _environment() -> dict[str, str]:
    import os

    return {**os.environ, "DATABASE_STATEMENT_TIMEOUT": ""}


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("redis_server")
@pytest.mark.parametrize(
    ("table", "shown"),
    [
        ("shops_shop", []),
        ("catalog_product", []),
        ("rollouts_pointer", []),
        # Its decision waits on disk.
        ("audit_decision", [110]),
    ],
)
def test_a_shopper_is_answered_while_somebody_holds_a_lock(
    table: str, shown: list[int], as_web: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from backend.core import clock
    from backend.serving import views
    from backend.serving.services import Desk

    monkeypatch.setattr(views, "desk", Desk(clock.now))
    monkeypatch.setattr(settings, "SPOOL_ROOT", tmp_path / "spool")
    a_product(a_shop(DOMAIN), 110)
    connections.close_all()
    held = _Held(table)
    started = time.monotonic()
    try:
        answer = ask()
        seconds = time.monotonic() - started
    finally:
        held.let_go()

    assert answer.status_code == 200
    assert [item["product_id"] for item in answer.json()["items"]] == shown
    assert seconds < 4
    assert ask().json()["items"]


@pytest.mark.django_db(transaction=True)
def test_a_request_that_waits_for_a_lock_is_refused_and_not_hung(as_web: None) -> None:
    held = _Held("shops_shop")
    try:
        with pytest.raises(OperationalError, match="lock timeout"), connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM shops_shop")
    finally:
        held.let_go()


class _Held:
    """A table that another connection locks, as a migration or a person at a console may."""

    def __init__(self, table: str) -> None:
        import threading

        self._locked, self._over = threading.Event(), threading.Event()
        self._worker = Worker(lambda: self._hold(table))
        assert self._locked.wait(30)

    def _hold(self, table: str) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            self._locked.set()
            self._over.wait(30)

    def let_go(self) -> None:
        self._over.set()
        self._worker.finish()
