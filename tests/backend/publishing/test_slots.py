"""A rollout on pages that everybody shares: written beside what is shown, shown or undone by one write."""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from backend.audit import queries as audit
from backend.catalog.models import Product
from backend.core.errors import LostRace, Refused
from backend.publishing import queries, services
from backend.publishing.models import Comparison, Publication, Publisher
from backend.publishing.values import SWITCH_LIFE, SWITCH_RENEWAL, Slot
from backend.registry import queries as registry
from backend.registry.values import Version
from backend.rollouts.models import Pointer, Rollout
from backend.rollouts.queries import champion_version, get_rollout
from backend.rollouts.services import count_answers, pointing, stage
from backend.rollouts.services.pointing import Aim
from backend.rollouts.values import (
    CANDIDATE,
    AnswerOutcome,
    ArmAnswer,
    Judged,
    RolloutPlan,
    RolloutState,
    Verdict,
)
from backend.serving import queries as serving
from backend.shopify.values import gid
from backend.shops.models import Shop
from tests.backend.history import NOW, a_product
from tests.backend.publishing.conftest import FIRST, INSTALLATION, LAST, Metafields, a_user_error
from tests.backend.registry.versions import a_gate, a_version
from tests.backend.shopify.fake import data

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "tokens"]),
    pytest.mark.usefixtures("artifact_root", "redis_server"),
]

LISTS = LAST - FIRST + 1


class Killed(BaseException):
    """What SIGKILL does: nothing of ours runs any more."""


class Clock:
    """The time as a test moves it on."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def advance(self, by: timedelta) -> None:
        self.now += by


class Story:
    """A shop whose champion's lists are there, and the moves of its rollouts."""

    def __init__(self, shop: Shop, champion: Version, pages: Metafields) -> None:
        self.shop = shop
        self.champion = champion
        self.pages = pages
        self.clock = Clock()
        self.publish()

    def publish(self) -> list[list[dict[str, Any]]]:
        """Publish, and return the calls that it took."""
        self.pages.calls.clear()
        serving.forget_cached()
        services.publish(self.shop.id, clock=self.clock)
        return self.pages.calls

    def open(self, candidate: Version) -> Rollout:
        """Begin a rollout in its shadow."""
        rollout = Rollout.objects.for_shop(self.shop.id).create(
            number=Rollout.objects.for_shop(self.shop.id).count() + 1,
            candidate_id=self._row(candidate),
            champion_id=self._row(self.champion),
            state=RolloutState.SHADOW,
            plan=asdict(RolloutPlan()),
            opened_at=NOW,
            entered_at=NOW,
            words="It was opened.",
        )
        self.step(rollout, 0)
        return rollout

    def step(self, rollout: Rollout, percent: int) -> None:
        """Show the candidate to a share of the visitors, or to nobody yet."""
        aim = Aim(
            self._row(self.champion),
            candidate_id=rollout.candidate_id,
            rollout_id=rollout.id,
            percent=percent,
            shadow_percent=0 if percent else 10,
        )
        state = RolloutState.CANARY if percent else RolloutState.SHADOW
        self._point(aim, rollout, state, percent=percent)

    def end(self, rollout: Rollout, champion: Version) -> None:
        """Let one version answer everybody."""
        self._point(Aim(self._row(champion)), rollout, RolloutState.ROLLED_BACK, ended_at=NOW)
        self.champion = champion

    def go_back(self, champion: Version) -> None:
        """Let a former version answer everybody."""
        self._point(Aim(self._row(champion)))
        self.champion = champion

    def _point(self, aim: Aim, rollout: Rollout | None = None, state: str = "", **changes: Any) -> None:
        if rollout is not None:
            Rollout.objects.for_shop(self.shop.id).filter(id=rollout.id).update(state=state, **changes)
        revision = Pointer.objects.for_shop(self.shop.id).get().revision
        pointing.point(self.shop.id, aim, revision=revision, words="A test said so.", now=NOW)

    def _row(self, version: Version) -> int:
        return registry.row_id(self.shop.id, version.id)

    def shown(self, slot: Slot | None = None) -> dict[int, list[int]]:
        """Return the lists of all pages, of what everybody sees or of a slot."""
        return {page: self.pages.list_of(page, slot) for page in range(FIRST, LAST)}


@pytest.fixture
def story(shop: Shop, live: Version, pages: Metafields) -> Story:
    return Story(shop, live, pages)


@pytest.fixture
def candidate(shop: Shop, strides: dict[str, int], tmp_path: Any) -> Version:
    return _a_candidate(shop, strides, tmp_path, stride=7)


