"""The one door to the models: load, check, score within a deadline, and leave a sick model alone."""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as LateError
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Final
from uuid import UUID

import structlog

from backend.core.errors import describe
from backend.registry.values import ArtifactRefused
from backend.rollouts.values import LiveArm
from backend.serving.rules import Breaker
from backend.serving.rules.packing import Series
from backend.serving.rules.recording import NEW, pack_products
from backend.serving.values import ModelQuery, Opinion, Preference, ScoringUnavailable, Why
from models.recommender import api

log = structlog.get_logger(__name__)

# Scoring takes a millisecond or two. This only bounds what a busy machine or a sick model may cost a
# shopper: a personal answer that is late by a blink beats a plain one, and the theme's script waits 800 ms.
DEADLINE_SECONDS: Final = 0.100

# Waiting for a version that this process has not loaded yet, where no former version could answer instead:
# once in a process's life, and still within what the theme's script waits.
LOADING_SECONDS: Final = 0.500

# Versions held in one process, up to three a shop: the champion, the one before it and a candidate. A small
# shop's takes a few megabytes.
MOST_LOADED: Final = 96

# Threads that score or load. As many as gunicorn's threads, so that a deadline is never spent in a queue.
THREADS: Final = 4

# How long a product may be on sale before the versions in memory hear of it.
NEW_PRODUCTS_SECONDS: Final = 45.0

# A refused artifact is not read again on every request, but is found when a person has put it back.
REFUSED_SECONDS: Final = 60.0


@dataclass(slots=True)
class _Loaded:
    """A version in memory: as it was trained, and with the products that came since."""

    trained: api.Scorer
    current: "_Current"
    products: tuple[api.NewProduct, ...] = ()
    looked_at: float = 0.0
    series: Series = field(default_factory=lambda: Series(NEW))


@dataclass(frozen=True, slots=True)
class _Current:
    """A scorer, and what it was told of since its training, as a decision's inputs."""

    scorer: api.Scorer
    recorded: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(slots=True)
class _Seat:
    """One version's place in memory."""

    loading: "Future[_Loaded]"
    asked_at: float
    breaker: Breaker = field(default_factory=Breaker)


