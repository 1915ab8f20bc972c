"""
The account that a root user's PostgreSQL runs as, and a place for what that account has to reach.

PostgreSQL refuses to run as root. Where its account may not enter the data folder, because that lies
in a closed home folder, the server's files live under ``/var/lib`` and a link in the data folder leads
to them. No permission of a folder that we did not make is ever changed.
"""

import contextlib
import hashlib
import itertools
import os
import pwd
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

NAME: Final = "nobody"
HOMES: Final = Path("/var/lib/tailorbird")
DATABASE: Final = "postgres"
OWNER: Final = "data-folder"


class NoHome(Exception):
    """There is no place that the account may enter, or it is another data folder's."""


def identity() -> dict[str, Any]:
    """Return the arguments that make a subprocess run as the account; none where the user isn't root."""
    if os.geteuid() != 0:
        return {}
    account = pwd.getpwnam(NAME)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def may_enter(folder: Path) -> bool:
    """Tell whether the account may enter a folder, by trying: access lists and mounts have a say, too."""
    if os.geteuid() != 0:
        return True
    asked = ["/bin/sh", "-c", 'cd "$1"', "sh", str(folder)]
    done = subprocess.run(asked, cwd="/", capture_output=True, check=False, **identity())  # noqa: S603 - ours
    return done.returncode == 0


def give(*paths: Path) -> None:
    """Make the account the owner of some paths, where the user is root."""
    who = identity()
    for path in paths if who else ():
        os.chown(path, who["user"], who["group"], follow_symlinks=False)


def give_all(folder: Path) -> None:
    """Make the account the owner of a folder and of all below it, where the user is root."""
    give(folder, *folder.rglob("*"))


def find_home(data_dir: Path) -> Path:
    """Return where the server's files of a data folder are: elsewhere, or in the data folder itself."""
    link = data_dir / DATABASE
    if link.is_symlink() and _owner(link.readlink().parent) == data_dir:
        return link.readlink().parent
    return data_dir


def plan_home(data_dir: Path) -> Path:
    """Return where ``make_home`` will find or make a place, making none."""
    link = data_dir / DATABASE
    if link.is_symlink() and _owner(link.readlink().parent) is not None:
        return link.readlink().parent
    return data_dir if may_enter(data_dir) else _own_home(data_dir)


def is_stranded(data_dir: Path) -> bool:
    """Tell whether a database lies where its account may no longer go."""
    database = data_dir / DATABASE
    return database.is_dir() and not database.is_symlink() and not may_enter(data_dir)


def make_home(data_dir: Path) -> Path:
    """
    Return where the server's files of a data folder are, finding a place for them once.

    A database that is stranded is taken along; the caller has stopped its server.

    :raises NoHome: if there is no such place, or the data folder is a copy of one that has its server
    """
    database = data_dir / DATABASE
    if database.is_symlink():
        _claim(database)
    if database.is_symlink() or may_enter(data_dir):
        return find_home(data_dir)
    made = _make_folder(_own_home(data_dir))
    if database.exists():
        shutil.move(database, made / DATABASE)
        give_all(made / DATABASE)
    (made / OWNER).write_text(str(data_dir))
    database.symlink_to(made / DATABASE)
    return made


def remove_home(data_dir: Path) -> None:
    """Remove the server's files where they lie outside the data folder. Their server has ended."""
    if (found := find_home(data_dir)) != data_dir:
        shutil.rmtree(found)
        (data_dir / DATABASE).unlink()
        with contextlib.suppress(OSError):
            HOMES.rmdir()  # the last one


def _owner(home: Path) -> Path | None:
    file = home / OWNER
    return Path(file.read_text()) if file.exists() else None


def _claim(link: Path) -> None:
    """
    Let a data folder that was moved keep its database.

    A link whose files are gone is removed; one that came along in a copy is refused.
    """
    home, data_dir = link.readlink().parent, link.parent
    owner = _owner(home)
    if owner is None:
        link.unlink()
    elif owner != data_dir and find_home(owner) == home:
        raise NoHome(
            f"{data_dir} is a copy of {owner}, to which the database in {home} belongs. "
            f"Remove {link} to start with an empty one."
        )
    else:
        (home / OWNER).write_text(str(data_dir))


def _own_home(data_dir: Path) -> Path:
    """Return the place under ``HOMES`` that a data folder has or would get."""
    for turn in itertools.count():
        # A folder that was moved keeps its place, so a new one in its stead takes another.
        home = HOMES / hashlib.sha256(f"{turn}:{data_dir}".encode()).hexdigest()[:12]
        if _owner(home) in {None, data_dir}:
            return home
    raise AssertionError("There is no end to the turns.")


def _make_folder(made: Path) -> Path:
    why = f"PostgreSQL can't run as root, and its account {NAME} may not enter the data folder"
    advice = "Put the project where every user may enter, or set DATABASE_URL and REDIS_URL."
    try:
        for folder in (HOMES, made):
            if not folder.exists():
                folder.mkdir()
                folder.chmod(0o755)
    except OSError as error:
        raise NoHome(f"{why}; {made} can't be made: {error.strerror}. {advice}") from error
    if not may_enter(made):
        made.rmdir()
        raise NoHome(f"{why}, nor {HOMES}. {advice}")
    return made
