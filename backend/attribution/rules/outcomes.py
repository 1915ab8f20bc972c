"""Why an order could not be joined to what its shopper saw."""

from backend.attribution.values import Evidence, Outcome


def outcome(known: Evidence) -> Outcome:
    """
    Return what is most likely, from what can be known of somebody who left no trace.

    A browser whose events came is joined though nothing was clicked: that is known of it.
    """
    if known.is_before_install:
        return Outcome.BEFORE_INSTALL
    if not known.is_of_storefront:
        return Outcome.OTHER_CHANNEL
    if known.told_of_checkout:
        return Outcome.JOINED if known.told_of_block else Outcome.NO_SCRIPT
    if not known.has_pixel:
        return Outcome.NO_PIXEL
    return Outcome.BLOCKED if known.asked_for_customer else Outcome.NO_CONSENT
