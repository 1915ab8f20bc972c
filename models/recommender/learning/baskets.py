"""
What goes with what in one order: simple models that learned from orders alone, and a blend of them.

Where customers come back, everything else here learns what they buy next, which is another question: beside
what lies in a cart, an order says more than all that its customer bought before.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from models.recommender.learning.blend.choice import Learned, learn_blend
from models.recommender.learning.blend.lessons import ask_members, unlearned
from models.recommender.learning.simple.tuning import FAMILIES, Family, Params, fit_all, tune
from models.recommender.log.log import Log
from models.recommender.log.splits import FEWEST_TUNING, Case, ValidationCut
from models.recommender.log.surfaces import SurfaceCase
from models.recommender.serving.blend import Blend, cart_of
from models.recommender.serving.rankers import CONTENT_KNN, EASE, ITEM_KNN, POPULARITY, SESSION_KNN, Model

TUNED = (ITEM_KNN, EASE)  # the others say little of orders and are taken as they are


def _of_orders(family: Family) -> Family:
    """Return a family whose models learn from orders; a cart is one moment, however it is read."""
    defaults = dict(family.defaults)
    if "by_basket" in defaults:
        defaults["by_basket"] = True
    return replace(family, defaults=defaults, learned=family.learned if family.name in TUNED else {}, read={})


BASKET_FAMILIES = tuple(
    _of_orders(family)
    for family in FAMILIES
    if family.name in {POPULARITY, ITEM_KNN, SESSION_KNN, EASE, CONTENT_KNN}
)


@dataclass(frozen=True)
class Baskets:
    """What orders before the test taught of what goes with what."""

    params: Params
    learned: Learned

    def over(self, log: Log, *, moment: int) -> Blend:
        """Return the blend that knows a log up to a moment."""
        blend = self.learned.apply(_members(log, self.params), log=log, moment=moment)
        assert isinstance(blend, Blend), "A single best member is never kept."
        return blend


def learn_baskets(
    log: Log, tuning: Sequence[SurfaceCase], weighing: Sequence[SurfaceCase], *, moment: int, seed: int
) -> Baskets | None:
    """
    Return what orders after a moment teach; None where these are few, or a blend is no better than a member.

    :param log: what came before the moment
    :param tuning: orders by which members are tuned
    :param weighing: others, by which they are weighed
    """
    if min(len(tuning), len(weighing)) < FEWEST_TUNING:
        return None
    cut = ValidationCut(log, _in_carts(weighing), moment, _in_carts(tuning))
    # Nothing is said: progress names the stages of the whole training.
    params = tune([cut], drop_seen=False, seed=seed, say=lambda _: None, families=BASKET_FAMILIES)
    blend = unlearned(_members(log, params), cut, drop_seen=False)
    learned = learn_blend(blend, [ask_members(blend, cut, seed=seed)], seed=seed)
    return Baskets(params, learned) if learned.is_blended else None


def _members(log: Log, params: Params) -> list[Model]:
    return fit_all(log, params, families=BASKET_FAMILIES)[0]


def _in_carts(cases: Sequence[SurfaceCase]) -> list[Case]:
    """Return the cases as a cart alone tells them: a page is a cart that holds one product."""
    return [Case(cart_of(case.hidden), case.bought, np.sort(case.hidden), case.user) for case in cases]
