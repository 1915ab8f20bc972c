"""A shop's progress and models as the embedded UI sees them."""

from typing import Any

from rest_framework import serializers

from backend.onboarding.values import BlockStatus, Serving, StepId, StepState
from backend.training.serializers import CurvePointSerializer, TrainingRunSerializer


class SetupStepSerializer(serializers.Serializer[Any]):
    """One line of the checklist."""

    id = serializers.ChoiceField(choices=[step.value for step in StepId])
    title = serializers.CharField()
    state = serializers.ChoiceField(choices=[state.value for state in StepState])
    detail = serializers.CharField(allow_blank=True)
    done = serializers.IntegerField(allow_null=True)
    total = serializers.IntegerField(allow_null=True)
    unit = serializers.CharField(allow_blank=True)


class CountsSerializer(serializers.Serializer[Any]):
    """How much of a shop's history is here."""

    products = serializers.IntegerField()
    orders = serializers.IntegerField()
    order_lines = serializers.IntegerField()
    customers = serializers.IntegerField()
    guest_orders = serializers.IntegerField()


class ThemeEditorUrlsSerializer(serializers.Serializer[Any]):
    """Where one click adds our block to a page."""

    product = serializers.URLField()
    home = serializers.URLField()


class SetupSerializer(serializers.Serializer[Any]):
    """How far a shop has come."""

    shop = serializers.CharField()
    steps = SetupStepSerializer(many=True)
    counts = CountsSerializer()
    recommendations_live = serializers.BooleanField()
    serving = serializers.ChoiceField(choices=[serving.value for serving in Serving])
    missing = serializers.ListField(child=serializers.CharField())
    theme_editor_urls = ThemeEditorUrlsSerializer()


class ThemeBlockReportSerializer(serializers.Serializer[Any]):
    """What App Bridge says of our theme block."""

    status = serializers.ChoiceField(choices=[status.value for status in BlockStatus])


class MetricsSerializer(serializers.Serializer[Any]):
    """How one model ranked the newest weeks. Figures are null where there was too little to measure."""

    model = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # hides an argument of fields, not used here
    ndcg_at_10 = serializers.FloatField(allow_null=True)
    ndcg_low = serializers.FloatField(allow_null=True)
    ndcg_high = serializers.FloatField(allow_null=True)
    recall_at_10 = serializers.FloatField(allow_null=True)
    hit_rate_at_10 = serializers.FloatField(allow_null=True)
    mrr_at_10 = serializers.FloatField(allow_null=True)
    coverage = serializers.FloatField(allow_null=True)
    is_served = serializers.BooleanField()
    is_transformer = serializers.BooleanField()


class ModelVersionSerializer(serializers.Serializer[Any]):
    """One model version with its lineage."""

    id = serializers.UUIDField()
    number = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    state = serializers.ChoiceField(choices=["LIVE", "RETIRED", "REJECTED"])
    state_reason = serializers.CharField(allow_blank=True)
    served = serializers.CharField(source="outcome.served")
    data_until = serializers.DateTimeField(source="lineage.data_until")
    interactions = serializers.IntegerField(source="lineage.interactions")
    customers = serializers.IntegerField(source="lineage.customers")
    products = serializers.IntegerField(source="lineage.products")
    train_seconds = serializers.FloatField(source="lineage.train_seconds")
    code_revision = serializers.CharField(source="lineage.code_revision")
    mlflow_run_id = serializers.CharField(source="lineage.mlflow_run_id", allow_blank=True)
    mlflow_url = serializers.CharField(source="lineage.mlflow_url", allow_blank=True)
    metrics = MetricsSerializer(many=True, source="outcome.metrics")
    curve = CurvePointSerializer(many=True, source="outcome.curve")
    summary = serializers.CharField(source="outcome.summary", allow_blank=True)


class ModelSerializer(serializers.Serializer[Any]):
    """A shop's models: the one that answers, all of them, and the training under way."""

    current = ModelVersionSerializer(allow_null=True)
    versions = ModelVersionSerializer(many=True)
    training = TrainingRunSerializer(allow_null=True)
