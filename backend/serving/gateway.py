"""The one door to the models: load, check, score within a deadline, and leave a sick model alone."""

import math
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as LateError
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Final
from uuid import UUID

import structlog
from cachetools import LRUCache

from backend.core.errors import describe
from backend.registry.values import ArtifactRefused
from backend.rollouts.values import LiveArm
from backend.serving.rules import BUSY, Breaker, percentile
from backend.serving.rules.packing import Series
from backend.serving.rules.recording import NEW, pack_products
from backend.serving.values import (
    BreakerFigures,
    ModelQuery,
    Opinion,
    Preference,
    ScoringUnavailable,
    VersionHealth,
    Why,
)
from models.recommender import api

log = structlog.get_logger(__name__)

# Scoring takes a millisecond or two. This only bounds what a busy machine or a sick model may cost a
# shopper: a personal answer that is late by a blink beats a plain one, and the theme's script waits 800 ms.
DEADLINE_SECONDS: Final = 0.100

# Waiting for a version that this process has not loaded yet, where no former version could answer instead:
# once in a process's life, and still within what the theme's script waits.
LOADING_SECONDS: Final = 0.500

# Bytes of artifacts held in one process, by their files, unless a setting says otherwise. They are mapped, so
# processes of one host share the pages, and the kernel takes back what nobody reads.
MIB: Final = 2**20
MEMORY_BYTES: Final = 2_048 * MIB

# Versions held in one process whatever their size: each costs some kilobytes beside its files.
MOST_LOADED: Final = 4_000

# Requests that one process answers at a time: gunicorn's threads.
REQUESTS: Final = 4

# A version that owes so many answers whose deadline is over is not asked: it would take threads from others.
MOST_OVERDUE: Final = 2

# Threads that score: one for each request, so that no deadline is spent in a queue, beside those that a
# hanging version may hold, asked by all requests at once when it owed one answer less.
THREADS: Final = REQUESTS + (MOST_OVERDUE - 1 + REQUESTS)

# Versions whose breakers one process remembers, whether or not they are in memory.
MOST_BREAKERS: Final = 4_096

# Calls whose milliseconds are remembered of each version.
LATENCIES: Final = 200

# How long a product may be on sale before the versions in memory hear of it.
NEW_PRODUCTS_SECONDS: Final = 45.0

# A refused artifact is not read again on every request, but is found when a person has put it back.
REFUSED_SECONDS: Final = 60.0


@dataclass(slots=True)
class _Loaded:
    """A version in memory: as it was trained, and with the products that came since."""

    trained: api.Scorer
    current: "_Current"
    loaded_at: float
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

    arm: LiveArm
    loading: "Future[_Loaded]"
    asked_at: float
    bytes: int
    overdue: set["Future[Opinion]"] = field(default_factory=set)  # calls that were given up and still run
    milliseconds: deque[float] = field(default_factory=lambda: deque(maxlen=LATENCIES))


class Breakers:
    """
    The breakers of one process, one for each shop and version.

    :param is_dry_run: says what they would do, in figures and log, and keeps nobody from a version
    """

    def __init__(self, *, is_dry_run: bool = False) -> None:
        self.is_dry_run = is_dry_run
        self._breakers: LRUCache[tuple[int, UUID], Breaker] = LRUCache(MOST_BREAKERS)
        self._lock = threading.Lock()

    def allow(self, arm: LiveArm) -> bool:
        """
        Return whether what comes of a call counts, which every call's does that is not made in spite of it.

        :raises ScoringUnavailable: if the version is left alone
        """
        if self._of(arm).allow(now=time.monotonic()):
            return True
        if self.is_dry_run:
            return False
        raise ScoringUnavailable(f"Version {arm.version_number} is resting after failures.", reason="resting")

    def succeed(self, arm: LiveArm) -> None:
        """Note a call that counts and went well."""
        if self._of(arm).succeed(now=time.monotonic()):
            self._log("breaker_closed", arm)

    def fail(self, arm: LiveArm, *, asker: str | None) -> None:
        """Note a call that counts and failed."""
        if self._of(arm).fail(now=time.monotonic(), asker=asker):
            self._log("breaker_opened", arm)

    def figures(self, arm: LiveArm) -> BreakerFigures:
        """Return how a version's breaker stands."""
        return self._of(arm).figures(now=time.monotonic())

    def _of(self, arm: LiveArm) -> Breaker:
        with self._lock:
            # Looking one up makes it the last to be forgotten.
            found = self._breakers.get((arm.shop_id, arm.version_id))
            if found is None:
                found = self._breakers[arm.shop_id, arm.version_id] = Breaker()
        return found

    def _log(self, event: str, arm: LiveArm) -> None:
        log.warning(event, shop_id=arm.shop_id, version=arm.version_number, dry_run=self.is_dry_run)


