"""A shop's rollouts in the app."""

from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backend.audit import queries as audit
from backend.audit.values import Event
from backend.core import clock
from backend.onboarding.queries.changes import PAGE
from backend.publishing.queries import verdicts_with_lists
from backend.rollouts import models, queries, services
from backend.rollouts.queries.shadow import summarize
from backend.rollouts.rules.shadow import page_diff
from backend.rollouts.values import GateVerdict, Rollout, RolloutState, Verdict
from backend.rollouts.values.shadow import PageLists
from backend.serving.services import read_override
from backend.serving.values import BadAsk, Override
from backend.shops.models import Shop
from tests.backend.history import a_product
from tests.backend.onboarding.test_api import OTHER, a_signed_in_shop, call
from tests.backend.publishing.followed import follow_pointer
from tests.backend.registry.versions import a_gate, a_live_version, a_version
from tests.backend.rollouts.rollouts import at_step

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artifact_root")]


def a_running_rollout(shop: Shop, artifact: Path) -> Rollout:
    """Return the rollout of a shop's second version, at its first step."""
    a_live_version(shop, artifact)
    return at_step(shop, artifact, 0)


def moved(shop: Shop, rollout: Rollout, action: str, **changes: Any) -> Any:
    """Ask for a move as the shop's merchant, who saw the rollout as it is now; the pages have followed."""
    follow_pointer(shop)
    revision = queries.get_rollout(rollout.shop_id, rollout.id).revision
    body = {"action": action, "revision": revision, "reason": " Because. "} | changes
    return call("POST", f"/api/rollouts/{rollout.id}/moves", shop=shop, body=body)


def state_of(rollout: Rollout) -> tuple[RolloutState, int]:
    now = queries.get_rollout(rollout.shop_id, rollout.id)
    return now.state, now.percent


def newest_act(shop: Shop) -> Any:
    return call("GET", "/api/activity", shop=shop).json()["acts"][0]


def compare_page(
    shop: Shop,
    rollout: Rollout,
    *,
    rank: int,
    product_id: int | None,
    champion: list[int],
    candidate: list[int],
) -> None:
    """Put what the shadow found on one page into the tables."""
    found = page_diff(PageLists(rank, product_id, tuple(champion), tuple(candidate)))
    models.ShadowPage.objects.for_shop(shop.id).create(
        rollout=models.Rollout.objects.for_shop(shop.id).get(uuid=rollout.id),
        rank=rank,
        product_id=product_id,
        champion=champion,
        candidate=candidate,
        overlap=found.overlap,
        alike=found.alike,
    )


def test_a_shop_without_a_version_has_no_rollouts_and_nothing_to_begin() -> None:
    shop = a_signed_in_shop()

    answer = call("GET", "/api/rollouts", shop=shop)

    assert answer.status_code == 200
    assert answer.json() == {
        "live": None,
        "rollouts": [],
        "live_version": None,
        "is_off": False,
        "may_move": True,
        "advice": [],
        "to_open": [],
        "to_go_back_to": [],
    }


def test_a_running_rollout_is_told_in_sentences(artifact: Path) -> None:
    shop = a_signed_in_shop()
    rollout = a_running_rollout(shop, artifact)

    listed = call("GET", "/api/rollouts", shop=shop).json()
    told = call("GET", f"/api/rollouts/{rollout.id}", shop=shop).json()

    assert listed["live"] == told["summary"]
    assert listed["live_version"] == rollout.champion_number
    assert told["summary"]["headline"].startswith("Shown to 5% of visitors since ")
    assert (told["summary"]["candidate_number"], told["summary"]["champion_number"]) == (2, 1)
    assert told["split"] == {"candidate": 5, "control": 5, "rest": 90, "holdout": 0}
    assert [(one["percent"], one["progress"]) for one in told["steps"]] == [
        (0, "DONE"), (5, "CURRENT"), (25, "AHEAD"), (50, "AHEAD"), (100, "AHEAD"),
    ]  # fmt: skip
    assert told["actions"] == ["STEP", "PAUSE", "PROMOTE", "UNDO"]
    assert [entry["title"] for entry in told["timeline"]] == [
        "Shown to 5% of visitors",
        "Shadow began",
        "Opened",
    ]


