"""Whether neighbouring products may change places by chance, and what that has shown."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from backend.core import clock
from backend.core.api import ApiView, ErrorBody, ShopRequest
from backend.onboarding.serializers.exploration import ExplorationSerializer
from backend.serving import services as serving
from backend.serving.values import EXPLORED_ONE_IN, MIN_EXPLORED_VISITORS
from backend.shops import queries as shops
from backend.shops import services as shop_services


class ExplorationView(ApiView):
    """The exploration of a shop."""

    @extend_schema(operation_id="get_exploration", responses=ExplorationSerializer)
    def get(self, request: ShopRequest) -> Response:
        """Return the calling shop's exploration, and what its lists have shown."""
        return Response(_told(request.shop_id, now=clock.now()))

    @extend_schema(
        operation_id="set_exploration",
        request=ExplorationSerializer,
        responses={200: ExplorationSerializer, 400: ErrorBody},
    )
    def put(self, request: ShopRequest) -> Response:
        """Change the calling shop's exploration. Shoppers see it within a minute."""
        wanted = ExplorationSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        now = clock.now()
        is_on = wanted.validated_data["is_on"]
        shop_services.let_chance_order(request.shop_id, is_on=is_on, now=now, actor=request.actor)
        return Response(_told(request.shop_id, now=now))


def _told(shop_id: int, *, now: datetime) -> dict[str, Any]:
    since = shops.get_fresh_shop(shop_id).explores_since
    body = asdict(serving.exploration_results(shop_id, now=now)) | {
        "is_on": since is not None,
        "since": since,
        "one_in": EXPLORED_ONE_IN,
        "needed": MIN_EXPLORED_VISITORS,
    }
    return dict(ExplorationSerializer(body).data)
