"""What the OpenAPI document says of session tokens."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema


class SessionTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """A Shopify session token as bearer."""

    target_class = "backend.shops.authentication.SessionTokenAuthentication"
    name = "sessionToken"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        """Return the scheme: a JWT of one minute that App Bridge puts on each call."""
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
