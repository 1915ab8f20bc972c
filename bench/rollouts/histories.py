"""
Histories of one shop's rollouts: people, judges, the timetable and the guardrails, in any order.

What is asked may be refused; then nothing may have happened. After each act everything is looked at that
must hold of a pointer, of the rollouts and of both ledgers. Django has to be set up before this is imported.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from random import Random
from typing import Any, Final
from unittest import mock
from uuid import UUID, uuid4

from django.db import transaction

from backend.audit.models import LedgerEvent
from backend.audit.values import Event
from backend.core.errors import Refused, Unavailable
from backend.registry import queries as registry
from backend.registry.models import ModelVersion
from backend.registry.values import ArtifactRefused
from backend.rollouts import models, queries, rules, services
from backend.rollouts.values import (
    DEFAULT_BAR,
    LETS_THROUGH,
    LIVE_STATES,
    Autonomy,
    Freeze,
    GateVerdict,
    Judged,
    RolloutAction,
    RolloutPlan,
    RolloutSettings,
    RolloutState,
    Verdict,
    Verdicts,
)
from backend.shops.models import Shop

BEGAN: Final = datetime(2026, 11, 2, 12, tzinfo=UTC)
ACTORS: Final = ("user 1", "user 1", "user 2", "staff:3")
# Mostly all judges are content, and people mostly want to go on: or no history would come far.
CONTENT_SHARE: Final = 0.9
WANTED: Final = {
    RolloutAction.START: 2,
    RolloutAction.RESUME: 4,
    RolloutAction.STEP: 4,
    RolloutAction.PROMOTE: 2,
    RolloutAction.PAUSE: 1,
    RolloutAction.UNDO: 1,
    RolloutAction.ABORT: 1,
}
DAMAGED_SHARE: Final = 0.03
# One version in so many is held by the gate.
HELD_EVERY: Final = 5
# What a pointer holds, and what each of its moves tells of it.
HELD: Final = (
    "champion_id", "former_id", "candidate_id", "rollout_id", "percent", "shadow_percent", "is_interleaved",
    "revision",
)  # fmt: skip

Row = Mapping[str, Any]

_numbers = count()


def a_shop() -> Shop:
    """Return a new shop where one version is live."""
    name = f"history-{next(_numbers)}-{uuid4().hex[:12]}"
    shop = Shop.objects.create(
        domain=f"{name}.myshopify.com",
        name=name,
        currency="GBP",
        timezone="Europe/London",
        installed_at=BEGAN,
        pseudonym_key="ab" * 32,
        scopes=[],
    )
    services.set_champion(shop.id, a_version(shop.id), reason="The first.", now=BEGAN)
    return shop


def a_version(shop_id: int) -> UUID:
    """Register a version. What its files hold matters to nobody here."""
    newest = ModelVersion.objects.for_shop(shop_id).count()
    row = ModelVersion.objects.for_shop(shop_id).create(
        number=newest + 1,
        created_at=BEGAN,
        served="transformer",
        artifact="none",
        manifest_sha256="",
        data_hash="",
        data_until=BEGAN,
        code_revision="",
        interactions=1,
        customers=1,
        products=1,
        train_seconds=1,
    )
    models.GateDecision.objects.for_shop(shop_id).create(
        version=row,
        verdict=GateVerdict.FAILED if row.number % HELD_EVERY == 0 else GateVerdict.FIRST,
        bar_percent=DEFAULT_BAR,
        words="Made up.",
        actor="system",
        created_at=BEGAN,
    )
    return row.uuid


@dataclass
class History:
    """One shop, its clock, and chance of its own."""

    shop_id: int
    chance: Random
    now: datetime = BEGAN
    done: list[str] = field(default_factory=list)

    def act(self) -> Callable[[], object]:
        """Choose what happens next. What it returns does it, the same each time."""
        self.now += timedelta(days=self.chance.choices((0, 0.1, 1, 8, 40), weights=(2, 2, 8, 4, 0.5))[0])
        is_open = models.Rollout.objects.for_shop(self.shop_id).filter(ended_at=None).exists()
        choose = self.chance.choices(
            (self._open, self._advance, self._ask, self._roll_back, self._go_back, self._settle),
            weights=(3 if is_open else 60, 16, 6, 0.5, 0.5, 1),
        )[0]
        self.done.append(choose.__name__)
        return choose()

    def _open(self) -> Callable[[], object]:
        plan = RolloutPlan(
            steps=self.chance.choice(((5, 25, 50, 100), (50, 100), (1, 10, 60, 100))),
            interleave_days=self.chance.choice((0, 14)),
            ab_days=self.chance.choice((0, 0, 14)),
            autonomy=self.chance.choice((*Autonomy, *[Autonomy.PROMOTE] * 6)),
        )
        version = self._any_version() if self.chance.random() < 0.3 else a_version(self.shop_id)
        actor, by_hand = self.chance.choice(ACTORS), self.chance.random() < 0.3
        if by_hand:
            return lambda: services.open_by_hand(
                self.shop_id, version, plan=plan, reason="By hand.", now=self.now, actor=actor
            )
        return lambda: services.open_rollout(self.shop_id, version, plan=plan, now=self.now)

    def _advance(self) -> Callable[[], object]:
        verdicts = self._verdicts()
        return lambda: services.advance(self.shop_id, now=self.now, judge=lambda *_: verdicts)

    def _ask(self) -> Callable[[], object]:
        rollout = self._any_rollout()
        [act] = self.chance.choices(tuple(WANTED), weights=tuple(WANTED.values()))
        actor = self.chance.choice(ACTORS)
        verdicts = self._verdicts()
        return lambda: services.ask(
            act,
            self.shop_id,
            rollout,
            reason=act.value,
            now=self.now,
            actor=actor,
            judge=lambda *_: verdicts,
        )

    def _roll_back(self) -> Callable[[], object]:
        rollout = self._any_rollout()
        evidence = {"nan": float("nan")}
        return lambda: services.roll_back(
            self.shop_id, rollout, reason="Harm.", evidence=evidence, now=self.now
        )

    def _go_back(self) -> Callable[[], object]:
        version, actor = self._any_version(), self.chance.choice(ACTORS)
        return lambda: services.go_back(self.shop_id, version, reason="Back.", now=self.now, actor=actor)

    def _settle(self) -> Callable[[], object]:
        first = self.now.date()
        freeze = Freeze(first, first + timedelta(days=self.chance.randrange(5)))
        former = queries.settings(self.shop_id)
        settings = self.chance.choice(
            (
                RolloutSettings(),
                RolloutSettings(),
                replace(former, is_off=not former.is_off),
                replace(former, freezes=(freeze,)),
                replace(former, promoters=("1",)),
            )
        )
        actor = self.chance.choice(ACTORS)
        return lambda: services.set_rollout_settings(self.shop_id, settings, now=self.now, actor=actor)

    def _verdicts(self) -> Verdicts:
        shadow, guards, business, lists, interleaving = (self._said() for _ in range(5))
        return Verdicts(shadow, guards, business, self._confounders(), lists, interleaving)

    def _said(self) -> Judged:
        if self.chance.random() < CONTENT_SHARE:
            return Judged(Verdict.SUCCESS, "All is well.")
        verdict = self.chance.choice(tuple(Verdict))
        return Judged(verdict, "So it is.", pauses=self.chance.random() < 0.2)

    def _confounders(self) -> tuple[str, ...]:
        return ("A sale.",) if self.chance.random() < 0.1 else ()

    def _any_rollout(self) -> UUID:
        found = [one.id for one in queries.rollouts(self.shop_id)]
        # The newest are those that live; one of nowhere is refused.
        return self.chance.choice([*found[:1] * 6, *found[:2] * 2, *found, uuid4()])

    def _any_version(self) -> UUID:
        rows = ModelVersion.objects.for_shop(self.shop_id).order_by("number")
        return self.chance.choice(list(rows.values_list("uuid", flat=True)))


@contextmanager
def files(chance: Random) -> Iterator[None]:
    """Let versions' files be read, or be damaged now and then."""

    def opened(artifact: str, *, manifest_sha256: str) -> None:
        if chance.random() < DAMAGED_SHARE:
            raise ArtifactRefused(f"The files in {artifact} are damaged.")

    with mock.patch.object(registry, "open_scorer", opened):
        yield


