"""Training runs as the embedded UI sees them."""

from typing import Any

from rest_framework import serializers

from backend.training.values import Reason, RunState


class CurvePointSerializer(serializers.Serializer[Any]):
    """One point of a learning curve."""

    step = serializers.IntegerField()
    epoch = serializers.IntegerField()
    seconds = serializers.FloatField()
    train_loss = serializers.FloatField(allow_null=True)
    validation_ndcg = serializers.FloatField(allow_null=True)


class ProgressSerializer(serializers.Serializer[Any]):
    """How far a run is."""

    epoch = serializers.IntegerField()
    epochs = serializers.IntegerField()
    fraction = serializers.FloatField(min_value=0, max_value=1)
    message = serializers.CharField(allow_blank=True)


class TrainingRunSerializer(serializers.Serializer[Any]):
    """One training run."""

    id = serializers.UUIDField()
    state = serializers.ChoiceField(choices=[state.value for state in RunState])
    reason = serializers.ChoiceField(choices=[reason.value for reason in Reason])
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    progress = ProgressSerializer()
    error = serializers.CharField(allow_blank=True)
    curve = CurvePointSerializer(many=True, source="progress.curve")
    version = serializers.UUIDField(allow_null=True, source="version_id")
