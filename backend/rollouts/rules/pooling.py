"""Sums of a shadow: how they add, how they are kept, and what they tell."""

import math
import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from datetime import datetime
from functools import cache, reduce
from itertools import chain
from typing import Any, TypeVar, get_type_hints

import mmh3
import numpy as np

from backend.rollouts.rules.ranking import overlap, rank_biased_overlap
from backend.rollouts.values.shadow import (
    BUCKET_GROWTH,
    FIRST_BUCKET_MS,
    LATENCY_BUCKETS,
    NO_LATENCIES,
    SKETCH_BITS,
    Compared,
    Moments,
    Reanswer,
    Scoring,
    ShadowFigures,
    ShadowReading,
    ShadowSums,
    Skipped,
)

Sums = TypeVar("Sums", ShadowSums, Scoring, Moments)


def add(left: Sums, right: Sums) -> Sums:
    """Return two sums as one, field by field."""
    pairs = ((getattr(left, one.name), getattr(right, one.name)) for one in fields(left))
    return type(left)(*(_plus(*pair) for pair in pairs))


def _plus(left: Any, right: Any) -> Any:
    if is_dataclass(left):
        return add(left, right)
    return tuple(map(operator.add, left, right)) if isinstance(left, tuple) else left + right


def pool(some: Iterable[ShadowSums]) -> ShadowSums:
    """Return the sums of some readings as one."""
    return reduce(add, some, ShadowSums())


def from_json(kept: Mapping[str, Any]) -> ShadowSums:
    """Return what ``dataclasses.asdict`` gave; what it did not know yet is 0."""
    read: ShadowSums = _read(ShadowSums, kept)
    return read


def _read(kind: Any, kept: Mapping[str, Any]) -> Any:
    hints = _hints(kind)
    return kind(**{name: _read_one(hints[name], value) for name, value in kept.items() if name in hints})


@cache
def _hints(kind: Any) -> dict[str, Any]:
    # Each look reads what it adds to, and to find the hints takes longer than to add.
    return get_type_hints(kind)


def _read_one(kind: Any, value: Any) -> Any:
    if is_dataclass(kind):
        return _read(kind, value)
    return tuple(value) if isinstance(value, list) else value


# One request


def readings(some: Iterable[Compared | Skipped]) -> list[ShadowReading]:
    """Return what some requests have shown, by the hour in which they came."""
    hours: dict[datetime, list[Compared | Skipped]] = {}
    for one in some:
        hours.setdefault(hour_of(one.at), []).append(one)
    return [_reading(hour, requests) for hour, requests in hours.items()]


def hour_of(moment: datetime) -> datetime:
    """Return when the hour of a moment began."""
    return moment.replace(minute=0, second=0, microsecond=0)


def reading_of_pages(answers: Iterable[Sequence[Reanswer]], *, now: datetime) -> ShadowReading:
    """
    Return what the lists of some pages have shown: faults count as those of requests do.

    Their latencies do not, because nobody asked.
    """
    pairs = [[scoring_of(one, is_home=False) for one in pair] for pair in answers]
    faults = [[replace(one, latency=NO_LATENCIES, page_scores=Moments()) for one in pair] for pair in pairs]
    sums = pool(ShadowSums(champion=champion, candidate=candidate) for champion, candidate in faults)
    return ShadowReading(hour_of(now), sums)


def _reading(hour: datetime, requests: Sequence[Compared | Skipped]) -> ShadowReading:
    compared = [one for one in requests if isinstance(one, Compared)]
    return ShadowReading(
        hour,
        pool(map(sums_of, requests)),
        sketch(chain.from_iterable(one.shown for one in compared)),
        sketch(chain.from_iterable(one.would for one in compared)),
    )


def sums_of(request: Compared | Skipped) -> ShadowSums:
    """Return what one request adds."""
    if isinstance(request, Skipped):
        return ShadowSums(drawn=1, erased=int(request.is_erased), unreadable=int(not request.is_erased))
    champion, candidate = _scorings_of(request)
    return ShadowSums(
        drawn=1,
        compared=1,
        overlap=overlap(request.shown, request.would),
        alike=rank_biased_overlap(request.shown, request.would),
        same=int(request.shown == request.would),
        champion=champion,
        candidate=candidate,
    )


def _scorings_of(request: Compared) -> tuple[Scoring, Scoring]:
    candidate = scoring_of(request.candidate, is_home=request.is_home)
    if request.champion is None:
        # Whoever answers alone never finds the processor's caches warm.
        return Scoring(), replace(candidate, latency=NO_LATENCIES)
    return scoring_of(request.champion, is_home=request.is_home), candidate


