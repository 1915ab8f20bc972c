from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from backend.onboarding.rules.checklist import block, is_live, missing, serving, steps
from backend.onboarding.values import (
    SEEN_LATELY,
    Amounts,
    Block,
    BlockFacts,
    BlockState,
    BlockStatus,
    Facts,
    ImportPart,
    Placement,
    Publishing,
    Serving,
    StepId,
    StepState,
    Training,
)
from tests.backend.history import NOW

PART = ImportPart(state="DONE", done=40, total=40, unit="products", error="")
READY = Facts(
    amounts=Amounts(products=40, orders=300, order_lines=884, customers=60, guest_orders=0),
    products=PART,
    orders=replace(PART, done=300, total=300, unit="orders"),
    training=Training(state="DONE"),
    version_number=3,
    is_published=True,
    has_lists=True,
    publishing=None,
    publish_failure="",
    blocks=tuple(Block(placement, BlockState.PLACED, f"{placement}: there.", NOW) for placement in Placement),
    needs_reauth=False,
    missing_scopes=(),
    has_all_orders=False,
    has_available_product=True,
    has_purchases=True,
)
FRESH = replace(
    READY,
    amounts=Amounts(0, 0, 0, 0, 0),
    products=replace(PART, state=None, done=0, total=0),
    orders=replace(PART, state=None, done=0, total=0, unit="orders"),
    training=Training(),
    version_number=None,
    is_published=False,
    has_lists=False,
    blocks=tuple(Block(placement, BlockState.MISSING, "Missing.", None) for placement in Placement),
)


def only(placed: Placement) -> tuple[Block, ...]:
    return tuple(one for one in READY.blocks if one.placement is placed) + tuple(
        one for one in FRESH.blocks if one.placement is not placed
    )


def active(at: datetime) -> dict[str, Any]:
    return {"status": BlockStatus.ACTIVE, "reported_at": at}


def denied(at: datetime, status: BlockStatus = BlockStatus.AVAILABLE) -> dict[str, Any]:
    return {"status": status, "reported_at": at}


def states(facts: Facts) -> dict[StepId, StepState]:
    return {step.id: step.state for step in steps(facts)}


def test_a_finished_shop_is_done_in_every_step() -> None:
    assert set(states(READY).values()) == {StepState.DONE}
    assert serving(READY) is Serving.MODEL
    assert missing(READY) == ()


def test_a_fresh_shop_waits_and_needs_its_merchant_only_for_the_theme() -> None:
    assert states(FRESH) == {
        StepId.INSTALL: StepState.DONE,
        StepId.IMPORT_PRODUCTS: StepState.WAITING,
        StepId.IMPORT_ORDERS: StepState.WAITING,
        StepId.TRAIN: StepState.WAITING,
        StepId.PUBLISH: StepState.WAITING,
        StepId.THEME_BLOCK: StepState.NEEDS_ACTION,
    }
    assert serving(FRESH) is Serving.FALLBACK


def test_the_writing_of_the_first_lists_is_counted_in_pages() -> None:
    writing = replace(FRESH, version_number=1, publishing=Publishing(done=12, pages=41))

    step = next(one for one in steps(writing) if one.id is StepId.PUBLISH)

    assert (step.state, step.done, step.total, step.unit) == (StepState.RUNNING, 12, 41, "pages")


@pytest.mark.parametrize(
    ("case", "changes", "step", "state"),
    [
        ("exporting", {"orders": replace(PART, state="EXPORTING")}, StepId.IMPORT_ORDERS, StepState.RUNNING),
        ("loading", {"orders": replace(PART, state="LOADING")}, StepId.IMPORT_ORDERS, StepState.RUNNING),
        ("failed", {"orders": replace(PART, state="FAILED")}, StepId.IMPORT_ORDERS, StepState.FAILED),
        ("training", {"training": Training("TRAINING", 0.4, "Epoch 4.")}, StepId.TRAIN, StepState.RUNNING),
        ("trained", {"training": Training("DONE")}, StepId.TRAIN, StepState.DONE),
        ("not released yet", {"training": Training("DONE")}, StepId.PUBLISH, StepState.WAITING),
        ("a failed run", {"training": Training("FAILED", error="No.")}, StepId.TRAIN, StepState.FAILED),
        ("being written", {"version_number": 1}, StepId.PUBLISH, StepState.RUNNING),
        (
            "declined",
            {"version_number": 1, "publish_failure": "Shopify declined."},
            StepId.PUBLISH,
            StepState.FAILED,
        ),
        ("home alone", {"blocks": only(Placement.HOME)}, StepId.THEME_BLOCK, StepState.NEEDS_ACTION),
        ("product alone", {"blocks": only(Placement.PRODUCT)}, StepId.THEME_BLOCK, StepState.DONE),
    ],
)
def test_steps(case: str, changes: dict[str, object], step: StepId, state: StepState) -> None:
    assert states(replace(FRESH, **changes))[step] is state, case  # type: ignore[arg-type]


