"""What recommendations earned as the embedded UI sees it. Money is a decimal number as text."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from backend.onboarding.rules.results import DEFAULT_PERIOD, NOT_JOINED, PERIODS, UNPROVEN
from backend.rollouts.values import Unproven
from backend.shops.values import PixelState


class MoneyField(serializers.DecimalField):
    """An amount as exact as it is stored, wide enough for any sum of orders."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=None, decimal_places=4, **kwargs)


class ResultsQuerySerializer(serializers.Serializer[Any]):
    """Which time is asked for."""

    days = serializers.ChoiceField(choices=PERIODS, default=DEFAULT_PERIOD)


class EarnedSerializer(serializers.Serializer[Any]):
    """What is left of what was earned, and what was taken back by refunds and cancellations."""

    revenue = MoneyField()
    reversed = MoneyField()
    orders = serializers.IntegerField()
    lines = serializers.IntegerField()


class CurrencyResultsSerializer(serializers.Serializer[Any]):
    """What was earned in one currency: by clicks, and apart from it by what was only seen."""

    currency = serializers.CharField()
    direct = EarnedSerializer()
    view_through = EarnedSerializer()


class IncrementalSerializer(serializers.Serializer[Any]):
    """What recommendations added beside what sells anyway; null where it can't be said yet."""

    percent = serializers.IntegerField()
    since = serializers.DateTimeField()
    amount = MoneyField(allow_null=True)
    low = MoneyField(allow_null=True)
    high = MoneyField(allow_null=True)
    reason = serializers.SerializerMethodField()
    shown_visitors = serializers.IntegerField(source="shown.visitors")
    held_out_visitors = serializers.IntegerField(source="held_out.visitors")

    def get_reason(self, incremental: Any) -> str:
        """Say why nothing can be said; empty where something can."""
        return UNPROVEN[Unproven(incremental.reason)] if incremental.reason else ""


class CountsOfEventsSerializer(serializers.Serializer[Any]):
    """What shoppers who agreed to it did with recommendations."""

    impressions = serializers.IntegerField()
    clicks = serializers.IntegerField()
    adds = serializers.IntegerField()


class TopProductSerializer(serializers.Serializer[Any]):
    """A product and what clicks on its recommendations sold of it."""

    product_id = serializers.IntegerField()
    title = serializers.CharField()
    currency = serializers.CharField()
    revenue = MoneyField()
    quantity = serializers.IntegerField()
    orders = serializers.IntegerField()


class NotJoinedSerializer(serializers.Serializer[Any]):
    """How many orders could not be joined for one reason."""

    words = serializers.CharField()
    orders = serializers.IntegerField()


class CoverageSerializer(serializers.Serializer[Any]):
    """Of how many orders with a recommended product it is known what their shoppers did."""

    orders = serializers.IntegerField(source="orders_with_recommended_product")
    joined = serializers.IntegerField()
    reasons = serializers.SerializerMethodField()

    @extend_schema_field(NotJoinedSerializer(many=True))
    def get_reasons(self, coverage: Any) -> list[dict[str, Any]]:
        """Return the reasons with most orders first."""
        counted = sorted(coverage.reasons.items(), key=lambda one: -one[1])
        return [{"words": NOT_JOINED[outcome], "orders": orders} for outcome, orders in counted if orders]


class ResultsSerializer(serializers.Serializer[Any]):
    """What recommendations earned in a time. Counts are null while no browser tells us anything."""

    days = serializers.IntegerField()
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    currency = serializers.CharField()
    has_orders = serializers.BooleanField()
    currencies = CurrencyResultsSerializer(many=True)
    click_days = serializers.IntegerField()
    view_hours = serializers.IntegerField()
    incremental = IncrementalSerializer(allow_null=True)
    pixel = serializers.ChoiceField(choices=[state.value for state in PixelState])
    counts = CountsOfEventsSerializer(allow_null=True)
    top_products = TopProductSerializer(many=True)
    coverage = CoverageSerializer()
