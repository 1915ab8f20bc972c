"""
Collect what shoppers' browsers tell: parse, hold to the decision ledger, write durably, count the rest.

The address is public, so nothing is believed beyond what it says of itself. What is refused is counted in
memory and written with the next events, or by the next request after a second. A process that is killed
loses the counts of its last moments, and no event that it acknowledged.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final
from uuid import UUID

import crawleruseragents  # type: ignore[import-untyped]
from cachetools import LRUCache
from django.db import IntegrityError, connection

from backend.audit import queries as audit
from backend.audit.values import ShownList
from backend.core.database import DATABASE_DOWN
from backend.core.errors import Refused
from backend.core.partitions import is_misrouted
from backend.events import queries, rules
from backend.events.gateway import Counters, seconds_left
from backend.events.services.counting import Pending
from backend.events.services.grouping import GroupCommit
from backend.events.services.writing import Row, write
from backend.events.values import Outcome, Parsed, Receipt, Refusal, Told
from backend.shops import queries as shops
from backend.shops.values import ShopInfo, ShopState

# Decisions that one process remembers: some hundred bytes each, and most events of one come within minutes.
MOST_SHOWN: Final = 20_000
# User agents of which one process remembers what they are.
MOST_AGENTS: Final = 4_096
MOST_AGENT_LETTERS: Final = 512


class UnknownAddress(Refused):
    """No shop that has the app collects events here."""

    code = "unknown_shop"
    status = 404


class RateLimited(Refused):
    """An address or a shop sent too much in this minute."""

    code = "rate_limited"
    status = 429

    def __init__(self, message: str, *, retry_after_seconds: int) -> None:
        super().__init__(message)
        self.headers = {"Retry-After": str(retry_after_seconds)}  # type: ignore[misc]


@dataclass(frozen=True, slots=True)
class Limits:
    """Most events of one sender in a minute."""

    address: int
    shop: int
    # More than any person does; what comes beyond is kept apart.
    client: int = 120


@dataclass(frozen=True, slots=True)
class Delivery:
    """One body, as it came, and from where. The address is never kept."""

    shop_uuid: UUID
    body: bytes
    address: str
    agent: str


@dataclass(frozen=True, slots=True)
class _Claim:
    """The well formed events of one body: what its thread asks the group to judge and to write."""

    shop_id: int
    told: Mapping[int, Told]
    bots: frozenset[str]
    now: datetime


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What of a claim may be written, and what was refused."""

    claim: _Claim
    rows: Sequence[Row]
    refused: tuple[Refusal, ...]


