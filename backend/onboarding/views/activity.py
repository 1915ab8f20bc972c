"""What was done to the shop, as a page and as a file."""

from dataclasses import asdict
from typing import Any

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from backend.audit.values import ActorKind
from backend.core import clock
from backend.core.api import ApiView, ErrorBody, ShopRequest
from backend.onboarding.queries import activity as queries
from backend.onboarding.rules.acts import ActKind
from backend.onboarding.serializers.activity import (
    ActivityPageQuerySerializer,
    ActivityQuerySerializer,
    ActivitySerializer,
)


class ActivityView(ApiView):
    """The acts on a shop, a page at a time."""

    @extend_schema(
        operation_id="get_activity",
        parameters=[ActivityPageQuerySerializer],
        responses={200: ActivitySerializer, 400: ErrorBody, 404: ErrorBody},
    )
    def get(self, request: ShopRequest) -> Response:
        """Return what was done to the calling shop, newest first."""
        asked = ActivityPageQuerySerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        before = asked.validated_data.get("before")
        page = queries.activity(request.shop_id, _wanted(asked.validated_data), before=before)
        told = [asdict(act) | {"is_you": act.account == request.actor} for act in page.acts]
        return Response(ActivitySerializer({"acts": told, "next_before": page.next_before}).data)


class ActivityFileView(ApiView):
    """The acts on a shop, all at once."""

    @extend_schema(
        operation_id="get_activity_file",
        parameters=[ActivityQuerySerializer],
        responses={(200, "text/csv"): OpenApiTypes.STR, 400: ErrorBody},
    )
    def get(self, request: ShopRequest) -> StreamingHttpResponse:
        """Send what was done to the calling shop as a table for a spreadsheet."""
        asked = ActivityQuerySerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        lines = queries.activity_file(request.shop_id, _wanted(asked.validated_data))
        answer = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8; header=present")
        name = f"tailorbird-activity-{clock.now():%Y-%m-%d}.csv"
        answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        answer.headers["Cache-Control"] = "no-store"
        return answer


def _wanted(asked: dict[str, Any]) -> queries.ActivityFilter:
    kind, actor = asked.get("kind"), asked.get("actor")
    return queries.ActivityFilter(
        since=asked.get("since"),
        until=asked.get("until"),
        actor=ActorKind(actor) if actor else None,
        kind=ActKind(kind) if kind else None,
    )
