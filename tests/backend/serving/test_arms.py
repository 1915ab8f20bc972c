"""Which arm of a rollout answers whom, at the signed door."""

import json
import math
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test import Client

from backend.audit import queries as audit
from backend.audit.values import DecisionRecord, Event
from backend.config import limits
from backend.config.limits import LIMITS, Process
from backend.core import clock
from backend.core.bucketing import BUCKETS, bucket
from backend.core.queue import Job
from backend.registry.values import ArtifactRefused, Version
from backend.rollouts import queries as rollouts
from backend.rollouts import services as rollout_services
from backend.rollouts.models import Rollout
from backend.rollouts.queries import arms, recent
from backend.rollouts.rules import rollout_salt
from backend.rollouts.values import CANDIDATE, CHAMPION, CONTROL, AnswerOutcome, ArmAnswer
from backend.serving import views
from backend.serving.rules import is_held_out, recording
from backend.serving.services import replay, sign_override
from backend.shops.models import Shop
from models.recommender.api import Reason, ReasonKind, Scored
from tests.backend.history import NOW
from tests.backend.racing import Pause, Worker, until
from tests.backend.registry.scorers import FakeScorer
from tests.backend.registry.versions import a_version
from tests.backend.rollouts.running import a_browser_of, a_rollout, browsers_of
from tests.backend.serving.storefront import DOMAIN, GRANTED, a_query, ask, recorded

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("artifact_root", "redis_server", "_own_desk"),
]


@pytest.fixture
def candidate(shop: Shop, live: Version, artifact: Path) -> Version:
    return a_version(shop, artifact)


@pytest.fixture
def rollout(shop: Shop, candidate: Version) -> Rollout:
    """A rollout at a quarter, of a candidate that this process has loaded."""
    made = a_rollout(shop, candidate, percent=25)
    load(shop)
    return made


def load(shop: Shop) -> None:
    rollouts.forget_cached()
    for arm in rollouts.live_arms(shop.id).arms:
        views.desk.models.prepare(arm)


def asked(shop: Shop, **parameters: Any) -> DecisionRecord:
    """Return the decision behind an answer on a home page."""
    response = ask(**{"consent": GRANTED, "limit": 4} | parameters)
    [decision] = audit.decisions(shop.id, [response.json()["decision"]])
    return decision


def rollout_of(decision: DecisionRecord) -> str:
    return str(recording.read_setting(audit.inputs_of(decision.shop_id, decision.id))["rollout"])


def noted() -> list[ArmAnswer]:
    return [answer for _, answer in views.desk.guard._noted]


def outcomes() -> list[tuple[str, AnswerOutcome]]:
    return [(one.arm, one.outcome) for one in noted()]


def break_version(monkeypatch: pytest.MonkeyPatch, version: Version, broken: Callable[[], Any]) -> None:
    """Let a version give something else than its files hold, as a bad training would have made them."""
    models = views.desk.models
    plain = models.open_scorer
    monkeypatch.setattr(
        models, "open_scorer", lambda arm: broken() if arm.version_id == version.id else plain(arm)
    )
    models._seats.pop(version.id, None)


@pytest.mark.parametrize("arm", [CANDIDATE, CONTROL, CHAMPION])
def test_a_browser_is_answered_by_the_arm_that_it_is_drawn_into(
    shop: Shop, live: Version, candidate: Version, rollout: Rollout, arm: str
) -> None:
    version = candidate if arm == CANDIDATE else live

    decision = asked(shop, visitor=a_browser_of(arm, rollout))

    assert (decision.arm, decision.version_id, decision.fallback) == (arm, version.id, "")
    assert rollout_of(decision) == str(rollout.uuid)
    assert replay(shop.id, decision.id).is_equal
    assert outcomes() == [(arm, AnswerOutcome.ANSWERED)]
    assert noted()[0].percent == 25


