"""Services of serving: answers on demand, and the lists that are the same for everybody."""

from backend.serving.services.answering import Desk, open_models
from backend.serving.services.general import GeneralLists
from backend.serving.services.previewing import preview

__all__ = ["Desk", "GeneralLists", "open_models", "preview"]