def _a_candidate(shop: Shop, strides: dict[str, int], tmp_path: Any, *, stride: int) -> Version:
    folder = tmp_path / f"candidate {stride}"
    folder.mkdir()
    (folder / "manifest.json").write_text(f'{{"stride": {stride}}}')
    champion = champion_version(shop.id)
    version = a_version(shop, folder, gate=a_gate(champion) if champion else None)
    stage(shop.id, version.id, now=NOW)
    strides[version.artifact] = stride
    return version


def keys(calls: list[list[dict[str, Any]]]) -> list[tuple[str, str]]:
    return [(one["namespace"], one["key"]) for call in calls for one in call]


SWITCH_ALONE = [("release", "state")]


def test_in_the_shadow_the_candidates_lists_are_written_where_nobody_sees_them(
    story: Story, candidate: Version
) -> None:
    before = story.shown()
    story.open(candidate)

    calls = story.publish()

    assert story.pages.lists_written == LISTS
    written = {("$app", "recs_b"), ("$app", "decision_b"), ("home", "products_b"), ("home", "decision_b")}
    assert set(keys(calls)) == written
    assert story.shown() == before == story.shown(Slot.A)
    assert story.shown(Slot.B) != before
    decision_id = UUID(story.pages.held["gid://shopify/Product/110", "$app", "decision_b"])
    [decision] = audit.decisions(story.shop.id, [decision_id])
    assert (decision.arm, decision.version_id) == ("candidate", candidate.id)
    assert queries.held(story.shop.id).version_id == story.champion.id


def test_each_step_is_one_write_that_names_the_slot_the_share_and_an_end(
    story: Story, candidate: Version
) -> None:
    rollout = story.open(candidate)
    story.publish()

    for percent in (5, 25, 50, 100):
        story.step(rollout, percent)

        assert keys(story.publish()) == SWITCH_ALONE
        assert story.pages.switch == {
            "default": "a",
            "candidate": "b",
            "share": percent,
            "salt": f"rollout:{rollout.uuid}",
            "rollout": str(rollout.uuid),
            "expires": int((NOW + SWITCH_LIFE).timestamp()),
        }
        assert story.publish() == []


def test_a_promotion_and_its_undoing_are_one_write_each(story: Story, candidate: Version) -> None:
    former, before = story.champion, story.shown()
    rollout = story.open(candidate)
    story.publish()
    after = story.shown(Slot.B)

    story.end(rollout, candidate)
    promoted = keys(story.publish())
    assert (promoted, story.pages.switch, story.shown()) == (SWITCH_ALONE, {"default": "b"}, after)
    assert queries.held(story.shop.id).version_id == candidate.id

    story.go_back(former)
    undone = keys(story.publish())
    assert (undone, story.pages.switch, story.shown()) == (SWITCH_ALONE, {"default": "a"}, before)


def test_a_rollback_is_told_before_anything_else_is_written(story: Story, candidate: Version) -> None:
    rollout = story.open(candidate)
    story.publish()
    story.step(rollout, 5)
    story.publish()
    # Lists of both versions are to be compared: the switch may not wait for them.
    Comparison.objects.for_shop(story.shop.id).update(compared_at=None)
    Product.objects.for_shop(story.shop.id).filter(product_id=139).update(available=False)

    def roll_back(call: int) -> None:
        if call == 1:
            story.end(rollout, story.champion)

    story.pages.meanwhile = roll_back
    calls = story.publish()

    assert keys(calls[1:2]) == SWITCH_ALONE
    assert story.pages.switch == {"default": "a"}
    assert not any(key.endswith("_b") for _, key in keys(calls))


def test_a_candidate_is_not_shown_before_all_its_lists_are_there(story: Story, candidate: Version) -> None:
    rollout = story.open(candidate)
    story.step(rollout, 5)

    calls = story.publish()

    assert keys(calls[-1:]) == SWITCH_ALONE
    assert ("release", "state") not in keys(calls[:-1])
    assert story.pages.lists_written == LISTS


def test_a_rollout_is_told_how_far_its_lists_are(story: Story, candidate: Version) -> None:
    """So that it is shown to nobody, personally or on a page, before every page holds them."""
    rollout = story.open(candidate)
    said = []

    def look(_: int) -> None:
        said.append(_lists_of(rollout))

    story.pages.meanwhile = look
    story.publish()

    assert {one.verdict for one in said} == {Verdict.NOT_ENOUGH}
    assert said[0].words == "Its lists are not on all of the shop's pages yet. 0 of 41 are written."
    assert said[-1].words == "Its lists are not on all of the shop's pages yet. 36 of 41 are written."
    assert _lists_of(rollout).verdict is Verdict.SUCCESS
    story.pages.meanwhile = lambda _: None
    story.step(rollout, 5)
    assert _lists_of(rollout).words == "The shop's pages are not told of its last step yet."
    story.publish()
    assert _lists_of(rollout).verdict is Verdict.SUCCESS


