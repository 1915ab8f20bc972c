"""
gunicorn's configuration: ``gunicorn -c backend/config/gunicorn.py``.

Threads, because most of a request is waiting for PostgreSQL; two workers,
because the smallest host has two cores. Workers load the application
themselves: a model loaded before the fork would share broken thread pools.
"""

import sys
from contextlib import suppress
from typing import Any

from backend.config import env, launch
from backend.config.limits import Process
from backend.config.server_log import JsonLogger
from backend.core import metrics

launch.prepare(Process.WEB)

wsgi_app = "backend.config.wsgi:application"
bind = f"0.0.0.0:{env.PORT}"
worker_class = "backend.config.draining.DrainingWorker"
workers = 2
threads = 4
preload_app = False
# Only bounds what a slow leak can grow to: 500 bytes a request would be 1 GB by then. A new worker costs
# seconds of half the capacity, so at 500 requests a second it comes every two hours and not every 200 s.
# The jitter keeps both workers from restarting at once.
max_requests = 2_000_000
max_requests_jitter = 500_000
timeout = 30
# Longer than keepalive, so that a worker that ends sees every waiting connection send or expire.
graceful_timeout = 20
keepalive = 15
backlog = 512
limit_request_line = 8190
forwarded_allow_ips = "*"
accesslog = "-"
# Nobody steers the server at run time, and its socket would lie in the home folder of whoever started it.
control_socket_disable = True


logger_class = JsonLogger


# A worker that takes longer to load its models begins without them, well before `timeout` takes it for stuck.
WARM_UP_SECONDS = 15
# What a worker that ends gives a database that hangs: well within `graceful_timeout`.
LAST_WRITES_SECONDS = 5


def worker_exit(server: Any, worker: Any) -> None:
    """Write what a worker counted and did not write yet; a database that is down by then is forgiven."""
    # One that never began has loaded nothing, and counted nothing.
    events, serving = (sys.modules.get(f"backend.{app}.views") for app in ("events", "serving"))
    if events is None or serving is None:
        return
    from django.db import Error

    from backend.core import database

    # One for all: after one has waited in vain the others don't.
    patience = database.Patience(LAST_WRITES_SECONDS)
    for write in (events.collector.flush, serving.desk.guard.stop, serving.shipper.stop):
        with suppress(Error), patience:
            write()


def on_starting(server: Any) -> None:
    """Let the workers to come count together."""
    metrics.share()


def on_exit(server: Any) -> None:
    """Leave no file of what the workers counted."""
    metrics.stop_sharing()


def post_worker_init(worker: Any) -> None:
    """Load the code and the live models of a new worker before it takes its first request, and keep watch."""
    from django.urls import get_resolver

    from backend.core import database
    from backend.serving.views import desk, shipper

    metrics.take_slot(worker.age)
    database.bound_waits()
    database.bound_looks()

    # Threads of their own: they must begin after the fork, which threads don't survive.
    desk.guard.start()
    shipper.start()
    get_resolver().url_patterns  # noqa: B018 - asked for, they are imported
    desk.warmer.start().wait(timeout=WARM_UP_SECONDS)
