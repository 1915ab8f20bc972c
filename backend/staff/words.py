"""What stored states mean, for people who answer merchants."""

from collections.abc import Mapping
from typing import Final

from backend.attribution.values import Outcome, Via
from backend.events.values import Topic
from backend.monitoring.values import Verdict
from backend.rollouts.values import GateVerdict, RolloutState, Standing
from backend.rollouts.values.interleaving import Team
from backend.serving.values import ReplayVerdict, Rule
from backend.staff.values import JobState
from backend.training.values import RunState

STANDINGS: Final[Mapping[str, str]] = {
    Standing.CANDIDATE: "trained; the gate has not judged it yet",
    Standing.REJECTED: "its files are damaged; it can't answer anybody",
    Standing.HELD: "the gate did not let it through; a person may roll it out all the same",
    Standing.STAGED: "past the gate; may be rolled out",
    Standing.WAITING: "its rollout has not begun",
    Standing.ROLLING_OUT: "its rollout is on",
    Standing.ROLLED_BACK: "its rollout was taken back",
    Standing.LIVE: "answers shoppers",
    Standing.RETIRED: "answered before, until another version took its place; can be gone back to",
}

GATE: Final[Mapping[str, str]] = {
    GateVerdict.FIRST: "let through: no version that could answer was live before it",
    GateVerdict.PASSED: "let through: better than simple by the bar, and no worse than the champion",
    GateVerdict.FAILED: "held: measured, and not better than simple by the bar, or worse than the champion",
    GateVerdict.NOT_ENOUGH_DATA: "held: too few customers or orders to compare it on: never a success",
    GateVerdict.DAMAGED: "its files are damaged or missing; it can answer nobody",
    GateVerdict.OVERRIDDEN: "let through all the same, by a person or by the shop's settings",
}

ROLLOUTS: Final[Mapping[str, str]] = {
    RolloutState.DRAFT: "waits for its start, or for the one before it to end",
    RolloutState.SHADOW: "shown to nobody; its answers are compared with what was shown",
    RolloutState.INTERLEAVED: "personal lists hold products of both versions; clicks tell which is preferred",
    RolloutState.CANARY: "shown to a share of the visitors",
    RolloutState.HOLD: "an A/B test: the share stays until the difference is known",
    RolloutState.PAUSED: "the share stays; only the way back is open until a person resumes it",
    RolloutState.INCONCLUSIVE: "its longest time is over without a clear answer: the merchant decides",
    RolloutState.PROMOTED: "in use in place of the former version, which stands by",
    RolloutState.ROLLED_BACK: "taken back by a guardrail or a person, to the former version",
    RolloutState.SUPERSEDED: "a newer version took its place before anybody saw it",
    RolloutState.ABORTED: "ended by a person before anybody saw it",
}

TRIGGERS: Final[Mapping[str, str]] = {
    Verdict.FIRED: "there was a reason, and a training was asked for",
    Verdict.QUIET: "enough data, and no reason to train",
    Verdict.NOT_ENOUGH_DATA: "too little data to tell, which is never taken for quiet",
    Verdict.COOLING_DOWN: "there was a reason, but a training ran too recently or runs now",
}

RUNS: Final[Mapping[str, str]] = {
    RunState.QUEUED: "waiting for a worker",
    RunState.EXPORTING: "writing and checking the dataset",
    RunState.TRAINING: "fitting the models",
    RunState.EVALUATING: "measuring them on the newest orders",
    RunState.REGISTERING: "storing the version and its lineage",
    RunState.DONE: "over: its version is registered, and its release has begun or waits",
    RunState.FAILED: "over, with an error; what answered before still answers",
    RunState.CANCELLED: "over, because a person or an uninstall said so",
}

JOBS: Final[Mapping[str, str]] = {
    JobState.WAITING: "waits for its moment or for a worker",
    JobState.RUNNING: "a worker is at it",
    JobState.SILENT: "its worker gave no sign of life for too long; another one takes it up within a minute",
    JobState.FAILING: "failed, and is tried again after a while",
    JobState.SET_ASIDE: "failed too often: a person must look; nothing runs it until it is asked for again",
}

OUTCOMES: Final[Mapping[str, str]] = {
    Outcome.JOINED: "what its shopper did with recommendations is known",
    Outcome.BEFORE_INSTALL: "it was placed before the app was there",
    Outcome.OTHER_CHANNEL: "it came from a draft, a till or a program: no page of the storefront was open",
    Outcome.NO_PIXEL: "no browser of any shopper told anything that day: the pixel was off",
    Outcome.NO_SCRIPT: "its browser told of the checkout and not of our block, which did not run",
    Outcome.BLOCKED: "our block ran with consent, and what it told never came: something blocked it",
    Outcome.NO_CONSENT: "its browser told nothing: its shopper refused, or everything was blocked",
}

TOPICS: Final[Mapping[str, str]] = {
    Topic.IMPRESSION: "seen",
    Topic.CLICK: "clicked",
    Topic.ADD: "put into the cart from its card",
    Topic.VIEW: "its page was opened",
    Topic.CART: "put into the cart",
    Topic.CHECKOUT_STARTED: "checkout begun",
    Topic.CHECKOUT_COMPLETED: "checkout completed",
    Topic.GROUP: "told its bucket",
    Topic.EXPOSURE: "met a rollout",
}

VIAS: Final[Mapping[str, str]] = {
    Via.ATTRIBUTE: "named by the cart",
    Via.LINE: "named by an order line",
    Via.CHECKOUT: "told by the browser that checked out",
    Via.CUSTOMER: "made for this customer, whose browser told of the click",
}

# Who chose a place of a list that two versions drafted.
TEAMS: Final[Mapping[str, str]] = {
    Team.CHAMPION: "the version in use",
    Team.CANDIDATE: "the new version",
    Team.NOBODY: "counts for neither",
}

# What else than a model's order decided a list, by the names that decisions tell.
RULES: Final[Mapping[str, str]] = {
    Rule.HELD_OUT: "the visitor is held out and sees what is popular, which tells the gain of the others",
    Rule.IN_STOCK: "what the model chose and the shop can't show was left out",
    Rule.NOT_IN_CART: "what lies in the cart was left out",
    Rule.NOT_SHOWN_NEARBY: "what stands beside on the page was left out",
    Rule.NOT_JUST_SEEN: "what was only looked at in this visit was left out",
    Rule.COLLECTION_FIRST: "nothing is known to go with the page's product: its collection comes first",
    Rule.PLACE_FOR_NEW: "the last place went to a product that never sold",
    Rule.NEIGHBOURS_SWAPPED: "two neighbouring products changed places by chance",
}

STEPS: Final[Mapping[str, str]] = {"VIEW": "looked at", "CART": "put into the cart", "PURCHASE": "bought"}

# What came of making a decision again, with its tone; the sentence behind it says the rest.
REPLAYS: Final[Mapping[ReplayVerdict, tuple[str, str]]] = {
    ReplayVerdict.EQUAL: ("the same", "good"),
    ReplayVerdict.DIFFERENT: ("different", "bad"),
    ReplayVerdict.ERASED: ("erased", "quiet"),
    ReplayVerdict.INCOMPLETE: ("not all on record", "busy"),
    ReplayVerdict.VERSION_GONE: ("version gone", "quiet"),
    ReplayVerdict.UNKNOWN: ("unknown", "bad"),
}
