"""What crosses the boundary of publishing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

# Stands for the home page where a product's id would be: Shopify numbers from 1.
HOME: Final = 0

# Stands for the list that visitors see who are held out, on whatever page.
POPULAR: Final = -1

# Before the first page.
START: Final = -1

# A claim whose holder was silent for this long is anybody's. The longest silence of a living worker is one
# call to Shopify: half a minute for the budget, then three tries of at most half a minute.
LEASE: Final = timedelta(minutes=3)

# How long one message is worked on. What is left then is asked for by the next one, so that no broker
# takes a long publishing for a dead worker, and short jobs get their turn.
TURN: Final = timedelta(minutes=4)

# Stock, popularity and new products change what a version would show.
REFRESH: Final = timedelta(days=1)

# After a try that ended early: doubling from the first to the longest.
FIRST_PAUSE: Final = timedelta(minutes=5)
LONGEST_PAUSE: Final = timedelta(hours=1)

# How long a page may show a rollout's candidate after the switch was written: the longest that a rollout
# which was undone is seen on a page from a cache. And how long before that the switch is written anew.
SWITCH_LIFE: Final = timedelta(hours=12)
SWITCH_RENEWAL: Final = timedelta(hours=6)


class Slot(StrEnum):
    """
    One of the two places that a page has for a list.

    Everybody sees the list of one of them. The other holds what a rollout's candidate would show, or the
    lists that were shown before.
    """

    A = "a"
    B = "b"

    @property
    def other(self) -> "Slot":
        """The other one of the two."""
        return Slot.B if self is Slot.A else Slot.A


@dataclass(frozen=True, slots=True)
class Switch:
    """
    What the one metafield says by which all pages of a shop show one slot or the other.

    :param default: whose lists everybody sees
    :param candidate: whose lists ``share`` percent of the visitors see until ``expires_at``; None while
        no rollout is on
    """

    default: Slot = Slot.A
    candidate: Slot | None = None
    share: int = 0
    rollout_id: UUID | None = None
    salt: str = ""
    expires_at: datetime | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the metafield's value, as the theme blocks read it."""
        if self.candidate is None or self.expires_at is None:
            return {"default": self.default}
        return {
            "default": self.default,
            "candidate": self.candidate,
            "share": self.share,
            "rollout": str(self.rollout_id),
            "salt": self.salt,
            "expires": int(self.expires_at.timestamp()),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Switch":
        """Return what a metafield's value says; of an empty one, what pages make of there being none."""
        default = Slot(value.get("default", Slot.A))
        if "candidate" not in value:
            return cls(default)
        expires_at = datetime.fromtimestamp(value["expires"], UTC)
        rollout_id = UUID(value["rollout"])
        return cls(default, Slot(value["candidate"]), value["share"], rollout_id, value["salt"], expires_at)


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to write one shop's lists, until ``LEASE`` after the last sign of life."""

    shop_id: int
    token: UUID


@dataclass(frozen=True, slots=True)
class Progress:
    """How many of a shop's pages, the home page among them, are compared with what a version would show."""

    done: int
    pages: int


@dataclass(frozen=True, slots=True)
class HeldSlot:
    """
    What one slot of a shop's pages holds.

    ``version_id`` is None while it holds the lists of no version completely. ``goal_id`` is the version that
    it is being compared with; it stays where a worker was stopped.
    """

    version_id: UUID | None = None
    goal_id: UUID | None = None
    compared_at: datetime | None = None


EMPTY: Final = HeldSlot()


@dataclass(frozen=True, slots=True)
class Held:
    """
    What a shop's pages hold, as other apps see it.

    :param is_switch_known: False from before a write of the switch until its answer is stored
    """

    slots: Mapping[Slot, HeldSlot] = field(default_factory=lambda: dict.fromkeys(Slot, EMPTY))
    switch: Switch = Switch()
    is_switch_known: bool = True
    installed_at: datetime | None = None
    heard_at: datetime | None = None
    retry_at: datetime | None = None
    failure: str = ""

    @property
    def version_id(self) -> UUID | None:
        """The version whose lists everybody sees, on every page; None while there is no such one."""
        return self.slots[self.switch.default].version_id


NOTHING: Final = Held()