class Models:
    """
    The models of one process.

    :param open_scorer: loads a version, or raises ArtifactRefused
    :param find_new: names the products that a version does not know
    :param on_refused: hears of each artifact that was refused, and why
    :param size_of: the bytes of a version's files, which never change
    :param memory_bytes: of all versions held; what was not asked for the longest goes, and what is larger
        than this alone is refused
    :param breakers: say which versions are left alone
    """

    def __init__(
        self,
        open_scorer: Callable[[LiveArm], api.Scorer],
        *,
        find_new: Callable[[LiveArm, api.Scorer], Sequence[api.NewProduct]],
        on_refused: Callable[[LiveArm, str], None],
        size_of: Callable[[LiveArm], int],
        memory_bytes: int = MEMORY_BYTES,
        breakers: Breakers | None = None,
    ) -> None:
        self.open_scorer = open_scorer
        self.find_new = find_new
        self.on_refused = on_refused
        self.memory_bytes = memory_bytes
        self.breakers = breakers or Breakers()
        self.size_of = size_of
        self._sizes: dict[UUID, int] = {}  # of each version ever asked for: 100 bytes each
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
        current = self._loaded(seat, arm, patience)
        is_counted = self.breakers.allow(arm)
        try:
            opinion = self._call(seat, current.scorer, asked)
        except ScoringUnavailable as error:
            if is_counted and error.reason != BUSY:
                self.breakers.fail(arm, asker=asker)
            raise
        if is_counted:
            self.breakers.succeed(arm)
        return replace(opinion, recorded=current.recorded)

    def _call(self, seat: _Seat, scorer: api.Scorer, asked: ModelQuery) -> Opinion:
        number = seat.arm.version_number
        if len(seat.overdue) >= MOST_OVERDUE:
            raise ScoringUnavailable(f"Version {number} still owes answers.", reason="late")
        began = time.perf_counter()
        call = self._scorers.submit(opine, scorer, asked)
        try:
            opinion = call.result(timeout=DEADLINE_SECONDS)
        except LateError as error:
            raise _given_up(seat, call) from error
        except Exception as error:
            reason = "not_finite" if isinstance(error, api.NotFinite) else "failed"
            raise ScoringUnavailable(f"Version {number} failed: {describe(error)}.", reason=reason) from error
        seat.milliseconds.append((time.perf_counter() - began) * 1000)
        return opinion

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
            if arm.version_id in self._seats or self.has_room(arm):
                self._seat(arm, is_asked=False)

    def load(self, arms: Iterable[LiveArm]) -> None:
        """Load versions behind the caller's back; where there is no room, what nobody asks makes it."""
        for arm in arms:
            self._seat(arm)

    def has_any_of(self, shop_id: int) -> bool:
        """Return whether a version of a shop is in memory, or on its way there."""
        with self._lock:
            return any(seat.arm.shop_id == shop_id for seat in self._seats.values())

    def has_room(self, arm: LiveArm) -> bool:
        """Return whether a version may be loaded without another's going."""
        size = self._size(arm)
        with self._lock:
            held = sum(seat.bytes for seat in self._seats.values())
            return len(self._seats) < MOST_LOADED and held + size <= self.memory_bytes

    def is_loaded(self, arm: LiveArm) -> bool:
        """Return whether a version can be asked without waiting for it."""
        seat = self._seats.get(arm.version_id)
        return seat is not None and seat.loading.done()

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

    def health(self) -> list[VersionHealth]:
        """Return how each version in memory is, those that can't be loaded among them."""
        with self._lock:
            seats = list(self._seats.values())
        return [_health(seat, self.breakers.figures(seat.arm)) for seat in seats]

    def _seat(self, arm: LiveArm, *, is_asked: bool = True) -> _Seat:
        now = time.monotonic()
        size = self._size(arm)
        with self._lock:
            seat = self._seats.get(arm.version_id)
            if seat is None or _is_worth_another_look(seat, now):
                held = size if size <= self.memory_bytes else 0
                seat = _Seat(arm, self._loaders.submit(self._load, arm, size), asked_at=now, bytes=held)
                self._seats[arm.version_id] = seat
                self._make_room()
            if is_asked:
                self._seats.move_to_end(arm.version_id)
        return seat

    def _size(self, arm: LiveArm) -> int:
        """Return the bytes of a version's files, which are looked at once; again while there are none."""
        size = self._sizes.get(arm.version_id, 0)
        if not size:
            size = self._sizes[arm.version_id] = self.size_of(arm)
        return size

    def _make_room(self) -> None:
        """Let those go that were not asked for the longest, but for the last one."""
        held = sum(seat.bytes for seat in self._seats.values())
        while len(self._seats) > MOST_LOADED or held > self.memory_bytes:
            _, gone = self._seats.popitem(last=False)
            held -= gone.bytes

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

    def _refuse_too_large(self, arm: LiveArm, size: int) -> None:
        if size > self.memory_bytes:
            raise ArtifactRefused(
                f"Version {arm.version_number} takes {size / MIB:,.1f} MB, and a process may hold "
                f"{self.memory_bytes / MIB:,.1f} MB (MODEL_MEMORY_MB)."
            )

    def _load(self, arm: LiveArm, size: int) -> _Loaded:
        try:
            self._refuse_too_large(arm, size)
            trained = self.open_scorer(arm)
        except ArtifactRefused as error:
            log.error("artifact_refused", version=str(arm.version_id), error=error.message)  # noqa: TRY400 -- the message says it all
            self.on_refused(arm, error.message)
            raise
        now = time.monotonic()
        loaded = _Loaded(trained, _Current(trained), loaded_at=now, looked_at=now)
        self._meet_new_products(arm, loaded)
        return loaded