@pytest.mark.parametrize("act", [None, "UNDO"])
def test_a_report_asks_each_judge_once_and_of_what_is_over_none_of_the_pages(
    artifact: Path, act: str | None
) -> None:
    shop = a_signed_in_shop()
    rollout = a_running_rollout(shop, artifact)
    if act:
        moved(shop, rollout, act)

    with CaptureQueriesContext(connection) as asked:
        queries.rollout_report(
            shop.id,
            rollout.id,
            actor="user 7",
            zone=ZoneInfo("UTC"),
            now=clock.now(),
            judge=verdicts_with_lists,
        )

    def count(table: str) -> int:
        return sum(f'FROM "{table}"' in one["sql"] for one in asked)

    assert count("rollouts_guardrecord") == 1
    assert count("rollouts_shadowreading") == 1
    assert count("publishing_publisher") == (0 if act else 1)


def test_an_admin_asks_for_interleaving_and_goes_on_from_it(artifact: Path) -> None:
    shop = a_signed_in_shop()
    a_live_version(shop, artifact)
    wanted = call("GET", "/api/rollouts/settings", shop=shop).json() | {"interleave_days": 28}
    saved = call("PUT", "/api/rollouts/settings", shop=shop, body=wanted)
    rollout = at_step(shop, artifact, 0)

    told = call("GET", f"/api/rollouts/{rollout.id}", shop=shop).json()
    answers = [moved(shop, rollout, action) for action in ("ABORT", "PAUSE", "RESUME", "STEP")]

    assert saved.json()["interleave_days"] == 28
    assert {"name": "interleave_days", "lowest": 0.0, "highest": 60.0} in saved.json()["limits"]
    assert (told["summary"]["state"], told["summary"]["percent"]) == ("INTERLEAVED", 0)
    assert told["summary"]["headline"].startswith("In personal lists since ")
    assert told["interleaving"] == {
        "candidate": 0,
        "champion": 0,
        "verdict": "NOT_ENOUGH",
        "words": (
            "No visitor has clicked a product yet that one of the versions chose alone. Neither is clearly "
            "preferred yet. How long it takes can't be told yet."
        ),
    }
    assert [(one["kind"], one["progress"]) for one in told["steps"]][:3] == [
        ("SHADOW", "DONE"), ("INTERLEAVING", "CURRENT"), ("SHARE", "AHEAD"),
    ]  # fmt: skip
    assert told["actions"] == ["STEP", "PAUSE", "UNDO"]
    assert told["timeline"][0]["title"] == "Interleaving began"
    assert [one.status_code for one in answers] == [409, 200, 200, 200]
    assert (
        answers[1]
        .json()["summary"]["headline"]
        .endswith(": personal lists hold products of both versions until you decide.")
    )
    assert state_of(rollout) == (RolloutState.CANARY, 5)


def test_an_admin_steps_pauses_resumes_and_undoes_and_the_ledger_says_who_and_why(
    artifact: Path,
) -> None:
    shop = a_signed_in_shop()
    rollout = a_running_rollout(shop, artifact)

    answers = [moved(shop, rollout, action) for action in ("STEP", "PAUSE", "RESUME", "UNDO")]

    assert [one.status_code for one in answers] == [200] * 4
    assert [(one.json()["summary"]["state"], one.json()["summary"]["percent"]) for one in answers] == [
        ("CANARY", 25),
        ("PAUSED", 25),
        ("CANARY", 25),
        ("ROLLED_BACK", 0),
    ]
    assert queries.champion_id(shop.id) == rollout.champion_id
    newest = audit.events(shop.id, event=Event.ROLLOUT_MOVED)
    assert {one.reason for one in newest if one.actor.startswith("user ")} == {"Because."}
    assert [one["name"] for one in newest_act(shop)["changes"]] == ["Share of shoppers", "State"]


def test_a_step_waits_for_the_pages_and_says_so(artifact: Path) -> None:
    shop = a_signed_in_shop()
    rollout = a_running_rollout(shop, artifact)
    body = {"action": "STEP", "revision": rollout.revision, "reason": "Because."}

    told = call("GET", f"/api/rollouts/{rollout.id}", shop=shop).json()
    refused = call("POST", f"/api/rollouts/{rollout.id}/moves", shop=shop, body=body)
    follow_pointer(shop)
    then = call("GET", f"/api/rollouts/{rollout.id}", shop=shop).json()

    why = "Its lists are not on all of the shop's pages yet."
    assert refused.status_code == 409
    assert refused.json()["error"]["message"] == why
    assert state_of(rollout) == (RolloutState.CANARY, 5)
    # What would be refused is said before anybody presses it.
    assert told["refused"] == [{"action": "STEP", "words": why}, {"action": "PROMOTE", "words": why}]
    assert then["refused"] == []


