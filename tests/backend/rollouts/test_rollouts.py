import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from backend.audit import queries as audit
from backend.audit.values import Event
from backend.core.errors import LostRace
from backend.core.queue import Job
from backend.registry import gateway
from backend.registry import queries as registry
from backend.registry.values import Version
from backend.rollouts import queries, services
from backend.rollouts.models import Pointer, PointerMove
from backend.rollouts.queries import recent
from backend.rollouts.values import GateVerdict, NotReleasable, Standing
from backend.shops.models import Shop
from tests.backend.history import NOW
from tests.backend.registry.versions import a_gate, a_live_version, a_version, an_array_of

LATER = NOW + timedelta(hours=1)


def standings(shop: Shop) -> list[Standing]:
    """Return what each version is to the shop, the first one first."""
    ids = [version.id for version in reversed(registry.versions(shop.id))]
    found = queries.standings(shop.id, ids)
    return [found[one] for one in ids]


def damage(version: Version) -> None:
    an_array_of(gateway.locate(version.artifact)).write_bytes(b"not what was registered")


def go(shop: Shop, version: Version) -> None:
    """Do what the release job does."""
    services.stage(shop.id, version.id, now=NOW)
    services.release(shop.id, version.id, now=NOW)


def test_the_first_version_answers_everybody_and_is_published(
    shop: Shop, artifact: Path, enqueued: Any, committed: Any
) -> None:
    version = a_version(shop, artifact)

    with committed():
        go(shop, version)

    assert queries.champion_id(shop.id) == version.id
    assert standings(shop) == [Standing.LIVE]
    assert enqueued.of(Job.PUBLISH) == [{"shop_id": shop.id}]
    pointed = audit.events(shop.id, event=Event.SURFACE_POINTED)
    assert [entry.new for entry in pointed] == [{"version": str(version.id)}]


def test_another_champion_replaces_the_former_which_stands_by(shop: Shop, artifact: Path) -> None:
    former = a_live_version(shop, artifact)
    better = a_version(shop, artifact, gate=a_gate(former))

    services.set_champion(shop.id, better.id, reason="It held up.", now=NOW)

    assert standings(shop) == [Standing.RETIRED, Standing.LIVE]
    live = queries.live_arms(shop.id)
    assert [arm.version_id for arm in live.arms] == [better.id]
    assert live.standby is not None
    assert live.standby.version_id == former.id
    assert live.revision == 2


def test_a_version_waits_between_the_gate_and_its_release(shop: Shop, artifact: Path) -> None:
    former = a_live_version(shop, artifact)
    better = a_version(shop, artifact, gate=a_gate(former))

    verdict = services.stage(shop.id, better.id, now=NOW)

    assert verdict is GateVerdict.PASSED
    assert standings(shop) == [Standing.LIVE, Standing.STAGED]
    assert queries.champion_id(shop.id) == former.id


def test_nothing_is_released_that_the_gate_has_not_judged(shop: Shop, artifact: Path) -> None:
    version = a_version(shop, artifact)

    with pytest.raises(NotReleasable):
        services.release(shop.id, version.id, now=NOW)

    assert (standings(shop), queries.champion_id(shop.id)) == ([Standing.CANDIDATE], None)


def test_releasing_twice_changes_nothing_the_second_time(shop: Shop, artifact: Path) -> None:
    version = a_live_version(shop, artifact)
    before = (list(Pointer.objects.for_shop(shop.id).values()), len(audit.events(shop.id)))

    go(shop, version)

    assert (list(Pointer.objects.for_shop(shop.id).values()), len(audit.events(shop.id))) == before


def test_a_damaged_candidate_is_rejected_before_anyone_sees_it(shop: Shop, artifact: Path) -> None:
    former = a_live_version(shop, artifact)
    damaged = a_version(shop, artifact, gate=a_gate(former))
    damage(damaged)

    go(shop, damaged)

    assert queries.champion_id(shop.id) == former.id
    assert standings(shop) == [Standing.LIVE, Standing.REJECTED]
    # A merchant reads the decision, a person who mends it the ledger.
    record = queries.find_gate_record(shop.id, damaged.id)
    assert record is not None
    assert (record.verdict, record.words) == (GateVerdict.DAMAGED, services.DAMAGED)
    [entry] = audit.events(shop.id, event=Event.ARTIFACT_REFUSED)
    assert entry.subject == "version 2"
    assert "does not match its sha256" in entry.reason


def test_a_pointer_that_moved_meanwhile_is_not_moved_again(shop: Shop, artifact: Path) -> None:
    former = a_live_version(shop, artifact)
    newer = a_version(shop, artifact, gate=a_gate(former))
    aim = services.Aim(registry.row_id(shop.id, newer.id))
    before = list(Pointer.objects.for_shop(shop.id).values())

    with pytest.raises(LostRace):
        services.point(shop.id, aim, revision=7, words="Newer.", now=NOW)

    assert list(Pointer.objects.for_shop(shop.id).values()) == before
    assert len(PointerMove.objects.for_shop(shop.id)) == 1


@pytest.fixture
def _a_slow_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a copy stay fresh for as long as a test takes."""
    monkeypatch.setattr(recent, "FRESH_SECONDS", 60.0)
    monkeypatch.setattr(recent, "RENEWED_SECONDS", 60.0)


@pytest.mark.usefixtures("_a_slow_machine")
def test_while_a_copy_is_fresh_live_arms_ask_the_database_nothing(
    shop: Shop, artifact: Path, django_assert_num_queries: Any
) -> None:
    a_live_version(shop, artifact)
    queries.live_arms(shop.id)

    with django_assert_num_queries(0):
        queries.live_arms(shop.id)


@pytest.mark.usefixtures("_a_slow_machine")
def test_a_job_sees_a_pointer_that_another_process_moved_a_moment_ago(shop: Shop, artifact: Path) -> None:
    a_live_version(shop, artifact)
    known = queries.live_arms(shop.id)

    better = a_live_version(shop, artifact)

    assert queries.live_arms(shop.id) == known
    assert queries.fresh_arms(shop.id).arms[0].version_id == better.id


def test_erasing_a_shop_removes_pointers_versions_and_files(
    shop: Shop, artifact: Path, artifact_root: Path, committed: Any
) -> None:
    a_live_version(shop, artifact)

    with committed():
        services.erase_shop(shop.id)

    assert registry.versions(shop.id) == []
    assert list(artifact_root.iterdir()) == []


def test_an_erasure_that_was_killed_leaves_no_file_that_no_row_names(
    shop: Shop, artifact: Path, artifact_root: Path, committed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_live_version(shop, artifact)
    a_live_version(shop, artifact)
    plain, removed = shutil.rmtree, []

    def rmtree_and_die(*args: Any, **kwargs: Any) -> None:
        plain(*args, **kwargs)
        removed.append(args)
        raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        killed.setattr(shutil, "rmtree", rmtree_and_die)
        with pytest.raises(KeyboardInterrupt), committed():
            services.erase_shop(shop.id)
    named = {Path(version.artifact).name for version in registry.versions(shop.id)}
    assert {left.name for left in artifact_root.iterdir()} < named
    services.erase_shop(shop.id)

    assert len(removed) == 1
    assert list(artifact_root.iterdir()) == []
