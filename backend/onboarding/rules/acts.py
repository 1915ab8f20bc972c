"""The ledger of acts in a merchant's words."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from backend.audit.values import ActorKind, Event, LedgerEntry


class ActKind(StrEnum):
    """What an act is about, as a merchant would look for it."""

    SETUP = "SETUP"  # the installation, permissions and imports
    SETTINGS = "SETTINGS"
    MODEL = "MODEL"
    STOREFRONT = "STOREFRONT"
    PRIVACY = "PRIVACY"
    SUPPORT = "SUPPORT"  # what people of ours did or looked at


KIND_NAMES: Final = {
    ActKind.SETUP: "Set-up",
    ActKind.SETTINGS: "Settings",
    ActKind.MODEL: "Model",
    ActKind.STOREFRONT: "Storefront",
    ActKind.PRIVACY: "Customers' data",
    ActKind.SUPPORT: "Support",
}

TITLES: Final[Mapping[Event, tuple[ActKind, str]]] = {
    Event.SHOP_INSTALLED: (ActKind.SETUP, "Tailorbird was installed"),
    Event.SHOP_UNINSTALLED: (ActKind.SETUP, "Tailorbird was uninstalled"),
    Event.SHOP_REDACTED: (ActKind.PRIVACY, "The shop's data was deleted"),
    Event.SCOPES_UPDATED: (ActKind.SETUP, "Permissions changed"),
    Event.SHOP_SETTINGS_CHANGED: (ActKind.SETTINGS, "The shop's settings were changed"),
    Event.PIXEL_ACTIVATED: (ActKind.SETUP, "The web pixel was switched on"),
    Event.REAUTH_NEEDED: (ActKind.SETUP, "Access to the shop had to be renewed"),
    Event.CUSTOMER_REDACTED: (ActKind.PRIVACY, "A customer's data was deleted"),
    Event.CUSTOMER_DATA_REQUESTED: (ActKind.PRIVACY, "A customer asked for their data"),
    Event.CUSTOMER_DATA_DOWNLOADED: (ActKind.PRIVACY, "A customer's data was downloaded"),
    Event.IMPORT_REQUESTED: (ActKind.SETUP, "An import was started"),
    Event.IMPORT_FINISHED: (ActKind.SETUP, "An import finished"),
    Event.IMPORT_FAILED: (ActKind.SETUP, "An import failed"),
    Event.TRAINING_REQUESTED: (ActKind.MODEL, "A training was started"),
    Event.TRAINING_FAILED: (ActKind.MODEL, "A training failed"),
    Event.TRAINING_CANCELLED: (ActKind.MODEL, "A training was ended"),
    Event.MODEL_REGISTERED: (ActKind.MODEL, "A new version was trained"),
    Event.MODEL_STATE_CHANGED: (ActKind.MODEL, "A version changed its state"),
    Event.GATE_DECIDED: (ActKind.MODEL, "A new version was judged"),
    Event.RELEASE_SETTINGS_CHANGED: (ActKind.SETTINGS, "The rules for new versions were changed"),
    Event.TRIGGER_SETTINGS_CHANGED: (ActKind.SETTINGS, "The rules for retraining were changed"),
    Event.HOLDOUT_CHANGED: (ActKind.SETTINGS, "The holdout was changed"),
    Event.SURFACE_POINTED: (ActKind.STOREFRONT, "Pages were given another version"),
    Event.ROLLOUT_OPENED: (ActKind.MODEL, "A rollout was opened"),
    Event.ROLLOUT_MOVED: (ActKind.STOREFRONT, "A rollout moved"),
    Event.ROLLOUT_SETTINGS_CHANGED: (ActKind.SETTINGS, "The rules for rollouts were changed"),
    Event.LOOK_BACK_REQUESTED: (ActKind.MODEL, "A look back at the last weeks was asked for"),
    Event.PREVIEW_REQUESTED: (ActKind.STOREFRONT, "A preview of the storefront was asked for"),
    Event.RECOMMENDATIONS_PUBLISHED: (ActKind.STOREFRONT, "Recommendations were written to the shop"),
    Event.LEDGER_RETIRED: (ActKind.PRIVACY, "Old decisions were deleted"),
    Event.ARTIFACT_REFUSED: (ActKind.MODEL, "A version's files were refused"),
    Event.STAFF_LOOKED: (ActKind.SUPPORT, "Support looked at your shop"),
    Event.JOB_ASKED_AGAIN: (ActKind.SUPPORT, "Support asked for work again that had failed"),
}

ACTOR_NAMES: Final = {ActorKind.SYSTEM: "Tailorbird", ActorKind.STAFF: "Tailorbird support"}

UUID_ALONE: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|")
UNIDENTIFIED: Final = re.compile(r" [0-9a-f]{8}-[0-9a-f-]{27}$")

SURFACES: Final = {"surface product_page": "product pages", "surface home_page": "the home page"}

# From where an act came, by what the ledger calls it; what begins with "job" runs by itself.
SOURCES: Final = {
    "app": "In this app",
    "staff": "On our support's pages",
    "web": "Over the web, from Shopify",
    "command": "By an operator of ours",
}

STATES: Final = {
    "INSTALLED": "installed",
    "UNINSTALLED": "not installed",
    "CANDIDATE": "new",
    "STAGED": "ready",
    "LIVE": "in use",
    "RETIRED": "no longer in use",
    "HELD": "held back",
    "REJECTED": "refused",
    "DRAFT": "waiting",
    "SHADOW": "in the shadow",
    "INTERLEAVED": "in lists of both versions",
    "CANARY": "shown to some",
    "HOLD": "in an A/B test",
    "PAUSED": "paused",
    "INCONCLUSIVE": "undecided",
    "PROMOTED": "promoted",
    "ROLLED_BACK": "rolled back",
    "SUPERSEDED": "replaced by a newer one",
    "ABORTED": "called off",
    "NO_WORSE": "no worse than the version in use",
    "BETTER": "better than the version in use",
    "NOTHING": "only when started by a person",
    "FIRST_STEP": "up to the first step",
    "HALF": "up to half of the visitors",
    "PROMOTE": "all the way",
}

# What Shopify lets the app do, as Shopify's own page of permissions says it.
SCOPES: Final = {
    "read_products": "see products",
    "write_products": "change products",
    "read_orders": "see orders",
    "read_all_orders": "see orders older than 60 days",
    "read_themes": "hear of a new theme",
    "read_customers": "see customers",
    "write_app_proxy": "answer on the storefront",
    "write_pixels": "run a web pixel",
    "read_customer_events": "see what shoppers do",
}

# The fields of settings by the words of the pages on which they are changed, and the unit of their value.
FIELDS: Final = {
    "scopes": ("Permissions", ""),
    "endpoint": ("Sends to", ""),
    "min_gain_percent": ("Least gain over the best simple method", "%"),
    "release_without_evidence": ("Use new versions without a comparison", ""),
    "cool_down_hours": ("Pause after each training", " hours"),
    "min_accuracy_percent": ("Train again when matches fall under", "%"),
    "shows_new_products": ("A place for new products", ""),
    "explores": ("Neighbouring products change places by chance", ""),
    "percent": ("Shoppers who see popular products", "%"),
    "state": ("State", ""),
    "share": ("Share of shoppers", "%"),
    "is_off": ("All rollouts turned off", ""),
    "autonomy": ("A rollout goes by itself", ""),
    "steps": ("Shares of visitors", "%"),
    "dwell_hours": ("At each share for at least", " hours"),
    "interleave_days": ("Interleaving before the first share for up to", " days"),
    "ab_days": ("Experiment for at least", " days"),
    "requirement": ("A new version must be", ""),
    "margin_percent": ("A loss that counts as no worse", "%"),
    "shadow_percent": ("Share of requests compared in the shadow", "%"),
    "shadow_requests": ("Requests compared at least", ""),
    "shadow_hours": ("In the shadow for at least", " hours"),
    "window_days": ("Orders count for", " days"),
    "max_days": ("Longest time of a rollout", " days"),
    "freezes": ("Days without changes", ""),
    "promoters": ("Who may show it to more visitors", ""),
}


# What only programs read: the share and the state say where a rollout stands.
UNTOLD: Final = frozenset({"step"})


@dataclass(frozen=True, slots=True)
class Change:
    """One value before and after, in words; an empty text where it isn't known."""

    name: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Act:
    """One act for the people of a shop."""

    id: UUID
    at: datetime
    kind: ActKind
    what: str
    subject: str
    actor_kind: ActorKind
    actor: str
    account: str  # as the ledger names it
    reason: str
    changes: tuple[Change, ...]
    where: str


