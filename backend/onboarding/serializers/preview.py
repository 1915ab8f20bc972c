"""What would be shown now as the embedded UI asks for it and sees it."""

from typing import Any

from rest_framework import serializers

from backend.audit.values import Surface

LARGEST_ID = 2**63 - 1


class ProductsQuerySerializer(serializers.Serializer[Any]):
    """What is searched for."""

    search = serializers.CharField(max_length=200)


class FoundProductSerializer(serializers.Serializer[Any]):
    """A product that was found."""

    product_id = serializers.IntegerField()
    title = serializers.CharField()
    image_url = serializers.CharField(allow_blank=True)
    is_available = serializers.BooleanField()


class FoundProductsSerializer(serializers.Serializer[Any]):
    """The products that were found, the best first."""

    products = FoundProductSerializer(many=True)


class PreviewQuerySerializer(serializers.Serializer[Any]):
    """For which page, customer and version: nobody in particular, whose order it was, or Shopify's number."""

    product = serializers.IntegerField(min_value=1, max_value=LARGEST_ID, required=False)
    order = serializers.CharField(max_length=100, required=False)
    customer = serializers.IntegerField(min_value=1, max_value=LARGEST_ID, required=False)

    version = serializers.UUIDField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse two answers to who is meant."""
        if "order" in attrs and "customer" in attrs:
            message = "Name an order or a customer, not both."
            raise serializers.ValidationError({"customer": message})
        return attrs


class PreviewItemSerializer(serializers.Serializer[Any]):
    """One place of the list, and why the product has it."""

    product_id = serializers.IntegerField()
    title = serializers.CharField()
    image_url = serializers.CharField(allow_blank=True)
    price = serializers.CharField()
    currency = serializers.CharField()
    position = serializers.IntegerField()
    why = serializers.CharField(allow_blank=True)
    is_from_model = serializers.BooleanField()


class PreviewSerializer(serializers.Serializer[Any]):
    """What would be shown now, and why. Nothing of it is on record."""

    surface = serializers.ChoiceField(choices=[surface.value for surface in Surface])
    product = FoundProductSerializer(allow_null=True)
    order = serializers.CharField(allow_blank=True)
    is_guest = serializers.BooleanField()
    is_personal = serializers.BooleanField()
    purchases = serializers.IntegerField()
    version_number = serializers.IntegerField(allow_null=True)
    why_not_model = serializers.CharField(allow_blank=True)
    items = PreviewItemSerializer(many=True)
