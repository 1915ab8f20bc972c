"""A shop's rollouts: what is under way, and how each went."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from backend.core import clock
from backend.core.api import ApiView, ErrorBody, ShopRequest
from backend.onboarding.queries import rollouts as queries
from backend.onboarding.serializers.rollouts import RolloutReportSerializer, RolloutsSerializer


class RolloutsView(ApiView):
    """The rollouts of a shop."""

    @extend_schema(operation_id="get_rollouts", responses=RolloutsSerializer)
    def get(self, request: ShopRequest) -> Response:
        """Return the calling shop's rollouts, newest first, and what could be begun."""
        found = queries.rollouts(request.shop_id, actor=request.actor, now=clock.now())
        return Response(RolloutsSerializer(found).data)


class RolloutView(ApiView):
    """One rollout."""

    @extend_schema(operation_id="get_rollout", responses={200: RolloutReportSerializer, 404: ErrorBody})
    def get(self, request: ShopRequest, id: UUID) -> Response:  # noqa: A002 -- the name in the address
        """Return where one of the calling shop's rollouts stands, what it showed and what comes next."""
        found = queries.rollout(request.shop_id, id, actor=request.actor, now=clock.now())
        return Response(RolloutReportSerializer(found).data)