def run(seed: int, *, acts: int) -> list[str]:
    """Live through one history, and return what did not hold, with the acts that led there."""
    with transaction.atomic():
        history = History(a_shop().id, Random(seed))  # noqa: S311 -- chance, not secrecy
        try:
            with files(history.chance):
                return live_through(history, acts)
        finally:
            transaction.set_rollback(True)


def live_through(history: History, acts: int) -> list[str]:
    """Let some acts happen; return what did not hold after the first that broke something."""
    before = look(history.shop_id)
    for _ in range(acts):
        refused = attempt(history.act())
        after = look(history.shop_id)
        broken = breaches(after) + _widened(before, after, history.now)
        if refused and after != before:
            broken.append(f"{refused} and yet something happened")
        if broken:
            return [f"{one} after {history.done}" for one in broken]
        before = after
    return []


def attempt(act: Callable[[], object]) -> str:
    """Do something that may be refused; return in which words it was."""
    try:
        with transaction.atomic():
            act()
    except (Refused, Unavailable, ArtifactRefused) as refused:
        return str(refused) or type(refused).__name__
    return ""


@dataclass(frozen=True)
class Seen:
    """
    Everything that says what answers whom in a shop, and what the ledgers tell of it.

    What a rollout waits for is told to people and moves nothing, so it is no part of this.

    :param acts: how many acts tell of each rollout, by its id
    :param pointings: how many acts tell that another version is the champion
    """

    shop_id: int
    pointer: Row
    pointer_moves: tuple[Row, ...]
    rollouts: tuple[Row, ...]
    moves: dict[int, tuple[Row, ...]]
    acts: Counter[str]
    pointings: int
    settings: RolloutSettings
    weights: int

    @property
    def live(self) -> list[Row]:
        """Return the rollouts that live."""
        return [row for row in self.rollouts if row["state"] in LIVE_STATES]

    @property
    def waiting(self) -> list[Row]:
        """Return the rollouts that have not begun."""
        return [row for row in self.rollouts if row["state"] == RolloutState.DRAFT]


