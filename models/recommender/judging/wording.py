"""What serves a surface of the storefront and how good it is, in words for a merchant."""

from models.recommender.log.surfaces import Surface
from models.recommender.serving.blend import BASKET, BLEND
from models.recommender.serving.fusion import ALONE
from models.recommender.serving.rankers import CONTENT_KNN, EASE, ITEM_KNN, MARKOV, POPULARITY, TRANSFORMER
from models.recommender.values import SurfaceReport

PLACES = {
    Surface.HOME: "For customers who came before",
    Surface.PRODUCT_BASKET: "On product pages",
    Surface.PRODUCT_VIEW: "On product pages, for the order after a look",
    Surface.CART: "In the cart",
    Surface.STRANGER: "For strangers",
}
TOGETHER = {
    ITEM_KNN: "what is bought together",
    EASE: "what the same customers like",
    MARKOV: "what is bought next",
    CONTENT_KNN: "what is alike",
    TRANSFORMER: "what fits together",
    BLEND: "what goes together",
    BASKET: "what goes together",
}


def what_serves(surface: Surface, related_by: str, share: float) -> str:
    """
    Return what serves a surface for which nothing was learned but what goes with what.

    A page is shown to strangers too, to whom it speaks alone. A cart tells of whoever filled it.

    :param share: how much louder than the customer the page or the cart is
    """
    if surface is Surface.STRANGER:
        return "popular products"
    together = TOGETHER[related_by]
    if surface is Surface.CART:
        suits, else_shown = "what suits the customer and the cart", ""
    else:
        suits, else_shown = "what suits a customer whom the shop knows", f", for strangers {together}"
    if not share:
        return suits + else_shown
    return together if share == ALONE else f"{together}, and {suits}"


def what_serves_home(served: str) -> str:
    """Return what serves a customer who came before, by the name of the model that does."""
    return "popular products" if served == POPULARITY else "what suits the customer"


def sentence(told: SurfaceReport, what: str, *, why_not: str) -> str:
    """
    Return what is said of a surface.

    :param what: what serves it
    :param why_not: why nothing could be measured, if so
    """
    unit = "customers" if told.surface == Surface.HOME else "orders"
    chosen = f", chosen on {told.chosen_on:,} {unit}" if told.chosen_on else ""
    opening = f"{PLACES[Surface(told.surface)]}: {what}{chosen}"
    if not told.ways:
        return f"{opening}. How good that is could not be measured: {why_not}."
    share = {way.way: f"{way.hit_rate_at_10:.0%}" for way in told.ways}
    served = next(way.way for way in told.ways if way.is_served)
    found = (
        f"{opening}. Its first ten hold what was bought for {share[served]} of {told.orders:,} newer {unit}"
    )
    if told.over_popular is None:
        return f"{found}."
    luck = ", which may be luck" if told.over_popular.low <= 0 <= told.over_popular.high else ""
    return f"{found}, popular products for {share[POPULARITY]}{luck}."