def test_a_rollout_is_told_why_its_lists_are_not_there(story: Story, candidate: Version) -> None:
    rollout = story.open(candidate)
    story.pages.meanwhile = lambda _: data(
        {
            "metafieldsSet": {
                "metafields": None,
                "userErrors": [a_user_error(0, "value", "No.", "INVALID_VALUE")],
            }
        }
    )

    with pytest.raises(Refused):
        story.publish()

    lists = _lists_of(rollout)
    assert lists.verdict is Verdict.NOT_ENOUGH
    assert "0 of 41 are written." in lists.words
    assert queries.held(story.shop.id).failure in lists.words != ""


def _lists_of(rollout: Rollout) -> Judged:
    found = get_rollout(rollout.shop_id, rollout.uuid)
    return queries.verdicts_with_lists(found, NOW).lists


@pytest.mark.parametrize("is_taken", [True, False], ids=["Shopify took it", "Shopify did not get it"])
def test_a_worker_killed_at_the_switch_leaves_one_that_is_written_again(
    story: Story, candidate: Version, is_taken: bool
) -> None:
    rollout = story.open(candidate)
    story.publish()
    story.step(rollout, 5)

    def die(_: int) -> None:
        if is_taken:
            story.pages.take(story.pages.calls[-1])
        raise Killed

    story.pages.meanwhile = die
    with pytest.raises(Killed):
        story.publish()
    assert not queries.held(story.shop.id).is_switch_known

    story.pages.meanwhile = lambda _: None
    story.end(rollout, story.champion)
    story.clock.advance(timedelta(minutes=10))

    assert keys(story.publish()) == SWITCH_ALONE
    assert story.pages.switch == {"default": "a"}
    assert queries.held(story.shop.id).is_switch_known


def test_a_worker_that_woke_up_too_late_puts_in_doubt_what_the_switch_says(
    story: Story, candidate: Version
) -> None:
    rollout = story.open(candidate)
    story.publish()
    story.step(rollout, 5)

    def sleep(call: int) -> None:
        if call == 1:
            story.pages.meanwhile = lambda _: None
            story.clock.advance(timedelta(minutes=10))
            story.end(rollout, story.champion)
            services.publish(story.shop.id, clock=story.clock)
            assert story.pages.switch == {"default": "a"}

    story.pages.meanwhile = sleep
    with pytest.raises(LostRace):
        story.publish()
    assert story.pages.switch["candidate"] == "b"

    story.clock.advance(timedelta(minutes=10))
    assert services.sweep(now=story.clock()) == 1
    story.publish()
    assert story.pages.switch == {"default": "a"}


def test_the_end_of_a_switch_moves_on_by_the_loop_alone_and_only_while_the_rollout_is_on(
    story: Story, candidate: Version
) -> None:
    rollout = story.open(candidate)
    story.publish()
    story.step(rollout, 5)
    story.publish()
    story.clock.advance(SWITCH_RENEWAL - timedelta(minutes=1))
    assert services.sweep(now=story.clock()) == 0

    story.clock.advance(timedelta(minutes=1))
    assert services.sweep(now=story.clock()) == 1
    assert keys(story.publish()) == SWITCH_ALONE
    assert story.pages.switch["expires"] == int((NOW + SWITCH_RENEWAL + SWITCH_LIFE).timestamp())

    story.end(rollout, story.champion)
    story.publish()
    story.clock.advance(SWITCH_RENEWAL)
    assert story.publish() == []


def test_a_candidate_that_the_guards_convict_is_shown_to_nobody_after_the_end_that_was_said(
    story: Story, candidate: Version
) -> None:
    rollout = story.open(candidate)
    story.publish()
    story.step(rollout, 5)
    story.publish()
    convicting = [ArmAnswer(CANDIDATE, 0, 5, AnswerOutcome.FATAL, 0.0)]
    count_answers(story.shop.id, rollout.uuid, convicting, now=NOW)

    story.clock.advance(SWITCH_RENEWAL)
    assert story.publish() == []
    story.clock.advance(SWITCH_LIFE - SWITCH_RENEWAL)

    assert keys(story.publish()) == SWITCH_ALONE
    assert story.pages.switch == {"default": "a"}


def test_the_next_candidate_takes_the_slot_of_what_was_shown_before(
    story: Story, candidate: Version, strides: dict[str, int], tmp_path: Any
) -> None:
    first = story.open(candidate)
    story.publish()
    story.end(first, candidate)
    story.publish()
    shown = story.shown()

    second = story.open(_a_candidate(story.shop, strides, tmp_path, stride=11))
    story.publish()
    story.step(second, 5)
    story.publish()

    assert (story.pages.switch["default"], story.pages.switch["candidate"]) == ("b", "a")
    assert story.shown() == shown != story.shown(Slot.A)


