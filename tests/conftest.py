"""
Fixtures for every test that touches Django.

The engines are real and private (see ``tests/settings.py``). Jobs are not
run: they are recorded, so a test says which work was asked for.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import hypothesis
import pytest
import structlog
from django.conf import settings
from django.contrib.contenttypes.management import create_contenttypes
from django.db.backends.postgresql.operations import DatabaseOperations
from django.db.models.signals import post_migrate

from backend.core import queue
from backend.core.queue import Job

# How long an example takes says something of the machine: tests that are about time measure it.
hypothesis.settings.register_profile("tests", deadline=None)
hypothesis.settings.load_profile("tests")

# Made once by the migrations and never by a test.
LASTING_TABLES = {"django_content_type", "auth_permission", "auth_group", "auth_group_permissions"}


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> None:
    """
    Make the test database, and empty its tables after a test that commits by DELETE instead of TRUNCATE.

    Truncating thirty small tables writes thirty new files and took most of
    such a test's time. Triggers are off meanwhile: the ledgers refuse DELETE.
    """

    def sql_flush(self: Any, style: Any, tables: list[str], **_: Any) -> list[str]:
        emptied = [f"DELETE FROM {self.quote_name(table)}" for table in tables if table not in LASTING_TABLES]
        return [
            "SET LOCAL session_replication_role = replica",
            *emptied,
            "SET LOCAL session_replication_role = DEFAULT",
        ]

    DatabaseOperations.sql_flush = sql_flush  # type: ignore[method-assign]
    # They would make what LASTING_TABLES still hold, once for each such test.
    post_migrate.disconnect(dispatch_uid="django.contrib.auth.management.create_permissions")
    post_migrate.disconnect(create_contenttypes)
    post_migrate.disconnect(dispatch_uid="staff_roles")


@dataclass
class Enqueued:
    """The jobs that were sent, in order."""

    jobs: list[tuple[Job, dict[str, Any]]] = field(default_factory=list)
    countdowns: list[float] = field(default_factory=list)

    def of(self, job: Job) -> list[dict[str, Any]]:
        """Return the ids of each message of one job."""
        return [ids for sent, ids in self.jobs if sent is job]

    @property
    def names(self) -> list[Job]:
        """Return the jobs' names in order."""
        return [job for job, _ in self.jobs]

    def clear(self) -> None:
        self.jobs.clear()
        self.countdowns.clear()


@pytest.fixture(autouse=True)
def enqueued(monkeypatch: pytest.MonkeyPatch) -> Enqueued:
    """
    Record jobs instead of sending them.

    Inside ``django_db`` tests nothing commits: wrap the action in
    ``django_capture_on_commit_callbacks(execute=True)`` or use
    ``django_db(transaction=True)`` to see what a commit would send.
    """
    recorded = Enqueued()

    def record(job: Job, *, countdown: float, ids: dict[str, Any], request_id: str | None) -> None:
        recorded.jobs.append((job, ids))
        recorded.countdowns.append(countdown)

    monkeypatch.setattr(queue, "dispatch", record)
    return recorded


@pytest.fixture
def committed(django_capture_on_commit_callbacks: Any) -> Callable[[], Any]:
    """Return a context that runs what a commit would run: ``with committed(): …``."""
    return lambda: django_capture_on_commit_callbacks(execute=True)


@pytest.fixture(autouse=True)
def _forget_process_caches() -> Iterator[None]:
    """A value that one test cached, or bound for the log, must not answer the next one."""
    yield
    structlog.contextvars.clear_contextvars()
    from backend.audit import gateway
    from backend.shops import queries

    queries.forget_cached()
    gateway.contents.forget()
    # An open connection would keep the test database from being removed.
    gateway.close()


@pytest.fixture(scope="session", autouse=True)
def _close_clients() -> Iterator[None]:
    """An open socket at the end of the run would be reported as leaked."""
    yield
    from backend.core import http, redis

    if http.client.cache_info().currsize:
        http.client().close()
    for client in (redis.connection, redis.shoppers_connection):
        if client.cache_info().currsize:
            client().close()


@pytest.fixture
def admin_client(db: None) -> Any:
    """Return the browser of a superuser who signed in at the staff dashboard with both factors."""
    from tests.backend.staff.people import an_owner

    return an_owner()


@pytest.fixture
def shopify(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Put a fake Shopify under the process's HTTP client; see ``tests/backend/shopify/fake.py``."""
    import httpx

    from backend.core import http
    from tests.backend.shopify.fake import FakeShopify

    fake = FakeShopify()
    with httpx.Client(transport=httpx.MockTransport(fake)) as client:
        monkeypatch.setattr(http, "client", lambda: client)
        yield fake


@pytest.fixture
def redis_server() -> Iterator[Any]:
    """Give the private Valkey, empty before and after."""
    from backend.core.redis import connection

    assert settings.REDIS_URL.startswith("redis://:"), "never empty a server that is not the tests' own"
    connection().flushdb()
    yield connection()
    connection().flushdb()


@pytest.fixture(autouse=True, scope="session")
def _let_flushes_pass_the_ledgers() -> Iterator[None]:
    """
    Let the flush after a ``transaction=True`` test empty the append-only ledgers.

    It opens the same door that lawful erasure opens, for its own transaction.
    """
    from django.db.backends.postgresql.operations import DatabaseOperations

    with pytest.MonkeyPatch.context() as patch:
        plain = DatabaseOperations.sql_flush

        def sql_flush(*args: Any, **kwargs: Any) -> list[str]:
            return ["SET LOCAL tailorbird.erasure = 'on';", *plain(*args, **kwargs)]

        patch.setattr(DatabaseOperations, "sql_flush", sql_flush)
        yield
