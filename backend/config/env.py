"""
The one reader of environment variables; ``.env.example`` explains each.

Everything here is a plain constant, so that a missing or malformed value
stops the process at start and not at the first request that needs it.
"""

import json
import os
import secrets
import tempfile
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import environ
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

_env = environ.Env()
ROOT: Final = Path(__file__).resolve().parents[2]
_DAY_SECONDS: Final = 86_400.0


def _absolute(path: str) -> Path:
    """Anchor a relative folder at the project, so every process means the same one."""
    return (ROOT / path).resolve()


def _write_once(path: Path, content: str) -> None:
    """Create a private file whole or not at all; a process that comes second keeps the first one's."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(content)
        # A hard link is the atomic "create only if missing" that a rename is not.
        Path(path).hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        Path(draft).unlink()


def _development_secret(name: str) -> str:
    """Return a secret made once for this data folder; only a development server may rely on it."""
    made = {
        "DJANGO_SECRET_KEY": secrets.token_urlsafe(50),
        "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "LEDGER_SIGNING_KEY": Fernet.generate_key().decode(),
    }
    path = DATA_DIR / "secrets.json"
    if not path.exists():
        _write_once(path, json.dumps(made))
    kept = json.loads(path.read_text())
    if name not in kept:
        # A folder of an earlier version: what it lacks stands in a file of its own.
        path = DATA_DIR / f"{name.lower()}.json"
        _write_once(path, json.dumps({name: made[name]}))
        kept = json.loads(path.read_text())
    return str(kept[name])


def _secret(name: str) -> str:
    given = str(_env.str(name, default=""))
    if given:
        return given
    if DEBUG:
        return _development_secret(name)
    raise ImproperlyConfigured(f"{name} is not set. Set it, or set DEBUG=true on a development machine.")


def _credential(name: str) -> str:
    given = str(_env.str(name, default=""))
    if not given and not DEBUG:
        raise ImproperlyConfigured(f"{name} is not set. Copy it from the app's page in the Dev Dashboard.")
    return given


def _seconds(name: str) -> float | None:
    given = _env.str(name, default="")
    return float(given) if given else None


def _day_seconds() -> float:
    seconds: float = _env.float("ROLLOUT_DAY_SECONDS", default=_DAY_SECONDS)
    # No shop of Shopify's own lies on this machine, so none can be hurried by mistake.
    if seconds != _DAY_SECONDS and not (DEBUG or _is_local(SHOPIFY_SHOP_URL)):
        raise ImproperlyConfigured("ROLLOUT_DAY_SECONDS is for a local Shopify. Unset it, or set DEBUG=true.")
    if not 0 < seconds <= _DAY_SECONDS:
        raise ImproperlyConfigured(f"ROLLOUT_DAY_SECONDS must be more than 0 and at most {_DAY_SECONDS:g}.")
    return seconds


def _is_local(address: str) -> bool:
    return urlsplit(address).hostname in {"127.0.0.1", "localhost", "::1"}


DEBUG: Final[bool] = _env.bool("DEBUG", default=False)
DATA_DIR: Final = _absolute(_env.str("DATA_DIR", default="") or ".data")
ARTIFACT_ROOT: Final = _absolute(_env.str("ARTIFACT_ROOT", default="") or str(DATA_DIR / "artifacts"))
SNAPSHOT_ROOT: Final = _absolute(_env.str("SNAPSHOT_ROOT", default="") or str(DATA_DIR / "snapshots"))
SPOOL_ROOT: Final = _absolute(_env.str("SPOOL_ROOT", default="") or str(DATA_DIR / "spool"))

DATABASE_URL: Final[str] = _env.str("DATABASE_URL", default="")
REDIS_URL: Final[str] = _env.str("REDIS_URL", default="")
BROKER_URL: Final[str] = _env.str("BROKER_URL", default="")
DATABASE_STATEMENT_TIMEOUT: Final = _seconds("DATABASE_STATEMENT_TIMEOUT")
DATABASE_LOCK_TIMEOUT: Final = _seconds("DATABASE_LOCK_TIMEOUT")
DATABASE_IDLE_TIMEOUT: Final = _seconds("DATABASE_IDLE_TIMEOUT")

DJANGO_SECRET_KEY: Final = _secret("DJANGO_SECRET_KEY")
ENCRYPTION_KEYS: Final = [key.strip() for key in _secret("ENCRYPTION_KEYS").split(",") if key.strip()]
LEDGER_SIGNING_KEY: Final = _secret("LEDGER_SIGNING_KEY")
LEDGER_FORMER_KEYS: Final[list[str]] = _env.list("LEDGER_FORMER_KEYS", default=[])
LEDGER_ANCHOR_URL: Final[str] = _env.str("LEDGER_ANCHOR_URL", default="")
ALLOWED_HOSTS: Final[list[str]] = _env.list("ALLOWED_HOSTS", default=[])
# Loopback and private networks: where the edge in front of a web process is.
TRUSTED_PROXIES: Final[list[str]] = _env.list("TRUSTED_PROXIES", default=[]) or [
    "127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7",
]  # fmt: skip
LOG_LEVEL: Final[str] = _env.str("LOG_LEVEL", default="") or "INFO"
SENTRY_DSN: Final[str] = _env.str("SENTRY_DSN", default="")
MLFLOW_TRACKING_URI: Final[str] = _env.str("MLFLOW_TRACKING_URI", default="")
MLFLOW_URL: Final[str] = _env.str("MLFLOW_URL", default="")

SHOPIFY_API_KEY: Final = _credential("SHOPIFY_API_KEY")
SHOPIFY_API_SECRET: Final = _credential("SHOPIFY_API_SECRET")
SHOPIFY_API_SECRET_OLD: Final[str] = _env.str("SHOPIFY_API_SECRET_OLD", default="")
SHOPIFY_SHOP_URL: Final[str] = _env.str("SHOPIFY_SHOP_URL", default="") or "https://{shop}"
SHOPIFY_ADMIN_URL: Final[str] = _env.str("SHOPIFY_ADMIN_URL", default="") or "https://admin.shopify.com"
APP_URL: Final[str] = (_env.str("APP_URL", default="") or "http://127.0.0.1:9402").rstrip("/")
BACKEND_URL: Final[str] = (_env.str("BACKEND_URL", default="") or "http://127.0.0.1:9401").rstrip("/")
EVENTS_PER_MINUTE_ADDRESS: Final[int] = _env.int("EVENTS_PER_MINUTE_ADDRESS", default=1_200)
EVENTS_PER_MINUTE_SHOP: Final[int] = _env.int("EVENTS_PER_MINUTE_SHOP", default=60_000)
DECISIONS_RETENTION_DAYS: Final[int] = _env.int("DECISIONS_RETENTION_DAYS", default=0)
EVENTS_RETENTION_DAYS: Final[int] = _env.int("EVENTS_RETENTION_DAYS", default=396)
# Of the files of those versions that one web process holds. A small shop's takes some 100 kB.
MODEL_MEMORY_MB: Final[int] = _env.int("MODEL_MEMORY_MB", default=2_048)
# Whether breakers only say which versions they would leave alone.
BREAKER_DRY_RUN: Final[bool] = _env.bool("BREAKER_DRY_RUN", default=False)
# Whether to ask for Shopify's own rollouts: off until the query was checked against a schema that has them.
SHOPIFY_ROLLOUTS: Final[bool] = _env.bool("SHOPIFY_ROLLOUTS", default=False)
ROLLOUT_DAY_SECONDS: Final = _day_seconds()
PORT: Final[int] = _env.int("PORT", default=9401)
