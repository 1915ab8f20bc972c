"""A shop's exploration as the embedded UI sees and changes it."""

from typing import Any

from rest_framework import serializers


class RatioSerializer(serializers.Serializer[Any]):
    """A ratio with its 95 % interval."""

    value = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()


class ExplorationSerializer(serializers.Serializer[Any]):
    """
    Whether neighbouring products change places by chance, in one of how many lists, and what that has shown.

    ``visitors`` clicked one of two products that had changed places; of fewer than ``needed`` nothing is
    said. ``order`` compares clicks of the product that the model puts first with those of the other,
    ``place`` those of the place in front with those of the one behind it.
    """

    is_on = serializers.BooleanField()
    since = serializers.DateTimeField(read_only=True, allow_null=True)
    one_in = serializers.IntegerField(read_only=True)
    visitors = serializers.IntegerField(read_only=True)
    needed = serializers.IntegerField(read_only=True)
    order = RatioSerializer(read_only=True, allow_null=True)
    place = RatioSerializer(read_only=True, allow_null=True)