def _given_up(seat: _Seat, call: "Future[Opinion]") -> ScoringUnavailable:
    """Return what a call comes to whose deadline is over."""
    number = seat.arm.version_number
    if call.cancel():
        return ScoringUnavailable(f"No thread was free to ask version {number}.", reason=BUSY)
    seat.overdue.add(call)
    call.add_done_callback(seat.overdue.discard)
    return ScoringUnavailable(f"Version {number} did not answer in time.", reason="late")


def _health(seat: _Seat, breaker: BreakerFigures) -> VersionHealth:
    is_loaded = seat.loading.done() and seat.loading.exception() is None
    loaded = seat.loading.result() if is_loaded else None
    latencies = sorted(seat.milliseconds)
    return VersionHealth(
        shop_id=seat.arm.shop_id,
        version_id=seat.arm.version_id,
        version_number=seat.arm.version_number,
        data_until=loaded.trained.version_info.data_until if loaded else None,
        bytes=seat.bytes,
        loaded_seconds=time.monotonic() - loaded.loaded_at if loaded else None,
        answers=len(latencies),
        p50_ms=percentile(latencies, 0.50),
        p99_ms=percentile(latencies, 0.99),
        breaker=breaker,
    )


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


def _preferences(ranking: api.RankedList, asked: ModelQuery) -> tuple[Preference, ...]:
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
