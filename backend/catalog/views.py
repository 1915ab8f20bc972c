"""The import of a shop's history, for the embedded UI."""

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from backend.core import clock
from backend.core.api import ApiView, ErrorBody, ShopRequest

from . import services
from .serializers import ImportSerializer


class ImportsView(ApiView):
    """Bringing the shop's history in again."""

    @extend_schema(
        operation_id="request_import", request=None, responses={202: ImportSerializer, 409: ErrorBody}
    )
    def post(self, request: ShopRequest) -> Response:
        """Ask for a whole new import; 409 while one runs."""
        progress = services.request_import(request.shop_id, now=clock.now(), actor=request.actor)
        return Response(ImportSerializer(progress).data, status=202)
