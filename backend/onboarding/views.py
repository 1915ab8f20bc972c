"""What the embedded UI asks on its pages."""

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response

from backend.core import clock
from backend.core.api import ApiView, ErrorBody, ShopRequest
from backend.onboarding import queries, services
from backend.onboarding.serializers import (
    ModelSerializer,
    SetupSerializer,
    ThemeBlockReportSerializer,
)
from backend.onboarding.values import BlockStatus
from backend.registry import queries as registry
from backend.registry.values import VersionState
from backend.training import queries as training


class SetupView(ApiView):
    """The checklist."""

    @extend_schema(operation_id="get_setup", responses=SetupSerializer)
    def get(self, request: ShopRequest) -> Response:
        """Return how far the calling shop has come."""
        return Response(SetupSerializer(queries.setup(request.shop_id)).data)


class ThemeBlockView(ApiView):
    """What App Bridge says of our block."""

    @extend_schema(
        operation_id="report_theme_block",
        request=ThemeBlockReportSerializer,
        responses={204: None, 400: ErrorBody},
    )
    def post(self, request: ShopRequest) -> Response:
        """Take App Bridge's word on the theme block."""
        report = ThemeBlockReportSerializer(data=request.data)
        report.is_valid(raise_exception=True)
        block = BlockStatus(report.validated_data["status"])
        services.report_theme_block(request.shop_id, block, now=clock.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class ModelView(ApiView):
    """The shop's models."""

    @extend_schema(operation_id="get_model", responses=ModelSerializer)
    def get(self, request: ShopRequest) -> Response:
        """Return the calling shop's model versions and its training under way, or its last one."""
        # A candidate is between training and its release: a moment that no merchant needs to see.
        versions = [
            version
            for version in registry.versions(request.shop_id)
            if version.state is not VersionState.CANDIDATE
        ]
        current = next((one for one in versions if one.state is VersionState.LIVE), None)
        body = {
            "current": current,
            "versions": versions,
            "training": training.find_last_run(request.shop_id),
        }
        return Response(ModelSerializer(body).data)
