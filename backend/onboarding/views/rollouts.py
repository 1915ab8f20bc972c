"""A shop's rollouts: what is under way, how each went, and what a person does with them."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response

from backend.core import clock
from backend.core.api import ApiView, ErrorBody, ShopRequest
from backend.onboarding import services as onboarding
from backend.onboarding.queries import rollouts as queries
from backend.onboarding.queries.changes import changes
from backend.onboarding.serializers.rollouts import (
    AskLookSerializer,
    ChangesQuerySerializer,
    ChangesSerializer,
    LookSerializer,
    MoveRolloutSerializer,
    OpenRolloutSerializer,
    RolloutReportSerializer,
    RolloutSettingsSerializer,
    RolloutsSerializer,
)
from backend.publishing import queries as publishing
from backend.rollouts import services
from backend.rollouts.queries import DiffOrder
from backend.rollouts.values import RolloutAction


class RolloutsView(ApiView):
    """The rollouts of a shop."""

    @extend_schema(operation_id="get_rollouts", responses=RolloutsSerializer)
    def get(self, request: ShopRequest) -> Response:
        """Return the calling shop's rollouts, newest first, and what could be begun."""
        found = queries.rollouts(request.shop_id, actor=request.actor, now=clock.now())
        return Response(RolloutsSerializer(found).data)

    @extend_schema(
        operation_id="open_rollout",
        request=OpenRolloutSerializer,
        responses={
            201: RolloutReportSerializer,
            400: ErrorBody,
            403: ErrorBody,
            404: ErrorBody,
            409: ErrorBody,
        },
    )
    def post(self, request: ShopRequest) -> Response:
        """Open a rollout of a version by hand: also of one that did not prove itself beforehand."""
        asked = OpenRolloutSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        opened = services.open_by_hand(
            request.shop_id,
            asked.validated_data["version"],
            reason=asked.validated_data["reason"].strip(),
            now=clock.now(),
            actor=request.actor,
        )
        return Response(_report(request, opened.id), status.HTTP_201_CREATED)


class GoBackView(ApiView):
    """A version that answered everybody before."""

    @extend_schema(
        operation_id="go_back",
        request=OpenRolloutSerializer,
        responses={
            200: RolloutsSerializer,
            400: ErrorBody,
            403: ErrorBody,
            404: ErrorBody,
            409: ErrorBody,
        },
    )
    def post(self, request: ShopRequest) -> Response:
        """Go back to a version that was live before, for every visitor and at once."""
        asked = OpenRolloutSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        version, reason = asked.validated_data["version"], asked.validated_data["reason"].strip()
        services.go_back(request.shop_id, version, reason=reason, now=clock.now(), actor=request.actor)
        found = queries.rollouts(request.shop_id, actor=request.actor, now=clock.now())
        return Response(RolloutsSerializer(found).data)


class RolloutSettingsView(ApiView):
    """What a shop says of its rollouts."""

    @extend_schema(operation_id="get_rollout_settings", responses=RolloutSettingsSerializer)
    def get(self, request: ShopRequest) -> Response:
        """Return the calling shop's plan of rollouts, or the defaults."""
        return Response(_settings(request))

    @extend_schema(
        operation_id="set_rollout_settings",
        request=RolloutSettingsSerializer,
        responses={200: RolloutSettingsSerializer, 400: ErrorBody, 403: ErrorBody},
    )
    def put(self, request: ShopRequest) -> Response:
        """Change the calling shop's plan. Turned off, the rollout that is under way goes back at once."""
        wanted = RolloutSettingsSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        settings = queries.settings_asked(request.shop_id, wanted.validated_data)
        services.set_rollout_settings(request.shop_id, settings, now=clock.now(), actor=request.actor)
        return Response(_settings(request))


def _settings(request: ShopRequest) -> Mapping[str, Any]:
    found = queries.settings(request.shop_id, actor=request.actor)
    return RolloutSettingsSerializer(found).data


class RolloutView(ApiView):
    """One rollout."""

    @extend_schema(operation_id="get_rollout", responses={200: RolloutReportSerializer, 404: ErrorBody})
    def get(self, request: ShopRequest, id: UUID) -> Response:  # noqa: A002 -- the name in the address
        """Return where one of the calling shop's rollouts stands, what it showed and what comes next."""
        return Response(_report(request, id))


class RolloutChangesView(ApiView):
    """What one rollout would change, page by page."""

    @extend_schema(
        operation_id="get_rollout_changes",
        parameters=[ChangesQuerySerializer],
        responses={200: ChangesSerializer, 400: ErrorBody, 404: ErrorBody},
    )
    def get(self, request: ShopRequest, id: UUID) -> Response:  # noqa: A002 -- the name in the address
        """Return what the new version would show on the calling shop's pages, beside what is shown."""
        asked = ChangesQuerySerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        given = asked.validated_data
        found = changes(request.shop_id, id, order=DiffOrder(given["order"]), page=given["page"])
        return Response(ChangesSerializer(found).data)


class RolloutLookBackView(ApiView):
    """A look back at the last weeks for one rollout."""

    @extend_schema(
        operation_id="look_back",
        request=None,
        responses={202: RolloutReportSerializer, 404: ErrorBody, 409: ErrorBody},
    )
    def post(self, request: ShopRequest, id: UUID) -> Response:  # noqa: A002 -- the name in the address
        """Have the new version judged on the last 30 days; it takes minutes and moves nothing."""
        services.request_look_back(request.shop_id, id, now=clock.now(), actor=request.actor)
        return Response(_report(request, id), status.HTTP_202_ACCEPTED)


class RolloutLookView(ApiView):
    """The storefront under one version of a rollout."""

    @extend_schema(
        operation_id="look_at_rollout",
        request=AskLookSerializer,
        responses={200: LookSerializer, 400: ErrorBody, 404: ErrorBody, 409: ErrorBody},
    )
    def post(self, request: ShopRequest, id: UUID) -> Response:  # noqa: A002 -- the name in the address
        """Return an address that shows the storefront as one version for an hour; it counts nowhere."""
        asked = AskLookSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        arm, product = asked.validated_data["arm"], asked.validated_data["product"]
        found = onboarding.preview_link(
            request.shop_id, id, arm=arm, product_id=product, now=clock.now(), actor=request.actor
        )
        return Response(LookSerializer(found).data)


class RolloutMovesView(ApiView):
    """The moves of one rollout."""

    @extend_schema(
        operation_id="move_rollout",
        request=MoveRolloutSerializer,
        responses={
            200: RolloutReportSerializer,
            400: ErrorBody,
            403: ErrorBody,
            404: ErrorBody,
            409: ErrorBody,
        },
    )
    def post(self, request: ShopRequest, id: UUID) -> Response:  # noqa: A002 -- the name in the address
        """Start, pause, resume, widen, promote, undo or end a rollout."""
        asked = MoveRolloutSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        given = asked.validated_data
        services.ask(
            RolloutAction(given["action"]),
            request.shop_id,
            id,
            revision=given["revision"],
            reason=given["reason"].strip(),
            now=clock.now(),
            actor=request.actor,
            judge=publishing.verdicts_with_lists,
        )
        return Response(_report(request, id))


def _report(request: ShopRequest, rollout_id: UUID) -> Mapping[str, Any]:
    found = queries.rollout(request.shop_id, rollout_id, actor=request.actor, now=clock.now())
    return RolloutReportSerializer(found).data
