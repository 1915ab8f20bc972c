"""What stored states mean, for people who answer merchants."""

from collections.abc import Mapping
from typing import Final

from backend.monitoring.values import Verdict
from backend.registry.values import VersionState
from backend.rollouts.values import GateVerdict
from backend.staff.values import JobState
from backend.training.values import RunState

VERSIONS: Final[Mapping[str, str]] = {
    VersionState.CANDIDATE: "trained; the gate has not judged it yet",
    VersionState.STAGED: "past the gate; about to answer shoppers",
    VersionState.LIVE: "answers shoppers",
    VersionState.RETIRED: "answered before, until another version took its place; can be gone back to",
    VersionState.HELD: "the gate did not let it through; a person may use it all the same",
    VersionState.REJECTED: "its files are damaged; it can't answer anybody",
}

GATE: Final[Mapping[str, str]] = {
    GateVerdict.FIRST: "let through: no version that could answer was live before it",
    GateVerdict.PASSED: "let through: the low end of its gain clears the shop's bar",
    GateVerdict.FAILED: "held: measured, and not proven better by the shop's bar",
    GateVerdict.NOT_ENOUGH_DATA: "held: too few customers to compare it on, which is never a success",
    GateVerdict.OVERRIDDEN: "let through all the same, by a person or by the shop's settings",
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
    RunState.PUBLISHING: "the gate decides; lists are written to the shop",
    RunState.DONE: "over, with a version",
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