class Models:
    """
    The models of one process.

    :param open_scorer: loads a version, or raises ArtifactRefused
    :param find_new: names the products that a version does not know
    :param on_refused: hears of each artifact that was refused, and why
    """

    def __init__(
        self,
        open_scorer: Callable[[LiveArm], api.Scorer],
        *,
        find_new: Callable[[LiveArm, api.Scorer], Sequence[api.NewProduct]],
        on_refused: Callable[[LiveArm, str], None],
    ) -> None:
        self.open_scorer = open_scorer
        self.find_new = find_new
        self.on_refused = on_refused
        self._seats: OrderedDict[UUID, _Seat] = OrderedDict()
        self._lock = threading.Lock()
        self._loaders = ThreadPoolExecutor(2, thread_name_prefix="load")
        self._scorers = ThreadPoolExecutor(THREADS, thread_name_prefix="score")

    def score(
        self, arm: LiveArm, asked: ModelQuery, *, patience: float = DEADLINE_SECONDS, asker: str | None = None
    ) -> Opinion:
        """
        Return what a version says within the deadline.

        :param patience: seconds to wait for a version that is being loaded
        :param asker: whoever alone does not prove a model sick, however often it fails them
        :raises ScoringUnavailable: if the model is late, broken, refused, resting or not loaded yet
        """
        seat = self._seat(arm)
        if not seat.breaker.is_closed(now=time.monotonic()):
            raise ScoringUnavailable(
                f"Version {arm.version_number} is resting after failures.", reason="resting"
            )
        current = self._loaded(seat, arm, patience)
        call = self._scorers.submit(opine, current.scorer, asked)
        try:
            opinion = call.result(timeout=DEADLINE_SECONDS)
        except LateError as error:
            call.cancel()
            seat.breaker.fail(now=time.monotonic(), asker=asker)
            raise ScoringUnavailable(
                f"Version {arm.version_number} did not answer in time.", reason="late"
            ) from error
        except Exception as error:
            seat.breaker.fail(now=time.monotonic(), asker=asker)
            reason = "not_finite" if isinstance(error, api.NotFinite) else "failed"
            raise ScoringUnavailable(
                f"Version {arm.version_number} failed: {describe(error)}.", reason=reason
            ) from error
        seat.breaker.succeed()
        return replace(opinion, recorded=current.recorded)

    def opinion(self, arm: LiveArm, asked: ModelQuery) -> Opinion:
        """
        Return what a version says, without a deadline: for jobs, not for shoppers.

        :raises ArtifactRefused: if the version's files can't be trusted
        """
        current = self._current(arm, self._seat(arm).loading.result())
        return replace(opine(current.scorer, asked), recorded=current.recorded)

    def get(self, arm: LiveArm) -> api.Scorer:
        """
        Return a version's scorer, waiting for it to load.

        :raises ArtifactRefused: if the version's files can't be trusted
        """
        return self._current(arm, self._seat(arm).loading.result()).scorer

    def keep_warm(self, arms: Iterable[LiveArm]) -> None:
        """
        Load versions behind the caller's back, as long as there is room.

        Where there is none, what is asked stays: were each shop's former version as good a reason to drop
        another one as a shopper is, the champions of many shops would be loaded anew for each request.
        """
        for arm in arms:
            if arm.version_id in self._seats or len(self._seats) < MOST_LOADED:
                self._seat(arm, is_asked=False)

    def prepare(self, arm: LiveArm) -> None:
        """Load a version ahead. One that is refused was reported and is answered for by others."""
        with suppress(ArtifactRefused):
            self.get(arm)

    def loaded(self) -> list[UUID]:
        """Return the versions that are ready in this process."""
        with self._lock:
            seats = list(self._seats.items())
        return [
            version for version, seat in seats if seat.loading.done() and seat.loading.exception() is None
        ]

    def _seat(self, arm: LiveArm, *, is_asked: bool = True) -> _Seat:
        now = time.monotonic()
        with self._lock:
            seat = self._seats.get(arm.version_id)
            if seat is None or _is_worth_another_look(seat, now):
                seat = _Seat(self._loaders.submit(self._load, arm), asked_at=now)
                self._seats[arm.version_id] = seat
            if is_asked:
                self._seats.move_to_end(arm.version_id)
            while len(self._seats) > MOST_LOADED:
                self._seats.popitem(last=False)
        return seat

    def _loaded(self, seat: _Seat, arm: LiveArm, patience: float) -> _Current:
        try:
            return self._current(arm, seat.loading.result(timeout=patience))
        except LateError as error:
            raise ScoringUnavailable(
                f"Version {arm.version_number} is still being loaded.", reason="loading"
            ) from error
        except ArtifactRefused as error:
            raise ScoringUnavailable(error.message, reason="artifact_refused") from error
        except Exception as error:
            raise ScoringUnavailable(
                f"Version {arm.version_number} can't be loaded: {describe(error)}.", reason="failed"
            ) from error

    def _current(self, arm: LiveArm, loaded: _Loaded) -> _Current:
        """Return the scorer with the products known so far; look for newer ones behind the caller's back."""
        now = time.monotonic()
        if now - loaded.looked_at > NEW_PRODUCTS_SECONDS:
            # Two callers at once would only look twice.
            loaded.looked_at = now
            self._loaders.submit(self._meet_new_products, arm, loaded)
        return loaded.current

    def _meet_new_products(self, arm: LiveArm, loaded: _Loaded) -> None:
        try:
            products = tuple(self.find_new(arm, loaded.trained))
            if products != loaded.products:
                # Replaced as one, so that nobody meets a scorer beside what another was told.
                told = loaded.series.record(pack_products(products)) if products else {}
                loaded.current = _Current(loaded.trained.with_products(products), told)
                loaded.products = products
        except Exception:
            # The version answers as it is, for products that it knows.
            log.warning("new_products_unknown", version=str(arm.version_id), exc_info=True)

    def _load(self, arm: LiveArm) -> _Loaded:
        try:
            trained = self.open_scorer(arm)
        except ArtifactRefused as error:
            log.error("artifact_refused", version=str(arm.version_id), error=error.message)  # noqa: TRY400 -- the message says it all
            self.on_refused(arm, error.message)
            raise
        loaded = _Loaded(trained, _Current(trained), looked_at=time.monotonic())
        self._meet_new_products(arm, loaded)
        return loaded


def _is_worth_another_look(seat: _Seat, now: float) -> bool:
    is_failed = seat.loading.done() and seat.loading.exception() is not None
    return is_failed and now - seat.asked_at > REFUSED_SECONDS


def opine(scorer: api.Scorer, asked: ModelQuery) -> Opinion:
    """Return what a scorer says: the same whoever asks, and however often."""
    past = api.Past(asked.past.items, asked.past.at, asked.past.events)
    ranking = scorer.rank(past, now=asked.now, context=asked.context, exclude=asked.exclude, k=asked.k)
    preferences = _preferences(ranking, asked)
    if not asked.has_place:
        return Opinion(preferences)
    arrival = scorer.arrival(past, available=asked.available, exclude=asked.exclude, now=asked.now)
    placed = _preference(arrival.item, arrival.score, arrival.reason) if arrival else None
    return Opinion(preferences, placed, scorer.arrival_ids)


def _preferences(ranking: api.Ranking, asked: ModelQuery) -> tuple[Preference, ...]:
    """Return a ranking with the reasons of what can be shown; a general one has all of them at hand."""
    ranked = enumerate(ranking.items)
    can_be_shown = (place for place, item in ranked if ranking.is_general or item in asked.available)
    places = list(islice(can_be_shown, None if ranking.is_general else asked.explained))
    whys = dict(zip(places, ranking.why(places), strict=True))
    pairs = zip(ranking.items, ranking.scores, strict=True)
    return tuple(_preference(item, score, whys.get(place)) for place, (item, score) in enumerate(pairs))


def _preference(item: int, score: float, reason: api.Reason | None) -> Preference:
    if not math.isfinite(score):
        raise api.NotFinite(f"The score of product {item} is {score}.")
    if reason is None:
        return Preference(item, score, None, None)
    return Preference(item, score, Why(reason.kind.value), reason.item)
