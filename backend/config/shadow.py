"""
The shadow process: ``python -m backend.config.shadow``.

One is enough for all shops: it looks at the ledger every two seconds until somebody ends it. Where it is
down no shadow goes on, and nobody's answer waits for it.
"""

import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

from backend.config import launch
from backend.config.limits import Process
from backend.core.errors import describe

if TYPE_CHECKING:
    from backend.serving.services import PageLister, ShadowScorer

log = structlog.get_logger(__name__)

# Between two looks at the ledger: each costs the same few statements, however few decisions it finds.
LOOK_SECONDS: Final = 2.0


def main() -> None:
    """Look until a signal comes; a look under way is finished first."""
    _yield_to_everybody()
    launch.prepare(Process.SHADOW)
    import django

    django.setup()
    from django.conf import settings

    from backend.core import clock
    from backend.serving.services import PageLister, ShadowScorer

    ends = threading.Event()
    for signal_ in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signal_, lambda *_: ends.set())
    scorer = ShadowScorer(clock.now)
    pages = PageLister(scorer)
    looked_at = Path(settings.DATA_DIR) / "shadow-looked-at"
    while not ends.wait(0.0 if _look(scorer, pages, looked_at) else LOOK_SECONDS):
        pass


def _yield_to_everybody() -> None:
    """Run only while a processor is idle: whoever answers a shopper takes it the moment they wake up."""
    # By ``nice`` alone it keeps a tenth of a busy processor, and the slice that it has begun. Linux only.
    if hasattr(os, "SCHED_IDLE"):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def _look(scorer: "ShadowScorer", pages: "PageLister", looked_at: Path) -> bool:
    """Look once; return whether more waits. A database that is down is asked again a moment later."""
    from django.db import Error, close_old_connections, connection

    try:
        close_old_connections()
        is_behind = scorer.look()
        # Shoppers' requests first: the pages do not grow old.
        if not is_behind:
            pages.look()
        # Whoever watches the process sees by this file that it does not hang.
        looked_at.touch()
    except Error as error:
        log.warning("shadow_without_database", error=describe(error))
        connection.close()
        return False
    return is_behind


if __name__ == "__main__":
    main()
