"""Services of serving: answers on demand, and the lists that are the same for everybody."""

from backend.serving.services.answering import Desk
from backend.serving.services.exploring import exploration_results
from backend.serving.services.general import GeneralLists
from backend.serving.services.listing import PageLister
from backend.serving.services.loading import open_models
from backend.serving.services.overriding import (
    LOOK_VALID,
    give_override_url,
    read_override,
    sign_override,
)
from backend.serving.services.previewing import preview
from backend.serving.services.replaying import replay, replay_from
from backend.serving.services.shadowing import ShadowScorer
from backend.serving.services.shipping import Shipper
from backend.serving.services.telling import ingredients
from backend.serving.services.timing import StageTimer

__all__ = [
    "LOOK_VALID",
    "Desk",
    "GeneralLists",
    "PageLister",
    "ShadowScorer",
    "Shipper",
    "StageTimer",
    "exploration_results",
    "give_override_url",
    "ingredients",
    "open_models",
    "preview",
    "read_override",
    "replay",
    "replay_from",
    "sign_override",
]
