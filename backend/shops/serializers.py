"""Shops as the embedded UI sees them."""

from typing import Any

from rest_framework import serializers


class ShopSerializer(serializers.Serializer[Any]):
    """The shop that is calling."""

    domain = serializers.CharField()
    name = serializers.CharField()
    currency = serializers.CharField()
    timezone = serializers.CharField()
    installed_at = serializers.DateTimeField()
    scopes = serializers.ListField(child=serializers.CharField())
    missing_scopes = serializers.ListField(child=serializers.CharField())
    needs_reauth = serializers.BooleanField()
    shows_new_products = serializers.BooleanField()


class ShopSettingsSerializer(serializers.Serializer[Any]):
    """What the merchant wants shoppers to see."""

    shows_new_products = serializers.BooleanField()
