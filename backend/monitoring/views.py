"""Reasons to train in the embedded UI's API, and the one reason that a person is."""

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response

from backend.core import clock
from backend.core.api import ApiView, ErrorBody, ShopRequest
from backend.monitoring import queries, services
from backend.monitoring.serializers import TriggersSerializer, TriggerStatusesSerializer
from backend.training.serializers import TrainingRunSerializer


class TriggersView(ApiView):
    """What was a reason to train."""

    @extend_schema(operation_id="list_triggers", responses=TriggersSerializer)
    def get(self, request: ShopRequest) -> Response:
        """Return the calling shop's newest 50 recorded looks."""
        return Response(TriggersSerializer({"triggers": queries.triggers(request.shop_id)}).data)


class TriggerStatusView(ApiView):
    """Where each kind of trigger stands."""

    @extend_schema(operation_id="get_trigger_status", responses=TriggerStatusesSerializer)
    def get(self, request: ShopRequest) -> Response:
        """Return for each kind what the newest look at the calling shop found."""
        body = {
            "statuses": queries.statuses(request.shop_id),
            "cooling_down_until": queries.cooling_until(request.shop_id, now=clock.now()),
        }
        return Response(TriggerStatusesSerializer(body).data)


class TrainingListView(ApiView):
    """Where a person asks for a training."""

    @extend_schema(
        operation_id="start_training",
        request=None,
        responses={202: TrainingRunSerializer, 409: ErrorBody},
    )
    def post(self, request: ShopRequest) -> Response:
        """Start a training. Refused while one is running."""
        run = services.request_by_hand(request.shop_id, now=clock.now(), actor=request.actor)
        return Response(TrainingRunSerializer(run).data, status=status.HTTP_202_ACCEPTED)
