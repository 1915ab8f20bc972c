"""What was done to a shop as the embedded UI asks for it and sees it."""

from typing import Any

from rest_framework import serializers

from backend.audit.values import ActorKind
from backend.onboarding.rules.acts import ActKind

# A later day would be after the last that a date can name, once it ends.
LAST_YEAR = 9000


class ActivityQuerySerializer(serializers.Serializer[Any]):
    """Which acts are asked for: days are whole and on the shop's own clock."""

    kind = serializers.ChoiceField(choices=[kind.value for kind in ActKind], required=False)
    actor = serializers.ChoiceField(choices=[kind.value for kind in ActorKind], required=False)
    since = serializers.DateField(required=False)
    until = serializers.DateField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a period that ends before it begins, or beyond any calendar."""
        since, until = attrs.get("since"), attrs.get("until")
        if any(day and not 1900 < day.year < LAST_YEAR for day in (since, until)):
            raise serializers.ValidationError({"since": "This day is beyond any act."})
        if since and until and until < since:
            raise serializers.ValidationError({"until": "The last day comes before the first."})
        return attrs


class ActivityPageQuerySerializer(ActivityQuerySerializer):
    """Which page of them: the one after an act."""

    before = serializers.UUIDField(required=False)


class ChangeSerializer(serializers.Serializer[Any]):
    """One value before and after, in words; empty where it isn't known."""

    name = serializers.CharField()
    old = serializers.CharField(allow_blank=True)
    new = serializers.CharField(allow_blank=True)


class ActSerializer(serializers.Serializer[Any]):
    """One act in words."""

    id = serializers.UUIDField()
    at = serializers.DateTimeField()
    kind = serializers.ChoiceField(choices=[kind.value for kind in ActKind])
    what = serializers.CharField()
    subject = serializers.CharField(allow_blank=True)
    actor_kind = serializers.ChoiceField(choices=[kind.value for kind in ActorKind])
    actor = serializers.CharField()
    is_you = serializers.BooleanField()
    reason = serializers.CharField(allow_blank=True)
    changes = ChangeSerializer(many=True)
    where = serializers.CharField(allow_blank=True)


class ActivitySerializer(serializers.Serializer[Any]):
    """A page of acts, newest first. ``next_before`` asks for the one after it; null on the last."""

    acts = ActSerializer(many=True)
    next_before = serializers.UUIDField(allow_null=True)
