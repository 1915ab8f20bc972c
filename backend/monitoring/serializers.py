"""Reasons to train as the embedded UI sees them."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from backend.monitoring import queries
from backend.monitoring.values import Kind, Trigger, Verdict


class FigureSerializer(serializers.Serializer[Any]):
    """One line of what a look rests on, in words."""

    name = serializers.CharField()
    value = serializers.CharField()


class TriggerSerializer(serializers.Serializer[Any]):
    """One recorded look."""

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=[kind.value for kind in Kind])
    verdict = serializers.ChoiceField(choices=[verdict.value for verdict in Verdict])
    words = serializers.CharField()
    figures = serializers.SerializerMethodField()
    run = serializers.UUIDField(source="run_id", allow_null=True)
    version = serializers.UUIDField(source="version_id", allow_null=True)
    created_at = serializers.DateTimeField()

    @extend_schema_field(FigureSerializer(many=True))
    def get_figures(self, trigger: Trigger) -> Any:
        """Return what the look rests on."""
        return FigureSerializer(queries.figures(trigger.evidence), many=True).data


class TriggersSerializer(serializers.Serializer[Any]):
    """A shop's newest recorded looks."""

    triggers = TriggerSerializer(many=True)


class TriggerStatusSerializer(serializers.Serializer[Any]):
    """Where one kind of trigger stands. No verdict: nobody has looked yet."""

    kind = serializers.ChoiceField(choices=[kind.value for kind in Kind])
    title = serializers.CharField()
    verdict = serializers.ChoiceField(choices=[verdict.value for verdict in Verdict], allow_null=True)
    words = serializers.CharField()
    looked_at = serializers.DateTimeField(allow_null=True)
    last_fired_at = serializers.DateTimeField(allow_null=True)


class TriggerStatusesSerializer(serializers.Serializer[Any]):
    """Where each kind stands, and until when no reason leads to a training."""

    statuses = TriggerStatusSerializer(many=True)
    cooling_down_until = serializers.DateTimeField(allow_null=True)
