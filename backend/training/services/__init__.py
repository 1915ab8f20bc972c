"""Writes of training: ask for a run, work it off, clean up after dead workers."""

from backend.training.services.asking import (
    cancel_all,
    ensure_first_training,
    give_up_training,
    request_training,
    sweep,
)
from backend.training.services.looking_back import look_back
from backend.training.services.tracking import experiment_of, forget_tracking, track_release
from backend.training.services.working import run_training

__all__ = [
    "cancel_all",
    "ensure_first_training",
    "experiment_of",
    "forget_tracking",
    "give_up_training",
    "look_back",
    "request_training",
    "run_training",
    "sweep",
    "track_release",
]
