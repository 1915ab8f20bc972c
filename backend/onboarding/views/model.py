"""What the embedded UI asks about the shop's models."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from backend.core import clock
from backend.core.api import ApiView, ErrorBody, ShopRequest
from backend.monitoring.values import TriggerPolicy
from backend.onboarding import services
from backend.onboarding.queries import model as queries
from backend.onboarding.queries.live import live_versions
from backend.onboarding.serializers.live import LiveSerializer
from backend.onboarding.serializers.model import (
    ModelSerializer,
    ModelSettingsSerializer,
    ModelVersionSerializer,
    ReleaseRequestSerializer,
)
from backend.rollouts import services as rollouts
from backend.rollouts.values import ReleasePolicy, Standing
from backend.training import queries as training


class ModelView(ApiView):
    """The shop's models."""

    @extend_schema(operation_id="get_model", responses=ModelSerializer)
    def get(self, request: ShopRequest) -> Response:
        """Return the calling shop's model versions and its training under way, or its last one."""
        versions = queries.version_cards(request.shop_id)
        body = {
            "current": next((one for one in versions if one.standing is Standing.LIVE), None),
            "versions": versions,
            "training": training.find_last_run(request.shop_id),
        }
        return Response(ModelSerializer(body).data)


class ModelLiveView(ApiView):
    """What happened while the shop's versions answered shoppers."""

    @extend_schema(operation_id="get_model_live", responses=LiveSerializer)
    def get(self, request: ShopRequest) -> Response:
        """Return what shoppers did with the lists of each version that answered them lately."""
        found = live_versions(request.shop_id, now=clock.now())
        return Response(LiveSerializer({"versions": found}).data)


class VersionReleaseView(ApiView):
    """Where a person chooses a version."""

    @extend_schema(
        operation_id="release_version",
        request=ReleaseRequestSerializer,
        responses={200: ModelVersionSerializer, 400: ErrorBody, 404: ErrorBody, 409: ErrorBody},
    )
    def post(self, request: ShopRequest, id: UUID) -> Response:  # noqa: A002 -- the name in the address
        """Roll out a version that was kept back, or go back to a former one."""
        asked = ReleaseRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        reason = asked.validated_data["reason"].strip()
        rollouts.release_by_hand(request.shop_id, id, reason=reason, now=clock.now(), actor=request.actor)
        return Response(ModelVersionSerializer(queries.version_card(request.shop_id, id)).data)


class ModelSettingsView(ApiView):
    """What the shop asks of a new version, and how it wants to be watched."""

    @extend_schema(operation_id="get_model_settings", responses=ModelSettingsSerializer)
    def get(self, request: ShopRequest) -> Response:
        """Return the calling shop's settings, or the defaults."""
        return Response(ModelSettingsSerializer(queries.model_settings(request.shop_id)).data)

    @extend_schema(
        operation_id="set_model_settings",
        request=ModelSettingsSerializer,
        responses={200: ModelSettingsSerializer, 400: ErrorBody},
    )
    def put(self, request: ShopRequest) -> Response:
        """Change the calling shop's settings. They decide from the next version and the next look on."""
        wanted = ModelSettingsSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        values = wanted.validated_data
        services.set_model_settings(
            request.shop_id,
            ReleasePolicy(values["min_gain_percent"], values["release_without_evidence"]),
            TriggerPolicy(values["cool_down_hours"], values["min_accuracy_percent"]),
            now=clock.now(),
            actor=request.actor,
        )
        return Response(ModelSettingsSerializer(queries.model_settings(request.shop_id)).data)
