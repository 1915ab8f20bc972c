"""What parts share that ask PostgreSQL themselves: servers of their own, and Django on them."""

import os
from pathlib import Path

from backend.config import engines
from bench.ledger.values import Bench

SECRET = "only-for-the-benchmark-of-the-ledgers"  # noqa: S105 -- signs nothing that leaves this process


def begin(bench: Bench, *, durable: bool = True) -> None:
    """
    Start a PostgreSQL and a Valkey in the part's folder, and set Django up on them.

    :param durable: False where only rows are made, and nobody measures how long that takes
    """
    bench.screen.begin("Private servers and tables")
    at = engines.ensure(bench.data_dir, durable=durable)
    os.environ.update(
        DEBUG="false",
        DATA_DIR=str(bench.data_dir),
        DATABASE_URL=at.database_url,
        REDIS_URL=at.redis_url,
        DJANGO_SECRET_KEY=SECRET,
        ENCRYPTION_KEYS="A" * 43 + "=",
        LEDGER_SIGNING_KEY="A" * 43 + "=",
        SHOPIFY_API_KEY="bench",
        SHOPIFY_API_SECRET=SECRET,
        APP_URL="https://testserver",
        BACKEND_URL="https://testserver",
        ALLOWED_HOSTS="testserver",
        LOG_LEVEL="ERROR",
        SENTRY_DSN="",
        DJANGO_SETTINGS_MODULE="backend.config.settings",
    )
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0, interactive=False)
    bench.screen.end()


def end(bench: Bench) -> None:
    """Stop the part's servers; what they hold is kept."""
    engines.stop(Path(bench.data_dir))
