"""The gate: what it says on which evidence, that it is written down for good, and what a person may do."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from backend.audit import queries as audit
from backend.audit.values import Event
from backend.core.errors import LostRace
from backend.core.queue import Job
from backend.registry import gateway
from backend.registry import queries as registry
from backend.registry.values import UnknownVersion, Version
from backend.rollouts import queries, rules, services
from backend.rollouts.models import GateDecision, ReleaseSettings
from backend.rollouts.values import (
    CHAMPION,
    Autonomy,
    Baseline,
    DamagedVersion,
    Evidence,
    GateVerdict,
    NotAllowedToPromote,
    NotReleasable,
    ReleasePolicy,
    RolloutPlan,
    RolloutSettings,
    RolloutState,
    Standing,
)
from backend.shops.models import Shop
from tests.backend.history import NOW, a_shop
from tests.backend.registry.versions import FINDINGS, a_gate, a_live_version, a_version

LATER = NOW + timedelta(hours=1)


def a_baseline(gain: float = 6.0, **changes: Any) -> Baseline:
    values = {"label": "Bought before", "customers": 815, "low_percent": gain - 4, "high_percent": gain + 4}
    return Baseline(**values | {"gain_percent": gain} | changes)


def evidence(low: float | None, high: float | None = None, **changes: Any) -> Evidence:
    values: dict[str, Any] = {
        "customers": 412,
        "gain_percent": low,
        "low_percent": low,
        "high_percent": low if high is None else high,
        "baseline": a_baseline(),
    }
    return Evidence(**values | changes)


EVEN = (-1.5, 1.5)  # beside the champion, low and high


@pytest.mark.parametrize(
    ("case", "found", "champion", "bar", "verdict"),
    [
        ("the first, unmeasured", Evidence(), None, 2.0, GateVerdict.FIRST),
        ("better than simple, even with the champion", evidence(*EVEN), 3, 2.0, GateVerdict.PASSED),
        ("touches the bar", evidence(*EVEN, baseline=a_baseline(2.0)), 3, 2.0, GateVerdict.PASSED),
        ("under the bar", evidence(*EVEN, baseline=a_baseline(1.9)), 3, 2.0, GateVerdict.FAILED),
        (
            "under the bar, splendid beside the champion",
            evidence(9.0, baseline=a_baseline(1.9)),
            3,
            2.0,
            GateVerdict.FAILED,
        ),
        (
            "simple, which is enough",
            evidence(*EVEN, baseline=a_baseline(0.0)),
            3,
            0.0,
            GateVerdict.PASSED,
        ),
        (
            "a loss, allowed",
            evidence(*EVEN, baseline=a_baseline(-9.5)),
            3,
            -10.0,
            GateVerdict.PASSED,
        ),
        ("touches the margin", evidence(-2.0, 9.0), 3, 2.0, GateVerdict.PASSED),
        ("may be worse by more", evidence(-2.1, 9.0), 3, 2.0, GateVerdict.FAILED),
        ("the bar moves no margin", evidence(-2.1, 9.0), 3, -10.0, GateVerdict.FAILED),
        ("worse, within the margin", evidence(-1.5, -0.5), 3, 2.0, GateVerdict.PASSED),
        ("worse", evidence(-9.0, -1.0), 3, 2.0, GateVerdict.FAILED),
        ("a reason and no figures", Evidence(7, reason="7 came back"), 3, -10.0, GateVerdict.NOT_ENOUGH_DATA),
        ("no figures and no reason", Evidence(500), 3, -10.0, GateVerdict.NOT_ENOUGH_DATA),
        ("splendid, of 99", evidence(50.0, customers=99), 3, -10.0, GateVerdict.NOT_ENOUGH_DATA),
        ("splendid, of 100", evidence(50.0, customers=100), 3, 2.0, GateVerdict.PASSED),
        ("no baseline", evidence(50.0, baseline=None), 3, -10.0, GateVerdict.NOT_ENOUGH_DATA),
        (
            "a baseline of 99",
            evidence(50.0, baseline=a_baseline(customers=99)),
            3,
            -10.0,
            GateVerdict.NOT_ENOUGH_DATA,
        ),
    ],
)
def test_judge(case: str, found: Evidence, champion: int | None, bar: float, verdict: GateVerdict) -> None:
    assert rules.judge(found, champion=champion, bar_percent=bar).verdict is verdict, case


def test_evidence_says_what_was_asked_and_older_evidence_asked_customers() -> None:
    figures = {"gain": 0.08, "low": 0.05, "high": 0.11, "customers": 412, "label": "Popularity"}
    gate = {**figures, "champion_id": "3", "since": NOW.isoformat(), "until": NOW.isoformat(), "reason": None}

    newer = rules.read_evidence(gate | {"asked": "orders"}, figures | {"asked": "orders"}, champion="3")
    older = rules.read_evidence(gate, figures, champion="3")

    assert newer.baseline is not None
    assert older.baseline is not None
    assert (newer.asked, newer.baseline.asked) == ("orders", "orders")
    assert (older.asked, older.baseline.asked) == ("customers", "customers")


SIMPLE = (
    "+6.0% beside the best simple method, “Bought before”, for 815 customers of the newest days, "
    "with 95% certainty between +2.0% and +10.0%; +2.0% is asked."
)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (
            evidence(-1.3, 8.26, gain_percent=5.19),
            (
                f"A rollout may begin. {SIMPLE} +5.1% beside version 3, for 412 customers, "
                "with 95% certainty between −1.3% and +8.2%; down to −2.0% is allowed."
            ),
        ),
        (
            evidence(-2.21, 6.0, gain_percent=2.5),
            (
                f"Not proven as good as version 3. {SIMPLE} +2.5% beside version 3, for 412 customers, "
                "with 95% certainty between −2.3% and +6.0%; down to −2.0% is allowed."
            ),
        ),
        (
            evidence(-9.0, -0.5, gain_percent=-4.0),
            (
                f"Worse than version 3. {SIMPLE} −4.0% beside version 3, for 412 customers, "
                "with 95% certainty between −9.0% and −0.5%; down to −2.0% is allowed."
            ),
        ),
        (
            evidence(-1.0, 1.0, gain_percent=0.0, baseline=a_baseline(1.0)),
            (
                "Not better than the best simple method by enough. "
                "+1.0% beside the best simple method, “Bought before”, for 815 customers of the newest days, "
                "with 95% certainty between −3.0% and +5.0%; +2.0% is asked. +0.0% beside version 3, "
                "for 412 customers, with 95% certainty between −1.0% and +1.0%; down to −2.0% is allowed."
            ),
        ),
        (
            Evidence(7),
            (
                "Not enough data to compare it with version 3: "
                "7 customers bought in the newest days, 100 are needed."
            ),
        ),
        (
            Evidence(7, asked="orders"),
            (
                "Not enough data to compare it with version 3: "
                "7 orders of the newest days hold two or more products, 100 are needed."
            ),
        ),
        (
            evidence(-1.3, 8.26, gain_percent=5.19, asked="orders", baseline=a_baseline(asked="orders")),
            (
                f"A rollout may begin. {SIMPLE.replace('customers', 'orders')} +5.1% beside version 3, "
                "for 412 orders, with 95% certainty between −1.3% and +8.2%; down to −2.0% is allowed."
            ),
        ),
        (
            evidence(1.0, baseline=None),
            "Not enough data to compare it with the best simple method: the training could not measure it.",
        ),
    ],
)
def test_the_words_say_how_much_how_certain_and_what_was_asked(found: Evidence, words: str) -> None:
    assert rules.judge(found, champion=3, bar_percent=2.0).words == words


@given(gain=st.floats(-100, 1000), low=st.floats(-100, 1000), bar=st.floats(-10, 20))
def test_nothing_passes_that_misses_the_bar_or_the_margin(gain: float, low: float, bar: float) -> None:
    found = evidence(low, low + 1, baseline=a_baseline(gain))

    verdict = rules.judge(found, champion=3, bar_percent=bar).verdict

    assert (verdict is GateVerdict.PASSED) == (gain >= bar and low >= -2.0)


def standing_of(shop: Shop, version: Version) -> Standing:
    return queries.standings(shop.id, [version.id])[version.id]


def verdicts(shop: Shop, version: Version) -> list[str]:
    rows = GateDecision.objects.for_shop(shop.id).filter(version__uuid=version.id)
    return list(rows.order_by("id").values_list("verdict", flat=True))


def test_the_first_version_passes_without_a_comparison(shop: Shop, artifact: Path) -> None:
    version = a_version(shop, artifact)

    verdict = services.stage(shop.id, version.id, now=NOW)

    record = queries.find_gate_record(shop.id, version.id)
    assert verdict is GateVerdict.FIRST
    assert standing_of(shop, version) is Standing.STAGED
    assert record is not None
    assert (record.verdict, record.champion, record.actor) == (GateVerdict.FIRST, None, "system")


def test_a_version_that_learned_from_nothing_is_no_champion(shop: Shop, artifact: Path) -> None:
    a_live_version(shop, artifact, interactions=0)
    version = a_version(shop, artifact)

    services.stage(shop.id, version.id, now=NOW)

    assert verdicts(shop, version) == ["FIRST"]


def test_a_champion_whose_files_are_gone_is_no_champion(shop: Shop, artifact: Path) -> None:
    former = a_live_version(shop, artifact)
    gateway.discard(former.artifact)
    version = a_version(shop, artifact, gate=a_gate(former, low=-0.5))

    services.stage(shop.id, version.id, now=NOW)

    record = queries.find_gate_record(shop.id, version.id)
    assert record is not None
    assert record.verdict is GateVerdict.FIRST
    assert record.words.startswith("Goes live: the files of version 1, which was live before")


def test_a_decision_keeps_its_evidence(shop: Shop, artifact: Path) -> None:
    former = a_live_version(shop, artifact)
    gate = a_gate(former, low=0.05)
    version = a_version(shop, artifact, gate=gate)

    services.stage(shop.id, version.id, now=NOW)

    row = GateDecision.objects.for_shop(shop.id).get(version__uuid=version.id)
    assert row.evidence == gate
    assert (row.verdict, row.bar_percent, row.margin_percent, row.customers) == ("PASSED", 2.0, 2.0, 412)
    assert (row.baseline, row.baseline_customers) == ("Popularity", 412)
    simple = (row.baseline_gain_percent, row.baseline_low_percent, row.baseline_high_percent)
    assert simple == pytest.approx((12.0, 6.0, 18.0))
    assert (row.gain_percent, row.low_percent, row.high_percent) == pytest.approx((8.0, 5.0, 11.0))
    assert (row.since, row.until) == (NOW - timedelta(days=14), NOW)
    [entry] = [one for one in audit.events(shop.id, event=Event.GATE_DECIDED) if one.subject == "version 2"]
    assert entry.reason == row.words


@pytest.mark.parametrize(
    ("gate", "verdict", "words"),
    [
        ({"low": -0.021}, "FAILED", "Not proven as good as version 1"),
        ({"low": -0.5}, "FAILED", "Worse than version 1"),
        ({"low": None}, "NOT_ENOUGH_DATA", "version 1: 7 known customers bought."),
        ({"champion_id": "another"}, "NOT_ENOUGH_DATA", "no longer live"),
        (None, "NOT_ENOUGH_DATA", "compared it with no other version"),
    ],
)
def test_an_unproven_version_is_held_and_the_former_goes_on(
    shop: Shop, artifact: Path, gate: dict[str, Any] | None, verdict: str, words: str, enqueued: Any
) -> None:
    former = a_live_version(shop, artifact)
    enqueued.clear()
    version = a_version(shop, artifact, gate=None if gate is None else a_gate(former, **gate))

    services.stage(shop.id, version.id, now=NOW)
    services.release(shop.id, version.id, now=NOW)

    assert verdicts(shop, version) == [verdict]
    assert standing_of(shop, version) is Standing.HELD
    record = queries.find_gate_record(shop.id, version.id)
    assert record is not None
    assert words in record.words
    assert queries.find_live_rollout(shop.id) is None
    assert queries.champion_id(shop.id) == former.id
    assert enqueued.jobs == []


def test_a_version_is_judged_once(shop: Shop, artifact: Path) -> None:
    former = a_live_version(shop, artifact)
    version = a_version(shop, artifact, gate=a_gate(former, low=-0.1))
    services.stage(shop.id, version.id, now=NOW)
    services.set_release_policy(shop.id, ReleasePolicy(-10.0), now=NOW, actor="user 7")

    services.stage(shop.id, version.id, now=LATER)

    assert verdicts(shop, version) == ["FAILED"]
    assert standing_of(shop, version) is Standing.HELD


def test_a_merchant_may_ask_for_less(shop: Shop, artifact: Path) -> None:
    former = a_live_version(shop, artifact)
    as_good = {"against_simple": FINDINGS["against_simple"] | {"gain": 0.0, "low": 0.0, "high": 0.0}}
    strict, lenient = (a_version(shop, artifact, gate=a_gate(former), findings=as_good) for _ in range(2))
    services.stage(shop.id, strict.id, now=NOW)

    services.set_release_policy(shop.id, ReleasePolicy(-5.0), now=NOW, actor="user 7")
    services.stage(shop.id, lenient.id, now=NOW)

    assert (verdicts(shop, strict), verdicts(shop, lenient)) == (["FAILED"], ["PASSED"])
    assert queries.release_policy(shop.id) == ReleasePolicy(-5.0, False, NOW, "user 7")
    [entry] = audit.events(shop.id, event=Event.RELEASE_SETTINGS_CHANGED)
    assert (entry.actor, entry.new["min_gain_percent"]) == ("user 7", -5.0)


def test_a_shop_too_small_to_compare_may_order_new_versions_all_the_same(shop: Shop, artifact: Path) -> None:
    former = a_live_version(shop, artifact)
    policy = ReleasePolicy(release_without_evidence=True)
    services.set_release_policy(shop.id, policy, now=NOW, actor="user 7")
    unmeasured = a_version(shop, artifact, gate=a_gate(former, low=None))
    worse = a_version(shop, artifact, gate=a_gate(former, low=-0.2))

    said = [services.stage(shop.id, one.id, now=NOW) for one in (unmeasured, worse)]

    assert said == [GateVerdict.OVERRIDDEN, GateVerdict.FAILED]
    assert [standing_of(shop, one) for one in (unmeasured, worse)] == [Standing.STAGED, Standing.HELD]
    assert verdicts(shop, unmeasured) == ["NOT_ENOUGH_DATA", "OVERRIDDEN"]
    assert verdicts(shop, worse) == ["FAILED"]


def test_a_held_version_can_be_rolled_out_by_hand(
    shop: Shop, artifact: Path, enqueued: Any, committed: Any
) -> None:
    former = a_live_version(shop, artifact)
    version = a_version(shop, artifact, gate=a_gate(former, low=-0.03))
    services.stage(shop.id, version.id, now=NOW)
    enqueued.clear()

    with committed():
        services.release_by_hand(shop.id, version.id, reason="We trust it", now=LATER, actor="user 7")

    tracked = {"shop_id": shop.id, "version_id": str(version.id)}
    assert enqueued.of(Job.TRACK_RELEASE) == [tracked]
    assert (standing_of(shop, former), standing_of(shop, version)) == (Standing.LIVE, Standing.ROLLING_OUT)
    record = queries.find_gate_record(shop.id, version.id)
    assert record is not None
    assert (record.verdict, record.actor, record.champion) == (GateVerdict.OVERRIDDEN, "user 7", 1)
    assert record.evidence.low_percent == pytest.approx(-3.0)
    assert record.evidence.baseline == Baseline("Popularity", 412, 12.0, 6.0, 18.0)
    assert record.words.startswith("Let through all the same: We trust it. Before that: Not proven as good")
    rollout = queries.find_live_rollout(shop.id)
    assert rollout is not None
    assert (rollout.candidate_id, rollout.words) == (version.id, "Chosen by hand: We trust it")


def test_going_back_to_a_former_version_is_one_step(shop: Shop, artifact: Path) -> None:
    former, newer = a_live_version(shop, artifact), a_live_version(shop, artifact)

    services.release_by_hand(shop.id, former.id, reason="", now=LATER, actor="user 7")

    assert (standing_of(shop, former), standing_of(shop, newer)) == (Standing.LIVE, Standing.RETIRED)
    assert queries.champion_id(shop.id) == former.id


def test_a_version_that_passed_is_rolled_out_once(shop: Shop, artifact: Path) -> None:
    former = a_live_version(shop, artifact)
    version = a_version(shop, artifact, gate=a_gate(former))
    services.stage(shop.id, version.id, now=NOW)

    for _ in range(2):
        services.release(shop.id, version.id, now=NOW)

    [rollout] = queries.rollouts(shop.id)
    assert (rollout.candidate_id, rollout.champion_id) == (version.id, former.id)
    [opened] = audit.events(shop.id, event=Event.ROLLOUT_OPENED)
    assert opened.reason.startswith("A rollout may begin.")
    assert queries.champion_id(shop.id) == former.id
    assert standing_of(shop, version) is Standing.ROLLING_OUT


def test_of_two_that_were_judged_before_any_went_live_one_is_the_first(shop: Shop, artifact: Path) -> None:
    first, second = a_version(shop, artifact), a_version(shop, artifact)
    for version in (first, second):
        services.stage(shop.id, version.id, now=NOW)

    for version in (first, second):
        services.release(shop.id, version.id, now=NOW)

    assert (verdicts(shop, first), verdicts(shop, second)) == (["FIRST"], ["FIRST"])
    assert queries.champion_id(shop.id) == first.id
    [rollout] = queries.rollouts(shop.id)
    assert (rollout.candidate_id, rollout.champion_id) == (second.id, first.id)
    assert queries.fresh_arms(shop.id).get(CHAMPION).version_id == first.id


@pytest.mark.parametrize("is_live", [True, False])
def test_a_release_that_comes_late_takes_no_newer_versions_place(
    is_live: bool, shop: Shop, artifact: Path
) -> None:
    live = a_live_version(shop, artifact)
    older, newer = (a_version(shop, artifact, gate=a_gate(live)) for _ in range(2))
    for version in (older, newer):
        services.stage(shop.id, version.id, now=NOW)
    services.release(shop.id, newer.id, now=NOW)
    if is_live:
        services.set_champion(shop.id, newer.id, reason="It held up.", now=NOW)
    before = queries.rollouts(shop.id), queries.fresh_arms(shop.id)

    services.release(shop.id, older.id, now=LATER)

    assert (queries.rollouts(shop.id), queries.fresh_arms(shop.id)) == before
    assert standing_of(shop, older) is Standing.STAGED


def test_a_first_version_replaces_one_that_can_not_be_compared_with(shop: Shop, artifact: Path) -> None:
    a_live_version(shop, artifact, interactions=0)
    version = a_version(shop, artifact)
    services.stage(shop.id, version.id, now=NOW)

    services.release(shop.id, version.id, now=NOW)

    assert (queries.champion_id(shop.id), queries.rollouts(shop.id)) == (version.id, [])


def test_a_first_version_does_not_replace_what_went_live_while_it_was_looked_at(
    shop: Shop, artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_live_version(shop, artifact, interactions=0)
    late, quick = a_version(shop, artifact), a_version(shop, artifact)
    for version in (late, quick):
        services.stage(shop.id, version.id, now=NOW)
    look: Any = queries.find_champion

    def look_while_another_is_released(shop_id: int) -> Version | None:
        found: Version | None = look(shop_id)
        monkeypatch.setattr(queries, "find_champion", look)
        services.release(shop_id, quick.id, now=NOW)
        return found

    monkeypatch.setattr(queries, "find_champion", look_while_another_is_released)
    with pytest.raises(LostRace):
        services.release(shop.id, late.id, now=NOW)

    assert queries.champion_id(shop.id) == quick.id


def test_nothing_is_rolled_out_while_releases_are_off(shop: Shop, artifact: Path) -> None:
    former = a_live_version(shop, artifact)
    services.set_rollout_settings(shop.id, RolloutSettings(is_off=True), now=NOW, actor="user 7")
    version = a_version(shop, artifact, gate=a_gate(former))
    services.stage(shop.id, version.id, now=NOW)

    services.release(shop.id, version.id, now=NOW)

    assert queries.rollouts(shop.id) == []
    assert standing_of(shop, version) is Standing.STAGED


def test_switched_on_again_the_newest_that_passed_meanwhile_is_released(
    shop: Shop, artifact: Path, enqueued: Any, committed: Any
) -> None:
    former = a_live_version(shop, artifact)
    services.set_rollout_settings(shop.id, RolloutSettings(is_off=True), now=NOW, actor="user 7")
    for _ in range(2):
        version = a_version(shop, artifact, gate=a_gate(former))
        services.stage(shop.id, version.id, now=NOW)
    enqueued.clear()

    with committed():
        services.set_rollout_settings(shop.id, RolloutSettings(), now=LATER, actor="user 7")

    assert enqueued.of(Job.RELEASE) == [{"shop_id": shop.id, "version_id": str(version.id)}]
    told = audit.events(shop.id, event=Event.ROLLOUT_SETTINGS_CHANGED)[0].reason
    follows = f"Version {version.number} passed the gate meanwhile: it is released now."
    assert told == f"Releases were switched on. {follows}"
    services.release(shop.id, version.id, now=LATER)
    assert standing_of(shop, version) is Standing.ROLLING_OUT


def test_switched_on_again_nothing_older_than_what_is_live_is_released(
    shop: Shop, artifact: Path, enqueued: Any, committed: Any
) -> None:
    former = a_live_version(shop, artifact)
    services.set_rollout_settings(shop.id, RolloutSettings(is_off=True), now=NOW, actor="user 7")
    services.stage(shop.id, a_version(shop, artifact, gate=a_gate(former)).id, now=NOW)
    a_live_version(shop, artifact)
    enqueued.clear()

    with committed():
        services.set_rollout_settings(shop.id, RolloutSettings(), now=LATER, actor="user 7")

    assert enqueued.of(Job.RELEASE) == []


def test_switched_on_again_what_the_switch_called_off_is_a_persons_to_open(
    shop: Shop, artifact: Path, enqueued: Any, committed: Any
) -> None:
    former = a_live_version(shop, artifact)
    version = a_version(shop, artifact, gate=a_gate(former))
    services.stage(shop.id, version.id, now=NOW)
    opened = services.open_rollout(shop.id, version.id, plan=RolloutPlan(autonomy=Autonomy.NOTHING), now=NOW)
    services.set_rollout_settings(shop.id, RolloutSettings(is_off=True), now=NOW, actor="user 7")
    assert queries.get_rollout(shop.id, opened.id).state is RolloutState.ABORTED
    enqueued.clear()

    with committed():
        services.set_rollout_settings(shop.id, RolloutSettings(), now=LATER, actor="user 7")

    assert enqueued.of(Job.RELEASE) == []
    [_, told, *_] = audit.events(shop.id, event=Event.ROLLOUT_SETTINGS_CHANGED)[::-1]
    assert told.reason == "Releases were switched on."


def test_using_what_is_live_already_changes_nothing(shop: Shop, artifact: Path) -> None:
    version = a_live_version(shop, artifact)
    before = len(audit.events(shop.id))

    services.release_by_hand(shop.id, version.id, reason="", now=LATER, actor="user 7")

    assert len(audit.events(shop.id)) == before


def test_neither_a_candidate_nor_a_rejected_version_is_a_persons_to_use(shop: Shop, artifact: Path) -> None:
    rejected = a_version(shop, artifact)
    gateway.discard(rejected.artifact)
    services.stage(shop.id, rejected.id, now=NOW)
    candidate = a_version(shop, artifact)

    for version, refused in ((rejected, DamagedVersion), (candidate, NotReleasable)):
        with pytest.raises(refused):
            services.release_by_hand(shop.id, version.id, reason="", now=LATER, actor="user 7")

    assert queries.champion_id(shop.id) is None


def in_standing(standing: Standing, shop: Shop, artifact: Path) -> Version:
    """Return a version that is this to a shop in which another one answered before."""
    former = a_live_version(shop, artifact)
    if standing in {Standing.LIVE, Standing.RETIRED}:
        newer = a_live_version(shop, artifact)
        return newer if standing is Standing.LIVE else former
    version = a_version(shop, artifact, gate=a_gate(former, low=-0.5))
    if standing is Standing.REJECTED:
        kept = gateway.locate(version.artifact)
        away = kept.rename(kept.with_name("away"))
        services.stage(shop.id, version.id, now=NOW)
        # Whoever puts the files back has not changed what the gate said.
        away.rename(kept)
    elif standing is Standing.HELD:
        services.stage(shop.id, version.id, now=NOW)
    return version


@pytest.mark.parametrize("by_hand", [True, False])
@pytest.mark.parametrize(
    ("standing", "words"),
    [
        (Standing.CANDIDATE, "The gate has not judged version 2 yet."),
        (Standing.REJECTED, "The files of version 2 are damaged."),
        (Standing.HELD, "The gate held version 2, and nobody let it through."),
        (Standing.LIVE, "Version 2 answers already."),
        (Standing.RETIRED, "Version 1 answered everybody before: it is gone back to."),
    ],
)
def test_no_rollout_is_opened_of_what_nobody_let_through_or_everybody_saw(
    standing: Standing, words: str, by_hand: bool, shop: Shop, artifact: Path
) -> None:
    version = in_standing(standing, shop, artifact)
    assert standing_of(shop, version) is standing
    before = list(audit.events(shop.id))

    with pytest.raises(NotReleasable) as refused:
        services.open_rollout(shop.id, version.id, now=LATER, actor="user 7", by_hand=by_hand)

    assert refused.value.message == words
    assert (queries.rollouts(shop.id), list(audit.events(shop.id))) == ([], before)


def test_what_a_person_may_not_open_is_not_let_through_either(shop: Shop, artifact: Path) -> None:
    version = in_standing(Standing.HELD, shop, artifact)
    services.set_rollout_settings(shop.id, RolloutSettings(promoters=("9",)), now=NOW, actor="user 7")

    with pytest.raises(NotAllowedToPromote):
        services.open_by_hand(shop.id, version.id, reason="", now=LATER, actor="user 7")

    assert verdicts(shop, version) == ["FAILED"]


def test_a_version_that_was_damaged_meanwhile_is_refused(shop: Shop, artifact: Path) -> None:
    former, live = a_live_version(shop, artifact), a_live_version(shop, artifact)
    gateway.discard(former.artifact)

    with pytest.raises(DamagedVersion):
        services.release_by_hand(shop.id, former.id, reason="", now=LATER, actor="user 7")

    assert queries.champion_id(shop.id) == live.id


def test_what_the_run_log_is_told(shop: Shop, artifact: Path) -> None:
    former = a_live_version(shop, artifact)
    held = a_version(shop, artifact, gate=a_gate(former, low=-0.03))
    services.stage(shop.id, held.id, now=NOW)
    unjudged = a_version(shop, artifact)

    first, second, third = (queries.release_notes(shop.id, one.id) for one in (former, held, unjudged))

    named = {"staging": former.id, "challenger": None, "champion": former.id}
    assert first.aliases == second.aliases == third.aliases == named
    assert "gate.gain_percent" not in first.tags
    assert second.tags.pop("gate.words").startswith("Not proven as good as version 1")
    assert second.tags == {
        "gate.verdict": "FAILED",
        "gate.actor": "system",
        "gate.bar_percent": "2",
        "gate.margin_percent": "2",
        "gate.baseline": "Popularity",
        "gate.baseline_customers": "412",
        "gate.baseline_gain_percent": "12",
        "gate.baseline_low_percent": "6",
        "gate.baseline_high_percent": "18",
        "gate.gain_percent": "0",
        "gate.low_percent": "-3",
        "gate.high_percent": "3",
        "gate.champion": "1",
        "gate.customers": "412",
        "gate.since": "2026-11-07T12:00:00+00:00",
        "gate.until": "2026-11-21T12:00:00+00:00",
    }
    assert third.tags == {}


def test_going_back_stages_nothing_anew(shop: Shop, artifact: Path) -> None:
    former, newer = a_live_version(shop, artifact), a_live_version(shop, artifact, now=LATER)

    services.release_by_hand(shop.id, former.id, reason="", now=LATER, actor="user 7")

    named = {"staging": newer.id, "challenger": None, "champion": former.id}
    assert queries.release_notes(shop.id, former.id).aliases == named


# What PostgreSQL itself promises


@pytest.mark.parametrize("change", ["update", "delete"])
def test_a_decision_is_written_for_good(shop: Shop, artifact: Path, change: str) -> None:
    a_live_version(shop, artifact)
    rows = GateDecision.objects.for_shop(shop.id)

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        rows.update(verdict="PASSED") if change == "update" else rows._raw_delete(rows.db)

    assert list(rows.values_list("verdict", flat=True)) == ["FIRST"]


ENOUGH = {"low_percent": -2.0, "customers": 100, "baseline_gain_percent": 2.0, "baseline_customers": 100}


@pytest.mark.parametrize(
    ("case", "figures"),
    [
        ("under the bar", {"baseline_gain_percent": 1.9}),
        ("no baseline", {"baseline_gain_percent": None}),
        ("few customers of the baseline", {"baseline_customers": 99}),
        ("under the margin", {"low_percent": -2.1}),
        ("not compared", {"low_percent": None}),
        ("few customers", {"customers": 99}),
        ("no champion", {"champion_id": None}),
        ("by the former rule, under its bar", {"margin_percent": None, "low_percent": 1.9}),
    ],
)
def test_no_row_says_passed_without_the_evidence(
    shop: Shop, artifact: Path, case: str, figures: dict[str, Any]
) -> None:
    row = a_passed_row(shop, artifact) | figures

    with pytest.raises(IntegrityError, match="passed_clears_the_bar"), transaction.atomic():
        GateDecision.objects.for_shop(shop.id).create(**row)


@pytest.mark.parametrize(
    "figures", [{}, {"margin_percent": None, "low_percent": 2.0, "baseline_gain_percent": None}]
)
def test_a_row_may_say_passed_by_either_rule(shop: Shop, artifact: Path, figures: dict[str, Any]) -> None:
    GateDecision.objects.for_shop(shop.id).create(**a_passed_row(shop, artifact) | figures)


def a_passed_row(shop: Shop, artifact: Path) -> dict[str, Any]:
    champion, version = a_live_version(shop, artifact), a_version(shop, artifact)
    return {
        "version_id": registry.row_id(shop.id, version.id),
        "champion_id": registry.row_id(shop.id, champion.id),
        "verdict": "PASSED",
        "bar_percent": 2.0,
        "margin_percent": 2.0,
        "words": "",
        "created_at": NOW,
        **ENOUGH,
    }


@pytest.mark.parametrize("bar", [-10.1, 20.1])
def test_no_bar_lies_outside_its_limits(shop: Shop, bar: float) -> None:
    with pytest.raises(IntegrityError, match="rollouts_settings_bar"), transaction.atomic():
        services.set_release_policy(shop.id, ReleasePolicy(bar), now=NOW, actor="user 7")

    assert not ReleaseSettings.objects.for_shop(shop.id).exists()


def test_one_shops_gate_is_unknown_to_another(shop: Shop, artifact: Path) -> None:
    version = a_live_version(shop, artifact)
    other = a_shop("other.myshopify.com")

    assert queries.find_gate_record(other.id, version.id) is None
    with pytest.raises(UnknownVersion):
        services.release_by_hand(other.id, version.id, reason="", now=LATER, actor="user 7")
