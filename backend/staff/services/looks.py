"""Every look at a shop is an act in its ledger, which the merchant reads."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from backend.audit import queries as audit
from backend.audit import services as audit_services
from backend.audit.values import Event
from backend.staff.values import Actor, Look

# Who reads a page, goes to the next and comes back looks once: a reload is no news to a merchant, and the
# ledger is not to be filled by it.
ONE_LOOK: Final = timedelta(minutes=10)


def record_looks(looks: Collection[Look], *, by: Actor, now: datetime) -> None:
    """
    Record what one person of ours is about to be shown, before it is shown.

    The same person's look at the same page is one act for ten minutes.
    """
    shops = {look.shop_id for look in looks}
    known = audit.recent_subjects(Event.STAFF_LOOKED, shop_ids=shops, actor=by.name, since=now - ONE_LOOK)
    with transaction.atomic():
        for look in looks:
            if (look.shop_id, look.subject) not in known:
                audit_services.record(
                    Event.STAFF_LOOKED,
                    shop_id=look.shop_id,
                    subject=look.subject,
                    reason=f"Support opened this page: {look.subject}.",
                    actor=by.name,
                    details={"page": look.page, "thing": look.thing},
                    now=now,
                )
