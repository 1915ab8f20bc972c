"""
Bring to the ledger what was decided while it was away.

A thread of each web process looks every second for files of decisions: its own, and those of processes that
have died. Whoever shopped meanwhile waits for nothing of it.
"""

import threading
from collections.abc import Collection
from datetime import datetime
from typing import Final

import structlog
from django.db import Error, close_old_connections, connection

from backend.attribution import services as attribution
from backend.audit import services as audit
from backend.core import database
from backend.core.errors import describe
from backend.features import services as features
from backend.shops import services as shops

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 1.0


def ship() -> int:
    """
    Write the decisions that wait on disk to the ledger, as far as their shops and visitors were not erased.

    :returns: how many there were
    :raises OperationalError: if the database is away
    """
    return audit.ship_spool(admit=_admit, note=_note) if audit.is_spool_waiting() else 0


class Shipper:
    """The thread of one web process that does it."""

    def __init__(self) -> None:
        self._is_over = threading.Event()

    def start(self) -> None:
        """Look every second from now on."""
        threading.Thread(target=self._keep_looking, name="shipper", daemon=True).start()

    def stop(self) -> None:
        """Look no more, but for a last time now; what can't be shipped is another process's to adopt."""
        self._is_over.set()
        self.look()

    def look(self) -> None:
        """Ship what waits, where the database is there; its absence is no news."""
        try:
            if audit.is_spool_waiting():
                close_old_connections()
                database.ping()
                ship()
        except Error as error:
            log.info("spool_waits", error=describe(error))
            connection.close()

    def _keep_looking(self) -> None:
        while not self._is_over.wait(LOOK_SECONDS):
            # Without this thread what was decided stays on disk until the process ends, so nothing ends it.
            try:
                self.look()
            except Exception:
                log.exception("shipping_failed")


def _admit(shop_id: int, visitor_keys: Collection[str]) -> Collection[str] | None:
    if not shops.hold_from_erasure(shop_id):
        return None
    # Whoever is redacted from here on waits for this transaction, and finds what it ties.
    shops.hold_suppressions(shop_id)
    redacted, _ = shops.suppressed_among(shop_id, customer_keys=visitor_keys)
    return redacted


def _note(shop_id: int, oldest_at: datetime) -> None:
    """Have those read on who have read past the moment of a decision that comes late."""
    attribution.read_offers_again(shop_id, since=oldest_at)
    features.follow_again(since=oldest_at)
