"""A shop's progress as the embedded UI sees it."""

from typing import Any

from rest_framework import serializers

from backend.onboarding.values import BlockState, BlockStatus, Placement, Serving, StepId, StepState


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


class ThemeBlockSerializer(serializers.Serializer[Any]):
    """What is known of one of our blocks, by recent evidence."""

    placement = serializers.ChoiceField(choices=[placement.value for placement in Placement])
    state = serializers.ChoiceField(choices=[state.value for state in BlockState])
    detail = serializers.CharField()
    seen_at = serializers.DateTimeField(allow_null=True)


class SetupSerializer(serializers.Serializer[Any]):
    """How far a shop has come."""

    shop = serializers.CharField()
    steps = SetupStepSerializer(many=True)
    counts = CountsSerializer()
    recommendations_live = serializers.BooleanField()
    serving = serializers.ChoiceField(choices=[serving.value for serving in Serving])
    missing = serializers.ListField(child=serializers.CharField())
    blocks = ThemeBlockSerializer(many=True)
    theme_editor_urls = ThemeEditorUrlsSerializer()


class ThemeBlockReportSerializer(serializers.Serializer[Any]):
    """What App Bridge says of our theme blocks, of each that it knows."""

    product = serializers.ChoiceField(choices=[status.value for status in BlockStatus], required=False)
    home = serializers.ChoiceField(choices=[status.value for status in BlockStatus], required=False)
