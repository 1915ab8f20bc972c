"""
Load for one address over kept connections, with as little work of its own as Python allows.

Closed: each connection sends its next request when the last was answered; gives requests a second.
Open: requests are due at a steady pace, and time runs from when one was due; gives latency at that pace.

A server may end a connection: a worker that is replaced says so in its last answer, and the next request
opens another one. A kept connection that ended unannounced is opened anew and its GET sent once more,
which is safe; how often that happened stands beside the figures. All else ends the run.
"""

import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any
from urllib.parse import urlsplit

from tools.demo.traffic import percentile

CONNECTIONS = 8
READ_BYTES = 65_536
TIMEOUT_SECONDS = 15.0
NO_HEADERS: Mapping[str, str] = {}

# What kind of answer a head and a body are, in whatever words the caller counts them by.
KindOf = Callable[[bytes, bytes], str]


def same_kind(head: bytes, body: bytes) -> str:
    """Tell no kinds apart."""
    return "answer"


class WrongAnswer(Exception):
    """An answer that is not a 200: such a run measures nothing."""


class Stale(Exception):
    """A kept connection ended before a byte of the answer came, as idle ones may at any time."""


@dataclass(frozen=True)
class Figures:
    """
    What a run came to.

    :param retried: requests that were sent again because a kept connection had ended unannounced
    :param times_ms: how long each took
    :param kinds: how many answers were of each kind, where somebody told kinds apart
    """

    requests: int
    per_second: float
    p50_ms: float
    p99_ms: float
    retried: int
    times_ms: tuple[float, ...] = field(repr=False)
    kinds: Counter[str] = field(default_factory=Counter)


class Connection:
    """One kept HTTP/1.1 connection that only understands Content-Length; opened again when it ends."""

    def __init__(self, origin: str) -> None:
        address = urlsplit(origin)
        self._address = (address.hostname or "127.0.0.1", address.port or 80)
        self._host = f"{address.hostname}:{address.port}"
        self._socket: socket.socket | None = None
        self._has_answered = False
        self.retried = 0
        # Of the last answer.
        self.head = b""

    def get(self, path: str) -> bytes:
        """Return the body of a GET."""
        asked = self._head("GET", path)
        try:
            return self._ask(path, asked, "200")
        except Stale:
            self.retried += 1
            return self._ask(path, asked, "200")

    def post(self, path: str, body: bytes, headers: Mapping[str, str], *, status: str = "200") -> bytes:
        """
        Return the body of the answer to a POST, which is sent once.

        :raises Stale: if a kept connection had ended before a byte of the answer came
        """
        sized = {**headers, "Content-Length": str(len(body))}
        return self._ask(path, self._head("POST", path, sized) + body, status)

    def _head(self, method: str, path: str, headers: Mapping[str, str] = NO_HEADERS) -> bytes:
        lines = [
            f"{method} {path} HTTP/1.1",
            f"Host: {self._host}",
            *(f"{n}: {v}" for n, v in headers.items()),
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def _ask(self, path: str, request: bytes, status: str) -> bytes:
        connection = self._open()
        try:
            connection.sendall(request)
            read = connection.recv(READ_BYTES)
        except ConnectionError as error:
            raise self._ended() from error
        if not read:
            raise self._ended()
        head, body = self._read_head(connection, read)
        if not head.startswith(f"HTTP/1.1 {status} ".encode()):
            raise WrongAnswer(f"{path} answered {head[:60]!r} {body[:200]!r}.")
        length = int(_header(head, b"content-length"))
        while len(body) < length:
            body += self._read(connection)
        self._has_answered, self.head = True, head
        if _header(head, b"connection") == b"close":
            self.close()
        return body

    def _open(self) -> socket.socket:
        if self._socket is None:
            self._socket = socket.create_connection(self._address, timeout=TIMEOUT_SECONDS)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._has_answered = False
        return self._socket

    def _ended(self) -> Exception:
        """Return what it means that the connection ended before an answer began."""
        was_kept = self._has_answered
        self.close()
        return Stale() if was_kept else WrongAnswer("The server closed a new connection without an answer.")

    def _read_head(self, connection: socket.socket, read: bytes) -> tuple[bytes, bytes]:
        while b"\r\n\r\n" not in read:
            read += self._read(connection)
        head, _, body = read.partition(b"\r\n\r\n")
        return head, body

    def _read(self, connection: socket.socket) -> bytes:
        read = connection.recv(READ_BYTES)
        if not read:
            raise WrongAnswer("The server closed the connection in the middle of an answer.")
        return read

    def close(self) -> None:
        """Close the connection; the next request opens it again."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _header(head: bytes, name: bytes) -> bytes:
    found = head.lower().partition(b"\r\n" + name + b":")[2].partition(b"\r\n")[0].strip()
    if name == b"content-length" and not found.isdigit():
        raise WrongAnswer("An answer does not say how long it is.")
    return found


Send = Callable[[Connection, Any], bytes]


def closed(
    origin: str,
    asks: Sequence[Any],
    *,
    seconds: float,
    kind_of: KindOf = same_kind,
    send: Send = Connection.get,
) -> Figures:
    """
    Send as fast as the answers come, for a while.

    :param asks: paths, or whatever else ``send`` knows how to ask
    """
    end = time.perf_counter() + seconds

    def moments() -> Iterator[float]:
        while (began := time.perf_counter()) < end:
            yield began

    return _run(origin, asks, moments, kind_of, send)


def paced(
    origin: str,
    paths: Sequence[str],
    *,
    per_second: float,
    seconds: float,
    kind_of: KindOf = same_kind,
) -> Figures:
    """Send at a steady pace, whatever the answers do."""
    start = time.perf_counter() + 0.05
    due = iter([start + place / per_second for place in range(int(per_second * seconds))])
    return _run(origin, paths, lambda: due, kind_of, Connection.get)


def _run(
    origin: str,
    asks: Sequence[Any],
    moments: Callable[[], Iterator[float]],
    kind_of: KindOf,
    send: Send,
) -> Figures:
    """
    Send on all connections, in the order of the list.

    :param moments: what tells a connection when its next request is due, from which it is timed
    """
    times: list[float] = []
    retried: list[int] = []
    kinds: list[str] = []
    failures: list[Exception] = []
    # One for all: were each connection to walk the list by itself, all would ask the same at the same time,
    # and a cache in the server would look good. To take the next one is a single step of the interpreter.
    asked = cycle(asks)

    def work() -> None:
        try:
            with closing(Connection(origin)) as connection:
                for moment in moments():
                    _wait_until(moment)
                    body = send(connection, next(asked))
                    times.append((time.perf_counter() - moment) * 1000)
                    kinds.append(kind_of(connection.head, body))
                retried.append(connection.retried)
        except (OSError, WrongAnswer) as error:
            failures.append(error)

    began = time.perf_counter()
    threads = [threading.Thread(target=work) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    seconds = time.perf_counter() - began
    return Figures(
        requests=len(times),
        per_second=len(times) / seconds,
        p50_ms=percentile(times, 0.50),
        p99_ms=percentile(times, 0.99),
        retried=sum(retried),
        times_ms=tuple(times),
        kinds=Counter(kinds),
    )


def _wait_until(moment: float) -> None:
    left = moment - time.perf_counter()
    if left > 0:
        time.sleep(left)
