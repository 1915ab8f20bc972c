"""What a candidate would have shown, beside what was shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from backend.rollouts.values.arms import LiveArm

# Buckets of a histogram of latencies: the first ends at so many milliseconds, each next one 10 % later.
FIRST_BUCKET_MS: Final = 0.05
BUCKET_GROWTH: Final = 1.1
LATENCY_BUCKETS: Final = 96

NO_LATENCIES: Final = (0,) * LATENCY_BUCKETS

# Bits of the sketch that counts distinct products: up to 50,000 are counted to about 1 %.
SKETCH_BITS: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Moments:
    """Some numbers as sums that pool."""

    count: int = 0
    total: float = 0.0
    squares: float = 0.0


@dataclass(frozen=True, slots=True)
class Scoring:
    """
    How one version answered the compared requests, all in the shadow process.

    :param failed: raised an error
    :param refused: could not be opened
    :param not_finite: gave a score that is no number
    :param empty: knew no product at all
    :param short: lists that popular or new products had to fill
    :param places: of its own first ones, as many as were shown, before the stock was looked at
    :param unavailable: of those the products that the shop could not show
    :param latency: of what both versions were asked, how many took how long, by bucket
    :param home_scores: of the first place, on home pages; a version's own scale
    :param page_scores: of the first place, on products' pages
    """

    asked: int = 0
    failed: int = 0
    refused: int = 0
    not_finite: int = 0
    empty: int = 0
    short: int = 0
    places: int = 0
    unavailable: int = 0
    latency: tuple[int, ...] = NO_LATENCIES
    home_scores: Moments = Moments()
    page_scores: Moments = Moments()


@dataclass(frozen=True, slots=True)
class ShadowSums:
    """
    Requests that a candidate answered again for nobody to see, as sums that pool over hours.

    :param drawn: those that the draw chose, whatever came of them
    :param compared: those that the candidate answered again
    :param dropped: those that were too old when their turn came
    :param erased: those whose visitor was erased since
    :param unreadable: those of which something is not on record
    :param overlap: the shares of the shown products that the candidate shows too
    :param alike: the rank-biased overlaps of what was shown and what the candidate shows
    :param same: lists that are the same, place by place
    """

    drawn: int = 0
    compared: int = 0
    dropped: int = 0
    erased: int = 0
    unreadable: int = 0
    overlap: float = 0.0
    alike: float = 0.0
    same: int = 0
    champion: Scoring = Scoring()
    candidate: Scoring = Scoring()


@dataclass(frozen=True, slots=True)
class Reanswer:
    """
    How one version answered one request of the past.

    :param milliseconds: None where it raised an error
    :param is_refused: whether its files could not be opened
    :param score: of its first place; None where it knew no product
    """

    milliseconds: float | None = None
    is_refused: bool = False
    is_finite: bool = True
    is_empty: bool = False
    is_short: bool = False
    places: int = 0
    unavailable: int = 0
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Compared:
    """
    One request that a candidate answered again: what was shown, and what it would show.

    :param champion: how the champion answered it again, where it was asked too
    """

    at: datetime
    is_home: bool
    shown: tuple[int, ...]
    would: tuple[int, ...]
    champion: Reanswer | None
    candidate: Reanswer


@dataclass(frozen=True, slots=True)
class Skipped:
    """A request that was drawn and could not be answered again."""

    at: datetime
    is_erased: bool  # otherwise something is not on record


@dataclass(frozen=True, slots=True)
class ShadowReading:
    """
    What one hour of a shadow has shown.

    :param champion_seen: a sketch of the products that it showed, as ``rules.pooling`` makes them
    """

    hour: datetime
    sums: ShadowSums
    champion_seen: bytes = b""
    candidate_seen: bytes = b""


@dataclass(frozen=True, slots=True)
class Shadow:
    """A rollout whose candidate answers some requests again, and the two versions that it compares."""

    rollout_id: UUID
    shop_id: int
    percent: int
    since: datetime
    champion: LiveArm
    candidate: LiveArm


@dataclass(frozen=True, slots=True)
class ShadowProgress:
    """
    How far the shadow of a rollout has come.

    :param until: decisions up to here were looked at; None before the process came by
    :param looked_at: when it last came by
    :param pages: how many there are to compare; None until they were counted
    """

    until: datetime | None = None
    looked_at: datetime | None = None
    pages: int | None = None


@dataclass(frozen=True, slots=True)
class ShadowFigures:
    """
    What a shadow has shown so far, in figures for people; None where nothing was compared.

    :param scored_share: of the drawn requests that were not dropped
    :param overlap: the mean share of the shown products that the candidate shows too
    :param alike: the mean rank-biased overlap, p = 0.9
    :param home_drift: how much higher the candidate scores its first place on home pages, in standard
        deviations of the champion's scores; each version has a scale of its own, so this alarms nobody
    :param products: distinct ones that each version showed
    """

    sums: ShadowSums
    scored_share: float | None
    overlap: float | None
    alike: float | None
    champion_p50_ms: float | None
    champion_p95_ms: float | None
    candidate_p50_ms: float | None
    candidate_p95_ms: float | None
    home_drift: float | None
    page_drift: float | None
    champion_products: int
    candidate_products: int
    champion_unavailable: float | None
    candidate_unavailable: float | None


@dataclass(frozen=True, slots=True)
class PageLists:
    """
    What one page shows everybody under the champion and under the candidate.

    :param rank: the page's place among the most sold products; 0 for the home page, which has no product
    """

    rank: int
    product_id: int | None
    champion: tuple[int, ...]
    candidate: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PageDiff:
    """
    What would change on one page.

    :param overlap: the share of its products that both show
    :param alike: the rank-biased overlap of both lists, p = 0.9
    :param came: products that only the candidate shows; ``went``: that only the champion does
    :param moved: products that both show, with how many places each would rise
    """

    lists: PageLists
    overlap: float
    alike: float
    came: tuple[int, ...]
    went: tuple[int, ...]
    moved: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class DiffSummary:
    """
    What would change on all pages that were compared so far.

    :param changed: pages whose list is another one
    :param gains: products by how many more lists would show them, the most first
    :param losses: products by how many lists fewer would show them, the most first
    """

    pages: int
    changed: int
    overlap: float | None
    alike: float | None
    gains: tuple[tuple[int, int], ...]
    losses: tuple[tuple[int, int], ...]
    is_complete: bool


@dataclass(frozen=True, slots=True)
class Diff:
    """A part of the pages of a shop, with the summary of all of them."""

    summary: DiffSummary
    pages: tuple[PageDiff, ...]
