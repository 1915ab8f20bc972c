"""The shop's own page of the API, and the authorization code grant."""

import hmac
import secrets as random_secrets
from dataclasses import asdict
from typing import Any, Final

from django.conf import settings
from django.core.signing import BadSignature
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.views.decorators.http import require_GET
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from backend.core import clock
from backend.core.api import ApiView, ErrorBody, ShopRequest, error_body, failures_as_json
from backend.shopify import credentials, oauth, verify
from backend.shopify.values import REQUIRED_SCOPES, is_shop_domain, missing_scopes

from . import queries, services
from .serializers import ShopSerializer, ShopSettingsSerializer

STATE_COOKIE: Final = "tailorbird_oauth_state"
STATE_SECONDS: Final = 600


class ShopView(ApiView):
    """The shop that is calling."""

    @extend_schema(operation_id="get_shop", responses=ShopSerializer)
    def get(self, request: Request) -> Response:
        """Return the calling shop, and what of its consent is missing."""
        shop = queries.get_shop(request.shop_id)  # type: ignore[attr-defined]
        body = asdict(shop) | {"missing_scopes": missing_scopes(shop.scopes)}
        return Response(ShopSerializer(body).data)


class ShopSettingsView(ApiView):
    """What the merchant wants shoppers to see."""

    @extend_schema(
        operation_id="set_shop_settings",
        request=ShopSettingsSerializer,
        responses={200: ShopSettingsSerializer, 400: ErrorBody},
    )
    def put(self, request: ShopRequest) -> Response:
        """Change the calling shop's settings. Shoppers see it within a minute."""
        wanted = ShopSettingsSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        services.show_new_products(
            request.shop_id,
            is_on=wanted.validated_data["shows_new_products"],
            now=clock.now(),
            actor=request.actor,
        )
        return Response(ShopSettingsSerializer(queries.get_fresh_shop(request.shop_id)).data)


@require_GET
@failures_as_json
def install(request: HttpRequest) -> HttpResponse:
    """
    Send a merchant to Shopify's consent page: the fallback to managed installation.

    The state in a signed cookie ties the way back to this browser.
    """
    shop = request.GET.get("shop", "")
    if not is_shop_domain(shop):
        return JsonResponse(
            error_body("bad_shop", "The parameter shop is not a shop's domain.", "shop"), status=400
        )
    state = random_secrets.token_urlsafe(24)
    url = oauth.authorize_url(
        shop.lower(), scopes=REQUIRED_SCOPES, redirect_uri=f"{settings.APP_URL}/auth/callback", state=state
    )
    response = HttpResponseRedirect(url)
    response.set_signed_cookie(STATE_COOKIE, state, max_age=STATE_SECONDS, path="/auth", **_cookie_flags())
    return _uncached(response)


@require_GET
@failures_as_json
def callback(request: HttpRequest) -> HttpResponse:
    """Take a merchant back from the consent page: check everything, then trade the code for tokens."""
    now = clock.now()
    query = verify.verify_oauth_callback(
        request.META.get("QUERY_STRING", ""), secrets=credentials.secrets(), now=now
    )
    _check_state(request, query.get("state", ""))
    shop, code = query["shop"].lower(), query.get("code", "")
    if not code:
        raise verify.Malformed("The callback brings no code.", field="code")
    services.install(shop, lambda: oauth.exchange_code(shop, code, now=now), now=now)
    response = HttpResponseRedirect(f"{oauth.shop_url(shop)}/admin/apps/{credentials.api_key()}")
    response.delete_cookie(STATE_COOKIE, path="/auth")
    return _uncached(response)


def _check_state(request: HttpRequest, state: str) -> None:
    try:
        expected = request.get_signed_cookie(STATE_COOKIE, max_age=STATE_SECONDS)
    except (KeyError, BadSignature) as error:
        raise verify.Forged("This browser did not begin the installation, or took too long.") from error
    if not hmac.compare_digest(str(expected).encode(), state.encode(errors="surrogatepass")):
        raise verify.Forged("The state does not belong to this browser.")


def _cookie_flags() -> dict[str, Any]:
    # Lax, because the way back is a navigation from Shopify's site; Strict would hide the cookie.
    return {"httponly": True, "samesite": "Lax", "secure": settings.APP_URL.startswith("https://")}


def _uncached(response: HttpResponse) -> HttpResponse:
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
