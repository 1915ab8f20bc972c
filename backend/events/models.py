"""
Events of storefronts, partitioned by day on their key.

The key says the event's own day (see ``rules.event_key``), so reads of some days name a range of keys.
Rows are written by one statement of ``services.writing`` and never changed. What other apps add up by the
thousand they read from views: see migration 0006.
"""

from typing import ClassVar, Final

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.db import models

from backend.core.partitions import Key, Partitioned
from backend.core.tenancy import ShopScoped
from backend.events.values import Outcome, Topic

PARTITIONED: Final = (
    Partitioned("events_event", "id", Key.ID),
    Partitioned("events_botevent", "id", Key.ID),
)


class StoredEvent(ShopScoped):
    """What both tables hold."""

    id = models.UUIDField(primary_key=True, editable=False)
    # No constraint: each row would lock its shop's row, which every other row of the shop does as well.
    shop = models.ForeignKey(
        "shops.Shop", on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    topic = models.CharField(max_length=20)
    # When it can have happened: the sender's word, within what the decision and the arrival allow.
    at = models.DateTimeField()
    received_at = models.DateTimeField()
    # A pseudonym of the browser under the shop's own key.
    client_key = models.CharField(max_length=32)
    decision_id = models.UUIDField(null=True)
    product_ids = ArrayField(models.BigIntegerField(), default=list)
    quantity = models.IntegerField(null=True)
    # A pseudonym too: whoever knows a checkout's token may open the checkout.
    checkout_key = models.CharField(max_length=32, null=True)  # noqa: DJ001 -- unknown is not empty, and the index skips it
    order_id = models.BigIntegerField(null=True)
    # Of ``core.bucketing``, as its page drew it.
    bucket = models.SmallIntegerField(null=True)
    # The draw that the bucket is of, where it is a rollout's. Nobody vouches for it: who measures a rollout
    # asks for that one's, and for the time in which it was shown.
    rollout_id = models.UUIDField(null=True)

    class Meta:
        abstract = True
        constraints: ClassVar = [
            models.CheckConstraint(name="events_%(class)s_topic", condition=models.Q(topic__in=list(Topic))),
        ]

    def __str__(self) -> str:
        return f"{self.topic} {self.id}"


class Event(StoredEvent):
    """What a person's browser told."""

    class Meta(StoredEvent.Meta):
        ordering: ClassVar = ["-at"]
        indexes: ClassVar = [
            models.Index(fields=["shop", "client_key", "at"], name="events_client"),
            models.Index(
                fields=["decision_id"], name="events_decision", condition=models.Q(decision_id__isnull=False)
            ),
            models.Index(
                fields=["shop", "checkout_key"],
                name="events_checkout",
                condition=models.Q(checkout_key__isnull=False),
            ),
            models.Index(
                fields=["shop", "client_key", "at"],
                name="events_group",
                condition=models.Q(topic=Topic.GROUP),
            ),
            models.Index(
                fields=["shop", "rollout_id", "client_key", "at"],
                name="events_exposure",
                condition=models.Q(topic=Topic.EXPOSURE),
            ),
            models.Index(
                fields=["shop", "client_key", "at"],
                name="events_act",
                condition=models.Q(topic__in=[Topic.CLICK, Topic.ADD, Topic.CART]),
            ),
            models.Index(
                fields=["shop", "order_id"], name="events_order", condition=models.Q(order_id__isnull=False)
            ),
            # Rows lie in the order of their arrival, so this costs next to nothing.
            BrinIndex(fields=["received_at"], name="events_received", pages_per_range=16),
        ]


class BotEvent(StoredEvent):
    """The same, told by a crawler or by a client faster than any person: no reader meets it by accident."""

    class Meta(StoredEvent.Meta):
        pass


class Tally(ShopScoped):
    """
    How many events of a shop came to what, by day.

    Each process counts in a slot of its own, so that none waits for another's row.
    """

    day = models.DateField()
    # Empty where none could be read.
    topic = models.CharField(max_length=20, blank=True)
    outcome = models.CharField(max_length=20)
    slot = models.SmallIntegerField()
    count = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="events_tally_outcome", condition=models.Q(outcome__in=list(Outcome))
            ),
            models.UniqueConstraint(
                fields=["shop", "day", "topic", "outcome", "slot"], name="events_tally_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.topic} {self.outcome}"
