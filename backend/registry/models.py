"""Model versions. PostgreSQL lets nothing of them change: see migrations 0002 and 0007."""

from typing import ClassVar

from django.db import models

from backend.core.ids import uuid7
from backend.core.tenancy import ShopScoped


class ModelVersion(ShopScoped):
    """One trained model of one shop, with its lineage."""

    uuid = models.UUIDField(unique=True, default=uuid7, editable=False)
    number = models.IntegerField()
    created_at = models.DateTimeField()
    served = models.CharField(max_length=40)
    # A path below ARTIFACT_ROOT, so that the root may move.
    artifact = models.TextField()
    manifest_sha256 = models.CharField(max_length=64)
    data_hash = models.CharField(max_length=64)
    data_until = models.DateTimeField()
    code_revision = models.TextField()
    interactions = models.IntegerField()
    customers = models.IntegerField()
    products = models.IntegerField()
    train_seconds = models.FloatField()
    params = models.JSONField(default=dict)
    metrics = models.JSONField(default=list)
    curve = models.JSONField(default=list)
    summary = models.TextField(blank=True)
    # The comparison with the version that was live when the training began; null for a shop's first.
    gate = models.JSONField(null=True)
    # The share of each model in the blend.
    weights = models.JSONField(default=dict)
    # What else was measured: see values.Outcome.
    findings = models.JSONField(default=dict)
    mlflow_run_id = models.TextField(blank=True)
    # Of the shop's registered model in MLflow; null when MLflow was down.
    mlflow_version = models.IntegerField(null=True)
    mlflow_url = models.TextField(blank=True)

    class Meta:
        ordering: ClassVar = ["-number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop", "number"], name="registry_version_number"),
        ]

    def __str__(self) -> str:
        return f"version {self.number}"
