"""What happened while versions answered shoppers, as the embedded UI sees it."""

from typing import Any

from rest_framework import serializers


class RateSerializer(serializers.Serializer[Any]):
    """Acts a list that was seen (0.02: two of a hundred lists), with a 95 % interval."""

    value = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()


class BesideChampionSerializer(serializers.Serializer[Any]):
    """What the version's newest rollout measured, beside the version that was in use."""

    rollout = serializers.IntegerField()
    champion = serializers.IntegerField()
    visitors = serializers.IntegerField()
    champion_visitors = serializers.IntegerField()
    words = serializers.ListField(child=serializers.CharField())


class LiveVersionSerializer(serializers.Serializer[Any]):
    """What shoppers did on the whole days of the last 90 on which this version alone answered them."""

    version = serializers.IntegerField()
    since = serializers.DateTimeField()
    until = serializers.DateTimeField(allow_null=True, help_text="null while it answers")
    days_alone = serializers.IntegerField()
    lists = serializers.IntegerField(help_text="that shoppers saw")
    clicks = serializers.IntegerField()
    orders = serializers.IntegerField(help_text="with something in them that was clicked in a list")
    clicks_per_list = RateSerializer(allow_null=True)
    orders_per_list = RateSerializer(allow_null=True)
    rollout = BesideChampionSerializer(allow_null=True)


class LiveSerializer(serializers.Serializer[Any]):
    """The versions that answered shoppers in the last 90 days, the newest first."""

    versions = LiveVersionSerializer(many=True)