@pytest.mark.parametrize(
    ("case", "parameters"),
    [
        ("no id is kept", {}),
        ("no consent to keep one", {"consent": "analytics"}),
        ("logged in, but nothing kept in the browser", {"logged_in_customer_id": 6_100_200_300}),
    ],
)
def test_who_keeps_no_id_sees_the_champion_outside_the_rollout(
    shop: Shop, live: Version, rollout: Rollout, case: str, parameters: dict[str, Any]
) -> None:
    if "consent" in parameters:
        parameters = parameters | {"visitor": a_browser_of(CANDIDATE, rollout)}

    decision = asked(shop, **parameters)

    assert (decision.arm, decision.version_id) == (CHAMPION, live.id), case
    assert (rollout_of(decision), noted()) == ("", [])


@pytest.mark.parametrize(
    ("case", "drawn", "arm", "is_inside"),
    [
        ("the same draw", "{rollout}:25", CANDIDATE, True),
        ("a wider one than is on", "{rollout}:50", CANDIDATE, True),
        ("a narrower one, of a page from a cache", "{rollout}:1", CHAMPION, True),
        ("a first view, or an expired page", "none", CHAMPION, False),
        ("a rollout that is over", "0197a1b2-0000-7000-8000-0000000000ff:25", CHAMPION, False),
    ],
)
def test_what_a_page_asks_for_agrees_with_what_it_shows(
    shop: Shop, rollout: Rollout, case: str, drawn: str, arm: str, is_inside: bool
) -> None:
    browser = next(
        one
        for one in browsers_of(CANDIDATE, rollout)
        if bucket(rollout_salt(rollout.uuid), one) >= BUCKETS // 100
    )

    decision = asked(shop, visitor=browser, rollout=drawn.format(rollout=rollout.uuid))

    assert decision.arm == arm, case
    assert rollout_of(decision) == (str(rollout.uuid) if is_inside else ""), case


def test_what_a_shop_does_in_the_shadow_is_known_before_its_visitors_see_anything(
    shop: Shop, candidate: Version
) -> None:
    """Pages know of no rollout without a share, and say so."""
    rollout = a_rollout(shop, candidate, percent=0)
    load(shop)

    decision = asked(shop, visitor=a_browser_of(CHAMPION, rollout), rollout="none")

    assert decision.arm == CHAMPION
    assert [(one.arm, one.percent) for one in noted()] == [(CHAMPION, 0)]


@pytest.mark.parametrize("drawn", ["5", "x:5", "0197a1b2-0000-7000-8000-0000000000ff", "{rollout}:101"])
def test_a_page_that_tells_of_a_rollout_in_another_form_is_refused(rollout: Rollout, drawn: str) -> None:
    response = ask(consent=GRANTED, rollout=drawn.format(rollout=rollout.uuid))

    assert (response.status_code, response.json()["error"]["field"]) == (400, "rollout")


def test_who_is_held_out_is_in_no_arm(shop: Shop, rollout: Rollout) -> None:
    rollout_services.set_holdout(shop.id, 10, now=NOW, actor="user 7")
    rollouts.forget_cached()
    policy = rollouts.holdout(shop.id)
    held_out = next(one for one in browsers_of(CANDIDATE, rollout) if is_held_out(policy, one))

    decision = asked(shop, visitor=held_out)

    assert (decision.arm, decision.version_id) == ("holdout", None)
    assert (rollout_of(decision), noted()) == ("", [])