def scoring_of(answer: Reanswer, *, is_home: bool) -> Scoring:
    """Return what one answer of a version adds."""
    if answer.milliseconds is None:
        return Scoring(
            asked=1, failed=1, refused=int(answer.is_refused), not_finite=int(not answer.is_finite)
        )
    scores = _moments(answer.score)
    return Scoring(
        asked=1,
        not_finite=int(not answer.is_finite),
        empty=int(answer.is_empty),
        short=int(answer.is_short),
        places=answer.places,
        unavailable=answer.unavailable,
        latency=histogram(answer.milliseconds),
        home_scores=scores if is_home else Moments(),
        page_scores=Moments() if is_home else scores,
    )


def _moments(value: float | None) -> Moments:
    if value is None or not math.isfinite(value):
        return Moments()
    return Moments(1, value, value * value)


# Latencies


def bucket_of(milliseconds: float) -> int:
    """Return the bucket of a latency; the last one takes all that are longer."""
    if milliseconds <= FIRST_BUCKET_MS:
        return 0
    return min(math.ceil(math.log(milliseconds / FIRST_BUCKET_MS, BUCKET_GROWTH)), LATENCY_BUCKETS - 1)


def histogram(milliseconds: float) -> tuple[int, ...]:
    """Return one latency as counts by bucket."""
    bucket = bucket_of(milliseconds)
    return (0,) * bucket + (1,) + (0,) * (LATENCY_BUCKETS - bucket - 1)


def quantile(counts: Sequence[int], share: float) -> float | None:
    """Return the latency that ``share`` of all keep, as the end of its bucket; None of nothing."""
    total = sum(counts)
    if not total:
        return None
    bucket = int(np.searchsorted(np.cumsum(counts), share * total))
    return FIRST_BUCKET_MS * BUCKET_GROWTH**bucket


# Distinct products


def sketch(product_ids: Iterable[int], known: bytes = b"") -> bytes:
    """Return a sketch that holds some products and all that another one holds."""
    bits = np.frombuffer(known or bytes(SKETCH_BITS // 8), np.uint8).copy()
    for product_id in product_ids:
        place = mmh3.hash(str(product_id), signed=False) % SKETCH_BITS
        bits[place >> 3] |= 1 << (place & 7)
    return bits.tobytes()


def merge(sketches: Iterable[bytes]) -> bytes:
    """Return the sketch of everything that some sketches hold."""
    merged = np.zeros(SKETCH_BITS // 8, np.uint8)
    for one in sketches:
        merged |= np.frombuffer(one or bytes(SKETCH_BITS // 8), np.uint8)
    return merged.tobytes()


def distinct(held: bytes) -> int:
    """
    Return about how many products a sketch holds.

    Source: linear counting, Whang, Vander-Zanden & Taylor 1990, equation 1.
    """
    if not held:
        return 0
    empty = SKETCH_BITS - int(np.unpackbits(np.frombuffer(held, np.uint8)).sum())
    return round(-SKETCH_BITS * math.log(max(empty, 1) / SKETCH_BITS))


# What they tell


def figures(sums: ShadowSums, *, champion_seen: bytes, candidate_seen: bytes) -> ShadowFigures:
    """Return what the sums of a shadow tell."""
    champion, candidate = sums.champion, sums.candidate
    return ShadowFigures(
        sums=sums,
        scored_share=_share(sums.drawn - sums.dropped, sums.drawn),
        overlap=_share(sums.overlap, sums.compared),
        alike=_share(sums.alike, sums.compared),
        champion_p50_ms=quantile(champion.latency, 0.5),
        champion_p95_ms=quantile(champion.latency, 0.95),
        candidate_p50_ms=quantile(candidate.latency, 0.5),
        candidate_p95_ms=quantile(candidate.latency, 0.95),
        home_drift=drift(champion.home_scores, candidate.home_scores),
        page_drift=drift(champion.page_scores, candidate.page_scores),
        champion_products=distinct(champion_seen),
        candidate_products=distinct(candidate_seen),
        champion_unavailable=_share(champion.unavailable, champion.places),
        candidate_unavailable=_share(candidate.unavailable, candidate.places),
    )


def drift(before: Moments, after: Moments) -> float | None:
    """Return how far a mean moved, in standard deviations of what it was; None where none can be told."""
    if before.count < 2 or not after.count:
        return None
    mean = before.total / before.count
    variance = (before.squares - before.total * mean) / (before.count - 1)
    if variance <= 0:
        return None
    return (after.total / after.count - mean) / math.sqrt(variance)


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None