class Collector:
    """What one web process needs to collect events."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._counters = Counters()
        self._pending = Pending()
        self._shown: LRUCache[UUID, ShownList] = LRUCache(MOST_SHOWN)
        self._group: GroupCommit[_Claim | None, Receipt] = GroupCommit(self._write)

    def collect(self, delivery: Delivery, *, now: datetime) -> Receipt:
        """
        Return what became of a body's events, once those that are kept are durable.

        :raises UnknownAddress: if no installed shop has this address
        :raises BadBody: if it is no list of events
        :raises RateLimited: if its sender has sent too much
        """
        shop = _find_installed(delivery.shop_uuid)
        if shop is None:
            self._admit(delivery, 1, Counter(), now=now)
            raise UnknownAddress("No shop collects events here.")
        try:
            events = rules.parse_body(delivery.body)
        except rules.BadBody:
            self._admit(delivery, 1, Counter(), shop=shop, now=now)
            self._count(shop, Outcome.BAD_REQUEST, now=now)
            raise
        parsed = rules.parse_events(events, shop=shop.uuid, pseudonym=queries.namer(shop.id), now=now)
        clients = Counter(told.client_key for told in parsed.told.values())
        fast = self._admit(delivery, len(events), clients, shop=shop, now=now)
        bots = frozenset(clients) if is_crawler(delivery.agent) else fast
        return self._keep(shop, parsed, bots, now=now)

    def count_too_large(self, shop_uuid: UUID, *, now: datetime) -> None:
        """Count a body that was not read."""
        if shop := _find_installed(shop_uuid):
            self._count(shop, Outcome.TOO_LARGE, now=now)

    def flush(self) -> None:
        """Write what was counted and not written yet."""
        self._group.do(None)

    def _admit(
        self,
        delivery: Delivery,
        count: int,
        clients: Counter[str],
        *,
        shop: ShopInfo | None = None,
        now: datetime,
    ) -> frozenset[str]:
        """Count what is sent; return the clients that no person is. Refuse a sender that sent too much."""
        limits = {f"address:{delivery.address}": self.limits.address}
        if shop is not None:
            limits[f"shop:{shop.id}"] = self.limits.shop
        names = {client: f"client:{shop.id if shop else 0}:{client}" for client in clients}
        sent = dict.fromkeys(limits, count) | {names[client]: clients[client] for client in clients}
        sums = self._counters.add(sent, now=now)
        if any(sums[sender] > most for sender, most in limits.items()):
            if shop is not None:
                self._count(shop, Outcome.RATE_LIMITED, count=count, now=now)
            raise RateLimited("Too many events in a minute.", retry_after_seconds=seconds_left(now))
        return frozenset(client for client in clients if sums[names[client]] > self.limits.client)

    def _keep(self, shop: ShopInfo, parsed: Parsed, bots: frozenset[str], *, now: datetime) -> Receipt:
        for one in parsed.refused:
            self._pending.note(shop.id, one.reason, topic=one.topic, now=now)
        if not parsed.told:
            self._write_due(now)
            return Receipt(refused=parsed.refused)
        kept = self._group.do(_Claim(shop.id, parsed.told, bots, now))
        refused = sorted((*parsed.refused, *kept.refused), key=lambda one: one.index)
        return Receipt(kept.accepted, kept.duplicate, tuple(refused))

    def _count(self, shop: ShopInfo, outcome: Outcome, *, count: int = 1, now: datetime) -> None:
        self._pending.note(shop.id, outcome, count=count, now=now)
        self._write_due(now)

    def _write_due(self, now: datetime) -> None:
        if self._pending.is_due(now):
            self.flush()

    def _write(self, claims: Sequence[_Claim | None]) -> list[Receipt]:
        """
        Judge and write what several threads wait for, once more if that can help: on a new connection if the
        former one broke, on the same one if a day's partition came in between.

        Django would ask a connection for a sign of life before each use. To write twice changes nothing, so
        it is cheaper to be told by the work itself.
        """
        connection.health_check_done = True  # type: ignore[attr-defined]
        try:
            return self._write_once(claims)
        except DATABASE_DOWN:
            if connection.in_atomic_block:
                raise
            connection.close()
            return self._write_once(claims)
        except IntegrityError as error:
            if not is_misrouted(error):
                raise
            return self._write_once(claims)

    def _write_once(self, claims: Sequence[_Claim | None]) -> list[Receipt]:
        """Write them with whatever was counted meanwhile."""
        asked = [claim for claim in claims if claim is not None]
        self._learn(asked)
        verdicts = [self._judge(claim) for claim in asked]
        counts = self._pending.take()
        try:
            new = write([row for verdict in verdicts for row in verdict.rows], counts=counts)
        except BaseException:
            # Of the events their senders hear; the counts have nobody but us.
            self._pending.give_back(counts)
            raise
        receipts = iter([self._receipt(verdict, new) for verdict in verdicts])
        return [Receipt() if claim is None else next(receipts) for claim in claims]

    def _learn(self, claims: Sequence[_Claim]) -> None:
        """Read the decisions that are not remembered. One that is unknown may be there a moment later."""
        named = {told.decision_id for claim in claims for told in claim.told.values()} - {None}
        unknown = [one for one in named if one is not None and one not in self._shown]
        for made in audit.shown(unknown):
            self._shown[made.id] = made

    def _judge(self, claim: _Claim) -> _Verdict:
        rows: list[Row] = []
        refused: list[Refusal] = []
        for index, told in claim.told.items():
            shown = self._shown.get(told.decision_id) if told.decision_id else None
            reason = rules.judge(told, shown, shop_id=claim.shop_id)
            if reason is not None:
                refused.append(Refusal(index, reason, told.topic))
                continue
            at = rules.plausible_moment(told.at, shown, now=claim.now)
            rows.append(Row(claim.shop_id, told, at, is_bot=told.client_key in claim.bots))
        return _Verdict(claim, rows, tuple(refused))

    def _receipt(self, verdict: _Verdict, new: set[UUID]) -> Receipt:
        """Tell what was new. ``new`` loses it, because the same event may come twice in one pile."""
        claim, accepted = verdict.claim, 0
        for row in verdict.rows:
            if row.told.key in new:
                new.remove(row.told.key)
                accepted += 1
            else:
                self._pending.note(claim.shop_id, Outcome.DUPLICATE, topic=row.told.topic, now=claim.now)
        for one in verdict.refused:
            self._pending.note(claim.shop_id, one.reason, topic=one.topic, now=claim.now)
        return Receipt(accepted, len(verdict.rows) - accepted, verdict.refused)


def _find_installed(shop_uuid: UUID) -> ShopInfo | None:
    shop = shops.find_shop_by_uuid(shop_uuid)
    return shop if shop is not None and shop.state is ShopState.INSTALLED else None


@lru_cache(MOST_AGENTS)
def is_crawler(agent: str) -> bool:
    """Return whether a user agent is a program's; every browser has one."""
    return not agent or bool(crawleruseragents.is_crawler(agent[:MOST_AGENT_LETTERS]))