def act(entry: LedgerEntry, actor_kind: ActorKind) -> Act:
    """Return one entry of the ledger in words."""
    kind, what = titled(entry.event)
    return Act(
        id=entry.id,
        at=entry.at,
        kind=kind,
        what=what,
        subject=subject(entry.subject),
        actor_kind=actor_kind,
        actor=actor(entry.actor, actor_kind),
        account=entry.actor,
        reason=entry.reason,
        changes=changes(entry.old or {}, entry.new or {}),
        where=where(entry.source),
    )


def titled(event: Event) -> tuple[ActKind, str]:
    """Return what an event is about, and its name; one that has no words yet is read out as it is called."""
    return TITLES.get(event) or (ActKind.SETUP, event.replace("_", " ").capitalize())


def events_of(kind: ActKind) -> frozenset[Event]:
    """Return the events of one kind."""
    return frozenset(event for event in Event if titled(event)[0] is kind)


def subject(text: str) -> str:
    """Return the thing acted on without the id that only programs read."""
    return SURFACES.get(text) or UNIDENTIFIED.sub("", text)


def actor(text: str, kind: ActorKind) -> str:
    """Return who acted. People of ours go by no name: what they did is ours."""
    return ACTOR_NAMES.get(kind) or f"Staff member {text.rpartition(' ')[2]}"


def where(text: str) -> str:
    """Return from where an act came; empty for what is from before that was kept."""
    return "By itself" if text.startswith("job ") else SOURCES.get(text, "")


def changes(old: Mapping[str, object], new: Mapping[str, object]) -> tuple[Change, ...]:
    """Return what differs between two sets of values, in the order of the newer one."""
    names = [name for name in dict.fromkeys([*new, *old]) if name not in UNTOLD]
    told = (Change(field(name), words(name, old.get(name)), words(name, new.get(name))) for name in names)
    return tuple(one for one in told if one.old != one.new)


def field(name: str) -> str:
    """Return a field's name as the pages call it."""
    return FIELDS[name][0] if name in FIELDS else name.replace("_", " ").capitalize()


def words(name: str, value: object) -> str:
    """Return a value as people say it."""
    # An id says something to programs alone; what has one stands in the sentence of its reason.
    if value is None or UUID_ALONE.fullmatch(str(value)):
        return ""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list | tuple):
        return ", ".join(words(name, one) for one in value)
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return STATES.get(text) or SCOPES.get(text) or text + FIELDS.get(name, ("", ""))[1]
