"""
Load for one address over kept connections, with as little work of its own as Python allows.

Closed: each connection sends its next request when the last was answered; gives requests a second.
Open: requests are due at a steady pace, and time runs from when one was due; gives latency at that pace.
"""

import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import cycle, islice
from urllib.parse import urlsplit

from tools.demo.traffic import percentile

CONNECTIONS = 8
READ_BYTES = 65_536
TIMEOUT_SECONDS = 15.0


class WrongAnswer(Exception):
    """An answer that is not a 200: such a run measures nothing."""


@dataclass(frozen=True)
class Figures:
    """What a run came to."""

    requests: int
    per_second: float
    p50_ms: float
    p99_ms: float


class Connection:
    """One kept HTTP/1.1 connection that only understands Content-Length."""

    def __init__(self, origin: str) -> None:
        address = urlsplit(origin)
        self._host = f"{address.hostname}:{address.port}"
        self._socket = socket.create_connection((address.hostname, address.port), timeout=TIMEOUT_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def get(self, path: str) -> bytes:
        """Return the body of a GET."""
        self._socket.sendall(f"GET {path} HTTP/1.1\r\nHost: {self._host}\r\n\r\n".encode())
        head, body = self._read_head()
        if not head.startswith(b"HTTP/1.1 200 "):
            raise WrongAnswer(f"{path} answered {head[:60]!r} {body[:200]!r}.")
        length = int(_content_length(head))
        while len(body) < length:
            body += self._read()
        return body

    def _read_head(self) -> tuple[bytes, bytes]:
        read = b""
        while b"\r\n\r\n" not in read:
            read += self._read()
        head, _, body = read.partition(b"\r\n\r\n")
        return head, body

    def _read(self) -> bytes:
        read = self._socket.recv(READ_BYTES)
        if not read:
            raise WrongAnswer("The server closed the connection.")
        return read

    def close(self) -> None:
        self._socket.close()


def _content_length(head: bytes) -> bytes:
    found = head.lower().partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0].strip()
    if not found.isdigit():
        raise WrongAnswer("An answer does not say how long it is.")
    return found


def closed(origin: str, paths: Sequence[str], *, seconds: float) -> Figures:
    """Send as fast as the answers come, for a while."""
    end = time.perf_counter() + seconds

    def work(connection: Connection, times: list[float], offset: int) -> None:
        for path in islice(cycle(paths), offset, None):
            began = time.perf_counter()
            if began > end:
                return
            connection.get(path)
            times.append((time.perf_counter() - began) * 1000)

    return _run(origin, work)


def paced(origin: str, paths: Sequence[str], *, per_second: float, seconds: float) -> Figures:
    """Send at a steady pace, whatever the answers do."""
    start = time.perf_counter() + 0.05
    due = iter([start + place / per_second for place in range(int(per_second * seconds))])
    lock = threading.Lock()

    def work(connection: Connection, times: list[float], offset: int) -> None:
        for path in islice(cycle(paths), offset, None):
            with lock:
                moment = next(due, None)
            if moment is None:
                return
            time.sleep(max(0.0, moment - time.perf_counter()))
            connection.get(path)
            times.append((time.perf_counter() - moment) * 1000)

    return _run(origin, work)


def _run(origin: str, work: Callable[[Connection, list[float], int], None]) -> Figures:
    times: list[float] = []
    failures: list[Exception] = []

    def guarded(offset: int) -> None:
        try:
            with closing(Connection(origin)) as connection:
                work(connection, times, offset)
        except (OSError, WrongAnswer) as error:
            failures.append(error)

    began = time.perf_counter()
    threads = [threading.Thread(target=guarded, args=(offset,)) for offset in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    seconds = time.perf_counter() - began
    return Figures(len(times), len(times) / seconds, percentile(times, 0.50), percentile(times, 0.99))
