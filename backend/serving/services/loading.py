"""Versions into the memory of a process, before a shopper's time is spent on it."""

import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Final

import structlog
from django.conf import settings
from django.db import Error, close_old_connections, connection

from backend.audit import services as audit
from backend.audit.values import Event
from backend.core.database import Patience
from backend.core.errors import Unavailable, describe
from backend.core.queue import Job, enqueue
from backend.features import queries as features
from backend.monitoring.values import Kind as TriggerKind
from backend.registry import queries as registry
from backend.rollouts import queries as rollouts
from backend.rollouts.values import CHAMPION, CONTROL, LiveArm, LiveArms
from backend.serving.gateway import MIB, Breakers, Models
from models.recommender.api import NewProduct, Scorer

log = structlog.get_logger(__name__)

# Arms of the version that answers where no rollout has anything to say.
ANSWERS_FIRST: Final = frozenset({CHAMPION, CONTROL})

# Shops whose versions a process loads before its first request, and whose pointers it follows: those that
# moved last. More would keep it from that request for too long.
MOST_WARMED: Final = 96

# How often a process looks for pointers that moved: about as soon as shoppers' requests meet them.
LOOK_SECONDS: Final = 1.0
# For all statements of one look.
_LOOK: Final = Patience(5.0)


def open_models(
    clock: Callable[[], datetime], *, on_refused: Callable[[LiveArm, str], None] | None = None
) -> Models:
    """
    Return an empty set of models.

    It loads from the registry and learns of new products from the catalogue.

    :param on_refused: hears of refused artifacts; else the ledger does, and the shop is looked after at once
    """

    def open_scorer(arm: LiveArm) -> Scorer:
        return registry.open_scorer(arm.artifact, manifest_sha256=arm.manifest_sha256)

    def find_new(arm: LiveArm, scorer: Scorer) -> list[NewProduct]:
        try:
            return features.new_products(arm.shop_id, scorer)
        finally:
            connection.close()

    def report(arm: LiveArm, why: str) -> None:
        # The others are loaded before anybody needs them. What befalls a candidate ends its rollout, which
        # says why, and a version that stands by is looked at again each minute.
        if arm.name not in ANSWERS_FIRST:
            return
        try:
            audit.record(
                Event.ARTIFACT_REFUSED,
                shop_id=arm.shop_id,
                subject=f"version {arm.version_number}",
                reason=why,
                now=clock(),
                details={"version": str(arm.version_id)},
            )
            # Nothing good answers this shop now; the hourly look would leave it so for up to an hour.
            enqueue(Job.WATCH_SHOP, shop_id=arm.shop_id, kind=TriggerKind.UNREADABLE.value)
        finally:
            # A loading thread meets the database here and there; it must not hold a connection for good.
            connection.close()

    breakers = Breakers(is_dry_run=settings.BREAKER_DRY_RUN)
    return Models(
        open_scorer,
        find_new=find_new,
        on_refused=on_refused or report,
        size_of=lambda arm: registry.artifact_bytes(arm.artifact),
        memory_bytes=settings.MODEL_MEMORY_MB * MIB,
        breakers=breakers,
    )


class Warmer:
    """Has the versions in memory that answer shoppers, those that a pointer names since a moment too."""

    def __init__(self, models: Models) -> None:
        self.models = models
        self.is_warm = False
        self._revisions: dict[int, int] = {}  # of each shop's pointer, as it was looked at
        self._lock = threading.Lock()

    def warm_up(self) -> None:
        """Load the models of the shops whose pointer moved last, once, before shoppers ask for them."""
        with self._lock:
            if self.is_warm:
                return
            revisions = rollouts.live_revisions(limit=MOST_WARMED)
            for shop_id in revisions:
                live = rollouts.live_arms(shop_id)
                for arm in live.arms:
                    self.models.prepare(arm)
                self._keep_warm(live)
            self._revisions = revisions
            self.is_warm = True

    def follow(self) -> None:
        """
        Begin to load what pointers name that moved since the last look.

        A shop of which a version is in memory has shoppers here: for its new one what nobody asks makes room,
        as it would for the first of them. For other shops there has to be room.
        """
        revisions = rollouts.live_revisions(limit=MOST_WARMED)
        for shop_id, revision in revisions.items():
            if self._revisions.get(shop_id) == revision:
                continue
            live = rollouts.fresh_arms(shop_id)
            if self.models.has_any_of(shop_id):
                self.models.load(live.arms[:1])
            self._keep_warm(live)
        self._revisions = revisions

    def start(self) -> threading.Event:
        """Warm up and follow in a thread; what is given is set once it has tried to warm up."""
        has_tried = threading.Event()
        threading.Thread(target=self._run, args=(has_tried,), name="warm-up", daemon=True).start()
        return has_tried

    def _run(self, has_tried: threading.Event) -> None:
        while True:
            # Without this thread each version is loaded by its first shopper, so nothing ends it.
            try:
                close_old_connections()
                with _LOOK:
                    self.follow() if self.is_warm else self.warm_up()
            except (Error, Unavailable) as error:
                log.warning("warm_up_failed", error=describe(error))
            except Exception:
                log.exception("warm_up_failed")
            has_tried.set()
            time.sleep(LOOK_SECONDS)

    def _keep_warm(self, live: LiveArms) -> None:
        others = (live.standby,) if live.standby else ()
        self.models.keep_warm([*live.arms, *others])
