"""What crosses the boundary of training."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from backend.core.errors import Corrupt, Refused, Unavailable

# A live run whose worker has been silent for this long has lost it. The trainer
# reports every two seconds; an export of a large shop is silent the longest.
SILENCE = timedelta(minutes=3)

# A run that is still waiting after this long has lost its message.
WAITING = timedelta(minutes=10)

# A run that killed its worker this often would kill the next one too.
MAX_ATTEMPTS = 3


class RunState(StrEnum):
    """Where a training run stands."""

    QUEUED = "QUEUED"  # waiting for a worker
    EXPORTING = "EXPORTING"  # writing and checking the dataset
    TRAINING = "TRAINING"  # fitting the models
    EVALUATING = "EVALUATING"  # measuring them on the latest weeks
    REGISTERING = "REGISTERING"  # storing the artifact and its lineage
    DONE = "DONE"  # over: its version is registered, and what becomes of it is the release's to say
    FAILED = "FAILED"  # over, with an error; the former version keeps serving
    CANCELLED = "CANCELLED"  # over, because a person or an uninstall said so


LIVE = frozenset(
    {
        RunState.QUEUED,
        RunState.EXPORTING,
        RunState.TRAINING,
        RunState.EVALUATING,
        RunState.REGISTERING,
    }
)
FINAL = frozenset(RunState) - LIVE

# States in which a worker holds the run.
HELD = frozenset({RunState.EXPORTING, RunState.TRAINING, RunState.EVALUATING, RunState.REGISTERING})


class Reason(StrEnum):
    """Why a run was asked for."""

    INSTALL = "install"
    MANUAL = "manual"
    SCHEDULE = "schedule"
    CONVERSION = "conversion"
    METRIC = "metric"
    DRIFT = "drift"
    UNREADABLE = "unreadable"


# As the ledger of acts says it, which merchants read.
WHY: Final[Mapping[Reason, str]] = {
    Reason.INSTALL: "The orders came in after the installation.",
    Reason.MANUAL: "It was asked for by hand.",
    Reason.SCHEDULE: "It was time for the regular training.",
    Reason.CONVERSION: "Fewer visitors bought.",
    Reason.METRIC: "Suggestions matched what was bought less often.",
    Reason.DRIFT: "The shop has changed.",
    Reason.UNREADABLE: "The model in use could not be read.",
}


class AlreadyRunning(Refused):
    """The shop has a live run."""

    code = "already_running"
    status = 409


class UnknownRun(Refused):
    """No such run in this shop."""

    code = "unknown_run"
    status = 404


class BadDataset(Corrupt):
    """The exported dataset failed its checks; nothing may be trained on it."""

    code = "bad_dataset"


class TrainerFailed(Corrupt):
    """The trainer process ended without a model."""

    code = "trainer_failed"


class TrackingUnavailable(Unavailable):
    """MLflow can't be told something now. Nothing but its own records depends on it."""

    code = "tracking_unavailable"


class TrainerOutOfMemory(Unavailable):
    """The trainer process was killed for memory. Half the batch may fit."""

    code = "out_of_memory"


@dataclass(frozen=True, slots=True)
class Point:
    """One point of the learning curve."""

    step: int
    epoch: int
    seconds: float
    train_loss: float | None
    validation_ndcg: float | None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the trainer is. ``fraction`` runs 0..1 over the whole run of the trainer."""

    state: RunState
    epoch: int = 0
    epochs: int = 0
    fraction: float = 0.0
    message: str = ""
    curve: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """One training run as other apps see it."""

    id: UUID
    shop_id: int
    state: RunState
    reason: Reason
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    progress: Progress
    error: str
    version_id: UUID | None


@dataclass(frozen=True, slots=True)
class DatasetFacts:
    """Rows that break a promise of the dataset, counted once after the export."""

    missing_users: int
    bad_prices: int
    bad_quantities: int
    after_until: int


@dataclass(frozen=True, slots=True)
class Checks:
    """The result of the checks: every broken promise in plain words."""

    failures: tuple[str, ...] = field(default_factory=tuple)

    @property
    def is_passed(self) -> bool:
        """Whether training may go on."""
        return not self.failures
