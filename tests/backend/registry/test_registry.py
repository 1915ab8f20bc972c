import uuid
from pathlib import Path

import pytest
from django.db import DatabaseError, transaction

from backend.audit import queries as audit
from backend.audit.values import Event
from backend.registry import gateway, queries, services
from backend.registry.models import ModelVersion
from backend.registry.values import ArtifactRefused, UnknownVersion, purchases_by
from tests.backend.history import NOW, a_shop
from tests.backend.registry.versions import a_lineage, a_version, an_array_of, an_outcome

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artifact_root")]


def test_a_version_keeps_its_files_lineage_and_ledger_entry(artifact: Path) -> None:
    shop = a_shop()

    version = a_version(shop, artifact)

    assert version.number == 1
    assert version.lineage == a_lineage()
    assert version.outcome == an_outcome()
    scorer = queries.open_scorer(version.artifact, manifest_sha256=version.manifest_sha256)
    assert len(scorer.score([], k=3)) == 3
    [entry] = audit.events(shop.id)
    assert entry.event is Event.MODEL_REGISTERED
    # Its merchant reads it, and methods with their figures are for who opens the version itself.
    assert (
        entry.reason
        == f"It learned from {a_lineage().interactions} purchases by {a_lineage().customers} customers."
    )


@pytest.mark.parametrize(
    ("purchases", "customers", "words"),
    [
        (4187, 555, "4,187 purchases by 555 customers"),
        (1, 1, "one purchase by one customer"),
        (110_998, 0, "110,998 purchases by guests"),
    ],
)
def test_what_a_version_learned_from_in_words(purchases: int, customers: int, words: str) -> None:
    assert purchases_by(purchases, customers) == words


def test_each_shop_counts_its_own_versions(artifact: Path) -> None:
    mine, theirs = a_shop(), a_shop("other.myshopify.com")

    numbers = [a_version(shop, artifact).number for shop in (mine, mine, theirs)]

    assert numbers == [1, 2, 1]


def test_another_shops_version_is_unknown(artifact: Path) -> None:
    mine, theirs = a_shop(), a_shop("other.myshopify.com")
    version = a_version(theirs, artifact)

    with pytest.raises(UnknownVersion):
        queries.get_version(mine.id, version.id)


@pytest.mark.parametrize("damage", ["changed", "missing", "added", "manifest", "gone"])
def test_an_artifact_that_is_not_what_was_registered_is_refused(artifact: Path, damage: str) -> None:
    version = a_version(a_shop(), artifact)
    folder = gateway.locate(version.artifact)
    if damage == "changed":
        path = an_array_of(folder)
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
    if damage == "missing":
        an_array_of(folder).unlink()
    if damage == "added":
        (folder / "extra.npy").write_bytes(b"")
    if damage == "manifest":
        manifest = folder / "manifest.json"
        manifest.write_text(manifest.read_text().replace("abc123", "abc124"))
    if damage == "gone":
        gateway.discard(version.artifact)

    with pytest.raises(ArtifactRefused):
        queries.open_scorer(version.artifact, manifest_sha256=version.manifest_sha256)


def test_a_folder_without_a_manifest_is_not_registered(tmp_path: Path, artifact_root: Path) -> None:
    shop = a_shop()
    (tmp_path / "empty").mkdir()

    with pytest.raises(ArtifactRefused):
        a_version(shop, tmp_path / "empty")

    assert queries.versions(shop.id) == []
    assert not artifact_root.exists()


def test_a_registration_that_fails_leaves_no_files(artifact: Path, artifact_root: Path) -> None:
    shop = a_shop()

    with pytest.raises(DatabaseError), transaction.atomic():
        services.register(
            shop.id, artifact, lineage=a_lineage(interactions=2**31), outcome=an_outcome(), now=NOW
        )

    assert list(artifact_root.iterdir()) == []


@pytest.mark.parametrize(
    "change", [{"number": 9}, {"metrics": []}, {"manifest_sha256": "0" * 64}, {"artifact": "elsewhere"}]
)
def test_the_database_lets_nothing_of_a_version_change(artifact: Path, change: dict[str, object]) -> None:
    shop = a_shop()
    version = a_version(shop, artifact)

    with pytest.raises(DatabaseError, match="immutable"), transaction.atomic():
        ModelVersion.objects.for_shop(shop.id).update(**change)

    assert queries.get_version(shop.id, version.id) == version


def test_an_unknown_version_is_refused() -> None:
    with pytest.raises(UnknownVersion):
        queries.get_version(a_shop().id, uuid.uuid4())
