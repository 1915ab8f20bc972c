"""What every process does before it works: name the settings and find its engines."""

import os


def name_settings() -> None:
    """Tell Django where its settings are, unless someone chose others."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backend.config.settings")  # noqa: TID251 - before settings exist


def prepare() -> None:
    """
    Point Django at the settings and start the private servers that are needed.

    Settings only compute the servers' addresses, so that a linter or a type
    checker may import them without starting anything; processes call this.
    """
    name_settings()
    from backend.config import engines, env

    if not (env.DATABASE_URL and env.REDIS_URL):
        engines.ensure(env.DATA_DIR)
