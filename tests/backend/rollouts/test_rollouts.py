from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from backend.audit import queries as audit
from backend.audit.values import Event, Surface
from backend.core.queue import Job
from backend.registry import queries as registry
from backend.registry.values import VersionState
from backend.rollouts import queries, rules, services
from backend.rollouts.models import SurfacePointer
from backend.rollouts.values import Decision, LostRace, Quality
from backend.shops.models import Shop
from tests.backend.history import NOW, a_shop
from tests.backend.registry.versions import a_version

LATER = NOW + timedelta(hours=1)


def quality(ndcg: float, margin: float = 0.02) -> Quality:
    return Quality(ndcg, ndcg - margin, ndcg + margin)


@pytest.mark.parametrize(
    ("case", "candidate", "current", "decision"),
    [
        ("the first goes live", quality(0.1), None, Decision.RELEASE),
        ("the first goes live unmeasured too", None, None, Decision.RELEASE),
        ("clearly better", quality(0.5), quality(0.3), Decision.RELEASE),
        ("a little worse, within noise", quality(0.28), quality(0.3), Decision.RELEASE),
        ("intervals that touch", quality(0.26), quality(0.3), Decision.RELEASE),
        ("clearly worse", quality(0.2), quality(0.3), Decision.REJECT),
        ("unmeasured against measured", None, quality(0.3), Decision.REJECT),
    ],
)
def test_judge(case: str, candidate: Quality | None, current: Quality | None, decision: Decision) -> None:
    assert rules.judge(candidate, current).decision is decision, case


@pytest.fixture
def shop(db: None, artifact_root: Path) -> Shop:
    return a_shop()


def states(shop: Shop) -> list[VersionState]:
    return [version.state for version in reversed(registry.versions(shop.id))]


def champions(shop: Shop) -> set[Any]:
    return {queries.champion_id(shop.id, surface) for surface in Surface}


def test_the_first_version_answers_every_surface_and_is_published(
    shop: Shop, artifact: Path, enqueued: Any, committed: Any
) -> None:
    version = a_version(shop, artifact)

    with committed():
        decision = services.release(shop.id, version.id, now=NOW)

    assert decision is Decision.RELEASE
    assert champions(shop) == {version.id}
    assert states(shop) == [VersionState.LIVE]
    assert enqueued.of(Job.PUBLISH) == [{"shop_id": shop.id, "version_id": str(version.id)}]
    pointed = audit.events(shop.id, event=Event.SURFACE_POINTED)
    assert {entry.subject for entry in pointed} == {"surface product_page", "surface home_page"}


def test_a_better_version_replaces_the_former_which_stands_by(shop: Shop, artifact: Path) -> None:
    former, better = a_version(shop, artifact, ndcg=0.3), a_version(shop, artifact, ndcg=0.4)
    services.release(shop.id, former.id, now=NOW)

    services.release(shop.id, better.id, now=NOW)

    assert states(shop) == [VersionState.RETIRED, VersionState.LIVE]
    live = queries.live_arms(shop.id, Surface.PRODUCT_PAGE)
    assert [arm.version_id for arm in live.arms] == [better.id]
    assert live.standby is not None
    assert live.standby.version_id == former.id
    assert live.revision == 2


def test_a_worse_version_is_rejected_with_a_reason_and_the_former_goes_on(
    shop: Shop, artifact: Path, enqueued: Any, committed: Any
) -> None:
    former, worse = a_version(shop, artifact, ndcg=0.4), a_version(shop, artifact, ndcg=0.2)
    services.release(shop.id, former.id, now=NOW)

    with committed():
        decision = services.release(shop.id, worse.id, now=NOW)

    assert decision is Decision.REJECT
    assert champions(shop) == {former.id}
    assert states(shop) == [VersionState.LIVE, VersionState.REJECTED]
    assert registry.get_version(shop.id, worse.id).state_reason.startswith("Worse beyond noise")
    assert enqueued.of(Job.PUBLISH) == []


