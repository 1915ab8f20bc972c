"""
The Celery application. Each queue has a worker process of its own, so that no long job stops a short one:
``celery -A celery_worker.app worker -B -Q control,short,catalog`` beside ``-Q long,train``.

A message is a hint at a row. Of a job with a row it is acknowledged before
the work, of another one after it; every job is safe to do twice.
"""

import sys
from typing import Any

from celery import Celery, Task
from celery.signals import setup_logging, task_prerun

from backend.config import launch
from backend.config.limits import Process

launch.prepare(Process.WORKER)

import django  # noqa: E402 - the settings have to be named first

django.setup()

from django.conf import settings  # noqa: E402
from django.db import close_old_connections  # noqa: E402

from backend.core.queue import Job, Queue  # noqa: E402
from celery_worker.reserved import Acknowledge  # noqa: E402
from celery_worker.schedule import TIMETABLE  # noqa: E402

app = Celery("tailorbird", broker=settings.BROKER_URL)
app.conf.update(
    settings.CELERY,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    # One message at a time: a long job must not sit on short ones that others could do.
    worker_prefetch_multiplier=1,
    # Soft first, so that a job can say it was stopped. Long jobs name longer limits of their own.
    task_soft_time_limit=10 * 60,
    task_time_limit=11 * 60,
    task_default_queue=Queue.SHORT.value,
    task_routes={job.task: {"queue": job.queue.value} for job in Job},
    worker_hijack_root_logger=False,
    worker_cancel_long_running_tasks_on_connection_loss=True,
    # Bounds what the numeric libraries may keep after a training run.
    worker_max_memory_per_child=3_000_000,
    beat_schedule=TIMETABLE,
    beat_schedule_filename=str(settings.DATA_DIR / "beat-schedule"),
    # Celery would open a connection for every job, which costs more than most jobs do. Django says how long
    # one is kept, as in the web process.
    CELERY_DB_REUSE_MAX=sys.maxsize,
)
app.loader.import_module("celery_worker.tasks")
app.steps["consumer"].add(Acknowledge)


@task_prerun.connect
def _look_at_connections(sender: Task[..., Any], **_: Any) -> None:
    """Let go of a connection that broke or grew old before a job begins."""
    if not sender.request.is_eager:
        close_old_connections()


@setup_logging.connect
def _keep_our_logging(**_: Any) -> None:
    """Celery replaces the logging set-up unless someone listens here; ours was made by the settings."""