def look(shop_id: int) -> Seen:
    """Look at a shop."""
    moves: defaultdict[int, list[Row]] = defaultdict(list)
    for move in models.RolloutMove.objects.for_shop(shop_id).order_by("revision").values():
        moves[move["rollout_id"]].append(move)
    told = LedgerEvent.objects.for_shop(shop_id).values_list("event", "details")
    return Seen(
        shop_id=shop_id,
        pointer=models.Pointer.objects.for_shop(shop_id).values().get(),
        pointer_moves=tuple(models.PointerMove.objects.for_shop(shop_id).order_by("revision").values()),
        rollouts=tuple(
            {name: value for name, value in row.items() if name != "waits_for"}
            for row in models.Rollout.objects.for_shop(shop_id).order_by("number").values()
        ),
        moves={rollout: tuple(rows) for rollout, rows in moves.items()},
        acts=Counter(details["rollout"] for _, details in told if "rollout" in details),
        pointings=sum(event == Event.SURFACE_POINTED for event, _ in told),
        settings=queries.settings(shop_id),
        weights=sum(arm.weight for arm in queries.fresh_arms(shop_id).arms),
    )


def _widened(before: Seen, after: Seen, now: datetime) -> list[str]:
    """Whatever is off or frozen shows nobody more."""
    frozen = rules.freeze_on(rules.shop_day(now, "Europe/London"), before.settings.freezes)
    promoted = [
        sum(row["state"] == RolloutState.PROMOTED for row in seen.rollouts) for seen in (before, after)
    ]
    is_wider = (
        any(after.pointer[name] > before.pointer[name] for name in ("percent", "is_interleaved"))
        or promoted[1] > promoted[0]
    )
    if is_wider and (frozen or before.settings.is_off):
        return ["a candidate was shown to more visitors while nothing may widen"]
    return []


