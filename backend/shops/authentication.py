"""Session tokens at the API's door."""

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from backend.core import clock
from backend.shopify import credentials
from backend.shopify.session import read_session_token

from . import services
from .values import Principal


class SessionTokenAuthentication(BaseAuthentication):
    """
    Authenticate a call of the embedded UI, installing the shop on its first.

    A missing or bad token is a 401 with the header that makes App Bridge
    fetch a fresh token and ask again.
    """

    def authenticate(self, request: Request) -> tuple[None, Principal]:
        """
        Verify the Bearer token.

        :raises BadSessionToken: if it is missing, expired, foreign or forged
        """
        authorization = request.META.get("HTTP_AUTHORIZATION", "")
        token = read_session_token(
            authorization, api_key=credentials.api_key(), secrets=credentials.secrets()
        )
        bearer = authorization.removeprefix("Bearer ")
        return None, services.ensure_installed(token, bearer, now=clock.now())

    def authenticate_header(self, request: Request) -> str:
        """Name the scheme, without which the framework would answer 403."""
        return "Bearer"