def test_releasing_twice_changes_nothing_the_second_time(shop: Shop, artifact: Path) -> None:
    version = a_version(shop, artifact)
    services.release(shop.id, version.id, now=NOW)
    before = (list(SurfacePointer.objects.for_shop(shop.id).values()), len(audit.events(shop.id)))

    services.release(shop.id, version.id, now=NOW)

    assert (list(SurfacePointer.objects.for_shop(shop.id).values()), len(audit.events(shop.id))) == before


def test_a_damaged_candidate_is_rejected_before_anyone_sees_it(shop: Shop, artifact: Path) -> None:
    former, damaged = a_version(shop, artifact, ndcg=0.3), a_version(shop, artifact, ndcg=0.5)
    services.release(shop.id, former.id, now=NOW)
    from backend.registry import gateway

    (gateway.locate(damaged.artifact) / "popularity.npy").write_bytes(b"not what was registered")
    decision = services.release(shop.id, damaged.id, now=NOW)

    assert decision is Decision.REJECT
    assert champions(shop) == {former.id}
    assert "does not match" in registry.get_version(shop.id, damaged.id).state_reason
    assert [entry.subject for entry in audit.events(shop.id, event=Event.ARTIFACT_REFUSED)] == ["version 2"]


def test_rolling_back_is_pointing_at_a_retired_version(shop: Shop, artifact: Path) -> None:
    former, newer = a_version(shop, artifact, ndcg=0.3), a_version(shop, artifact, ndcg=0.4)
    services.release(shop.id, former.id, now=NOW)
    services.release(shop.id, newer.id, now=NOW)

    services.point(shop.id, former.id, reason="It sold less.", now=LATER, actor="user 7")

    assert champions(shop) == {former.id}
    assert states(shop) == [VersionState.LIVE, VersionState.RETIRED]
    assert audit.events(shop.id, event=Event.SURFACE_POINTED)[0].actor == "user 7"


def test_a_pointer_that_moved_meanwhile_is_not_moved_again(
    shop: Shop, artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    former, newer = a_version(shop, artifact), a_version(shop, artifact)
    services.release(shop.id, former.id, now=NOW)
    plain = services._move

    def after_someone_else(pointer: SurfacePointer, champion: int, **rest: Any) -> int:
        SurfacePointer.objects.for_shop(shop.id).filter(id=pointer.id).update(revision=7)
        return plain(pointer, champion, **rest)

    monkeypatch.setattr(services, "_move", after_someone_else)
    with pytest.raises(LostRace):
        services.point(shop.id, newer.id, reason="Newer.", now=NOW)

    assert states(shop) == [VersionState.LIVE, VersionState.CANDIDATE]


def test_live_arms_ask_the_database_at_most_once_a_second(
    shop: Shop, artifact: Path, django_assert_num_queries: Any
) -> None:
    version = a_version(shop, artifact)
    services.release(shop.id, version.id, now=NOW)
    queries.live_arms(shop.id, Surface.HOME_PAGE)

    with django_assert_num_queries(0):
        queries.live_arms(shop.id, Surface.HOME_PAGE)


def test_a_job_sees_a_pointer_that_another_process_moved_a_moment_ago(shop: Shop, artifact: Path) -> None:
    former, better = a_version(shop, artifact, ndcg=0.3), a_version(shop, artifact, ndcg=0.4)
    services.release(shop.id, former.id, now=NOW)
    known = queries.live_arms(shop.id, Surface.HOME_PAGE)

    services.release(shop.id, better.id, now=NOW)

    assert queries.live_arms(shop.id, Surface.HOME_PAGE) == known
    assert queries.fresh_arms(shop.id, Surface.HOME_PAGE).arms[0].version_id == better.id


def test_erasing_a_shop_removes_pointers_versions_and_files(
    shop: Shop, artifact: Path, artifact_root: Path, committed: Any
) -> None:
    version = a_version(shop, artifact)
    services.release(shop.id, version.id, now=NOW)

    with committed():
        services.erase_shop(shop.id)

    assert registry.versions(shop.id) == []
    assert list(artifact_root.iterdir()) == []
