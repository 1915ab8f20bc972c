"""What the owner of a shop sees of customers' requests, and the file that answers one."""

from dataclasses import asdict
from uuid import UUID

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from backend.core import clock
from backend.core.api import ApiView, ErrorBody, ShopRequest

from . import queries, services
from .serializers import DataRequestsSerializer


class DataRequestsView(ApiView):
    """The requests of a shop's customers."""

    @extend_schema(operation_id="get_data_requests", responses=DataRequestsSerializer)
    def get(self, request: ShopRequest) -> Response:
        """Return the requests that the calling shop has to answer, or has answered lately."""
        now = clock.now()
        found = [
            asdict(one) | {"is_overdue": one.downloaded_at is None and one.due_at < now}
            for one in queries.data_requests(request.shop_id)
        ]
        return Response(DataRequestsSerializer({"requests": found}).data)


class DataRequestFileView(ApiView):
    """The file for one customer."""

    @extend_schema(
        operation_id="get_data_request_file",
        responses={(200, "application/json"): OpenApiTypes.BINARY, 404: ErrorBody},
    )
    def get(self, request: ShopRequest, id: UUID) -> StreamingHttpResponse:  # noqa: A002 - the address's own name
        """Send all that is stored about the customer who asked, to hand on to them."""
        pieces = services.open_file(request.shop_id, id, now=clock.now(), actor=request.actor)
        answer = StreamingHttpResponse(pieces, content_type="application/json")
        answer.headers["Content-Disposition"] = f'attachment; filename="customer-data-{id}.json"'
        answer.headers["Cache-Control"] = "no-store"
        return answer