def test_what_it_waits_for_is_of_the_same_reading_as_what_it_showed(artifact: Path) -> None:
    shop = a_signed_in_shop()
    rollout = a_running_rollout(shop, artifact)
    noted = "Revenue per visitor between −9.0% and +9.0%: too few orders."
    models.Rollout.objects.for_shop(shop.id).update(waits_for=noted)

    page = call("GET", f"/api/rollouts/{rollout.id}", shop=shop).json()["summary"]
    listed = call("GET", "/api/rollouts", shop=shop).json()["live"]

    guards = queries.judge_guards(queries.get_rollout(shop.id, rollout.id))
    assert guards.verdict is Verdict.NOT_ENOUGH
    assert (page["waits_for"], listed["waits_for"]) == (guards.words, guards.words)


def test_a_promotion_is_undone_while_its_version_answers(artifact: Path) -> None:
    shop = a_signed_in_shop()
    rollout = a_running_rollout(shop, artifact)

    promoted = moved(shop, rollout, "PROMOTE").json()
    undone = moved(shop, rollout, "UNDO").json()

    assert (promoted["summary"]["state"], promoted["actions"]) == ("PROMOTED", ["UNDO"])
    assert (undone["summary"]["state"], undone["actions"]) == ("ROLLED_BACK", [])
    assert queries.champion_id(shop.id) == rollout.champion_id


def test_a_move_decided_on_an_old_page_moves_nothing(artifact: Path) -> None:
    shop = a_signed_in_shop()
    rollout = a_running_rollout(shop, artifact)
    moved(shop, rollout, "STEP")

    answer = moved(shop, rollout, "STEP", revision=rollout.revision)

    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "moved_since")
    assert "has moved since" in answer.json()["error"]["message"]
    assert "Retry-After" not in answer.headers
    assert state_of(rollout) == (RolloutState.CANARY, 25)


@pytest.mark.parametrize(
    ("action", "status", "code"),
    [("RESUME", 409, "forbidden_move"), ("ABORT", 409, "forbidden_move"), ("WIDEN", 400, "invalid")],
)
def test_a_move_that_is_not_offered_is_refused(artifact: Path, action: str, status: int, code: str) -> None:
    shop = a_signed_in_shop()
    rollout = a_running_rollout(shop, artifact)

    answer = moved(shop, rollout, action)

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert state_of(rollout) == (RolloutState.CANARY, 5)


def test_who_may_not_widen_is_offered_only_the_way_back(artifact: Path) -> None:
    shop = a_signed_in_shop()
    rollout = a_running_rollout(shop, artifact)
    settings = call("GET", "/api/rollouts/settings", shop=shop).json()
    call("PUT", "/api/rollouts/settings", shop=shop, body=settings | {"promoters": ["900"]})

    told = call("GET", f"/api/rollouts/{rollout.id}", shop=shop).json()
    refused, paused = moved(shop, rollout, "STEP"), moved(shop, rollout, "PAUSE")

    assert told["actions"] == ["PAUSE", "UNDO"]
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not_allowed")
    assert (paused.status_code, paused.json()["actions"]) == (200, ["UNDO"])


def test_a_held_version_is_opened_by_hand_and_a_former_one_gone_back_to(artifact: Path) -> None:
    shop = a_signed_in_shop()
    former = a_live_version(shop, artifact)
    live = a_live_version(shop, artifact)
    held = a_version(shop, artifact, gate=a_gate(live, low=-40.0))
    services.stage(shop.id, held.id, now=clock.now())
    listed = call("GET", "/api/rollouts", shop=shop).json()

    body = {"version": str(held.id), "reason": "It knows the new range."}
    opened = call("POST", "/api/rollouts", shop=shop, body=body)
    body = {"version": str(former.id), "reason": "It sold more."}
    back = call("POST", "/api/rollouts/go-back", shop=shop, body=body)

    assert [one["number"] for one in listed["to_open"]] == [held.number]
    assert listed["to_open"][0]["words"]
    assert [one["number"] for one in listed["to_go_back_to"]] == [former.number]
    assert (opened.status_code, opened.json()["summary"]["candidate_number"]) == (201, held.number)
    record = queries.find_gate_record(shop.id, held.id)
    assert record is not None
    assert record.verdict is GateVerdict.OVERRIDDEN
    assert record.words.startswith("Let through all the same: It knows the new range. Before that: ")
    assert (back.status_code, back.json()["live_version"]) == (200, former.number)


