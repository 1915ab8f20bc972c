"""
Records that wait on disk for a server that is away: an append-only file of each process.

A record is its length, its CRC-32 and its bytes. It is synced before its writer goes on; whoever writes at
that moment shares the sync. A file is locked while its process writes it. Once that lets it go, because it
starts another one or has died, any process may take it over (:func:`adopt`), and removes it when all of it is
where it belongs. A record may be handed over more than once: what takes it has to know it again.
"""

import errno
import fcntl
import os
import struct
import threading
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import structlog

from .errors import Unavailable, describe
from .ids import uuid7

log = structlog.get_logger(__name__)

# Length and CRC-32 of a record's bytes.
HEADER: Final = struct.Struct(">II")
SUFFIX: Final = ".spool"
# What the files of a folder may take together: at 1 kB a record some 250,000 of them.
MOST_BYTES: Final = 256 * 1024 * 1024
NOTHING: Final[Mapping[bytes, bytes]] = {}


class SpoolUnavailable(Unavailable):
    """The disk takes no record."""

    code = "spool_unavailable"


class Spool:
    """
    The file that this process writes, made when its first record comes.

    :param folder: of all processes' files
    :param most_bytes: what the folder may hold
    """

    def __init__(self, folder: Path, *, most_bytes: int = MOST_BYTES) -> None:
        self.folder = folder
        self.most_bytes = most_bytes
        self._lock = threading.Lock()
        self._file: _File | None = None

    def append(self, record: bytes, *, once: Mapping[bytes, bytes] = NOTHING) -> None:
        """
        Append one record, and return when it is on disk.

        :param once: records by name that this one needs before it; each is written once a file
        :raises SpoolUnavailable: if the disk is full or fails. The record is on no file then, unless it was
            the sync that failed
        """
        try:
            with self._lock:
                file = self._writable()
                end = file.write(record, once)
            file.sync(end)
        except OSError as error:
            raise SpoolUnavailable(f"A record can't be kept on disk: {describe(error)}.") from error

    def release(self) -> None:
        """Let go of the file, so that it can be adopted; the next record begins another one."""
        with self._lock:
            file, self._file = self._file, None
        if file is not None:
            file.close()

    def _writable(self) -> "_File":
        if self._file is not None and not self._file.is_sound:
            former, self._file = self._file, None
            former.close()
        if self._file is None:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Rarely looked at: what other processes write meanwhile may exceed it by as much as they do.
            room = self.most_bytes - _taken(self.folder)
            if room <= 0:
                raise _full()
            self._file = _File(self.folder, room=room)
        return self._file


class _File:
    """One file, locked by this process."""

    def __init__(self, folder: Path, *, room: int) -> None:
        name = uuid7().hex
        draft = folder / f"{name}.draft"
        # Locked before it has the name by which others look for files to adopt.
        self._descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        draft.rename(folder / f"{name}{SUFFIX}")
        _sync_folder(folder)
        self._room = room
        self._written = self._synced = 0
        self._names: set[bytes] = set()
        self._syncing = threading.Lock()
        # False once nobody knows what is in it; what was synced before stays promised.
        self.is_sound = True

    def write(self, record: bytes, once: Mapping[bytes, bytes]) -> int:
        """Write a record behind those that it needs, all or nothing; return where it ends."""
        new = {name: body for name, body in once.items() if name not in self._names}
        framed = b"".join(HEADER.pack(len(one), zlib.crc32(one)) + one for one in (*new.values(), record))
        if self._written + len(framed) > self._room:
            raise _full()
        try:
            if os.write(self._descriptor, framed) < len(framed):
                raise _full()
        except OSError:
            # Nothing may follow half a record.
            self.is_sound = False
            os.ftruncate(self._descriptor, self._written)
            self.is_sound = True
            raise
        self._names |= new.keys()
        self._written += len(framed)
        return self._written

    def sync(self, end: int) -> None:
        """Return when all up to a place is on disk; one sync serves whoever waits for it."""
        with self._syncing:
            if self._synced >= end:
                return
            if not self.is_sound:
                # What failed once is told as done the next time: the system has forgotten it.
                raise OSError(errno.EIO, "A sync has failed before.")
            upto = self._written
            try:
                os.fdatasync(self._descriptor)
            except OSError:
                self.is_sound = False
                raise
            self._synced = upto

    def close(self) -> None:
        """Close the file, with which its lock ends; whoever waits for a sync has it first."""
        with suppress(OSError):
            self.sync(self._written)
        with self._syncing:
            self.is_sound = False
            os.close(self._descriptor)


def _full() -> OSError:
    return OSError(errno.ENOSPC, "There is no room for a record.")


def _taken(folder: Path) -> int:
    sizes = 0
    for path in folder.glob(f"*{SUFFIX}"):
        # Another process may remove it at this moment.
        with suppress(FileNotFoundError):
            sizes += path.stat().st_size
    return sizes


def _sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Adopted:
    """A file that nobody writes any more, locked by who reads it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def records(self) -> Iterator[bytes]:
        """Yield the whole records in their order. One that was cut off, and so never promised, ends them."""
        with self.path.open("rb") as file:
            while header := file.read(HEADER.size):
                length, checksum = HEADER.unpack(header) if len(header) == HEADER.size else (0, -1)
                record = file.read(length)
                if len(record) < length or len(header) < HEADER.size:
                    log.warning("spool_cut_off", file=self.path.name, bytes=len(header) + len(record))
                    return
                if zlib.crc32(record) != checksum:
                    # Its length may be as wrong; then the next one is found broken too.
                    log.error("spool_damaged", file=self.path.name, bytes=length)
                    continue
                yield record

    def remove(self) -> None:
        """Remove the file: all of it is where it belongs."""
        self.path.unlink()


def adopt(folder: Path) -> Iterator[Adopted]:
    """Yield the files that no process writes, the oldest first, each locked while it is looked at."""
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        with _locked(path) as is_ours:
            if is_ours:
                yield Adopted(path)


@contextmanager
def _locked(path: Path) -> Iterator[bool]:
    """Lock a file that is there and not locked by anybody."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        yield False
        return
    try:
        yield _locks(descriptor)
    finally:
        os.close(descriptor)


def _locks(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    # Whoever had it before may have removed it after we opened it.
    return os.fstat(descriptor).st_nlink > 0
