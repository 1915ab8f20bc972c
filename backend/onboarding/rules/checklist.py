"""Pure decisions of onboarding: the checklist and the words in it."""

from datetime import datetime

from backend.onboarding.values import (
    SEEN_LATELY,
    Block,
    BlockFacts,
    BlockState,
    BlockStatus,
    Facts,
    ImportPart,
    Placement,
    Serving,
    Step,
    StepId,
    StepState,
    Training,
)

# Below this, lists of popular and newest products are about as good as anything learned from orders.
ENOUGH_ORDERS = 50

IMPORT_STATES = {
    None: StepState.WAITING,
    "WAITING": StepState.WAITING,
    "STARTING": StepState.WAITING,
    "EXPORTING": StepState.RUNNING,
    "LOADING": StepState.RUNNING,
    "DONE": StepState.DONE,
    "FAILED": StepState.FAILED,
}

BEFORE_TRAINING = frozenset({"QUEUED", "EXPORTING", "TRAINING", "EVALUATING", "REGISTERING"})


def steps(facts: Facts) -> tuple[Step, ...]:
    """Return the checklist in order."""
    return (
        Step(StepId.INSTALL, "Install Tailorbird", StepState.DONE, "Tailorbird is installed."),
        _import_step(StepId.IMPORT_PRODUCTS, "Bring in your products", facts.products),
        _import_step(StepId.IMPORT_ORDERS, "Bring in your orders", facts.orders),
        _train_step(facts.training, facts.version_number),
        _publish_step(facts),
        _block_step(facts),
    )


def _import_step(step: StepId, title: str, part: ImportPart) -> Step:
    state = IMPORT_STATES[part.state]
    detail = {
        StepState.WAITING: part.note or "Starts by itself.",
        StepState.RUNNING: "Shopify is preparing the file."
        if part.state == "EXPORTING"
        else "Reading the file.",
        StepState.DONE: f"{_here(part)} {part.note}".rstrip(),
        StepState.FAILED: part.error or "The import stopped. Please start it again.",
    }[state]
    return Step(step, title, state, detail, done=part.done, total=part.total or None, unit=part.unit)


def _here(part: ImportPart) -> str:
    if part.done == 0:
        return f"There are no {part.unit} yet."
    return f"{part.done:,} {part.unit} are here." if part.done > 1 else f"One {part.unit[:-1]} is here."


def _train_step(training: Training, version: int | None) -> Step:
    title = "Train your own model"
    if training.state in BEFORE_TRAINING:
        percent = round(training.fraction * 100)
        return Step(
            StepId.TRAIN, title, StepState.RUNNING, training.message, done=percent, total=100, unit="%"
        )
    if training.state == "FAILED":
        return Step(StepId.TRAIN, title, StepState.FAILED, training.error)
    if version is not None or training.state == "DONE":
        detail = f"Version {version} is live." if version is not None else "The model is trained."
        return Step(StepId.TRAIN, title, StepState.DONE, detail)
    return Step(StepId.TRAIN, title, StepState.WAITING, "Starts by itself when your orders are here.")


def _publish_step(facts: Facts) -> Step:
    title = "Put recommendations on your pages"
    if facts.is_published:
        detail = "Your product pages and home page have their lists."
        return Step(StepId.PUBLISH, title, StepState.DONE, detail)
    if facts.version_number is None:
        return Step(StepId.PUBLISH, title, StepState.WAITING, "Starts by itself after the training.")
    if facts.publish_failure:
        return Step(StepId.PUBLISH, title, StepState.FAILED, facts.publish_failure)
    detail = "The lists of your pages are being written."
    if facts.publishing is None:
        return Step(StepId.PUBLISH, title, StepState.RUNNING, detail)
    done, pages = facts.publishing.done, facts.publishing.pages
    return Step(StepId.PUBLISH, title, StepState.RUNNING, detail, done=done, total=pages, unit="pages")


