"""A gunicorn worker that ends without breaking a promise: what it said to keep open it still answers."""

import selectors
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

from gunicorn.workers.gthread import (  # type: ignore[import-untyped]
    _DEFER,
    TConn,
    ThreadWorker,
)


class DrainingWorker(ThreadWorker):  # type: ignore[misc]
    """
    A threaded worker that drains before it closes.

    gunicorn's own lets waiting connections have one more answer, which tells them to close, when a
    worker ends. But it closes those at once whose request was under way at that moment, though their
    answer has said "keep-alive", and those that have not yet sent a byte: under load, every worker
    that was recycled broke some connections whose client had just sent the next request.
    """

    def finish_request(self, conn: TConn, future: "Future[Any]") -> None:
        """Keep a connection that may send another request, also while the worker ends."""
        result = None if self.alive or future.cancelled() or future.exception() else future.result()
        if result is _DEFER:
            self._wait_for(conn, self.pending_conns, self.on_pending_socket_readable)
        elif result:
            self._wait_for(conn, self.keepalived_conns, self.on_client_socket_readable)
        else:
            super().finish_request(conn, future)

    def _wait_for(self, conn: TConn, waiting: Any, answer: Callable[[TConn, Any], None]) -> None:
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + self.cfg.keepalive
        waiting.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(answer, conn))