def _promoted(seen: Seen) -> int:
    return sum(row["state"] == RolloutState.PROMOTED for row in seen.rollouts)


def breaches(seen: Seen) -> list[str]:
    """Return everything that doesn't hold in a shop."""
    pointer = seen.pointer
    champion = ModelVersion.objects.for_shop(seen.shop_id).filter(id=pointer["champion_id"])
    checks = {
        "shares don't sum to 100": seen.weights == 100,
        "more than one rollout lives": len(seen.live) <= 1,
        "more than one rollout waits": len(seen.waiting) <= 1,
        "the champion is no version of the shop": champion.exists(),
        "the candidate is the champion": pointer["candidate_id"] != pointer["champion_id"],
        "state and pointer disagree": _agree(seen),
        "a rollout is open while releases are off": not seen.settings.is_off
        or not (seen.live or seen.waiting),
        "the pointer's ledger lacks a move": _is_pointer_told(seen),
        "a version is rolled out that nobody let through": _are_let_through(seen),
    }
    broken = [words for words, holds in checks.items() if not holds]
    return broken + [words for row in seen.rollouts for words in _untold(row, seen)]


def _agree(seen: Seen) -> bool:
    pointer, live = seen.pointer, seen.live
    if len(live) != 1:
        return (pointer["rollout_id"], pointer["candidate_id"]) == (None, None)
    [row] = live
    is_unseen = row["shown_at"] is None
    shadow = row["plan"]["shadow_percent"] if is_unseen else 0
    is_interleaved = not is_unseen and row["step"] < 0
    held = (pointer["rollout_id"], pointer["candidate_id"], pointer["champion_id"])
    shares = (pointer["percent"], pointer["shadow_percent"], pointer["is_interleaved"])
    told = (row["percent"], shadow, is_interleaved)
    return held == (row["id"], row["candidate_id"], row["champion_id"]) and shares == told


def _are_let_through(seen: Seen) -> bool:
    decisions = models.GateDecision.objects.for_shop(seen.shop_id)
    through = set(decisions.filter(verdict__in=LETS_THROUGH).values_list("version_id", flat=True))
    return {row["candidate_id"] for row in seen.rollouts} <= through


def _is_pointer_told(seen: Seen) -> bool:
    moves, pointer = seen.pointer_moves, seen.pointer
    champions = [None, *(move["champion_id"] for move in moves)]
    changes = sum(former != later for former, later in pairwise(champions))
    return (
        [move["revision"] for move in moves] == list(range(1, pointer["revision"] + 1))
        and all(moves[-1][name] == pointer[name] for name in HELD)
        and changes == seen.pointings
    )


def _untold(row: Row, seen: Seen) -> list[str]:
    """Return what is missing in the ledgers about a rollout."""
    moves = seen.moves.get(row["id"], ())
    if [move["revision"] for move in moves] != list(range(1, row["revision"] + 1)):
        return ["a rollout's ledger lacks a move"]
    states = [RolloutState(move["state"]) for move in moves]
    checks = {
        "the shop's ledger lacks a move": seen.acts[str(row["uuid"])] == len(moves),
        "a rollout is not where its last move led": all(
            moves[-1][name] == row[name] for name in ("state", "step", "percent")
        ),
        "a move is in no table": all(to in rules.MOVES[former] for former, to in pairwise(states)),
    }
    return [words for words, holds in checks.items() if not holds]
