"""A shop's models and their settings as the embedded UI sees them."""

from typing import Any

from rest_framework import serializers

from backend.monitoring.values import HIGHEST_ACCURACY, LONGEST_COOL_DOWN_HOURS, LOWEST_ACCURACY
from backend.rollouts.values import HIGHEST_BAR, LOWEST_BAR, GateVerdict, Standing
from backend.training.serializers import CurvePointSerializer, TrainingRunSerializer

# A candidate is between training and the gate: a moment that no merchant needs to see.
SHOWN = [one for one in Standing if one is not Standing.CANDIDATE]


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
    # Versions from before these were measured have none.
    fit_seconds = serializers.FloatField(allow_null=True, default=None)
    p50_ms = serializers.FloatField(allow_null=True, default=None)
    p99_ms = serializers.FloatField(allow_null=True, default=None)
    is_served = serializers.BooleanField()
    is_transformer = serializers.BooleanField()


class BaselineSerializer(serializers.Serializer[Any]):
    """A version beside the best simple model, in percent, with a 95 % interval."""

    label = serializers.CharField()  # type: ignore[assignment]  # hides an argument of fields, not used here
    customers = serializers.IntegerField()
    gain_percent = serializers.FloatField()
    low_percent = serializers.FloatField()
    high_percent = serializers.FloatField()


class GateSerializer(serializers.Serializer[Any]):
    """
    What the gate said of a version. Gains are in percent, with a 95 % interval; null without data.

    The bar is asked of the gain over the baseline, the margin of the low end beside the champion. Without
    a margin a decision is by the former rule: the bar was asked of the low end beside the champion.
    """

    verdict = serializers.ChoiceField(choices=[verdict.value for verdict in GateVerdict])
    bar_percent = serializers.FloatField()
    margin_percent = serializers.FloatField(allow_null=True)
    baseline = BaselineSerializer(source="evidence.baseline", allow_null=True)
    gain_percent = serializers.FloatField(source="evidence.gain_percent", allow_null=True)
    low_percent = serializers.FloatField(source="evidence.low_percent", allow_null=True)
    high_percent = serializers.FloatField(source="evidence.high_percent", allow_null=True)
    customers = serializers.IntegerField(source="evidence.customers")
    since = serializers.DateTimeField(source="evidence.since", allow_null=True)
    until = serializers.DateTimeField(source="evidence.until", allow_null=True)
    champion = serializers.IntegerField(allow_null=True)
    words = serializers.CharField()
    actor = serializers.CharField()
    created_at = serializers.DateTimeField()


class WeightSerializer(serializers.Serializer[Any]):
    """How much the blend listens to one model."""

    model = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # hides an argument of fields, not used here
    share = serializers.FloatField()


class AgainstSimpleSerializer(serializers.Serializer[Any]):
    """What is served beside the best simple model. Gains are shares (0.02 is 2 %), with a 95 % interval."""

    model = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # hides an argument of fields, not used here
    gain = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()
    customers = serializers.IntegerField()


class ColdSerializer(serializers.Serializer[Any]):
    """How often products without a sale were found for the customers who then bought them."""

    items = serializers.IntegerField()
    customers = serializers.IntegerField()
    recall_at_10 = serializers.FloatField()
    popularity_recall_at_10 = serializers.FloatField()
    # With one place of ten kept for a new product; versions from before this was measured have none.
    recall_with_place_at_10 = serializers.FloatField(allow_null=True, default=None)
    place_ndcg_change = serializers.FloatField(allow_null=True, default=None)


class SurfaceSerializer(serializers.Serializer[Any]):
    """What serves one surface of the storefront, and how good it is, in words."""

    surface = serializers.CharField()
    orders = serializers.IntegerField()
    words = serializers.CharField()


class ModelVersionSerializer(serializers.Serializer[Any]):
    """One model version with its lineage, what the gate said of it, and what a person may do with it."""

    id = serializers.UUIDField(source="version.id")
    number = serializers.IntegerField(source="version.number")
    created_at = serializers.DateTimeField(source="version.created_at")
    state = serializers.ChoiceField(choices=[state.value for state in SHOWN], source="standing")
    served = serializers.CharField(source="version.outcome.served")
    data_until = serializers.DateTimeField(source="version.lineage.data_until")
    interactions = serializers.IntegerField(source="version.lineage.interactions")
    customers = serializers.IntegerField(source="version.lineage.customers")
    products = serializers.IntegerField(source="version.lineage.products")
    train_seconds = serializers.FloatField(source="version.lineage.train_seconds")
    code_revision = serializers.CharField(source="version.lineage.code_revision")
    mlflow_run_id = serializers.CharField(source="version.lineage.mlflow_run_id", allow_blank=True)
    mlflow_url = serializers.CharField(source="version.lineage.mlflow_url", allow_blank=True)
    metrics = MetricsSerializer(many=True, source="version.outcome.metrics")
    curve = CurvePointSerializer(many=True, source="version.outcome.curve")
    summary = serializers.CharField(source="version.outcome.summary", allow_blank=True)
    gate = GateSerializer(allow_null=True)
    weights = WeightSerializer(many=True)
    asked = serializers.ChoiceField(
        choices=["customers", "orders"],
        help_text="what was asked: customers for their next purchases, or orders for their rest",
    )
    against_simple = AgainstSimpleSerializer(allow_null=True)
    cold = ColdSerializer(allow_null=True)
    surfaces = SurfaceSerializer(many=True)
    peak_memory_mb = serializers.FloatField(allow_null=True)
    model_card = serializers.CharField(allow_blank=True)
    can_release = serializers.BooleanField()
    can_roll_back = serializers.BooleanField()


class ModelSerializer(serializers.Serializer[Any]):
    """A shop's models: the one that answers, all of them, and the training under way."""

    current = ModelVersionSerializer(allow_null=True)
    versions = ModelVersionSerializer(many=True)
    training = TrainingRunSerializer(allow_null=True)


class ReleaseRequestSerializer(serializers.Serializer[Any]):
    """Why a person uses a version, for the ledger."""

    reason = serializers.CharField(max_length=300, allow_blank=True, default="")


class ModelSettingsSerializer(serializers.Serializer[Any]):
    """What the shop asks of a new version, and how it wants to be watched."""

    min_gain_percent = serializers.FloatField(min_value=LOWEST_BAR, max_value=HIGHEST_BAR)
    release_without_evidence = serializers.BooleanField()
    cool_down_hours = serializers.IntegerField(min_value=0, max_value=LONGEST_COOL_DOWN_HOURS)
    min_accuracy_percent = serializers.FloatField(min_value=LOWEST_ACCURACY, max_value=HIGHEST_ACCURACY)
    updated_at = serializers.DateTimeField(read_only=True, allow_null=True)
    updated_by = serializers.CharField(read_only=True)