def test_a_running_step_tells_how_far_it_is() -> None:
    part = ImportPart(state="LOADING", done=1234, total=25_900, unit="orders", error="")

    found = next(step for step in steps(replace(FRESH, orders=part)) if step.id is StepId.IMPORT_ORDERS)

    assert (found.done, found.total, found.unit) == (1234, 25_900, "orders")


@pytest.mark.parametrize(("done", "told"), [
    (0, "There are no products yet."), (1, "One product is here."), (1_200, "1,200 products are here."),
])  # fmt: skip
def test_what_came_in_is_told_in_words(done: int, told: str) -> None:
    found = steps(replace(READY, products=replace(PART, done=done, total=done)))

    assert next(step for step in found if step.id is StepId.IMPORT_PRODUCTS).detail == told


@pytest.mark.parametrize(
    ("case", "facts", "told"),
    [
        (
            "no orders in the window",
            replace(READY, amounts=replace(READY.amounts, orders=0)),
            "No orders in the last 60 days yet: popular and newest products are shown until there are 50.",
        ),
        (
            "no orders at all",
            replace(READY, amounts=replace(READY.amounts, orders=0), has_all_orders=True),
            "No orders yet: popular and newest products are shown until there are 50.",
        ),
        (
            "few orders",
            replace(READY, amounts=replace(READY.amounts, orders=12)),
            (
                "Only 12 orders in the last 60 days so far: popular and newest products fill most places "
                "until there are 50."
            ),
        ),
        (
            "a single order",
            replace(READY, amounts=replace(READY.amounts, orders=1), has_all_orders=True),
            "Only 1 order so far: popular and newest products fill most places until there are 50.",
        ),
        (
            "test orders only",
            replace(READY, has_purchases=False),
            (
                "No order to learn from: tests, cancelled and refunded orders teach nothing. Popular and "
                "newest products are shown until there are 50 others."
            ),
        ),
        (
            "nothing published",
            replace(READY, has_available_product=False),
            "Nothing can be recommended now: no product is published, in stock and has a price.",
        ),
        (
            "guests only",
            replace(READY, amounts=replace(READY.amounts, customers=0)),
            "All orders are by guests: recommendations follow the product, not the customer.",
        ),
        (
            "no products",
            replace(READY, amounts=replace(READY.amounts, products=0)),
            "No products yet: there is nothing to recommend until you add some.",
        ),
        (
            "a permission",
            replace(READY, missing_scopes=("read_orders",)),
            "A permission is missing: close the app and open it again, and Shopify asks you for it.",
        ),
        (
            "a dead token",
            replace(READY, needs_reauth=True),
            "The access to your shop is being renewed: imports and new lists wait until then.",
        ),
    ],
)
def test_missing(case: str, facts: Facts, told: str) -> None:
    assert missing(facts) == (told,), case


@pytest.mark.parametrize(
    ("case", "facts", "state", "told"),
    [
        ("nothing is known", {}, BlockState.MISSING, "Product pages: not added yet."),
        ("App Bridge sees it", active(NOW), BlockState.PLACED, "Product pages: in your theme."),
        ("a page asked", {"asked_at": NOW - SEEN_LATELY}, BlockState.PLACED, "Product pages: in your theme."),
        (
            "a page asked once, long ago",
            {"asked_at": NOW - SEEN_LATELY - timedelta(days=1)},
            BlockState.NOT_SEEN,
            "Product pages: not seen since 13 November 2026.",
        ),
        (
            "App Bridge saw it long ago and says nothing since",
            active(NOW - timedelta(days=30)),
            BlockState.NOT_SEEN,
            "Product pages: not seen since 22 October 2026.",
        ),
        (
            "taken away after a page asked",
            denied(NOW) | {"asked_at": NOW - timedelta(hours=1)},
            BlockState.MISSING,
            "Product pages: not in your theme.",
        ),
        (
            "added after App Bridge looked",
            denied(NOW - timedelta(hours=1)) | {"asked_at": NOW},
            BlockState.PLACED,
            "Product pages: in your theme.",
        ),
        (
            "an old theme",
            denied(NOW, BlockStatus.UNAVAILABLE),
            BlockState.UNAVAILABLE,
            "Product pages: your theme does not take app blocks there. A newer theme does.",
        ),
    ],
)
def test_the_newest_evidence_about_a_block_counts_and_none_for_ever(
    case: str, facts: dict[str, Any], state: BlockState, told: str
) -> None:
    found = block(BlockFacts(Placement.PRODUCT, **facts), now=NOW)

    assert (found.state, found.detail) == (state, told), case


def test_live_needs_lists_and_a_block_that_was_seen_lately() -> None:
    gone = tuple(replace(one, state=BlockState.NOT_SEEN) for one in READY.blocks)

    assert is_live(READY)
    assert is_live(replace(READY, blocks=only(Placement.HOME)))
    assert not is_live(replace(READY, blocks=gone))
    assert not is_live(replace(READY, has_lists=False))
