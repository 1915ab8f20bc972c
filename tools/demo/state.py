"""What a data folder keeps between two demos: its secrets, its ports, the order file it was filled from."""

import base64
import fcntl
import hashlib
import json
import secrets
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from cryptography.fernet import Fernet

SERVICES = ("devstore", "web", "ui", "mlflow")
LAST_PORT = 65_535
STAFF_USER = "staff"


class Occupied(Exception):
    """Another demo runs on this data folder, or it was filled from other orders."""


@dataclass(frozen=True)
class Secrets:
    """Made once for a data folder; nothing here is known outside this machine."""

    django_secret_key: str
    encryption_keys: str
    ledger_signing_key: str
    api_key: str
    api_secret: str
    staff_password: str
    # Base32: what the app on a phone would be told, to show the codes of the account's second factor.
    staff_secret: str


def read_secrets(data_dir: Path) -> Secrets:
    """
    Return the folder's secrets, making those that are missing.

    The file is the one the development settings of the backend read: tokens that the demo
    encrypted can be read by a `manage.py` command beside it.
    """
    path = data_dir / "secrets.json"
    kept: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    whole = _new_secrets() | kept
    if whole != kept:
        _write_private(path, json.dumps(whole, indent=2))
    return Secrets(
        django_secret_key=whole["DJANGO_SECRET_KEY"],
        encryption_keys=whole["ENCRYPTION_KEYS"],
        ledger_signing_key=whole["LEDGER_SIGNING_KEY"],
        api_key=whole["SHOPIFY_API_KEY"],
        api_secret=whole["SHOPIFY_API_SECRET"],
        staff_password=whole["STAFF_PASSWORD"],
        staff_secret=whole["STAFF_SECRET"],
    )


def _new_secrets() -> dict[str, str]:
    return {
        "DJANGO_SECRET_KEY": secrets.token_urlsafe(50),
        "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "LEDGER_SIGNING_KEY": Fernet.generate_key().decode(),
        "SHOPIFY_API_KEY": secrets.token_hex(16),
        "SHOPIFY_API_SECRET": secrets.token_hex(16),
        "STAFF_PASSWORD": secrets.token_urlsafe(9),
        "STAFF_SECRET": base64.b32encode(secrets.token_bytes(20)).decode(),
    }


def _write_private(path: Path, content: str) -> None:
    draft = path.with_suffix(".draft")
    draft.touch(mode=0o600)
    draft.write_text(content)
    draft.replace(path)


def hold(data_dir: Path) -> IO[str]:
    """
    Return a lock on the folder that ends with this process, however it ends.

    :raises Occupied: if another demo holds it
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    file = (data_dir / "demo.lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise Occupied(f"Another demo is running on {data_dir}. Stop it with Ctrl-C first.") from error
    return file


def choose_ports(data_dir: Path, first: int) -> dict[str, int]:
    """
    Return a free port for each service: the ones it had, else the first free from ``first`` on.

    Addresses are kept where they can be, because the shop's data holds some of them.
    """
    path = data_dir / "ports.json"
    former: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
    ports: dict[str, int] = {}
    for offset, service in enumerate(SERVICES):
        wanted = [former[service]] if service in former else []
        ports[service] = _first_free([*wanted, *_candidates(first, offset)], ports.values())
    path.write_text(json.dumps(ports))
    return ports


def _candidates(first: int, offset: int) -> Iterable[int]:
    if first == 0:
        return (0,)
    return range(first + offset, LAST_PORT, len(SERVICES))


def _first_free(candidates: Iterable[int], taken: Iterable[int]) -> int:
    for port in candidates:
        with socket.socket() as probe:
            # As a server sets it: a port that only holds ended connections counts as free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            found: int = probe.getsockname()[1]
        if found not in taken:
            return found
    raise Occupied("No free port was found.")


def read_orders(data_dir: Path) -> dict[str, Any] | None:
    """Return what the folder's shop was filled from: ``{path, sha256}``, path None for the built-in shop."""
    path = data_dir / "orders.json"
    if not path.exists():
        return None
    kept: dict[str, Any] = json.loads(path.read_text())
    return kept


def remember_orders(data_dir: Path, orders: Path | None) -> None:
    """Write down what the shop is filled from."""
    kept = {"path": str(orders) if orders else None, "sha256": digest(orders) if orders else None}
    (data_dir / "orders.json").write_text(json.dumps(kept))


def same_orders(kept: dict[str, Any] | None, orders: Path | None) -> bool:
    """
    Tell whether a run may go on with the shop that is there.

    Without an order file named, it goes on with whatever the shop holds.

    :raises Occupied: if the shop was filled from something else than the file named
    """
    if kept is None:
        return False
    if orders is not None and kept["sha256"] != digest(orders):
        was = kept["path"] or "the built-in shop"
        raise Occupied(f"The demo's data came from {was}, not from {orders}. Remove it first: make clean")
    return True


def is_filled(data_dir: Path) -> bool:
    """Tell whether the local Shopify has filled its shop; from then on it has a copy of the order file."""
    return (data_dir / "devstore" / "meta.json").exists()


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
