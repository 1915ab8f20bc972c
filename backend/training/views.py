"""Training in the embedded UI's API."""

from typing import cast
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response

from backend.core import clock
from backend.core.api import ApiView, ErrorBody, ShopRequest
from backend.shops.values import Principal
from backend.training import queries, services
from backend.training.serializers import TrainingRunSerializer
from backend.training.values import Reason


class TrainingListView(ApiView):
    """Where a training is asked for."""

    @extend_schema(
        operation_id="start_training",
        request=None,
        responses={202: TrainingRunSerializer, 409: ErrorBody},
    )
    def post(self, request: ShopRequest) -> Response:
        """Start a training. Refused while one is running."""
        actor = f"user {cast('Principal', request.auth).user_id}"
        run = services.request_training(request.shop_id, reason=Reason.MANUAL, now=clock.now(), actor=actor)
        return Response(TrainingRunSerializer(run).data, status=status.HTTP_202_ACCEPTED)


class TrainingView(ApiView):
    """One training run."""

    @extend_schema(operation_id="get_training", responses={200: TrainingRunSerializer, 404: ErrorBody})
    def get(self, request: ShopRequest, id: UUID) -> Response:  # noqa: A002 -- the name in the address
        """Return a run of the calling shop, with its progress and learning curve."""
        return Response(TrainingRunSerializer(queries.get_run(request.shop_id, id)).data)
