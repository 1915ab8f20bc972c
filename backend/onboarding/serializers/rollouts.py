"""A shop's rollouts as the embedded UI sees and changes them. Shares and differences are in percent."""

from typing import Any

from rest_framework import serializers

from backend.onboarding.serializers.preview import FoundProductSerializer
from backend.rollouts.queries import DiffOrder
from backend.rollouts.values import (
    CANDIDATE,
    CHAMPION,
    Autonomy,
    EntryKind,
    Metric,
    Requirement,
    RolloutAction,
    RolloutState,
    StepKind,
    StepProgress,
    Verdict,
)
from backend.rollouts.values.time_machine import LookBackState

LONGEST_REASON = 300

# More pages than any shop's are compared.
MOST_PAGES = 10_000


def _values(kind: Any) -> list[str]:
    return [one.value for one in kind]


class NextMoveSerializer(serializers.Serializer[Any]):
    """What happens next if nobody does anything, and the earliest moment of it."""

    words = serializers.CharField(allow_blank=True)
    at = serializers.DateTimeField(allow_null=True)


class RolloutSummarySerializer(serializers.Serializer[Any]):
    """A rollout in a few sentences."""

    id = serializers.UUIDField(source="rollout.id")
    number = serializers.IntegerField(source="rollout.number")
    candidate_id = serializers.UUIDField(source="rollout.candidate_id")
    candidate_number = serializers.IntegerField(source="rollout.candidate_number")
    champion_number = serializers.IntegerField(source="rollout.champion_number")
    state = serializers.ChoiceField(choices=_values(RolloutState), source="rollout.state")
    percent = serializers.IntegerField(source="rollout.percent")
    opened_at = serializers.DateTimeField(source="rollout.opened_at")
    entered_at = serializers.DateTimeField(source="rollout.entered_at")
    ended_at = serializers.DateTimeField(source="rollout.ended_at", allow_null=True)
    revision = serializers.IntegerField(source="rollout.revision")
    reason = serializers.CharField(source="rollout.words", allow_blank=True)
    waits_for = serializers.CharField(source="rollout.waits_for", allow_blank=True)
    headline = serializers.CharField()
    finding = serializers.CharField(allow_blank=True)
    outlook = serializers.CharField(allow_blank=True)
    next_move = NextMoveSerializer()


class VersionOfferSerializer(serializers.Serializer[Any]):
    """A version that a person may open a rollout for, or go back to, and why it is not in use."""

    version_id = serializers.UUIDField()
    number = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    words = serializers.CharField(allow_blank=True)


class RolloutsSerializer(serializers.Serializer[Any]):
    """A shop's rollouts, newest first: the one that is under way, and what could be begun."""

    live = RolloutSummarySerializer(allow_null=True)
    rollouts = RolloutSummarySerializer(many=True)
    live_version = serializers.IntegerField(allow_null=True)
    is_off = serializers.BooleanField()
    may_move = serializers.BooleanField()
    advice = serializers.ListField(child=serializers.CharField())
    to_open = VersionOfferSerializer(many=True)
    to_go_back_to = VersionOfferSerializer(many=True)


class StepReportSerializer(serializers.Serializer[Any]):
    """One step of the plan: the shortest time at it, and when it was reached."""

    kind = serializers.ChoiceField(choices=_values(StepKind))
    percent = serializers.IntegerField()
    hours = serializers.FloatField()
    progress = serializers.ChoiceField(choices=_values(StepProgress))
    since = serializers.DateTimeField(allow_null=True)


class SplitSerializer(serializers.Serializer[Any]):
    """Who sees what now, of all visitors."""

    candidate = serializers.FloatField()
    control = serializers.FloatField()
    rest = serializers.FloatField()
    holdout = serializers.FloatField()


class MetricPointSerializer(serializers.Serializer[Any]):
    """What was known of a difference at one moment."""

    at = serializers.DateTimeField()
    percent = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()


class MetricReportSerializer(serializers.Serializer[Any]):
    """A metric of the candidate beside the control's. ``bound`` is what the low end must clear."""

    metric = serializers.ChoiceField(choices=_values(Metric))
    name = serializers.CharField()
    is_deciding = serializers.BooleanField()
    bound = serializers.FloatField(allow_null=True)
    candidate_visitors = serializers.IntegerField()
    control_visitors = serializers.IntegerField()
    percent = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    verdict = serializers.ChoiceField(choices=_values(Verdict))
    words = serializers.CharField()
    history = MetricPointSerializer(many=True)