def _block_step(facts: Facts) -> Step:
    """Tell of every block: one that stands must not hide one that is missing."""
    title = "Add the block to your theme"
    is_done = any(
        one.placement is Placement.PRODUCT and one.state is BlockState.PLACED for one in facts.blocks
    )
    state = StepState.DONE if is_done else StepState.NEEDS_ACTION
    return Step(StepId.THEME_BLOCK, title, state, " ".join(one.detail for one in facts.blocks))


PLACES = {Placement.PRODUCT: "Product pages", Placement.HOME: "Home page"}


def block(facts: BlockFacts, *, now: datetime) -> Block:
    """
    Return what is known of one block.

    The newest evidence counts, and none for ever: App Bridge's word, which is asked for whenever the
    merchant opens the app, and a shopper's page that asked us, which only some blocks do.
    """
    seen_at = _seen_at(facts)
    place = PLACES[facts.placement]
    is_denied = facts.status in {BlockStatus.AVAILABLE, BlockStatus.UNAVAILABLE}
    if is_denied and (seen_at is None or (facts.reported_at is not None and facts.reported_at >= seen_at)):
        if facts.status is BlockStatus.UNAVAILABLE:
            detail = f"{place}: your theme does not take app blocks there. A newer theme does."
            return Block(facts.placement, BlockState.UNAVAILABLE, detail, seen_at)
        return Block(facts.placement, BlockState.MISSING, f"{place}: not in your theme.", seen_at)
    if seen_at is None:
        return Block(facts.placement, BlockState.MISSING, f"{place}: not added yet.", None)
    if now - seen_at > SEEN_LATELY:
        detail = f"{place}: not seen since {seen_at.day} {seen_at:%B %Y}."
        return Block(facts.placement, BlockState.NOT_SEEN, detail, seen_at)
    return Block(facts.placement, BlockState.PLACED, f"{place}: in your theme.", seen_at)


def _seen_at(facts: BlockFacts) -> datetime | None:
    told_at = facts.reported_at if facts.status is BlockStatus.ACTIVE else None
    return max((moment for moment in (told_at, facts.asked_at) if moment is not None), default=None)


def is_live(facts: Facts) -> bool:
    """Return whether shoppers see recommendations: some block was seen lately, and its pages have lists."""
    return facts.has_lists and any(one.state is BlockState.PLACED for one in facts.blocks)


def serving(facts: Facts) -> Serving:
    """Return what answers shoppers now."""
    return Serving.MODEL if facts.version_number is not None else Serving.FALLBACK


def missing(facts: Facts) -> tuple[str, ...]:
    """Return in plain words what keeps the recommendations from being better."""
    told = []
    if facts.needs_reauth:
        told.append("The access to your shop is being renewed: imports and new lists wait until then.")
    if facts.missing_scopes:
        told.append("A permission is missing: close the app and open it again, and Shopify asks you for it.")
    if facts.products.state == "DONE" and not facts.amounts.products:
        told.append("No products yet: there is nothing to recommend until you add some.")
    elif facts.products.state == "DONE" and not facts.has_available_product:
        told.append("Nothing can be recommended now: no product is published, in stock and has a price.")
    if facts.orders.state == "DONE":
        told.extend(_missing_orders(facts))
    return tuple(told)


def _missing_orders(facts: Facts) -> list[str]:
    span = "" if facts.has_all_orders else " in the last 60 days"
    amounts = facts.amounts
    if not amounts.orders:
        return [
            f"No orders{span} yet: popular and newest products are shown until there are {ENOUGH_ORDERS}."
        ]
    # Before the first training, what the orders teach is still being worked out.
    if facts.version_number is not None and not facts.has_purchases:
        return [
            (
                "No order to learn from: tests, cancelled and refunded orders teach nothing. Popular and "
                f"newest products are shown until there are {ENOUGH_ORDERS} others."
            )
        ]
    if amounts.orders < ENOUGH_ORDERS:
        orders = "order" if amounts.orders == 1 else "orders"
        return [
            (
                f"Only {amounts.orders} {orders}{span} so far: popular and newest products fill most places "
                f"until there are {ENOUGH_ORDERS}."
            )
        ]
    if not amounts.customers:
        return ["All orders are by guests: recommendations follow the product, not the customer."]
    return []
