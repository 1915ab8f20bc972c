"""The timetable: when each regular job is due, in UTC."""

from datetime import timedelta
from typing import Any

from celery.schedules import crontab

from backend.core.queue import Job


def _entry(job: Job, due: Any) -> dict[str, Any]:
    return {"task": job.task, "schedule": due, "options": {"queue": job.queue.value}}


def _sweep(job: Job, every: timedelta) -> dict[str, Any]:
    entry = _entry(job, every)
    # While a queue is long, the next sweep finds what this one would have found.
    return entry | {"options": entry["options"] | {"expires": every.total_seconds()}}


# A message or a worker that was lost costs at most one turn of the sweep that looks for its row.
TIMETABLE: dict[str, dict[str, Any]] = {
    "job-sweep": _sweep(Job.JOB_SWEEP, timedelta(seconds=10)),
    "webhook-sweep": _sweep(Job.WEBHOOK_SWEEP, timedelta(seconds=10)),
    # What a shopper looked at moves their suggestions within half a minute.
    "features-browsing": _sweep(Job.FEATURES_BROWSING, timedelta(seconds=20)),
    "import-sweep": _sweep(Job.IMPORT_SWEEP, timedelta(minutes=1)),
    "products-sweep": _sweep(Job.PRODUCTS_SWEEP, timedelta(minutes=1)),
    "attribute-sweep": _sweep(Job.ATTRIBUTE_SWEEP, timedelta(seconds=30)),
    "offers-sweep": _sweep(Job.OFFERS_SWEEP, timedelta(minutes=5)),
    # Refresh tokens die after 90 days unused. Weekly leaves twelve tries.
    "token-keepalive": _entry(Job.TOKEN_KEEPALIVE, crontab(minute="17", hour="2", day_of_week="sun")),
    "pixel-sweep": _sweep(Job.PIXEL_SWEEP, timedelta(minutes=1)),
    "subscribe-sweep": _sweep(Job.SUBSCRIBE_SWEEP, timedelta(minutes=5)),
    "data-request-sweep": _entry(Job.DATA_REQUEST_SWEEP, crontab(minute="41", hour="1")),
    "train-sweep": _sweep(Job.TRAIN_SWEEP, timedelta(minutes=1)),
    "publish-sweep": _sweep(Job.PUBLISH_SWEEP, timedelta(minutes=1)),
    "train-weekly": _entry(Job.TRAIN_WEEKLY, crontab(minute="30", hour="3", day_of_week="mon")),
    "watch-hourly": _entry(Job.WATCH_HOURLY, crontab(minute="23")),
    # On Tuesdays the week before is over, and its last visitors had their day to buy.
    "watch-daily": _entry(Job.WATCH_DAILY, crontab(minute="47", hour="2")),
    "measure-holdouts": _entry(Job.MEASURE_HOLDOUTS, crontab(minute="37")),
    # Each rollout once a minute of its plan's day, which a demo may make shorter.
    "measure-rollouts": _sweep(Job.MEASURE_ROLLOUTS, timedelta(seconds=10)),
    # A sale that began is noticed within the hour.
    "rollout-contexts": _entry(Job.ROLLOUT_CONTEXTS, crontab(minute="53")),
    # Harm is undone by the serving processes within seconds; this is for what takes hours.
    "rollout-sweep": _sweep(Job.ROLLOUT_SWEEP, timedelta(seconds=10)),
    # Two weeks ahead, so that most of a day's turns find nothing to make.
    "events-retention": _entry(Job.EVENTS_RETENTION, crontab(minute="5", hour="3")),
    "partitions": _entry(Job.PARTITIONS, crontab(minute="7")),
    # A row is sealed within a minute, though one turn is missed and the next one waits in the queue.
    "sessions-clear": _entry(Job.SESSIONS_CLEAR, crontab(minute="51", hour="4")),
    "ledger-seal": _sweep(Job.LEDGER_SEAL, timedelta(seconds=20)),
    "ledger-verify": _entry(Job.LEDGER_VERIFY, crontab(minute="17", hour="4", day_of_week="mon-sat")),
    # What was verified before may be changed after: once a week all of it is looked at again.
    "ledger-verify-whole": _entry(Job.LEDGER_VERIFY_WHOLE, crontab(minute="17", hour="4", day_of_week="sun")),
    "ledger-anchor": _entry(Job.LEDGER_ANCHOR, crontab(minute="3", hour="4")),
    "ledger-retention": _entry(Job.LEDGER_RETENTION, crontab(minute="33", hour="3")),
    "count-shops": _entry(Job.COUNT_SHOPS, crontab(minute="11")),
    "reconcile": _entry(Job.RECONCILE, crontab(minute="41", hour="1")),
    # Only a whole export tells which products are gone. It comes before the nightly one of its day.
    "reconcile-whole": _entry(Job.RECONCILE_WHOLE, crontab(minute="11", hour="1", day_of_week="sat")),
}