class GuardReportSerializer(serializers.Serializer[Any]):
    """A technical guardrail, and how long it takes to notice harm at the shop's own rate."""

    name = serializers.CharField()
    verdict = serializers.ChoiceField(choices=_values(Verdict))
    candidate = serializers.CharField(allow_blank=True)
    champion = serializers.CharField(allow_blank=True)
    notice_seconds = serializers.FloatField(allow_null=True)


class DetectionTimeSerializer(serializers.Serializer[Any]):
    """How soon harm is found at a rate of requests: in half of all cases, and in 99 of 100."""

    requests_per_second = serializers.IntegerField()
    median_seconds = serializers.FloatField()
    p99_seconds = serializers.FloatField()


class DetectionSerializer(serializers.Serializer[Any]):
    """How soon 5 % errors beside 1 % are found at a share of visitors, in answers and in time."""

    percent = serializers.IntegerField()
    median_answers = serializers.IntegerField()
    p99_answers = serializers.IntegerField()
    times = DetectionTimeSerializer(many=True)


class ShadowFigureSerializer(serializers.Serializer[Any]):
    """One thing that the shadow measured."""

    name = serializers.CharField()
    value = serializers.CharField()
    words = serializers.CharField(allow_blank=True)


class ShadowReportSerializer(serializers.Serializer[Any]):
    """What was compared before anybody saw it."""

    compared = serializers.IntegerField()
    wanted = serializers.IntegerField()
    verdict = serializers.ChoiceField(choices=_values(Verdict))
    words = serializers.CharField()
    figures = ShadowFigureSerializer(many=True)


class InterleavingReportSerializer(serializers.Serializer[Any]):
    """Visitors by the version whose product they clicked first in a list of both."""

    candidate = serializers.IntegerField()
    champion = serializers.IntegerField()
    verdict = serializers.ChoiceField(choices=_values(Verdict))
    words = serializers.CharField()


class LookBackRoundSerializer(serializers.Serializer[Any]):
    """A week of the look back: how well each side found what customers then bought, 0 to 1."""

    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    customers = serializers.IntegerField()
    candidate = serializers.FloatField()
    champion = serializers.FloatField()


class LookBackSerializer(serializers.Serializer[Any]):
    """What the last 30 days say of a version that is made like the new one."""

    state = serializers.ChoiceField(choices=_values(LookBackState))
    progress = serializers.FloatField()
    words = serializers.CharField()
    asked_at = serializers.DateTimeField()
    customers = serializers.IntegerField()
    gain_percent = serializers.FloatField(allow_null=True)
    low_percent = serializers.FloatField(allow_null=True)
    high_percent = serializers.FloatField(allow_null=True)
    rounds = LookBackRoundSerializer(many=True)


class TimelineEntrySerializer(serializers.Serializer[Any]):
    """One thing that happened meanwhile: a move, or another change in the shop."""

    at = serializers.DateTimeField()
    kind = serializers.ChoiceField(choices=_values(EntryKind))
    title = serializers.CharField()
    words = serializers.CharField(allow_blank=True)
    actor = serializers.CharField(allow_blank=True)
    state = serializers.ChoiceField(choices=_values(RolloutState), allow_null=True)


class RefusalSerializer(serializers.Serializer[Any]):
    """An act that is offered, and why it can't be done now."""

    action = serializers.ChoiceField(choices=_values(RolloutAction))
    words = serializers.CharField()


class RolloutReportSerializer(serializers.Serializer[Any]):
    """Everything that is told of a rollout."""

    summary = RolloutSummarySerializer()
    actions = serializers.ListField(child=serializers.ChoiceField(choices=_values(RolloutAction)))
    refused = RefusalSerializer(many=True)
    candidate_id = serializers.UUIDField(source="summary.rollout.candidate_id")
    champion_id = serializers.UUIDField(source="summary.rollout.champion_id")
    steps = StepReportSerializer(many=True)
    split = SplitSerializer(allow_null=True)
    metrics = MetricReportSerializer(many=True)
    measured_at = serializers.DateTimeField(allow_null=True)
    sample_words = serializers.CharField(allow_blank=True)
    guards = GuardReportSerializer(many=True)
    detection = DetectionSerializer(allow_null=True)
    shadow = ShadowReportSerializer(allow_null=True)
    interleaving = InterleavingReportSerializer(allow_null=True)
    look_back = LookBackSerializer(allow_null=True)
    advice = serializers.ListField(child=serializers.CharField())
    timeline = TimelineEntrySerializer(many=True)
    requirement = serializers.ChoiceField(
        choices=_values(Requirement), source="summary.rollout.plan.requirement"
    )
    margin_percent = serializers.FloatField(source="summary.rollout.plan.margin_percent")
    autonomy = serializers.ChoiceField(choices=_values(Autonomy), source="summary.rollout.plan.autonomy")


