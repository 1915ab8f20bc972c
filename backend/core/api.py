"""
The base of the embedded UI's API.

Session-token authentication is wired by the setting
``DEFAULT_AUTHENTICATION_CLASSES``; the three failure families become HTTP
answers here and nowhere else.
"""

import functools
from collections.abc import Callable
from typing import Any

import structlog
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.views import defaults
from rest_framework import exceptions, serializers, status, views
from rest_framework.request import Request
from rest_framework.response import Response

from .database import DATABASE_DOWN, database_unavailable
from .errors import Corrupt, Failure, Refused, Unavailable
from .permissions import HasShop

log = structlog.get_logger(__name__)
DEFAULT_RETRY_AFTER_SECONDS = 5
BROKEN = "Something is broken on our side. It was reported."


class ErrorDetail(serializers.Serializer[Any]):
    """What went wrong, for programs (code) and people (message)."""

    code = serializers.CharField()
    message = serializers.CharField()
    field = serializers.CharField(allow_null=True)


class ErrorBody(serializers.Serializer[Any]):
    """The body of every answer that is not a success."""

    error = ErrorDetail()


class ShopRequest(Request):
    """A request whose shop is known. :class:`ApiView` sets it, and ``actor``, who asks, for the ledger."""

    shop_id: int
    actor: str


class ApiView(views.APIView):
    """
    A view of the embedded UI: session token in, JSON out.

    ``request.shop_id`` is the shop the token named. Nothing else in a
    request may choose the shop.
    """

    permission_classes = (HasShop,)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        request.shop_id = request.auth.shop_id  # type: ignore[attr-defined,union-attr]
        request.actor = request.auth.actor  # type: ignore[attr-defined,union-attr]
        structlog.contextvars.bind_contextvars(door="app", shop_id=request.auth.shop_id)  # type: ignore[union-attr]


def handle_error(error: Exception, context: dict[str, Any]) -> Response | None:
    """Turn an exception of a view into the API's error body; unknown ones stay errors."""
    if isinstance(error, DATABASE_DOWN):
        error = database_unavailable(error)
    if isinstance(error, Failure):
        body, status_code, headers = _describe(error)
        return Response(body, status_code, headers=headers)
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    if isinstance(error, exceptions.APIException):
        return _from_framework(error)
    return None


def error_body(code: str, message: str, field: str | None = None) -> dict[str, Any]:
    """Build the one shape of an error answer."""
    return {"error": {"code": code, "message": message, "field": field}}


def _describe(error: Failure) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Return the body, status and headers that a failure deserves."""
    if isinstance(error, Corrupt):
        # A person must look; what broke is not the caller's business.
        log.error("request_corrupt", code=error.code, error=error.message, exc_info=error)
        return error_body(error.code, BROKEN), error.status, {}
    headers = dict(error.headers)
    if isinstance(error, Unavailable):
        log.warning("request_unavailable", code=error.code, error=error.message)
        headers["Retry-After"] = str(round(error.retry_after_seconds or DEFAULT_RETRY_AFTER_SECONDS))
    field = error.field if isinstance(error, Refused) else None
    return error_body(error.code, error.message, field), error.status, headers


def _from_framework(error: exceptions.APIException) -> Response:
    headers = dict(getattr(error, "headers", {}))
    if getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = error.auth_header  # type: ignore[attr-defined]
    if isinstance(error, exceptions.ValidationError):
        field, message = _first_problem(error.detail)
        return Response(error_body("invalid", message, field), status.HTTP_400_BAD_REQUEST)
    return Response(error_body(str(error.get_codes()), str(error.detail)), error.status_code, headers=headers)


def _first_problem(detail: Any) -> tuple[str | None, str]:
    """Name the first field that a serializer refused, and why."""
    if isinstance(detail, dict):
        field, problems = next(iter(detail.items()))
        return str(field), _first_problem(problems)[1]
    if isinstance(detail, list):
        return _first_problem(detail[0])
    return None, str(detail)


class CutShort(Refused):
    """Whoever sent the body left before its end: nothing of ours that is broken."""

    code = "cut_short"
    status = 400


def failures_as_json(
    view: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Give a plain Django view the same answers to the three failure families."""

    @functools.wraps(view)
    def wrapped(request: HttpRequest) -> HttpResponse:
        try:
            return view(request)
        except Failure as error:
            return _plain_answer(error)
        except DATABASE_DOWN as error:
            return _plain_answer(database_unavailable(error))
        except UnreadablePostError:
            return _plain_answer(CutShort("The body ended before its length."))

    return wrapped


def unexpected(request: HttpRequest) -> HttpResponse:
    """Answer what nobody foresaw: programs that ask the API read JSON there too, people a page."""
    if not request.path.startswith("/api"):
        return defaults.server_error(request)
    return JsonResponse(error_body("unexpected", BROKEN), status=status.HTTP_500_INTERNAL_SERVER_ERROR)


def unknown_address(request: HttpRequest) -> HttpResponse:
    """Answer an address under ``/api`` that nothing has, in whatever method it is asked."""
    message = f"Nothing answers at {request.path}."
    return JsonResponse(error_body("not_found", message), status=status.HTTP_404_NOT_FOUND)


def _plain_answer(error: Failure) -> HttpResponse:
    body, status_code, headers = _describe(error)
    return JsonResponse(body, status=status_code, headers=headers)
