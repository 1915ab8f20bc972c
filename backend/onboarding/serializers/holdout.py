"""A shop's holdout as the embedded UI sees and changes it."""

from typing import Any

from rest_framework import serializers

from backend.rollouts.values import HIGHEST_HOLDOUT


class HoldoutSerializer(serializers.Serializer[Any]):
    """The share of visitors, in percent, that sees popular products for comparison; 0 where nobody does."""

    percent = serializers.IntegerField(min_value=0, max_value=HIGHEST_HOLDOUT)
    since = serializers.DateTimeField(read_only=True, allow_null=True)