def test_a_version_that_never_answered_is_not_gone_back_to(artifact: Path) -> None:
    shop = a_signed_in_shop()
    live = a_live_version(shop, artifact)
    other = a_version(shop, artifact)

    body = {"version": str(other.id)}
    answer = call("POST", "/api/rollouts/go-back", shop=shop, body=body)

    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "forbidden_move")
    assert queries.champion_id(shop.id) == live.id


@pytest.mark.parametrize("arm", ["candidate", "champion"])
def test_a_merchant_gets_an_address_of_the_storefront_under_one_version(artifact: Path, arm: str) -> None:
    shop = a_signed_in_shop()
    rollout = a_running_rollout(shop, artifact)

    answer = call("POST", f"/api/rollouts/{rollout.id}/look", shop=shop, body={"arm": arm})

    address = urlsplit(answer.json()["url"])
    [token] = parse_qs(address.query)["canary"]
    assert (answer.status_code, address.netloc, address.path) == (200, shop.domain, "/")
    signed = read_override(shop.domain, token=token, header="", now=clock.now())
    assert signed == Override(arm, is_signed=True, rollout_id=rollout.id)
    [act] = audit.events(shop.id, event=Event.PREVIEW_REQUESTED)
    assert (act.actor, act.subject) == ("user 7", f"rollout {rollout.number}")
    assert act.details == {"rollout": str(rollout.id), "arm": arm, "path": "/"}
    assert newest_act(shop)["what"] == "A preview of the storefront was asked for"
    with pytest.raises(BadAsk, match="another shop"):
        read_override(OTHER, token=token, header="", now=clock.now())


def test_there_is_no_address_once_a_rollout_is_over_nor_of_a_product_that_is_not_there(
    artifact: Path,
) -> None:
    shop = a_signed_in_shop()
    rollout = a_running_rollout(shop, artifact)

    def looked(**body: Any) -> tuple[int, str]:
        answer = call("POST", f"/api/rollouts/{rollout.id}/look", shop=shop, body=body)
        return answer.status_code, answer.json()["error"]["code"]

    assert looked(arm="candidate", product=999_999) == (404, "unknown_product")
    assert looked(arm="standby")[0] == 400
    moved(shop, rollout, "UNDO")
    assert looked(arm="candidate") == (409, "nothing_to_show")
    assert audit.events(shop.id, event=Event.PREVIEW_REQUESTED) == []


@pytest.mark.parametrize("path", ["", "/moves", "/changes", "/look"])
def test_a_rollout_of_another_shop_is_unknown(artifact: Path, path: str) -> None:
    mine, theirs = a_signed_in_shop(), a_signed_in_shop(OTHER)
    rollout = a_running_rollout(theirs, artifact)
    bodies = {"/moves": {"action": "UNDO", "revision": rollout.revision}, "/look": {"arm": "candidate"}}
    body = bodies.get(path)
    method = "POST" if body else "GET"

    for one in (rollout.id, uuid4()):
        answer = call(method, f"/api/rollouts/{one}{path}", shop=mine, body=body)

        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_rollout")
    assert state_of(rollout) == (RolloutState.CANARY, 5)


def test_a_plan_is_changed_for_the_next_rollout_and_not_for_the_one_under_way(artifact: Path) -> None:
    shop = a_signed_in_shop()
    rollout = a_running_rollout(shop, artifact)
    before = call("GET", "/api/rollouts/settings", shop=shop).json()
    freeze = {"first": "2026-11-26", "last": "2026-11-30", "name": "Black Friday"}
    wanted = before | {"steps": [10, 50, 100], "requirement": "BETTER", "freezes": [freeze]}

    answer = call("PUT", "/api/rollouts/settings", shop=shop, body=wanted)

    assert answer.status_code == 200
    assert answer.json() == wanted
    assert (before["you"], before["promoters"]) == ("7", [])
    assert queries.get_rollout(shop.id, rollout.id).plan.steps == (5, 25, 50, 100)
    told = {one["name"]: one["new"] for one in newest_act(shop)["changes"]}
    assert told == {
        "Shares of visitors": "10%, 50%, 100%",
        "A new version must be": "better than the version in use",
        "Days without changes": "2026-11-26 to 2026-11-30 Black Friday",
    }


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"steps": [50, 25, 100]}, "steps"),
        ({"steps": ["many"]}, "steps"),
        ({"margin_percent": 40}, "margin_percent"),
        ({"max_days": 1}, "max_days"),
        ({"ab_days": 3}, "ab_days"),
        ({"autonomy": "EVERYTHING"}, "autonomy"),
        ({"freezes": [{"first": "2026-12-24", "last": "2026-12-01"}]}, "freezes"),
    ],
)
def test_a_plan_outside_of_what_is_offered_is_refused_by_its_field(
    changes: dict[str, Any], field: str
) -> None:
    shop = a_signed_in_shop()
    before = call("GET", "/api/rollouts/settings", shop=shop).json()

    answer = call("PUT", "/api/rollouts/settings", shop=shop, body=before | changes)

    assert (answer.status_code, answer.json()["error"]["field"]) == (400, field)
    assert call("GET", "/api/rollouts/settings", shop=shop).json() == before


