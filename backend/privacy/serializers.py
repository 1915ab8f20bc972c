"""Customers' requests as the embedded UI sees them."""

from typing import Any

from rest_framework import serializers


class DataRequestSerializer(serializers.Serializer[Any]):
    """One customer's request for what is stored about them."""

    id = serializers.UUIDField()
    shopify_id = serializers.IntegerField(allow_null=True)
    requested_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField()
    is_overdue = serializers.BooleanField()
    downloaded_at = serializers.DateTimeField(allow_null=True)
    orders = serializers.IntegerField()
    decisions = serializers.IntegerField()


class DataRequestsSerializer(serializers.Serializer[Any]):
    """All requests of a shop, the one that is due first first."""

    requests = DataRequestSerializer(many=True)
