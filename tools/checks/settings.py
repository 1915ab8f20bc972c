"""
The product's settings on made-up values, for tools that only read code: type checker, migrations, OpenAPI.

The values are fit for production's rules, so `check --deploy` means something. Nothing answers at
the addresses.
"""

import os
import tempfile
from pathlib import Path

from cryptography.fernet import Fernet

os.environ.update(
    DEBUG="false",
    DATA_DIR=str(Path(tempfile.gettempdir()) / "tailorbird-checks"),
    DATABASE_URL="postgresql://nobody@127.0.0.1:9/nothing",
    REDIS_URL="redis://127.0.0.1:9/0",
    DJANGO_SECRET_KEY="a-value-of-fifty-characters-or-more-that-guards-nothing-at-all-0123456789",  # noqa: S106 - see above
    ENCRYPTION_KEYS=Fernet.generate_key().decode(),
    LEDGER_SIGNING_KEY=Fernet.generate_key().decode(),
    SHOPIFY_API_KEY="check",
    SHOPIFY_API_SECRET="check",  # noqa: S106 - see above
    APP_URL="https://app.example.com",
    BACKEND_URL="https://app.example.com",
)

from backend.config.settings import *  # noqa: F403 - read after the environment is set
