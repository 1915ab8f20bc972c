"""
Settings for tests: the real ones, on private engines that end with the run.

Each test process has its own PostgreSQL and Valkey in a temporary folder, so
that runs side by side cannot meet and a run leaves nothing behind.
"""

import atexit
import os
import tempfile
from pathlib import Path

import psutil
from cryptography.fernet import Fernet

from backend.config import engines

PREFIX = "tailorbird-tests-"


def _remove_leftovers() -> None:
    """Stop the engines of earlier runs that were killed before they could do so themselves."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        pid = folder.name.removeprefix(PREFIX)
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            engines.remove(folder)


_remove_leftovers()
_folder = Path(tempfile.gettempdir()) / f"{PREFIX}{os.getpid()}"
_addresses = engines.ensure(_folder, durable=False)
atexit.register(engines.remove, _folder)

os.environ.update(
    DEBUG="false",
    DATA_DIR=str(_folder),
    ARTIFACT_ROOT=str(_folder / "artifacts"),
    SNAPSHOT_ROOT=str(_folder / "snapshots"),
    SPOOL_ROOT=str(_folder / "spool"),
    DATABASE_URL=_addresses.database_url,
    REDIS_URL=_addresses.redis_url,
    BROKER_URL="",
    DJANGO_SECRET_KEY="only-for-tests",
    ENCRYPTION_KEYS=Fernet.generate_key().decode(),
    LEDGER_SIGNING_KEY=Fernet.generate_key().decode(),
    LEDGER_FORMER_KEYS="",
    LEDGER_ANCHOR_URL="",
    SHOPIFY_API_KEY="test-api-key",
    SHOPIFY_API_SECRET="shpss_0123456789abcdef0123456789abcdef",
    SHOPIFY_API_SECRET_OLD="",
    SHOPIFY_SHOP_URL="https://{shop}",
    SHOPIFY_ADMIN_URL="https://admin.shopify.com",
    APP_URL="https://app.example.com",
    BACKEND_URL="https://app.example.com",
    SENTRY_DSN="",
    MLFLOW_TRACKING_URI="",
    LOG_LEVEL="WARNING",
)

from backend.config.settings import *  # noqa: E402, F403 - the real settings, read after their environment is set

ALLOWED_HOSTS = ["testserver", "app.example.com"]
# The strong hash costs a test its whole budget.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