class OpenRolloutSerializer(serializers.Serializer[Any]):
    """Which version a person opens a rollout for, and why."""

    version = serializers.UUIDField()
    reason = serializers.CharField(max_length=LONGEST_REASON, allow_blank=True, default="")


class MoveRolloutSerializer(serializers.Serializer[Any]):
    """
    Why a person moves a rollout, and which revision of it they saw.

    A rollout that has moved on since then stays as it is: nobody widens what they did not see.
    """

    action = serializers.ChoiceField(choices=_values(RolloutAction))
    revision = serializers.IntegerField(min_value=1)
    reason = serializers.CharField(max_length=LONGEST_REASON, allow_blank=True, default="")


class AskLookSerializer(serializers.Serializer[Any]):
    """Which version the storefront is to show, and on which page; without a product on the home page."""

    arm = serializers.ChoiceField(choices=[CANDIDATE, CHAMPION])
    product = serializers.IntegerField(min_value=1, max_value=2**63 - 1, allow_null=True, default=None)


class LookSerializer(serializers.Serializer[Any]):
    """An address that shows one version to whoever has it, until a moment."""

    url = serializers.URLField()
    until = serializers.DateTimeField()


class FreezeSerializer(serializers.Serializer[Any]):
    """Days of the shop's calendar, both included, on which nothing widens."""

    first = serializers.DateField()
    last = serializers.DateField()
    name = serializers.CharField(max_length=60, allow_blank=True, default="")


class PlanLimitSerializer(serializers.Serializer[Any]):
    """The lowest and the highest value of one field of a plan. What no limit names may be any number."""

    name = serializers.CharField()
    lowest = serializers.FloatField()
    highest = serializers.FloatField()


class RolloutSettingsSerializer(serializers.Serializer[Any]):
    """What a shop says of its rollouts. The plan is that of the next one: a running one keeps its own."""

    is_off = serializers.BooleanField()
    autonomy = serializers.ChoiceField(choices=_values(Autonomy))
    steps = serializers.ListField(child=serializers.IntegerField())
    dwell_hours = serializers.FloatField()
    shadow_percent = serializers.IntegerField()
    shadow_requests = serializers.IntegerField()
    shadow_hours = serializers.FloatField()
    interleave_days = serializers.IntegerField()
    ab_days = serializers.IntegerField()
    requirement = serializers.ChoiceField(choices=_values(Requirement))
    margin_percent = serializers.FloatField()
    window_days = serializers.IntegerField()
    max_days = serializers.IntegerField()
    freezes = FreezeSerializer(many=True)
    promoters = serializers.ListField(child=serializers.CharField(max_length=40), max_length=50)
    limits = PlanLimitSerializer(many=True, read_only=True)
    you = serializers.CharField(read_only=True)


class ChangesQuerySerializer(serializers.Serializer[Any]):
    """Which pages are asked for: those that sell most or those that change most first."""

    order = serializers.ChoiceField(choices=_values(DiffOrder), default=DiffOrder.MOST_SOLD.value)
    page = serializers.IntegerField(min_value=1, max_value=MOST_PAGES, default=1)


class PlaceSerializer(serializers.Serializer[Any]):
    """One product of a list. ``rises`` is null where only one of the versions shows it."""

    product = FoundProductSerializer()
    rises = serializers.IntegerField(allow_null=True)


class ChangedPageSerializer(serializers.Serializer[Any]):
    """One page under both versions; ``product`` is null for the home page."""

    product = FoundProductSerializer(allow_null=True)
    overlap = serializers.FloatField()
    champion = PlaceSerializer(many=True)
    candidate = PlaceSerializer(many=True)


class ShiftSerializer(serializers.Serializer[Any]):
    """A product that stands on more lists than before, or on fewer."""

    product = FoundProductSerializer()
    lists = serializers.IntegerField()


class ChangesSerializer(serializers.Serializer[Any]):
    """What would change under the new version. Figures are null before anything was compared."""

    pages_compared = serializers.IntegerField(source="summary.pages")
    pages_changed = serializers.IntegerField(source="summary.changed")
    overlap = serializers.FloatField(source="summary.overlap", allow_null=True)
    is_complete = serializers.BooleanField(source="summary.is_complete")
    gains = ShiftSerializer(many=True)
    losses = ShiftSerializer(many=True)
    pages = ChangedPageSerializer(many=True)
    next_page = serializers.IntegerField(allow_null=True)
