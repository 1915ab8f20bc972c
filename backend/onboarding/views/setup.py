"""What the embedded UI asks about the set-up."""

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response

from backend.core import clock
from backend.core.api import ApiView, ErrorBody, ShopRequest
from backend.onboarding import services
from backend.onboarding.queries import setup as queries
from backend.onboarding.serializers.setup import SetupSerializer, ThemeBlockReportSerializer
from backend.onboarding.values import BlockStatus, Placement


class SetupView(ApiView):
    """The checklist."""

    @extend_schema(operation_id="get_setup", responses=SetupSerializer)
    def get(self, request: ShopRequest) -> Response:
        """Return how far the calling shop has come."""
        return Response(SetupSerializer(queries.setup(request.shop_id, now=clock.now())).data)


class ThemeBlockView(ApiView):
    """What App Bridge says of our block."""

    @extend_schema(
        operation_id="report_theme_block",
        request=ThemeBlockReportSerializer,
        responses={204: None, 400: ErrorBody},
    )
    def post(self, request: ShopRequest) -> Response:
        """Take App Bridge's word on the theme blocks."""
        report = ThemeBlockReportSerializer(data=request.data)
        report.is_valid(raise_exception=True)
        told = report.validated_data
        statuses = {Placement(place): BlockStatus(status) for place, status in told.items()}
        services.report_theme_blocks(request.shop_id, statuses, now=clock.now())
        return Response(status=status.HTTP_204_NO_CONTENT)