def test_an_earlier_version_is_written_beside_what_is_shown_and_then_shown_at_once(
    story: Story, candidate: Version, strides: dict[str, int], tmp_path: Any
) -> None:
    before = story.shown()
    story.go_back(_a_candidate(story.shop, strides, tmp_path, stride=11))
    seen: list[bool] = []
    story.pages.meanwhile = lambda _: seen.append(story.shown() == before)

    calls = story.publish()

    assert all(seen)
    assert keys(calls[-1:]) == SWITCH_ALONE
    assert story.shown() != before


def test_a_page_that_went_loses_its_lists_at_once_and_comes_back_with_those_of_now(
    story: Story, candidate: Version
) -> None:
    rollout = story.open(candidate)
    story.publish()
    page = Product.objects.for_shop(story.shop.id).filter(product_id=110)

    page.update(published_at=None)
    story.publish()

    assert [story.pages.list_of(110, slot) for slot in Slot] == [[], []]
    assert not Publication.objects.for_shop(story.shop.id).filter(product_id=110).exists()
    story.end(rollout, candidate)
    story.publish()
    page.update(published_at=NOW)
    calls = story.publish()
    assert {one["ownerId"] for call in calls for one in call} == {gid("Product", 110)}
    assert story.pages.list_of(110) == [FIRST + (10 + 7 * step) % (LAST - FIRST) for step in range(1, 17)]


def test_a_page_that_comes_in_the_middle_of_a_rollout_has_a_list_of_each_version_at_once(
    story: Story, candidate: Version
) -> None:
    rollout = story.open(candidate)
    story.publish()
    story.step(rollout, 5)
    story.publish()
    a_product(story.shop, 900, title="Product 900", created_at=NOW, published_at=NOW)

    calls = story.publish()

    assert {one["ownerId"] for call in calls for one in call} == {gid("Product", 900)}
    assert [len(story.pages.list_of(900, slot)) for slot in Slot] == [16, 16]


def test_with_a_product_that_is_deleted_its_lists_went_too(story: Story) -> None:
    story.pages.deleted = {110}
    Product.objects.for_shop(story.shop.id).filter(product_id=110).update(deleted_at=NOW, available=False)

    story.publish()

    assert not Publication.objects.for_shop(story.shop.id).filter(product_id=110).exists()
    assert queries.held(story.shop.id).failure == ""


def test_a_rollback_turns_the_pages_round_while_many_are_cleared(story: Story, candidate: Version) -> None:
    rollout = story.open(candidate)
    story.publish()
    story.step(rollout, 5)
    story.publish()
    Product.objects.for_shop(story.shop.id).filter(product_id__lt=120).update(published_at=None)
    story.pages.order.clear()
    story.pages.meanwhile_cleared = lambda: story.end(rollout, story.champion)

    story.publish()

    assert story.pages.order[:2] == ["cleared", "switch"]
    assert story.pages.switch == {"default": "a"}
    assert not Publication.objects.for_shop(story.shop.id).filter(product_id__in=range(100, 120)).exists()


def test_what_sold_out_since_the_last_look_is_on_no_list(story: Story, candidate: Version) -> None:
    story.open(candidate)
    serving.shelf(story.shop.id)
    Product.objects.for_shop(story.shop.id).filter(product_id__in=[107, 121]).update(available=False)

    # As a worker whose copy of what is in stock is some seconds old.
    story.pages.calls.clear()
    services.publish(story.shop.id, clock=story.clock)

    lists = Publication.objects.for_shop(story.shop.id).filter(slot=Slot.B)
    assert lists.count() == LISTS
    assert not lists.filter(items__overlap=[107, 121]).exists()
    assert {len(one.items) for one in lists} == {16}


def test_an_uninstall_forgets_both_slots_and_the_switch(
    story: Story, candidate: Version, pages: Metafields
) -> None:
    rollout = story.open(candidate)
    story.publish()
    story.step(rollout, 5)
    story.publish()

    services.forget_shop_lists(story.shop.id, now=story.clock())

    assert not Publication.objects.for_shop(story.shop.id).exists()
    assert not Comparison.objects.for_shop(story.shop.id).exists()
    assert Publisher.objects.for_shop(story.shop.id).get().switch == {}
    pages.held.clear()
    story.publish()
    assert story.pages.lists_written == 2 * LISTS
    assert (INSTALLATION, "release", "state") in pages.held
