"""The two ledgers. PostgreSQL itself refuses to change them: see migration 0002."""

from typing import ClassVar, Final
from uuid import uuid4

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models.expressions import RawSQL

from backend.core.fields import MillisecondsField, PseudonymField, RequestIdField
from backend.core.ids import uuid7
from backend.core.partitions import Key, Partitioned
from backend.core.tenancy import ShopScoped


class LedgerEvent(ShopScoped):
    """Who did what to which thing, when and why."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    at = models.DateTimeField()
    event = models.CharField(max_length=40)
    actor = models.TextField()
    subject = models.TextField()
    reason = models.TextField()
    details = models.JSONField(default=dict)
    # What it was and what it became, by name; null where nothing had a value before, or has one after.
    old = models.JSONField(null=True)
    new = models.JSONField(null=True)
    # Where it came from: the app, the staff dashboard, a job; and the request behind it, as the logs name it.
    source = models.TextField(blank=True, default="")
    request_id = models.TextField(blank=True, default="")
    # As of a decision.
    arrival = models.BigIntegerField(
        editable=False,
        db_default=RawSQL("nextval('audit_ledgerevent_arrival')", ()),
    )
    salt = models.BinaryField(null=True)
    erased = models.BinaryField(null=True)

    class Meta:
        verbose_name = "event"
        ordering: ClassVar = ["-at"]
        indexes: ClassVar = [
            models.Index(fields=["shop", "-at"], name="audit_event_shop_at"),
            # Support looks for the rare ones.
            models.Index(fields=["event", "-id"], name="audit_event_newest"),
            BrinIndex(fields=["arrival"], name="audit_event_arrivals", autosummarize=True),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.subject}"


class Decision(ShopScoped):
    """
    What was shown to whom, chosen by which version, and why: one row of a table in daily partitions.

    Read it through ``audit.queries``, which knows how a body is packed (``audit.rules``); it is written by
    ``audit.gateway``. PostgreSQL keeps the columns in another order, in which none is padded: migration 0006.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    # Without a constraint of the database, which would look the shop up and lock its row at each answer. A
    # shop's row is never deleted: see shops.services.redact.
    shop = models.ForeignKey("shops.Shop", on_delete=models.CASCADE, related_name="+", db_constraint=False)
    at = models.DateTimeField()
    # The order in which rows came, which seals follow: see migration 0006.
    arrival = models.BigIntegerField(
        editable=False,
        db_default=RawSQL("nextval('audit_decision_arrival')", ()),
    )
    surface = models.CharField(max_length=20)
    channel = models.CharField(max_length=20)
    # A pseudonym under the shop's own key; null when nobody in particular was meant.
    visitor_key = PseudonymField(null=True)
    arm = models.CharField(max_length=40)
    # Not a foreign key: a ledger outlives what it speaks of.
    version_id = models.UUIDField(null=True)
    version_number = models.IntegerField(null=True)
    context_product_id = models.BigIntegerField(null=True)
    requested = models.SmallIntegerField()
    # What passed until it was written; the whole answer's time is a metric.
    latency_ms = MillisecondsField(db_column="latency_us")
    fallback = models.TextField(blank=True)
    request_id = RequestIdField(null=True)
    # Packed bodies: in place, or the address of one among the contents of the same shop and day.
    items_packed = models.BinaryField(db_column="items")
    # What went in by name, the rules that were applied and the version of the features among it.
    inputs_packed = models.BinaryField(db_column="inputs", null=True)
    # What of the inputs is the visitor's own. Always in place, so that an erasure finds all of it here.
    personal_packed = models.BinaryField(db_column="personal", null=True)
    # The salt of rules.personal_hash; null where there is nothing personal, or nothing any more.
    salt = models.BinaryField(null=True)
    # After an erasure: the hash of what was wiped, and the id of the act that tells of it.
    erased = models.BinaryField(null=True)

    class Meta:
        # The id begins with the moment, so the primary key sorts by time for free.
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            # A day has few values of it, so PostgreSQL keeps each once, with six bytes a row.
            models.Index(fields=["shop", "channel", "version_id"], name="audit_decision_version"),
            # A pseudonym is of one shop: its key makes it.
            models.Index(
                fields=["visitor_key"],
                name="audit_decision_visitor",
                condition=models.Q(visitor_key__isnull=False),
            ),
            BrinIndex(fields=["arrival"], name="audit_decision_arrivals", autosummarize=True),
        ]

    def __str__(self) -> str:
        return str(self.id)


