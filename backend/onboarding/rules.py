"""Pure decisions of onboarding: the checklist and the words in it."""

from backend.onboarding.values import (
    BlockStatus,
    Facts,
    ImportPart,
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
        StepState.DONE: f"{part.done:,} {part.unit} are here. {part.note}".rstrip(),
        StepState.FAILED: part.error or "The import stopped. Please start it again.",
    }[state]
    return Step(step, title, state, detail, done=part.done, total=part.total or None, unit=part.unit)


def _train_step(training: Training, version: int | None) -> Step:
    title = "Train your own model"
    if training.state in BEFORE_TRAINING:
        percent = round(training.fraction * 100)
        return Step(
            StepId.TRAIN, title, StepState.RUNNING, training.message, done=percent, total=100, unit="%"
        )
    if training.state == "FAILED":
        return Step(StepId.TRAIN, title, StepState.FAILED, training.error)
    if version is not None or training.state == "PUBLISHING":
        detail = f"Version {version} is live." if version is not None else "The model is trained."
        return Step(StepId.TRAIN, title, StepState.DONE, detail)
    return Step(StepId.TRAIN, title, StepState.WAITING, "Starts by itself when your orders are here.")


def _publish_step(facts: Facts) -> Step:
    title = "Put recommendations on your pages"
    if facts.training.state == "PUBLISHING":
        percent = round(facts.training.fraction * 100)
        message = facts.training.message
        return Step(StepId.PUBLISH, title, StepState.RUNNING, message, done=percent, total=100, unit="%")
    if facts.is_published:
        return Step(
            StepId.PUBLISH, title, StepState.DONE, "Your product pages and home page have their lists."
        )
    if facts.version_number is not None:
        return Step(
            StepId.PUBLISH, title, StepState.FAILED, facts.training.message or "No list was written yet."
        )
    return Step(StepId.PUBLISH, title, StepState.WAITING, "Starts by itself after the training.")


def _block_step(facts: Facts) -> Step:
    title = "Add the block to your theme"
    if is_block_placed(facts):
        return Step(StepId.THEME_BLOCK, title, StepState.DONE, "The block is in your theme.")
    detail = {
        BlockStatus.UNAVAILABLE: "Your theme does not take app blocks on these pages. A newer theme does.",
    }.get(facts.block_status or BlockStatus.AVAILABLE, "One click in the theme editor, then save.")
    return Step(StepId.THEME_BLOCK, title, StepState.NEEDS_ACTION, detail)


def is_block_placed(facts: Facts) -> bool:
    """Return whether the theme shows our block, by App Bridge's word or because a storefront asked us."""
    return facts.block_status is BlockStatus.ACTIVE or facts.is_storefront_heard


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
    if amounts.orders < ENOUGH_ORDERS:
        return [
            (
                f"Only {amounts.orders} orders{span} so far: popular and newest products fill most places "
                f"until there are {ENOUGH_ORDERS}."
            )
        ]
    if not amounts.customers:
        return ["All orders are by guests: recommendations follow the product, not the customer."]
    return []
