"""What would be shown now, and why."""

from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from backend.core import clock
from backend.core.api import ApiView, ErrorBody, ShopRequest
from backend.onboarding.queries import preview as queries
from backend.onboarding.serializers.preview import (
    FoundProductsSerializer,
    PreviewQuerySerializer,
    PreviewSerializer,
    ProductsQuerySerializer,
)


class ProductsView(ApiView):
    """The products of a shop, to choose one of."""

    @extend_schema(
        operation_id="find_products",
        parameters=[ProductsQuerySerializer],
        responses={200: FoundProductsSerializer, 400: ErrorBody},
    )
    def get(self, request: ShopRequest) -> Response:
        """Return the calling shop's products that match a search."""
        asked = ProductsQuerySerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        found = queries.products(request.shop_id, asked.validated_data["search"])
        return Response(FoundProductsSerializer({"products": found}).data)


class PreviewView(ApiView):
    """A preview of a page."""

    @extend_schema(
        operation_id="get_preview",
        parameters=[PreviewQuerySerializer],
        responses={200: PreviewSerializer, 400: ErrorBody, 404: ErrorBody},
    )
    def get(self, request: ShopRequest) -> Response:
        """Return what a page of the calling shop would show now. It leaves no record."""
        asked = PreviewQuerySerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        given = asked.validated_data
        found = queries.preview(
            request.shop_id,
            product_id=given.get("product"),
            order=given.get("order", ""),
            customer_id=given.get("customer"),
            version_id=given.get("version"),
            now=clock.now(),
        )
        return Response(PreviewSerializer(_body(found)).data)


def _body(found: queries.Previewed) -> dict[str, Any]:
    shown = found.preview
    return {
        "surface": shown.surface.value,
        "product": found.product,
        "order": found.order,
        "is_guest": found.is_guest,
        "is_personal": shown.is_personal,
        "purchases": shown.steps,
        "version_number": shown.version_number,
        "why_not_model": found.why_not_model,
        "items": [
            asdict(card) | asdict(item) | {"is_from_model": item.score is not None}
            for item, card in shown.items
        ],
    }
