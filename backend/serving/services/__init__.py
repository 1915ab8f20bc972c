"""Writes of serving: answers on demand, and lists written ahead."""

from backend.serving.services.answering import Desk, open_models
from backend.serving.services.publishing import publish

__all__ = ["Desk", "open_models", "publish"]
