"""Tasks of the app ``training``."""

from backend.core import clock
from backend.core.queue import Job
from backend.rollouts import queries as rollouts
from backend.training import services
from celery_worker.tasks.base import task_for

# The trainer has its own deadline of an hour; these catch what hangs around it.
SOFT_SECONDS = 70 * 60
HARD_SECONDS = 75 * 60

# At the longest wait between two tries, about two days: an erasure outlasts MLflow's longest outage.
FORGET_TRIES = 600


def _give_up_training(run_id: int, *, reason: str) -> None:
    services.give_up_training(run_id, reason=reason, now=clock.now())


@task_for(Job.TRAIN, on_given_up=_give_up_training, soft_time_limit=SOFT_SECONDS, time_limit=HARD_SECONDS)
def train(run_id: int) -> None:
    """Work off one training run."""
    services.run_training(run_id, clock=clock.now, find_champion=rollouts.find_champion)


@task_for(Job.TRAIN_SWEEP)
def train_sweep() -> None:
    """Find runs that lost their worker or their message."""
    services.sweep(now=clock.now())


@task_for(Job.FORGET_TRACKING, max_retries=FORGET_TRIES)
def forget_tracking(experiment: str) -> None:
    """Let MLflow forget an erased shop."""
    services.forget_tracking(experiment)
