"""The share of visitors that the recommendations are measured against."""

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from backend.core import clock
from backend.core.api import ApiView, ErrorBody, ShopRequest
from backend.onboarding.serializers.holdout import HoldoutSerializer
from backend.rollouts import queries, services


class HoldoutView(ApiView):
    """The holdout of a shop."""

    @extend_schema(operation_id="get_holdout", responses=HoldoutSerializer)
    def get(self, request: ShopRequest) -> Response:
        """Return the calling shop's holdout."""
        return Response(HoldoutSerializer(queries.fresh_holdout(request.shop_id)).data)

    @extend_schema(
        operation_id="set_holdout",
        request=HoldoutSerializer,
        responses={200: HoldoutSerializer, 400: ErrorBody},
    )
    def put(self, request: ShopRequest) -> Response:
        """Change the calling shop's holdout. What is measured begins anew."""
        wanted = HoldoutSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        percent = wanted.validated_data["percent"]
        held = services.set_holdout(request.shop_id, percent, now=clock.now(), actor=request.actor)
        return Response(HoldoutSerializer(held).data)
