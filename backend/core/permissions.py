"""Who may pass. Apart from ``core.api``, because the framework imports it while it loads its views."""

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request


class HasShop(BasePermission):
    """Only a caller whose session token named an installed shop may pass."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Tell whether authentication found a shop."""
        return getattr(request.auth, "shop_id", None) is not None
