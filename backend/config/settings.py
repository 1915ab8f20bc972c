"""
Django's settings. Everything that differs between places comes from ``env``.

The storefront's signed requests and Shopify's webhooks pass through one tiny
middleware; sessions, CSRF and messages exist for ``/staff/`` only. A common
Django stack was measured at three quarters of a request's time.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

from backend.config import engines, env, launch, limits
from backend.config.sentry import start_sentry
from backend.core import logging as core_logging

ROOT: Final[Path] = env.ROOT
DATA_DIR: Final[Path] = env.DATA_DIR
ARTIFACT_ROOT: Final[Path] = env.ARTIFACT_ROOT
SNAPSHOT_ROOT: Final[Path] = env.SNAPSHOT_ROOT
SPOOL_ROOT: Final[Path] = env.SPOOL_ROOT

DEBUG = env.DEBUG
SECRET_KEY = env.DJANGO_SECRET_KEY
ENCRYPTION_KEYS = env.ENCRYPTION_KEYS
LEDGER_SIGNING_KEY = env.LEDGER_SIGNING_KEY
LEDGER_FORMER_KEYS = env.LEDGER_FORMER_KEYS
LEDGER_ANCHOR_URL = env.LEDGER_ANCHOR_URL
APP_URL = env.APP_URL
BACKEND_URL = env.BACKEND_URL
SHOPIFY_API_KEY = env.SHOPIFY_API_KEY
SHOPIFY_API_SECRET = env.SHOPIFY_API_SECRET
SHOPIFY_API_SECRET_OLD = env.SHOPIFY_API_SECRET_OLD
SHOPIFY_SHOP_URL = env.SHOPIFY_SHOP_URL
SHOPIFY_ADMIN_URL = env.SHOPIFY_ADMIN_URL

_own_hosts = [urlsplit(url).hostname for url in (APP_URL, BACKEND_URL)]
ALLOWED_HOSTS = [*env.ALLOWED_HOSTS, "localhost", "127.0.0.1", *(host for host in _own_hosts if host)]

ROOT_URLCONF = "backend.config.urls"
WSGI_APPLICATION = "backend.config.wsgi.application"
INSTALLED_APPS = [
    # Before the admin, whose templates it replaces.
    "backend.staff",
    "backend.config.admin.StaffAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_otp",
    "axes",
    "rest_framework",
    "drf_spectacular",
    "backend.core",
    "backend.audit",
    "backend.shops",
    "backend.webhooks",
    "backend.events",
    "backend.catalog",
    "backend.features",
    "backend.attribution",
    "backend.registry",
    "backend.training",
    "backend.rollouts",
    "backend.monitoring",
    "backend.serving",
    "backend.publishing",
    "backend.onboarding",
    "backend.privacy",
]

MIDDLEWARE = [
    "backend.core.middleware.RequestId",
    "backend.config.staff.StaffMiddleware",
]
STAFF_PREFIXES = ("/staff", "/static")
STAFF_MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "backend.staff.middleware.SessionLimits",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]
# These look for the staff dashboard's middleware in MIDDLEWARE; it is in STAFF_MIDDLEWARE. The security.W
# checks look there too, or want HTTPS redirects, which belong to the edge in front of us.
SILENCED_SYSTEM_CHECKS = [
    "admin.E408", "admin.E409", "admin.E410", "axes.W002",
    "security.W001", "security.W002", "security.W003", "security.W004", "security.W008",
]  # fmt: skip

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# Engines

_private = None if env.DATABASE_URL and env.REDIS_URL else engines.plan(DATA_DIR)
DATABASE_URL: Final[str] = env.DATABASE_URL or (_private.database_url if _private else "")
REDIS_URL: Final[str] = env.REDIS_URL or (_private.redis_url if _private else "")
BROKER_URL: Final[str] = env.BROKER_URL or REDIS_URL


_own_limits = limits.LIMITS[launch.process]
DATABASE_LIMITS: Final = limits.Limits(
    statement=_own_limits.statement
    if env.DATABASE_STATEMENT_TIMEOUT is None
    else env.DATABASE_STATEMENT_TIMEOUT,
    lock=_own_limits.lock if env.DATABASE_LOCK_TIMEOUT is None else env.DATABASE_LOCK_TIMEOUT,
    idle=_own_limits.idle if env.DATABASE_IDLE_TIMEOUT is None else env.DATABASE_IDLE_TIMEOUT,
)
DATABASES = {
    "default": limits.database(DATABASE_URL, DATABASE_LIMITS),
    # The same database through a connection of its own: a rotated token is committed here at once, so that
    # the rollback of whatever surrounds the refresh cannot lose the only valid one. Waiting for another's
    # refresh may take as long as Shopify does, but not for ever.
    "tokens": limits.database(DATABASE_URL, limits.TOKEN_LIMITS),
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

MLFLOW_TRACKING_URI: Final[str] = env.MLFLOW_TRACKING_URI or (
    DATABASE_URL + ("&" if "?" in DATABASE_URL else "?") + "options=" + quote("-csearch_path=mlflow")
)
MLFLOW_URL: Final[str] = env.MLFLOW_URL.rstrip("/")
MLFLOW_ARTIFACTS: Final[Path] = DATA_DIR / "mlflow-artifacts"

CELERY: Final[dict[str, Any]] = {
    "task_serializer": "json",
    "accept_content": ["json"],
    "task_ignore_result": True,
    "broker_connection_retry_on_startup": True,
    "broker_transport_options": {
        # Longer than the longest job: a message that is not acknowledged within it is handed out again.
        "visibility_timeout": 4 * 60 * 60,
        "socket_connect_timeout": 2,
        "socket_timeout": 10,
    },
    "timezone": "UTC",
}

# HTTP

USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False
LANGUAGE_CODE = "en"
FORMAT_MODULE_PATH = "backend.config.formats"
APPEND_SLASH = True
# Shopify's largest webhook payloads are a few megabytes.
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024
EVENTS_PER_MINUTE_ADDRESS: Final[int] = env.EVENTS_PER_MINUTE_ADDRESS
EVENTS_PER_MINUTE_SHOP: Final[int] = env.EVENTS_PER_MINUTE_SHOP
DECISIONS_RETENTION_DAYS: Final[int] = env.DECISIONS_RETENTION_DAYS
EVENTS_RETENTION_DAYS: Final[int] = env.EVENTS_RETENTION_DAYS
SHOPIFY_ROLLOUTS: Final[bool] = env.SHOPIFY_ROLLOUTS
MODEL_MEMORY_MB: Final[int] = env.MODEL_MEMORY_MB
BREAKER_DRY_RUN: Final[bool] = env.BREAKER_DRY_RUN
# How long a day of a rollout's plan lasts: see ``rollouts.rules.moves``.
ROLLOUT_DAY_SECONDS: Final = env.ROLLOUT_DAY_SECONDS
STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True

_served_over_https = APP_URL.startswith("https://")
CSRF_TRUSTED_ORIGINS = [APP_URL, BACKEND_URL]
SESSION_COOKIE_SECURE = _served_over_https
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_NAME = "tailorbird_staff"
SESSION_COOKIE_PATH = "/staff"
# Half an hour without a click ends a session, and so does the end of the browser; backend/staff/middleware.py
# has the rest.
SESSION_COOKIE_AGE = 30 * 60
SESSION_SAVE_EVERY_REQUEST = True
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
CSRF_COOKIE_PATH = "/staff"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SECURE = _served_over_https
SECURE_HSTS_SECONDS = 31_536_000 if _served_over_https else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# The origin of a Shopify that stands in for the real one on this machine.
_shopify = urlsplit(SHOPIFY_ADMIN_URL)
LOCAL_SHOPIFY: Final = (
    [f"{_shopify.scheme}://{_shopify.netloc}"] if _shopify.hostname in {"127.0.0.1", "localhost"} else []
)
TRUSTED_PROXIES: Final[list[str]] = env.TRUSTED_PROXIES

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
# Ten wrong passwords lock the name and the address that they came with, whether or not somebody has the name.
AXES_FAILURE_LIMIT = 10
AXES_LOCKOUT_PARAMETERS = ["username", "ip_address"]
AXES_COOLOFF_TIME = timedelta(minutes=15)
# A try while the lock lasts is not counted, or whoever goes on trying would keep the owner out for ever.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_CLIENT_IP_CALLABLE = "backend.core.edge.client_network"
AXES_LOCKOUT_TEMPLATE = "staff/locked.html"
# Sign-ins are in our own record, by id. Neither names nor addresses go to the log.
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["backend.shops.authentication.SessionTokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["backend.core.permissions.HasShop"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "backend.core.api.handle_error",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Tailorbird API",
    "DESCRIPTION": "What the embedded UI asks of the backend. Every call carries a Shopify session token.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "/api",
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    # Two fields of one name with different answers.
    "ENUM_NAME_OVERRIDES": {
        "ActKindEnum": "backend.onboarding.rules.acts.ActKind",
        "BlockStatusEnum": ["active", "available", "unavailable"],
        "GateVerdictEnum": "backend.rollouts.values.GateVerdict",
        "RolloutActionEnum": "backend.rollouts.values.RolloutAction",
        "RolloutStateEnum": "backend.rollouts.values.RolloutState",
        "RolloutVerdictEnum": "backend.rollouts.values.Verdict",
        "TriggerKindEnum": "backend.monitoring.values.Kind",
        "TriggerVerdictEnum": "backend.monitoring.values.Verdict",
    },
}

LOGGING_CONFIG = None
core_logging.configure(env.LOG_LEVEL)
start_sentry(env.SENTRY_DSN)
