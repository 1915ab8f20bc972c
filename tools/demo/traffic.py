"""Requests at a steady pace over kept connections, each timed from the moment it was due."""

import http.client
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from urllib.parse import urlsplit

# A late answer delays only its own connection, so the pace holds while fewer than these are slow at once.
CONNECTIONS = 8
TIMEOUT_SECONDS = 15.0


@dataclass(frozen=True)
class Visit:
    """
    One request of a shopper: where to, and the cookie that says who.

    :param may_be_empty: the shop has no other product that could be recommended there
    """

    path: str
    cookie: str = ""
    may_be_empty: bool = False


@dataclass(frozen=True)
class Answer:
    """What came back, and after how long."""

    visit: Visit
    status: int
    body: bytes
    milliseconds: float


Tick = Callable[[int], None]


def send(origin: str, visits: Sequence[Visit], *, per_second: float, tick: Tick) -> list[Answer]:
    """
    Send the visits in order, one every ``1 / per_second`` seconds, whatever the answers do.

    Time runs from the moment a visit was due, so waiting for a slow answer before it is counted
    and not hidden. A kept connection that ended before a byte of the answer came is opened anew and
    the GET sent once more, which is safe; one that breaks otherwise gives status 0.

    :param tick: called with the number of answers so far, from several threads
    """
    run = _Run(origin, visits, per_second, tick)
    workers = [threading.Thread(target=run.work, name="shopper", daemon=True) for _ in range(CONNECTIONS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return run.answers


class _Run:
    def __init__(self, origin: str, visits: Sequence[Visit], per_second: float, tick: Tick) -> None:
        self._address = urlsplit(origin)
        self._tick = tick
        self._lock = threading.Lock()
        start = time.monotonic() + 0.05
        self._due = iter([(start + place / per_second, visit) for place, visit in enumerate(visits)])
        self.answers: list[Answer] = []

    def work(self) -> None:
        """Take the next visit that is due until none is left."""
        connection = self._connect()
        while (next_visit := self._take()) is not None:
            due, visit = next_visit
            time.sleep(max(0.0, due - time.monotonic()))
            status, body = self._fetch(connection, visit)
            self._keep(Answer(visit, status, body, (time.monotonic() - due) * 1000))
            if status == 0:
                connection.close()
        connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        host = self._address.hostname or "127.0.0.1"
        return http.client.HTTPConnection(host, self._address.port, timeout=TIMEOUT_SECONDS)

    def _take(self) -> tuple[float, Visit] | None:
        with self._lock:
            return next(self._due, None)

    def _fetch(self, connection: http.client.HTTPConnection, visit: Visit) -> tuple[int, bytes]:
        try:
            response = self._ask(connection, visit)
            return response.status, response.read()
        except (OSError, http.client.HTTPException):
            return 0, b""

    def _ask(self, connection: http.client.HTTPConnection, visit: Visit) -> http.client.HTTPResponse:
        headers = {"Accept": "application/json"} | ({"Cookie": visit.cookie} if visit.cookie else {})
        was_kept = connection.sock is not None
        try:
            connection.request("GET", visit.path, headers=headers)
            return connection.getresponse()
        except ConnectionError:
            if not was_kept:
                raise
        connection.close()
        return self._ask(connection, visit)

    def _keep(self, answer: Answer) -> None:
        with self._lock:
            self.answers.append(answer)
            so_far = len(self.answers)
        self._tick(so_far)


def percentile(values: Sequence[float], share: float) -> float:
    """
    Return the smallest value that at least this share of the values does not exceed.

    The nearest-rank definition: always a value that was measured.

    :raises ValueError: if there are no values
    """
    if not values:
        raise ValueError("There is no percentile of nothing.")
    return sorted(values)[max(0, ceil(share * len(values)) - 1)]