def test_turned_off_the_running_rollout_goes_back_and_none_opens(artifact: Path) -> None:
    shop = a_signed_in_shop()
    rollout = a_running_rollout(shop, artifact)
    settings = call("GET", "/api/rollouts/settings", shop=shop).json()

    call("PUT", "/api/rollouts/settings", shop=shop, body=settings | {"is_off": True})

    assert state_of(rollout) == (RolloutState.ROLLED_BACK, 0)
    assert call("GET", "/api/rollouts", shop=shop).json()["is_off"] is True
    body = {"version": str(rollout.candidate_id)}
    refused = call("POST", "/api/rollouts", shop=shop, body=body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "releases_off")


def test_what_changes_is_told_page_by_page_with_titles_also_of_products_that_are_gone(
    artifact: Path,
) -> None:
    shop = a_signed_in_shop()
    rollout = a_running_rollout(shop, artifact)
    for product_id, title in ((101, "Candle"), (102, "Notebook"), (103, "Vase")):
        a_product(shop, product_id, title=title)
    compare_page(shop, rollout, rank=0, product_id=None, champion=[101, 102], candidate=[101, 102])
    compare_page(shop, rollout, rank=1, product_id=101, champion=[102, 103], candidate=[104, 102])
    models.ShadowCursor.objects.for_shop(shop.id).create(
        rollout=models.Rollout.objects.for_shop(shop.id).get(uuid=rollout.id),
        until=rollout.opened_at,
        looked_at=rollout.opened_at,
        pages=2,
        summary=asdict(summarize(shop.id, rollout.id)),
    )

    told = call("GET", f"/api/rollouts/{rollout.id}/changes", shop=shop).json()

    assert (told["pages_compared"], told["pages_changed"], told["next_page"]) == (2, 1, None)
    home, candle = told["pages"]
    assert (home["product"], candle["product"]["title"]) == (None, "Candle")
    assert [(one["product"]["title"], one["rises"]) for one in candle["champion"]] == [
        ("Notebook", -1),
        ("Vase", None),
    ]
    assert [(one["product"]["title"], one["rises"]) for one in candle["candidate"]] == [
        ("Product 104", None),
        ("Notebook", -1),
    ]
    assert [(one["product"]["title"], one["lists"]) for one in told["losses"]] == [("Vase", 1)]


def test_pages_of_changes_are_read_one_after_the_other(artifact: Path) -> None:
    shop = a_signed_in_shop()
    rollout = a_running_rollout(shop, artifact)
    for rank in range(PAGE + 1):
        compare_page(shop, rollout, rank=rank, product_id=500 + rank, champion=[1], candidate=[2])

    first = call("GET", f"/api/rollouts/{rollout.id}/changes", shop=shop).json()
    second = call("GET", f"/api/rollouts/{rollout.id}/changes?page=2", shop=shop).json()

    assert (len(first["pages"]), first["next_page"]) == (PAGE, 2)
    assert ([one["product"]["product_id"] for one in second["pages"]], second["next_page"]) == (
        [500 + PAGE],
        None,
    )


@pytest.mark.parametrize("query", ["page=0", "page=many", "order=BEST"])
def test_an_unknown_order_or_page_of_changes_is_refused(query: str) -> None:
    answer = call("GET", f"/api/rollouts/{uuid4()}/changes?{query}", shop=a_signed_in_shop())

    assert (answer.status_code, answer.json()["error"]["field"]) == (400, query.partition("=")[0])


