"""Services of serving: answers on demand, and the lists that are the same for everybody."""

from backend.serving.services.answering import Desk, open_models
from backend.serving.services.general import GeneralLists

__all__ = ["Desk", "GeneralLists", "open_models"]
