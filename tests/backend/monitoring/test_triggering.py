"""From a reason to a training: fired once, held back by the cool-down, and always written down."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from backend.audit import queries as audit
from backend.audit.values import Event
from backend.core.queue import Job
from backend.monitoring import queries, services
from backend.monitoring.models import RetrainTrigger
from backend.monitoring.rules import cooling
from backend.monitoring.values import Finding, Kind, Trigger, TriggerPolicy, Verdict
from backend.shops.models import Shop
from backend.training import queries as training
from backend.training import services as training_services
from backend.training.models import TrainingRun
from backend.training.values import AlreadyRunning, Reason, RunState
from celery_worker.tasks import monitoring as tasks
from tests.backend.history import NOW, a_shop
from tests.backend.registry.versions import a_live_version

pytestmark = pytest.mark.django_db

REASON = Finding(Verdict.FIRED, "Changed since version 1 learned: items sold.", "version 1", {"psi": 0.3})
HOUR = timedelta(hours=1)


@pytest.fixture
def shop() -> Shop:
    return a_shop()


def rows(shop: Shop) -> list[tuple[str, str]]:
    found = RetrainTrigger.objects.for_shop(shop.id).order_by("id")
    return [(row.kind, row.verdict) for row in found]


def end_run(shop: Shop, *, at: Any = NOW, state: RunState = RunState.DONE) -> None:
    TrainingRun.objects.for_shop(shop.id).update(state=state, finished_at=at)


def test_a_reason_becomes_a_training_with_its_evidence(shop: Shop, enqueued: Any, committed: Any) -> None:
    with committed():
        row = services.settle(shop.id, Kind.DRIFT, REASON, now=NOW)

    run = training.find_live_run(shop.id)
    assert run is not None
    assert row is not None
    assert (run.reason, row.run_id) == (Reason.DRIFT, run.id)
    assert (row.verdict, row.words, row.evidence) == (Verdict.FIRED, REASON.words, {"psi": 0.3})
    assert len(enqueued.of(Job.TRAIN)) == 1


@pytest.mark.parametrize("kind", list(Kind))
def test_each_kind_names_itself_as_the_runs_reason(shop: Shop, kind: Kind) -> None:
    services.settle(shop.id, kind, REASON, now=NOW)

    run = training.find_live_run(shop.id)
    expected = "schedule" if kind is Kind.TIMETABLE else kind.value.lower()
    assert run is not None
    assert run.reason == expected


def test_the_same_data_is_a_reason_once(shop: Shop) -> None:
    services.settle(shop.id, Kind.DRIFT, REASON, now=NOW)
    end_run(shop)

    again = services.settle(shop.id, Kind.DRIFT, REASON, now=NOW + timedelta(days=30))

    assert again is None
    assert TrainingRun.objects.for_shop(shop.id).count() == 1


def test_two_workers_that_look_at_the_same_moment_leave_one_row(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = queries.has_fired

    def another_is_first(*asked: Any) -> bool:
        monkeypatch.setattr(queries, "has_fired", plain)
        services.settle(shop.id, Kind.UNREADABLE, REASON, now=NOW)
        return False

    monkeypatch.setattr(queries, "has_fired", another_is_first)
    second = services.settle(shop.id, Kind.UNREADABLE, REASON, now=NOW)

    assert second is None
    assert rows(shop) == [("UNREADABLE", "FIRED")]
    assert TrainingRun.objects.for_shop(shop.id).count() == 1


def test_other_data_is_another_reason(shop: Shop) -> None:
    services.settle(shop.id, Kind.DRIFT, REASON, now=NOW)
    end_run(shop)
    newer = Finding(Verdict.FIRED, "Changed again.", "version 2")

    services.settle(shop.id, Kind.DRIFT, newer, now=NOW + timedelta(days=30))

    assert rows(shop) == [("DRIFT", "FIRED"), ("DRIFT", "FIRED")]


@pytest.mark.parametrize("state", [RunState.DONE, RunState.FAILED, RunState.CANCELLED])
def test_a_reason_soon_after_a_training_is_written_down_and_waits(
    shop: Shop, enqueued: Any, committed: Any, state: RunState
) -> None:
    training_services.request_training(shop.id, reason=Reason.INSTALL, now=NOW - 3 * HOUR)
    end_run(shop, at=NOW - HOUR, state=state)

    with committed():
        row = services.settle(shop.id, Kind.DRIFT, REASON, now=NOW)

    assert row is not None
    assert (row.verdict, row.run_id, row.evidence) == (Verdict.COOLING_DOWN, None, {"psi": 0.3})
    assert row.words == (
        "There was a reason to train: Changed since version 1 learned: items sold. "
        "The last training is too recent; the next may begin from 22 November, 11:00 UTC on."
    )
    assert enqueued.of(Job.TRAIN) == []


def test_the_reason_that_waited_fires_when_the_cool_down_is_over(shop: Shop) -> None:
    training_services.request_training(shop.id, reason=Reason.INSTALL, now=NOW)
    end_run(shop)
    services.settle(shop.id, Kind.DRIFT, REASON, now=NOW + HOUR)

    services.settle(shop.id, Kind.DRIFT, REASON, now=NOW + 24 * HOUR)

    assert rows(shop) == [("DRIFT", "COOLING_DOWN"), ("DRIFT", "FIRED")]


def test_a_shop_may_choose_another_cool_down(shop: Shop) -> None:
    services.set_trigger_policy(shop.id, TriggerPolicy(cool_down_hours=2), now=NOW, actor="user 7")
    training_services.request_training(shop.id, reason=Reason.INSTALL, now=NOW)
    end_run(shop)

    services.settle(shop.id, Kind.DRIFT, REASON, now=NOW + 3 * HOUR)

    assert rows(shop) == [("DRIFT", "FIRED")]
    [entry] = audit.events(shop.id, event=Event.TRIGGER_SETTINGS_CHANGED)
    assert (entry.actor, entry.new["cool_down_hours"]) == ("user 7", 2)


def test_a_run_under_way_holds_every_reason_back(shop: Shop) -> None:
    training_services.request_training(shop.id, reason=Reason.INSTALL, now=NOW)

    row = services.settle(shop.id, Kind.CONVERSION, REASON, now=NOW)

    assert row is not None
    assert row.verdict is Verdict.COOLING_DOWN
    assert row.words.endswith("A training is already running.")


def test_a_person_need_not_wait_for_the_cool_down_but_for_a_run_under_way(shop: Shop) -> None:
    training_services.request_training(shop.id, reason=Reason.INSTALL, now=NOW)
    end_run(shop)

    run = services.request_by_hand(shop.id, now=NOW + HOUR, actor="user 7")
    with pytest.raises(AlreadyRunning):
        services.request_by_hand(shop.id, now=NOW + HOUR, actor="user 7")

    [row] = RetrainTrigger.objects.for_shop(shop.id)
    assert (row.kind, row.verdict, row.run_id, row.words) == (
        "MANUAL", "FIRED", run.id, "Asked for by staff member 7."
    )  # fmt: skip
    assert audit.events(shop.id, event=Event.TRAINING_REQUESTED)[0].actor == "user 7"


def test_what_is_no_news_leaves_no_row(shop: Shop) -> None:
    quiet = Finding(Verdict.QUIET, "Nothing has changed.", "version 1")
    few = Finding(Verdict.NOT_ENOUGH_DATA, "Too few.", "version 1")

    for hour, finding in enumerate([quiet, quiet, few, few, quiet]):
        services.settle(shop.id, Kind.DRIFT, finding, now=NOW + hour * HOUR)
    services.settle(shop.id, Kind.DRIFT, quiet, now=NOW + 28 * HOUR)

    assert [verdict for _, verdict in rows(shop)] == ["QUIET", "NOT_ENOUGH_DATA", "QUIET", "QUIET"]
    assert training.find_last_run(shop.id) is None


@pytest.mark.parametrize(
    ("verdict", "last", "hours", "is_news"),
    [
        (Verdict.FIRED, Verdict.FIRED, 0, True),
        (Verdict.QUIET, None, 0, True),
        (Verdict.QUIET, Verdict.QUIET, 23, False),
        (Verdict.QUIET, Verdict.QUIET, 24, True),
        (Verdict.QUIET, Verdict.COOLING_DOWN, 1, True),
    ],
)
def test_is_news(verdict: Verdict, last: Verdict | None, hours: int, is_news: bool) -> None:
    row = Trigger(uuid4(), Kind.DRIFT, last, "", "", {}, None, NOW) if last else None

    assert cooling.is_news(verdict, last=row, now=NOW + hours * HOUR) is is_news


def test_the_weekly_turn_asks_in_every_installed_shop_once_a_week() -> None:
    busy, resting = a_shop(), a_shop("resting.myshopify.com")
    gone = a_shop("gone.myshopify.com", state="UNINSTALLED")
    training_services.request_training(busy.id, reason=Reason.MANUAL, now=NOW)

    services.request_weekly(now=NOW)
    end_run(resting)
    services.request_weekly(now=NOW + timedelta(minutes=1))

    assert rows(resting) == [("TIMETABLE", "FIRED")]
    assert rows(busy) == [("TIMETABLE", "COOLING_DOWN")]
    assert rows(gone) == []
    run = training.find_last_run(resting.id)
    assert run is not None
    assert run.reason is Reason.SCHEDULE


def test_only_shops_with_a_model_are_watched_each_by_a_job_of_its_own(
    artifact: Path, artifact_root: Path, enqueued: Any, committed: Any
) -> None:
    with_model = a_shop()
    a_live_version(with_model, artifact)
    a_shop("new.myshopify.com")
    enqueued.clear()

    with committed():
        tasks.watch_hourly()
        tasks.watch_daily()

    assert [(ids["shop_id"], ids["kind"]) for ids in enqueued.of(Job.WATCH_SHOP)] == [
        (with_model.id, "UNREADABLE"),
        (with_model.id, "DRIFT"),
        (with_model.id, "CONVERSION"),
        (with_model.id, "METRIC"),
    ]


def test_where_each_kind_stands(shop: Shop) -> None:
    services.settle(shop.id, Kind.DRIFT, REASON, now=NOW)
    quiet = Finding(Verdict.QUIET, "Nothing has changed.", "version 2")
    services.settle(shop.id, Kind.DRIFT, quiet, now=NOW + HOUR)

    by_kind = {status.kind: status for status in queries.statuses(shop.id)}

    assert list(by_kind) == list(Kind)
    drifting = by_kind[Kind.DRIFT]
    assert (drifting.verdict, drifting.words) == (Verdict.QUIET, "Nothing has changed.")
    assert (drifting.looked_at, drifting.last_fired_at) == (NOW + HOUR, NOW)
    assert (by_kind[Kind.METRIC].verdict, by_kind[Kind.METRIC].looked_at) == (None, None)


def test_until_when_a_shop_is_left_alone(shop: Shop) -> None:
    assert queries.cooling_until(shop.id, now=NOW) is None
    training_services.request_training(shop.id, reason=Reason.INSTALL, now=NOW)
    end_run(shop)

    assert queries.cooling_until(shop.id, now=NOW + HOUR) == NOW + 24 * HOUR
    assert queries.cooling_until(shop.id, now=NOW + 24 * HOUR) is None


# What PostgreSQL itself promises


@pytest.mark.parametrize("change", ["update", "delete"])
def test_a_row_is_written_for_good(shop: Shop, change: str) -> None:
    services.settle(shop.id, Kind.DRIFT, REASON, now=NOW)
    found = RetrainTrigger.objects.for_shop(shop.id)

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        found.update(words="Never mind.") if change == "update" else found._raw_delete(found.db)

    assert found.get().words == REASON.words


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({"run_id": None}, "monitoring_fired_has_a_run"),
        ({"verdict": "QUIET"}, "monitoring_fired_has_a_run"),
        ({"verdict": "MAYBE", "run_id": None}, "monitoring_verdict"),
        ({"kind": "WEATHER"}, "monitoring_kind"),
    ],
)
def test_no_row_says_what_cannot_be(shop: Shop, changes: dict[str, Any], constraint: str) -> None:
    values = {"kind": "DRIFT", "verdict": "FIRED", "run_id": uuid4(), "subject": "x", "created_at": NOW}

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        RetrainTrigger.objects.for_shop(shop.id).create(**values | changes)


@pytest.mark.parametrize("policy", [TriggerPolicy(145), TriggerPolicy(-1), TriggerPolicy(24, 49.0)])
def test_no_setting_lies_outside_its_limits(shop: Shop, policy: TriggerPolicy) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        services.set_trigger_policy(shop.id, policy, now=NOW, actor="user 7")

    assert queries.trigger_policy(shop.id) == TriggerPolicy()


def test_one_shops_triggers_are_nobody_elses(shop: Shop) -> None:
    other = a_shop("other.myshopify.com")
    services.settle(shop.id, Kind.DRIFT, REASON, now=NOW)

    assert queries.triggers(other.id) == []
    assert [status.verdict for status in queries.statuses(other.id)] == [None] * len(Kind)
    assert not queries.has_fired(other.id, Kind.DRIFT, "version 1")


def test_erasing_a_shop_removes_its_rows_and_no_others(shop: Shop) -> None:
    other = a_shop("other.myshopify.com")
    for one in (shop, other):
        services.settle(one.id, Kind.DRIFT, REASON, now=NOW)

    services.erase_shop(shop.id)

    assert (queries.triggers(shop.id), len(queries.triggers(other.id))) == ([], 1)
