"""Training in the embedded UI's API. Where one is asked for: see ``backend/monitoring``."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from backend.core.api import ApiView, ErrorBody, ShopRequest
from backend.training import queries
from backend.training.serializers import TrainingRunSerializer


class TrainingView(ApiView):
    """One training run."""

    @extend_schema(operation_id="get_training", responses={200: TrainingRunSerializer, 404: ErrorBody})
    def get(self, request: ShopRequest, id: UUID) -> Response:  # noqa: A002 -- the name in the address
        """Return a run of the calling shop, with its progress and learning curve."""
        return Response(TrainingRunSerializer(queries.get_run(request.shop_id, id)).data)
