"""The surfaces of a run: what serves each is chosen before the test and measured on it."""

from collections.abc import Sequence

from models.recommender.judging import surfaces
from models.recommender.judging.surfaces import Choice, Storefront
from models.recommender.learning.baskets import Baskets, learn_baskets
from models.recommender.log.log import Log
from models.recommender.log.splits import Asked
from models.recommender.log.surfaces import Surface, SurfaceCase, surface_cases
from models.recommender.runs.run import Run
from models.recommender.serving.rankers import POPULARITY, Model
from models.recommender.values import SurfaceReport


def choose_ways(run: Run, members: Sequence[Model]) -> Choice:
    """
    Return what serves product pages and carts: what was best on the orders after the newest validation cut.

    Where enough customers came back to be asked, half of these customers' orders first teach what goes with
    what, and the others choose.

    :param members: every model as it was at that cut
    """
    log, cut = run.test.train, run.validation
    basket, view, cart = (
        _cases(run, log, surface, cut=cut.moment)
        for surface in (Surface.PRODUCT_BASKET, Surface.PRODUCT_VIEW, Surface.CART)
    )
    pages = [*basket, *view]
    if run.split.asked is Asked.CUSTOMERS:
        run.baskets = _learn_baskets(run, [*basket, *cart])
    if run.baskets is not None:
        pages, cart = ([case for case in cases if not _teaches(case)] for cases in (pages, cart))
    served = run.served(list(members), cut.train, moment=cut.moment)
    front = Storefront(members, served, run.network, run.basket(cut.train, moment=cut.moment))
    drops_seen = _drops_seen(run)
    usual = surfaces.usual_choice(cut.train, is_personal=served.name != POPULARITY, drops_seen=drops_seen)
    return surfaces.choose(front, pages, cart, items=log.items, usual=usual, drops_seen=drops_seen)


def _learn_baskets(run: Run, cases: Sequence[SurfaceCase]) -> Baskets | None:
    cut = run.validation
    return learn_baskets(
        cut.train,
        [case for case in cases if not _teaches(case)],
        [case for case in cases if _teaches(case)],
        moment=cut.moment,
        seed=run.recipe.seed,
    )


def _teaches(case: SurfaceCase) -> bool:
    """Return whether a case weighs what orders say; the others tune that and choose what serves."""
    return case.user % 2 == 0


def surface_reports(run: Run, members: Sequence[Model], served: Model) -> list[SurfaceReport]:
    """
    Return how what serves each surface but home does on the orders of the test.

    Where no customer looked at anything there is nothing to say of looks.

    :param members: every model as it was at the test's cut
    """
    cut = run.test
    front = Storefront(members, served, run.network, run.basket(cut.train, moment=cut.moment))
    asked = {
        surface: _cases(run, run.log, surface, cut=run.test.moment)
        for surface in Surface
        if surface is not Surface.HOME
    }
    return [
        surfaces.report(
            surface,
            front,
            run.choice,
            cases,
            items=run.log.items,
            seed=run.recipe.seed,
            drops_seen=_drops_seen(run),
        )
        for surface, cases in asked.items()
        if cases or surface is not Surface.PRODUCT_VIEW
    ]


def _cases(run: Run, log: Log, surface: Surface, *, cut: int) -> list[SurfaceCase]:
    return surface_cases(
        surface,
        log,
        cut=cut,
        seed=run.recipe.seed,
        most=surfaces.MOST_ORDERS,
        drops_seen=_drops_seen(run),
    )


def _drops_seen(run: Run) -> bool:
    # A cut that asks for the rest of orders drops what is given of each, which a surface hides anyway.
    return run.split.drops_seen and run.split.asked is Asked.CUSTOMERS
