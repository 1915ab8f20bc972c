"""What recommendations earned."""

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from backend.core import clock
from backend.core.api import ApiView, ErrorBody, ShopRequest
from backend.onboarding.queries import results as queries
from backend.onboarding.serializers.results import ResultsQuerySerializer, ResultsSerializer


class ResultsView(ApiView):
    """The results of a shop."""

    @extend_schema(
        operation_id="get_results",
        parameters=[ResultsQuerySerializer],
        responses={200: ResultsSerializer, 400: ErrorBody},
    )
    def get(self, request: ShopRequest) -> Response:
        """Return what recommendations earned for the calling shop."""
        asked = ResultsQuerySerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        found = queries.results(request.shop_id, days=asked.validated_data["days"], now=clock.now())
        return Response(ResultsSerializer(found).data)
