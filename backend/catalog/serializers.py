"""Imports as the embedded UI sees them."""

from typing import Any

from rest_framework import serializers

from .values import ImportState, Part, PartState


class PartSerializer(serializers.Serializer[Any]):
    """How far one half of an import is."""

    part = serializers.ChoiceField(choices=list(Part))
    state = serializers.ChoiceField(choices=list(PartState))
    done = serializers.IntegerField()
    total = serializers.IntegerField()
    unit = serializers.CharField()
    error = serializers.CharField(allow_blank=True)
    set_aside = serializers.IntegerField()
    note = serializers.CharField(allow_blank=True)


class ImportSerializer(serializers.Serializer[Any]):
    """How far an import is."""

    id = serializers.UUIDField()
    state = serializers.ChoiceField(choices=list(ImportState))
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    parts = PartSerializer(many=True)
