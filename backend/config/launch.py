"""What every process does before it works: name the settings and find its engines."""

import os

from backend.config.limits import Process

# What this process is; settings read it once.
process = Process.COMMAND


def name_settings() -> None:
    """Tell Django where its settings are, unless someone chose others."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backend.config.settings")  # noqa: TID251 - before settings exist


def become(kind: Process) -> None:
    """Say what this process is, before its settings are read."""
    global process  # noqa: PLW0603 - one process is one thing
    process = kind


def prepare(kind: Process = Process.COMMAND) -> None:
    """
    Point Django at the settings and start the private servers that are needed.

    Settings only compute the servers' addresses, so that a linter or a type
    checker may import them without starting anything; processes call this.

    :param kind: what the process is, which decides how long it may keep the database
    """
    become(kind)
    name_settings()
    from backend.config import engines, env

    if not (env.DATABASE_URL and env.REDIS_URL):
        engines.ensure(env.DATA_DIR)