class Content(ShopScoped):
    """
    A body that several decisions of one shop and day share, under its digest.

    Its day goes with the day's decisions, so nobody has to count who still refers to it.
    """

    pk = models.CompositePrimaryKey("shop", "digest", "day")
    shop = models.ForeignKey("shops.Shop", on_delete=models.CASCADE, related_name="+", db_constraint=False)
    digest = models.UUIDField()
    day = models.DateField()
    body = models.BinaryField()

    def __str__(self) -> str:
        return f"{self.digest} of {self.day}"


class Chain(ShopScoped):
    """The chain of seals over one ledger of a shop: where it ends, and what its last verification found."""

    # Without a constraint of the database: a row that names no shop is sealed too, and stops no others.
    shop = models.ForeignKey("shops.Shop", on_delete=models.CASCADE, related_name="+", db_constraint=False)
    ledger = models.CharField(max_length=10)
    # Made anew with each chain, so that none can be taken for one of a former installation.
    uuid = models.UUIDField(default=uuid4, editable=False)
    number = models.BigIntegerField(default=0)
    head = models.BinaryField()
    rows = models.BigIntegerField(default=0)
    sealed_at = models.DateTimeField(null=True)
    # Segments up to here were found to be as they were sealed, rows and all.
    verified_number = models.BigIntegerField(default=0)
    verified_at = models.DateTimeField(null=True)
    finding = models.TextField(blank=True, default="")
    # What heads that were kept outside have shown. Only another look with such heads clears it.
    anchor_finding = models.TextField(blank=True, default="", db_default="")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop", "ledger"], name="audit_chain_unique")
        ]

    def __str__(self) -> str:
        return f"{self.ledger} of shop {self.shop_id}"


class Segment(ShopScoped):
    """Rows that were sealed together. PostgreSQL refuses to change it; see ``audit.seals`` for its hashes."""

    shop = models.ForeignKey("shops.Shop", on_delete=models.CASCADE, related_name="+", db_constraint=False)
    ledger = models.CharField(max_length=10)
    number = models.BigIntegerField()
    layout = models.SmallIntegerField()
    day = models.DateField()
    count = models.IntegerField()
    first_arrival = models.BigIntegerField()
    last_arrival = models.BigIntegerField()
    sealed_at = models.DateTimeField()
    # Null once retention has taken the rows: the hash of both goes on to hold the chain together.
    arrivals = models.BinaryField(null=True)
    leaves = models.BinaryField(null=True)
    body_hash = models.BinaryField()
    contents_hash = models.BinaryField()
    head = models.BinaryField()
    key_id = models.BinaryField()
    signature = models.BinaryField()

    class Meta:
        ordering: ClassVar = ["number"]
        constraints: ClassVar = [
            # Two sealers could not fork a chain even if both believed that they were alone.
            models.UniqueConstraint(fields=["shop", "ledger", "number"], name="audit_segment_unique")
        ]

    def __str__(self) -> str:
        return f"segment {self.number} of the {self.ledger} of shop {self.shop_id}"


class SealCursor(models.Model):
    """
    How far the rows of a ledger were looked at, in the order of arrival, for all shops together.

    Whoever holds the lock of this row seals; everybody else leaves it to them.
    """

    ledger = models.CharField(primary_key=True, max_length=10)
    seen = models.BigIntegerField(default=0)
    # Numbers up to there whose rows may still come: see ``seals.Gap``.
    gaps = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"{self.ledger} up to {self.seen}"


class EndedChain(models.Model):
    """
    A chain that ended because its shop was erased, signed.

    It outlives the shop's rows and says nothing of anybody: only that what an anchor knows of went lawfully.
    """

    uuid = models.UUIDField(primary_key=True, editable=False)
    # A plain number: what belongs to a shop goes with it.
    shop_id = models.BigIntegerField()
    ledger = models.CharField(max_length=10)
    number = models.BigIntegerField()
    ended_at = models.DateTimeField()
    key_id = models.BinaryField()
    signature = models.BinaryField()

    def __str__(self) -> str:
        return f"the {self.ledger} of shop {self.shop_id} until {self.ended_at}"


class Retention(ShopScoped):
    """For how long one shop's decisions are kept, where that is not what the deployment says."""

    # 0 keeps them for good.
    days = models.IntegerField()
    updated_at = models.DateTimeField()
    updated_by = models.TextField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["shop"], name="audit_retention_one")]

    def __str__(self) -> str:
        return f"{self.days} days"


DECISIONS: Final = Partitioned("audit_decision", "id", Key.ID)
CONTENTS: Final = Partitioned("audit_content", "day", Key.DAY)