def test_metrics_guardrails_and_other_changes_of_a_rollout_are_told(artifact: Path) -> None:
    shop = a_signed_in_shop()
    rollout = a_running_rollout(shop, artifact)
    row = models.Rollout.objects.for_shop(shop.id).get(uuid=rollout.id)
    at = clock.now() - timedelta(minutes=1)
    for minutes, low in ((2, -9.0), (1, -1.2)):
        models.RolloutReading.objects.for_shop(shop.id).create(
            rollout=row, metric="REVENUE", read_at=at - timedelta(minutes=minutes),
            candidate_visitors=10_214, candidate_total=15_000, candidate_squares=99_000,
            control_visitors=10_188, control_total=15_000, control_squares=99_000,
            percent=0.9, low=low, high=3.0, verdict="SUCCESS", took_ms=12,
        )  # fmt: skip
    models.ShopChange.objects.for_shop(shop.id).create(
        kind="THEME", began_at=clock.now(), words="The theme Dawn was published."
    )

    told = call("GET", f"/api/rollouts/{rollout.id}", shop=shop).json()

    [revenue] = told["metrics"]
    assert (revenue["low"], revenue["high"], revenue["bound"]) == (-1.2, 3.0, -5.0)
    assert [point["low"] for point in revenue["history"]] == [-9.0, -1.2]
    assert told["summary"]["finding"] == "Revenue per visitor between −1.2% and +3.0%."
    assert told["sample_words"] == "Both groups are of the sizes that were drawn."
    assert told["detection"]["percent"] == (row.percent or row.plan["steps"][0])
    assert [one["requests_per_second"] for one in told["detection"]["times"]] == [5, 20, 200]
    theme = told["timeline"][0]
    assert (theme["kind"], theme["title"]) == ("CHANGE", "A new theme was published")
    assert theme["words"].endswith("A promotion waits until it is over.")


def test_what_has_ended_is_told_with_the_moment_of_its_last_reading(artifact: Path) -> None:
    shop = a_signed_in_shop()
    rollout = a_running_rollout(shop, artifact)
    row = models.Rollout.objects.for_shop(shop.id).get(uuid=rollout.id)
    at = clock.now().replace(microsecond=0) - timedelta(minutes=1)
    models.RolloutReading.objects.for_shop(shop.id).create(
        rollout=row, metric="REVENUE", read_at=at,
        candidate_visitors=10_214, candidate_total=15_000, candidate_squares=99_000,
        control_visitors=10_188, control_total=15_000, control_squares=99_000,
        percent=0.9, low=-1.2, high=3.0, verdict="SUCCESS", took_ms=12,
    )  # fmt: skip

    told = moved(shop, rollout, "UNDO").json()

    summary = told["summary"]
    assert datetime.fromisoformat(told["measured_at"]) == at
    assert summary["finding"].startswith("Revenue per visitor between −1.2% and +3.0%, as of ")
    assert (summary["state"], summary["outlook"]) == ("ROLLED_BACK", "")


def test_where_days_are_short_the_page_takes_every_plan_that_is_stored(settings: Any) -> None:
    settings.ROLLOUT_DAY_SECONDS = 12
    shop = a_signed_in_shop()
    before = call("GET", "/api/rollouts/settings", shop=shop).json()

    answer = call("PUT", "/api/rollouts/settings", shop=shop, body=before | {"margin_percent": 20})

    assert (answer.status_code, answer.json()["margin_percent"], answer.json()["limits"]) == (200, 20, [])


@pytest.mark.usefixtures("redis_server")
def test_a_look_back_is_asked_for_and_told(artifact: Path) -> None:
    shop = a_signed_in_shop()
    rollout = a_running_rollout(shop, artifact)
    before = call("GET", f"/api/rollouts/{rollout.id}", shop=shop).json()

    asked = call("POST", f"/api/rollouts/{rollout.id}/look-back", shop=shop)
    again = call("POST", f"/api/rollouts/{rollout.id}/look-back", shop=shop)

    assert before["look_back"] is None
    assert asked.status_code == 202
    assert (asked.json()["look_back"]["state"], asked.json()["look_back"]["rounds"]) == ("WAITING", [])
    assert (again.status_code, again.json()["error"]["code"]) == (409, "already_looking_back")
    (act,) = audit.events(shop.id, event=Event.LOOK_BACK_REQUESTED)
    assert act.actor == "user 7"
