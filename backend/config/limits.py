"""
How long a process may keep the database: a statement, a wait for a lock, an idle transaction.

A shopper's request that waits for somebody's lock holds a thread of the web
process; eight of them, and nobody is answered. It gives up within a second
and the shopper sees what Liquid put there. A worker may work for an hour and
still must not wait for ever. Commands, migrations among them, have no limit:
a person looks at them.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import environ


class Process(StrEnum):
    """What kind of process this is."""

    WEB = "web"
    WORKER = "worker"
    SHADOW = "shadow"
    COMMAND = "command"


@dataclass(frozen=True, slots=True)
class Limits:
    """In seconds; 0 is without end."""

    statement: float
    lock: float
    idle: float


LIMITS: Final = {
    Process.WEB: Limits(statement=5, lock=1, idle=15),
    # The largest rebuild takes half an hour; a transaction idles while a batch of rows is read and parsed.
    Process.WORKER: Limits(statement=3600, lock=30, idle=300),
    # It looks each second, and what it misses is counted and left.
    Process.SHADOW: Limits(statement=30, lock=5, idle=30),
    Process.COMMAND: Limits(statement=0, lock=0, idle=0),
}

# A token is asked for under a lock on its row, which lasts as long as Shopify takes.
TOKEN_LIMITS: Final = Limits(statement=60, lock=40, idle=90)

# A server that is gone without a word, by a failover or a cut cable, is noticed within half a minute, and so
# is a client by the server: it then frees the rows that a dead worker held.
KEEPALIVES: Final[dict[str, Any]] = {
    "connect_timeout": 5,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
SERVER_KEEPALIVES: Final = {
    "tcp_keepalives_idle": 15,
    "tcp_keepalives_interval": 5,
    "tcp_keepalives_count": 3,
}


def database(url: str, limits: Limits) -> dict[str, Any]:
    """Return the settings of one connection; what the address itself says of it has the last word."""
    config: dict[str, Any] = environ.Env.db_url_config(url)
    given = dict(config.get("OPTIONS", {}))
    said = str(given.pop("options", ""))
    options = KEEPALIVES | {"application_name": "tailorbird"} | given
    options["options"] = f"{_server_options(limits)} {said}".strip()
    return config | {"OPTIONS": options, "CONN_MAX_AGE": 300, "CONN_HEALTH_CHECKS": True}


def _server_options(limits: Limits) -> str:
    milliseconds = {
        "statement_timeout": limits.statement,
        "lock_timeout": limits.lock,
        "idle_in_transaction_session_timeout": limits.idle,
    }
    values = {name: round(seconds * 1000) for name, seconds in milliseconds.items()} | SERVER_KEEPALIVES
    return " ".join(f"-c {name}={value}" for name, value in values.items())
