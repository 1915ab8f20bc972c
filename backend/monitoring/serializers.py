"""Reasons to train as the embedded UI sees them."""

from typing import Any

from rest_framework import serializers

from backend.monitoring.values import Kind, Verdict


class TriggerSerializer(serializers.Serializer[Any]):
    """One recorded look."""

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=[kind.value for kind in Kind])
    verdict = serializers.ChoiceField(choices=[verdict.value for verdict in Verdict])
    words = serializers.CharField()
    evidence = serializers.DictField()
    run = serializers.UUIDField(source="run_id", allow_null=True)
    version = serializers.UUIDField(source="version_id", allow_null=True)
    created_at = serializers.DateTimeField()


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
