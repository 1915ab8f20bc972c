from dataclasses import replace

import pytest

from backend.onboarding.rules import is_block_placed, missing, serving, steps
from backend.onboarding.values import (
    Amounts,
    BlockStatus,
    Facts,
    ImportPart,
    Serving,
    StepId,
    StepState,
    Training,
)

PART = ImportPart(state="DONE", done=40, total=40, unit="products", error="")
READY = Facts(
    amounts=Amounts(products=40, orders=300, order_lines=884, customers=60, guest_orders=0),
    products=PART,
    orders=replace(PART, done=300, total=300, unit="orders"),
    training=Training(state="DONE"),
    version_number=3,
    is_published=True,
    block_status=BlockStatus.ACTIVE,
    is_storefront_heard=False,
    needs_reauth=False,
    missing_scopes=(),
    has_all_orders=False,
)
FRESH = replace(
    READY,
    amounts=Amounts(0, 0, 0, 0, 0),
    products=replace(PART, state=None, done=0, total=0),
    orders=replace(PART, state=None, done=0, total=0, unit="orders"),
    training=Training(),
    version_number=None,
    is_published=False,
    block_status=None,
)


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


@pytest.mark.parametrize(
    ("case", "changes", "step", "state"),
    [
        ("exporting", {"orders": replace(PART, state="EXPORTING")}, StepId.IMPORT_ORDERS, StepState.RUNNING),
        ("loading", {"orders": replace(PART, state="LOADING")}, StepId.IMPORT_ORDERS, StepState.RUNNING),
        ("failed", {"orders": replace(PART, state="FAILED")}, StepId.IMPORT_ORDERS, StepState.FAILED),
        ("training", {"training": Training("TRAINING", 0.4, "Epoch 4.")}, StepId.TRAIN, StepState.RUNNING),
        ("trained", {"training": Training("PUBLISHING", 0.4, "…")}, StepId.TRAIN, StepState.DONE),
        ("publishing", {"training": Training("PUBLISHING", 0.4, "…")}, StepId.PUBLISH, StepState.RUNNING),
        ("a failed run", {"training": Training("FAILED", error="No.")}, StepId.TRAIN, StepState.FAILED),
        ("live, no list", {"version_number": 1}, StepId.PUBLISH, StepState.FAILED),
        ("heard", {"is_storefront_heard": True}, StepId.THEME_BLOCK, StepState.DONE),
        ("off", {"block_status": BlockStatus.AVAILABLE}, StepId.THEME_BLOCK, StepState.NEEDS_ACTION),
    ],
)
def test_steps(case: str, changes: dict[str, object], step: StepId, state: StepState) -> None:
    assert states(replace(FRESH, **changes))[step] is state, case  # type: ignore[arg-type]


def test_a_running_step_tells_how_far_it_is() -> None:
    part = ImportPart(state="LOADING", done=1234, total=25_900, unit="orders", error="")

    found = next(step for step in steps(replace(FRESH, orders=part)) if step.id is StepId.IMPORT_ORDERS)

    assert (found.done, found.total, found.unit) == (1234, 25_900, "orders")


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


def test_an_active_block_or_a_storefront_that_asked_means_it_is_placed() -> None:
    assert is_block_placed(READY)
    assert is_block_placed(replace(READY, block_status=None, is_storefront_heard=True))
    assert not is_block_placed(replace(READY, block_status=BlockStatus.AVAILABLE))