def test_a_browser_keeps_its_arm_from_page_to_page_and_in_a_new_process(
    shop: Shop, rollout: Rollout, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = a_browser_of(CANDIDATE, rollout)
    home = asked(shop, visitor=browser)
    product = asked(shop, visitor=browser, surface="product", product=110)
    monkeypatch.setattr(views, "desk", views.Desk(views.clock.now))
    load(shop)

    after = asked(shop, visitor=browser, logged_in_customer_id=6_100_200_300).arm

    assert [home.arm, product.arm, after] == [CANDIDATE] * 3


def refuses() -> Any:
    raise ArtifactRefused("A file does not match its sha256.")


def fails() -> Any:
    class Failing(FakeScorer):
        def score(self, *_: Any, **__: Any) -> list[Scored]:
            raise RuntimeError("out of memory")

    return Failing()


def diverged() -> Any:
    class Diverged(FakeScorer):
        def score(self, *_: Any, **__: Any) -> list[Scored]:
            return [Scored(101, math.nan, Reason(ReasonKind.FOR_YOU))]

    return Diverged()


def says_nothing() -> Any:
    class Silent(FakeScorer):
        def score(self, *_: Any, **__: Any) -> list[Scored]:
            return []

    return Silent()


def only_sold_out() -> Any:
    silent = says_nothing()
    silent.score = lambda *_, **__: [Scored(999, 1.0, Reason(ReasonKind.FOR_YOU))]
    return silent


@pytest.mark.parametrize(
    ("broken", "outcome", "reason"),
    [
        (fails, AnswerOutcome.FAILED, "standby_failed"),
        (refuses, AnswerOutcome.FATAL, "standby_artifact_refused"),
        (diverged, AnswerOutcome.FATAL, "standby_not_finite"),
        (says_nothing, AnswerOutcome.FATAL, "standby_empty"),
        (only_sold_out, AnswerOutcome.FATAL, "standby_empty"),
    ],
)
def test_where_the_candidate_fails_the_champion_answers_and_it_is_the_candidates_fault(
    shop: Shop,
    live: Version,
    candidate: Version,
    rollout: Rollout,
    monkeypatch: pytest.MonkeyPatch,
    broken: Callable[[], Any],
    outcome: AnswerOutcome,
    reason: str,
) -> None:
    break_version(monkeypatch, candidate, broken)
    load(shop)

    decision = asked(shop, visitor=a_browser_of(CANDIDATE, rollout))

    champions = asked(shop)
    assert [item.product_id for item in decision.items] == [item.product_id for item in champions.items]
    assert (decision.arm, decision.version_id) == ("standby", live.id)
    assert recording.read_setting(audit.inputs_of(shop.id, decision.id))["reason"] == reason
    assert replay(shop.id, decision.id).is_equal
    assert outcomes() == [(CANDIDATE, outcome)]


def has_only(product: int) -> Any:
    silent = says_nothing()
    found = Scored(product, 1.0, Reason(ReasonKind.FOR_YOU))
    silent.score = lambda *_, exclude=frozenset(), **__: [] if product in exclude else [found]
    return silent


def test_a_list_that_the_request_itself_leaves_empty_convicts_nobody(
    shop: Shop, live: Version, candidate: Version, rollout: Rollout, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_version(monkeypatch, candidate, lambda: has_only(101))
    load(shop)

    decision = asked(shop, visitor=a_browser_of(CANDIDATE, rollout), exclude="101")

    # The visitor has the champion's list all the same.
    assert (decision.arm, decision.version_id) == ("standby", live.id)
    assert outcomes() == [(CANDIDATE, AnswerOutcome.ANSWERED)]


def test_an_empty_list_is_no_fault_where_the_champion_has_none_either(
    shop: Shop, live: Version, candidate: Version, rollout: Rollout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views.desk.models, "open_scorer", lambda _: says_nothing())
    views.desk.models._seats.clear()
    load(shop)

    decision = asked(shop, visitor=a_browser_of(CANDIDATE, rollout))

    assert (decision.arm, decision.version_id, decision.fallback) == (CANDIDATE, candidate.id, "model_empty")
    assert outcomes() == [(CANDIDATE, AnswerOutcome.ANSWERED)]


def test_where_the_champion_fails_the_candidate_never_stands_in(
    shop: Shop, live: Version, rollout: Rollout, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_version(monkeypatch, live, fails)
    load(shop)

    decision = asked(shop, visitor=a_browser_of(CONTROL, rollout))

    assert (decision.arm, decision.version_id, decision.fallback) == ("none", None, "failed")
    assert outcomes() == [(CONTROL, AnswerOutcome.FAILED)]


def test_a_candidate_that_is_being_loaded_keeps_nobody_waiting_and_is_not_blamed(
    shop: Shop, live: Version, candidate: Version, rollout: Rollout, monkeypatch: pytest.MonkeyPatch
) -> None:
    pause = Pause()
    plain = views.desk.models.open_scorer
    arm = rollouts.live_arms(shop.id).find(CANDIDATE)
    assert arm is not None
    break_version(monkeypatch, candidate, lambda: pause() or plain(arm))
    loading = Worker(lambda: views.desk.models.prepare(arm))

    with pause.holding(loading):
        began = time.perf_counter()
        decision = asked(shop, visitor=a_browser_of(CANDIDATE, rollout))
        took = time.perf_counter() - began

    assert (decision.arm, decision.version_id) == ("standby", live.id)
    # The fixture gives a version that may be waited for ten seconds.
    assert took < 5
    assert noted() == []


def test_what_may_be_asked_next_is_loaded_before_anybody_asks_it(
    shop: Shop, live: Version, candidate: Version
) -> None:
    a_rollout(shop, candidate, percent=0)
    rollouts.forget_cached()

    asked(shop)

    until(lambda: candidate.id in views.desk.models.loaded())


def test_a_new_process_loads_all_that_may_be_asked(
    shop: Shop, live: Version, candidate: Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_rollout(shop, candidate, percent=0)
    rollouts.forget_cached()
    monkeypatch.setattr(views, "desk", views.Desk(views.clock.now))

    views.desk.warmer.warm_up()

    assert {live.id, candidate.id} <= set(views.desk.models.loaded())


# A pointer that nobody can read


@pytest.fixture
def as_web() -> Any:
    """Use the database as the web process does."""
    plain = connection.settings_dict["OPTIONS"]
    connection.close()
    as_web = limits.database(settings.DATABASE_URL, LIMITS[Process.WEB])
    connection.settings_dict["OPTIONS"] = as_web["OPTIONS"] | {
        "options": as_web["OPTIONS"]["options"].replace("lock_timeout=1000", "lock_timeout=100")
    }
    yield
    connection.close()
    connection.settings_dict["OPTIONS"] = plain


def test_while_the_pointer_cannot_be_read_the_candidate_answers_for_five_seconds_at_most(
    shop: Shop, live: Version, rollout: Rollout, as_web: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = 0.0
    monkeypatch.setattr(arms._live, "_clock", lambda: time.monotonic() + later)
    browser = a_browser_of(CANDIDATE, rollout)
    asked(shop, visitor=browser)
    pause = Pause()
    locking = Worker(lambda: lock_pointers(pause))

    with pause.holding(locking):
        later = recent.FRESH_SECONDS
        soon = asked(shop, visitor=browser)
        later = recent.USABLE_SECONDS
        late = asked(shop, visitor=browser)

    assert (soon.arm, late.arm) == (CANDIDATE, CHAMPION)
    assert late.version_id == live.id
    assert rollout_of(late) == ""


def lock_pointers(pause: Pause) -> None:
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("LOCK TABLE rollouts_pointer IN ACCESS EXCLUSIVE MODE")
        pause()
        cursor.execute("ROLLBACK")


# Somebody asks to see an arm


SOME_ROLLOUT = UUID("0197a1b2-0000-7000-8000-0000000000ff")


def override(header: str = "", **parameters: Any) -> Any:
    query = a_query(**{"consent": GRANTED, "limit": 4} | parameters)
    headers = {"x-canary": header} if header else {}
    return Client().get(f"/proxy/recommendations?{query}", headers=headers)


def a_token(
    arm: str = CANDIDATE,
    *,
    shop: str = DOMAIN,
    rollout_id: UUID = SOME_ROLLOUT,
    age: timedelta = timedelta(),
) -> str:
    return sign_override(shop, arm, rollout_id=rollout_id, now=clock.now() - age)


@pytest.mark.parametrize(
    ("percent", "header", "token", "sees"),
    [
        (25, "candidate", "", CANDIDATE),
        (25, "champion", "", CHAMPION),
        (25, "", "candidate", CANDIDATE),
        (25, "", "champion", CHAMPION),
        (25, "champion", "candidate", CANDIDATE),
        # What nobody is shown yet, nobody sees by a header that anybody can send.
        (0, "candidate", "", None),
        (0, "", "candidate", CANDIDATE),
    ],
)
def test_who_asks_to_see_an_arm_sees_it_and_counts_nowhere(
    shop: Shop, live: Version, candidate: Version, percent: int, header: str, token: str, sees: str | None
) -> None:
    rollout = a_rollout(shop, candidate, percent=percent)
    load(shop)
    versions = {CANDIDATE: candidate.id, CHAMPION: live.id}
    drawn = CHAMPION if sees in (CANDIDATE, None) else CANDIDATE
    visitor = a_browser_of(drawn, rollout)

    override(
        header, visitor=visitor, **({"canary": a_token(token, rollout_id=rollout.uuid)} if token else {})
    )

    [decision] = recorded(shop.id)
    if sees is None:
        assert (decision.arm, decision.version_id) == (CHAMPION, live.id)
        return
    assert (decision.arm, decision.version_id) == ("override", versions[sees])
    assert rollout_of(decision) == str(rollout.uuid)
    assert noted() == []


def test_who_asks_for_a_failing_candidate_counts_nowhere_either(
    shop: Shop, live: Version, candidate: Version, rollout: Rollout, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_version(monkeypatch, candidate, diverged)
    load(shop)

    override("candidate")

    [decision] = recorded(shop.id)
    assert (decision.arm, decision.version_id, noted()) == ("override", live.id, [])


def test_without_a_rollout_there_is_nothing_to_choose(shop: Shop, live: Version) -> None:
    override("candidate")

    [decision] = recorded(shop.id)
    assert (decision.arm, decision.version_id) == (CHAMPION, live.id)


@pytest.mark.parametrize(
    ("header", "token", "told"),
    [
        ("standby", "", "must be candidate or champion"),
        ("", "candidate", "signature does not fit"),
        ("", a_token, "signature does not fit"),
    ],
)
def test_what_is_no_arm_or_not_signed_by_us_is_refused(
    shop: Shop, rollout: Rollout, header: str, token: Any, told: str
) -> None:
    forged = f"{token()[:-3]}abc" if callable(token) else token

    response = override(header, **({"canary": forged} if forged else {}))

    assert response.status_code == 400
    assert told in json.dumps(response.json())
    assert recorded(shop.id) == []


def test_an_operator_gets_an_address_that_shows_the_candidate(
    shop: Shop, candidate: Version, capsys: pytest.CaptureFixture[str]
) -> None:
    a_rollout(shop, candidate, percent=0)
    load(shop)

    call_command("canary", DOMAIN, CANDIDATE, "--by", "3")

    address = urlsplit(capsys.readouterr().out.strip())
    override(canary=parse_qs(address.query)["canary"][0])
    [decision] = recorded(shop.id)
    assert (address.netloc, decision.arm, decision.version_id) == (DOMAIN, "override", candidate.id)
    [act] = audit.events(shop.id, event=Event.PREVIEW_REQUESTED)
    assert (act.actor, act.source, act.details["arm"]) == ("staff:3", "command", CANDIDATE)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"shop": "other.myshopify.com"}, "for another shop"),
        ({"age": timedelta(hours=1)}, "hour is over"),
    ],
)
def test_a_token_is_good_for_one_shop_and_one_hour(
    shop: Shop, rollout: Rollout, changes: dict[str, Any], told: str
) -> None:
    response = override(canary=a_token(**changes))

    assert response.status_code == 400
    assert told in json.dumps(response.json())


@pytest.mark.parametrize("is_on", [True, False])
def test_a_token_of_another_rollout_is_refused_and_so_is_one_of_a_rollout_that_is_over(
    shop: Shop, live: Version, candidate: Version, is_on: bool
) -> None:
    if is_on:
        a_rollout(shop, candidate, percent=25)
    load(shop)

    response = override(canary=a_token())

    assert (response.status_code, response.json()["error"]["field"]) == (400, "canary")
    assert "rollout is over" in json.dumps(response.json())
    assert recorded(shop.id) == []


def test_a_candidate_or_a_former_version_that_cannot_be_loaded_ahead_alarms_nobody(
    shop: Shop, live: Version, candidate: Version, monkeypatch: pytest.MonkeyPatch, enqueued: Any
) -> None:
    a_rollout(shop, candidate, percent=0)
    rollouts.forget_cached()
    break_version(monkeypatch, candidate, refuses)
    enqueued.clear()

    asked(shop)
    until(views.desk.models._seats[candidate.id].loading.done)

    assert audit.events(shop.id, event=Event.ARTIFACT_REFUSED) == []
    assert enqueued.of(Job.WATCH_SHOP) == []
