"""Private servers: started by whoever comes first, found by the others, stopped with nothing left."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg2
import pytest
import redis

from backend.config import engines

ROOT = Path(__file__).resolve().parents[3]

pytestmark = pytest.mark.slow


@pytest.fixture
def base() -> Iterator[Path]:
    """Not pytest's own folder: that one closes itself to the account a root user's server runs as."""
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


@pytest.fixture
def folder(base: Path) -> Path:
    return base / "data"


def works(addresses: engines.Engines) -> bool:
    psycopg2.connect(addresses.database_url).close()
    client = redis.Redis.from_url(addresses.redis_url)
    try:
        return bool(client.ping())
    finally:
        client.close()


def postmaster(folder: Path) -> int:
    return int((folder / "postgres" / "postmaster.pid").read_text().splitlines()[0])


def run(command: str, folder: Path) -> str:
    """Ask for something from another process, which then ends."""
    done = subprocess.run(
        [sys.executable, "-m", "backend.config.engines", command, str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_servers_outlive_their_starter_and_are_found_again(folder: Path) -> None:
    try:
        run("start", folder)
        first = postmaster(folder)

        addresses = engines.ensure(folder)

        assert works(addresses)
        assert addresses == engines.plan(folder)
        assert postmaster(folder) == first
    finally:
        engines.stop(folder)
    assert engines.status(folder) == {"postgres": False, "valkey": False}
    assert not psutil.pid_exists(first) or psutil.Process(first).status() == psutil.STATUS_ZOMBIE


def test_data_survives_a_kill_and_a_stale_pid_file(folder: Path) -> None:
    try:
        addresses = engines.ensure(folder)
        with psycopg2.connect(addresses.database_url) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE kept AS SELECT 7 AS number")
        connection.close()
        os.kill(postmaster(folder), signal.SIGKILL)
        time.sleep(0.2)
        # The number in the file now belongs to a stranger: this process.
        file = folder / "postgres" / "postmaster.pid"
        file.write_text("\n".join([str(os.getpid()), *file.read_text().splitlines()[1:]]) + "\n")

        addresses = engines.ensure(folder)

        connection = psycopg2.connect(addresses.database_url)
        with connection.cursor() as cursor:
            cursor.execute("SELECT number FROM kept")
            assert cursor.fetchone() == (7,)
            cursor.execute("SHOW fsync")
            assert cursor.fetchone() == ("on",)
            cursor.execute("SHOW max_connections")
            assert cursor.fetchone() == ("100",)
        connection.close()
    finally:
        engines.stop(folder)


@pytest.mark.parametrize("name", [
    "a-long-name-" * 8 + "/" + "and-another-" * 4,
    "Meine Projekte, 100% (neu) & gut",
    "l'été+#1",
])  # fmt: skip
def test_a_folder_of_any_name_works(base: Path, name: str) -> None:
    folder = base / name
    try:
        assert works(engines.ensure(folder, durable=False))
    finally:
        engines.stop(folder)


def test_a_port_that_went_to_a_stranger_is_given_up(folder: Path) -> None:
    import socket

    planned = engines.plan(folder)
    port = int(planned.redis_url.rpartition(":")[2].partition("/")[0])
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", port))
        stranger.listen()
        try:
            addresses = engines.ensure(folder, durable=False)
            assert addresses.redis_url != planned.redis_url
            assert works(addresses)
        finally:
            engines.stop(folder)


def test_secrets_of_the_servers_are_private(folder: Path) -> None:
    try:
        engines.ensure(folder, durable=False)
        for name in ("engines.json", "valkey/valkey.conf"):
            assert (folder / name).stat().st_mode & 0o077 == 0
        assert (folder / "run").stat().st_mode & 0o077 == 0
    finally:
        engines.stop(folder)


def test_stopping_what_never_ran_is_harmless(folder: Path) -> None:
    engines.stop(folder)

    assert engines.status(folder) == {"postgres": False, "valkey": False}
