"""Sessions, CSRF and the other costly middleware, for the staff dashboard only."""

from collections.abc import Callable
from typing import Any

import structlog
from django.conf import settings
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest, HttpResponseBase
from django.utils.module_loading import import_string

Handler = Callable[[HttpRequest], HttpResponseBase]

# The dashboard's own pages need styles and scripts from here and nothing from anywhere else.
# But products' pictures, which lie where the shop shows them: a local Shopify's at its own address.
PICTURES = " ".join(["https://cdn.shopify.com", *settings.LOCAL_SHOPIFY])
CONTENT_SECURITY_POLICY = (
    f"default-src 'self'; img-src 'self' data: {PICTURES}; style-src 'self' 'unsafe-inline'; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


class StaffMiddleware:
    """Send ``STAFF_PREFIXES`` through ``STAFF_MIDDLEWARE`` and everything else past it."""

    def __init__(self, get_response: Handler) -> None:
        self.plain = get_response
        self.views: list[Any] = []
        self.full = self._chain(get_response)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not _is_staff(request):
            return self.plain(request)
        structlog.contextvars.bind_contextvars(door="staff")
        response = self.full(request)
        response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        return response

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        """Pass on the view hook: the CSRF check lives there."""
        if not _is_staff(request):
            return None
        for hook in self.views:
            response: HttpResponseBase | None = hook(request, view, args, kwargs)
            if response is not None:
                return response
        return None

    def _chain(self, get_response: Handler) -> Handler:
        handler = get_response
        for path in reversed(settings.STAFF_MIDDLEWARE):
            middleware = import_string(path)(convert_exception_to_response(handler))
            if hasattr(middleware, "process_view"):
                self.views.insert(0, middleware.process_view)
            handler = middleware
        return handler


def _is_staff(request: HttpRequest) -> bool:
    return request.path_info.startswith(settings.STAFF_PREFIXES)
