"""Writes of publishing: keep a shop's pages at the lists of its live version."""

from backend.publishing.services.comparing import forget_shop_lists, publish, sweep

__all__ = ["forget_shop_lists", "publish", "sweep"]
