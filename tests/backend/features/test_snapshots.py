"""Snapshots of datasets: kept while a version names them, gone when a customer in them wants it."""

import json
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from backend.features import queries, services
from backend.features.gateway import snapshots
from backend.features.gateway.datafiles import file_sha256
from backend.features.values import Dataset
from backend.shops.models import Shop
from tests.backend.history import NOW, a_product, a_shop, an_order

# Outside a test's transaction, because an export sets its own isolation level.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis_server")]

pytest.importorskip("pyarrow.parquet")

ALICE = "a" * 32
BOB = "b" * 32


@pytest.fixture
def root(tmp_path: Path, settings: Any) -> Path:
    settings.SNAPSHOT_ROOT = tmp_path / "snapshots"
    return tmp_path / "snapshots"


@pytest.fixture
def shop() -> Shop:
    """A shop in which Alice bought three days ago and Bob two days ago."""
    made = a_shop()
    a_product(made, 10)
    an_order(made, [10], customer_key=ALICE, at=NOW - timedelta(days=3))
    an_order(made, [10], customer_key=BOB, at=NOW - timedelta(days=2))
    services.rebuild(made.id)
    return made


def an_export(shop: Shop, tmp_path: Path, *, days_ago: float = 0) -> Dataset:
    until = NOW - timedelta(days=days_ago)
    return queries.export(shop.id, until=until, folder=tmp_path / f"export {days_ago}")


def keep(shop: Shop, dataset: Dataset, named: frozenset[str] = frozenset()) -> None:
    services.keep_snapshot(shop.id, dataset, named=named, now=NOW)


def lying(root: Path, shop: Shop) -> set[str]:
    return {path.name for path in (root / str(shop.uuid)).iterdir() if path.name != snapshots.MARK}


def test_a_snapshot_lies_under_its_hash_and_vouches_for_its_files(
    shop: Shop, root: Path, tmp_path: Path
) -> None:
    dataset = an_export(shop, tmp_path)

    keep(shop, dataset)

    folder = root / str(shop.uuid) / dataset.sha256
    facts = json.loads((folder / "dataset.json").read_text())
    assert facts["files"] == {
        name: file_sha256(folder / name) for name in ("interactions.parquet", "items.parquet")
    }


def test_the_same_content_is_kept_once(shop: Shop, root: Path, tmp_path: Path) -> None:
    first, later = an_export(shop, tmp_path), an_export(shop, tmp_path, days_ago=1)
    keep(shop, first)
    keep(shop, later)

    # Whenever it was asked for, the same content ends at the same moment.
    assert first.until == later.until
    [kept] = lying(root, shop)
    facts = json.loads((root / str(shop.uuid) / kept / "dataset.json").read_text())
    assert facts["until"] == first.until.isoformat()


def test_only_what_a_version_names_stays(shop: Shop, root: Path, tmp_path: Path) -> None:
    named, forgotten = an_export(shop, tmp_path, days_ago=2.5), an_export(shop, tmp_path, days_ago=4)
    newest = an_export(shop, tmp_path)
    keep(shop, named)
    keep(shop, forgotten, frozenset({named.sha256}))

    keep(shop, newest, frozenset({named.sha256}))

    assert lying(root, shop) == {named.sha256, newest.sha256}


def test_a_forgotten_customer_takes_the_snapshots_that_hold_them_and_no_other(
    shop: Shop, root: Path, tmp_path: Path
) -> None:
    before_bob, with_bob = an_export(shop, tmp_path, days_ago=2.5), an_export(shop, tmp_path)
    keep(shop, before_bob)
    keep(shop, with_bob, frozenset({before_bob.sha256}))

    forgotten = services.forget_customer(shop.id, BOB, now=NOW)

    assert (forgotten.interactions, forgotten.snapshots) == (1, (with_bob.sha256,))
    assert lying(root, shop) == {before_bob.sha256, f"{with_bob.sha256}.erased.json"}
    tombstone = (root / str(shop.uuid) / f"{with_bob.sha256}.erased.json").read_text()
    assert json.loads(tombstone) == {
        "sha256": with_bob.sha256,
        "erased_at": "2026-11-21T12:00:00+00:00",
        "because": "a customer in it asked to be forgotten",
    }
    assert BOB not in tombstone


def test_a_customer_forgotten_during_the_training_is_in_no_snapshot(
    shop: Shop, root: Path, tmp_path: Path
) -> None:
    dataset = an_export(shop, tmp_path)

    services.forget_customer(shop.id, BOB, now=NOW)
    keep(shop, dataset)

    assert lying(root, shop) == {f"{dataset.sha256}.erased.json"}


def test_an_export_after_the_erasure_is_kept(shop: Shop, root: Path, tmp_path: Path) -> None:
    services.forget_customer(shop.id, BOB, now=NOW)
    dataset = an_export(shop, tmp_path)

    keep(shop, dataset)

    assert lying(root, shop) == {dataset.sha256}


def test_a_snapshot_that_cannot_be_read_goes_with_the_first_customer(
    shop: Shop, root: Path, tmp_path: Path
) -> None:
    dataset = an_export(shop, tmp_path)
    keep(shop, dataset)
    (root / str(shop.uuid) / dataset.sha256 / "interactions.parquet").write_bytes(b"torn")

    forgotten = services.forget_customer(shop.id, "d" * 32, now=NOW)

    assert forgotten.snapshots == (dataset.sha256,)


def test_a_killed_workers_half_copy_goes_with_the_next_snapshot(
    shop: Shop, root: Path, tmp_path: Path
) -> None:
    dataset = an_export(shop, tmp_path)
    half = root / str(shop.uuid) / ".0123.part"
    half.mkdir(parents=True)
    (half / "interactions.parquet").write_bytes(b"half")

    keep(shop, dataset)

    assert lying(root, shop) == {dataset.sha256}


def test_a_killed_workers_half_copy_goes_with_the_first_customer(shop: Shop, root: Path) -> None:
    half = root / str(shop.uuid) / ".0123.part"
    half.mkdir(parents=True)
    (half / "interactions.parquet").write_bytes(b"half")

    services.forget_customer(shop.id, BOB, now=NOW)

    assert [one.name for one in (root / str(shop.uuid)).iterdir()] == ["last-erasure"]


def test_a_copy_that_an_erasure_takes_away_holds_nobody_in_the_end(
    shop: Shop, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = an_export(shop, tmp_path)
    plain, copied = shutil.copytree, []

    def copy_with_an_erasure_in_between(folder: Path, target: Path) -> None:
        plain(folder, target)
        copied.append(target)
        if len(copied) == 1:
            services.forget_customer(shop.id, BOB, now=NOW)

    monkeypatch.setattr(snapshots.shutil, "copytree", copy_with_an_erasure_in_between)
    keep(shop, dataset)

    assert len(copied) == 2
    assert lying(root, shop) == {f"{dataset.sha256}.erased.json"}


def test_an_erased_shop_leaves_nothing_and_a_late_training_adds_nothing(
    shop: Shop, root: Path, tmp_path: Path
) -> None:
    other = a_shop("other.myshopify.com")
    theirs = an_export(other, tmp_path, days_ago=1)
    keep(other, theirs)
    dataset, late = an_export(shop, tmp_path), an_export(shop, tmp_path, days_ago=2.5)
    keep(shop, dataset)

    services.erase_shop(shop.id)
    after = lying(root, shop)
    keep(shop, late)

    assert after == set()
    assert not (root / str(shop.uuid) / late.sha256).exists()
    assert lying(root, other) == {theirs.sha256}
