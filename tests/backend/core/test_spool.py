"""Records on disk: what a crash, a full disk and a second process leave of them."""

import errno
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from backend.core import spool
from backend.core.spool import Spool, SpoolUnavailable


def kept(folder: Path) -> list[bytes]:
    """Return the records of all files that nobody writes."""
    return [record for file in spool.adopt(folder) for record in file.records()]


def the_file(folder: Path) -> Path:
    [path] = folder.glob(f"*{spool.SUFFIX}")
    return path


def a_released_spool(folder: Path, *records: bytes) -> Path:
    own = Spool(folder)
    for record in records:
        own.append(record)
    own.release()
    return the_file(folder)


def test_records_come_back_in_their_order_and_once_a_file_what_they_need(tmp_path: Path) -> None:
    own = Spool(tmp_path)
    own.append(b"first", once={b"a": b"needed"})
    own.append(b"second", once={b"a": b"needed", b"b": b"too"})
    own.release()
    own.append(b"third", once={b"a": b"needed"})
    own.release()

    assert kept(tmp_path) == [b"needed", b"first", b"too", b"second", b"needed", b"third"]


def test_a_file_that_is_written_is_nobody_elses(tmp_path: Path) -> None:
    own = Spool(tmp_path)
    own.append(b"mine")

    assert list(spool.adopt(tmp_path)) == []

    own.release()


def test_a_record_is_synced_before_its_writer_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    plain = os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda it: (plain(it), synced.append(os.fstat(it).st_size))[0])
    own = Spool(tmp_path)

    own.append(b"first")
    own.append(b"second")

    assert synced == [spool.HEADER.size + 5, 2 * spool.HEADER.size + 11]
    own.release()


def test_whoever_writes_while_another_syncs_shares_the_next_sync(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    syncs, begun, may_end = [], threading.Event(), threading.Event()

    def slow(_: int) -> None:
        syncs.append(1)
        begun.set()
        assert may_end.wait(10)

    monkeypatch.setattr(os, "fdatasync", slow)
    own = Spool(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(own.append, b"0")
        assert begun.wait(10)
        others = [pool.submit(own.append, b"%d" % number) for number in range(1, 8)]
        while the_file(tmp_path).stat().st_size < 8 * (spool.HEADER.size + 1):
            pass
        may_end.set()
        for one in (first, *others):
            one.result(10)
    own.release()

    # The last of them may have written and not told of it when the first sync ends: then there is a third.
    assert len(syncs) in {2, 3}
    assert sorted(kept(tmp_path)) == [b"%d" % number for number in range(8)]


def test_a_record_that_was_cut_off_ends_its_file_and_takes_none_before_it(tmp_path: Path) -> None:
    path = a_released_spool(tmp_path, b"whole", b"cut off")
    whole = path.read_bytes()
    for length in range(spool.HEADER.size + 5 + 1, len(whole)):
        path.write_bytes(whole[:length])

        with capture_logs() as logs:
            assert kept(tmp_path) == [b"whole"], length
        assert [one["event"] for one in logs] == ["spool_cut_off"]


def test_a_record_that_was_changed_is_told_of_and_takes_no_other_along(tmp_path: Path) -> None:
    path = a_released_spool(tmp_path, b"first", b"second", b"third")
    path.write_bytes(path.read_bytes().replace(b"second", b"sEcond"))

    with capture_logs() as logs:
        assert kept(tmp_path) == [b"first", b"third"]
    assert [(one["event"], one["log_level"]) for one in logs] == [("spool_damaged", "error")]


def test_half_a_record_is_taken_back_and_the_next_one_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Spool(tmp_path)
    own.append(b"before")
    plain = os.write
    with monkeypatch.context() as full:
        full.setattr(os, "write", lambda file, data: plain(file, data[: len(data) // 2]))
        with pytest.raises(SpoolUnavailable, match="ENOSPC"):
            own.append(b"does not fit", once={b"a": b"needed"})

    own.append(b"after", once={b"a": b"needed"})
    own.release()

    assert kept(tmp_path) == [b"before", b"needed", b"after"]


def test_a_full_folder_takes_no_record_and_makes_no_files(tmp_path: Path) -> None:
    small = spool.HEADER.size + 4
    own = Spool(tmp_path, most_bytes=small)
    own.append(b"four")
    other = Spool(tmp_path, most_bytes=small)

    for one in (own, other):
        with pytest.raises(SpoolUnavailable, match="ENOSPC"):
            one.append(b"more")

    own.release()
    assert kept(tmp_path) == [b"four"]
    assert len(list(tmp_path.iterdir())) == 1


def test_after_a_sync_that_failed_another_file_is_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Spool(tmp_path)
    own.append(b"first")

    def fail(_: int) -> None:
        raise OSError(errno.EIO, "The disk is broken.")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fdatasync", fail)
        with pytest.raises(SpoolUnavailable, match="EIO"):
            own.append(b"perhaps")

    own.append(b"second")
    own.release()

    assert {b"first", b"second"} <= set(kept(tmp_path))
    assert len(list(tmp_path.iterdir())) == 2


DIES = """
import os, sys
from pathlib import Path
from backend.core.spool import Spool
Spool(Path(sys.argv[1])).append(b"promised")
print("written", flush=True)
sys.stdin.read()
"""


def test_the_file_of_a_process_that_was_killed_is_adopted_by_one_of_two(tmp_path: Path) -> None:
    command = [sys.executable, "-c", DIES, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert kept(tmp_path) == []
        process.kill()

    first: Any = spool.adopt(tmp_path)
    adopted = next(first)
    meanwhile = kept(tmp_path)
    found = list(adopted.records())
    adopted.remove()
    assert list(first) == []

    assert (found, meanwhile, kept(tmp_path)) == ([b"promised"], [], [])


def test_a_file_that_was_removed_while_another_opened_it_is_not_adopted_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = a_released_spool(tmp_path, b"once")
    plain = os.open

    def open_late(file: Any, *args: Any) -> int:
        descriptor = plain(file, *args)
        path.unlink(missing_ok=True)
        return descriptor

    monkeypatch.setattr(os, "open", open_late)

    assert list(spool.adopt(tmp_path)) == []
