"""The headline of the staff dashboard, for its templates."""

from django import template

from backend.core import clock
from backend.staff import queries
from backend.staff.values import Figures

register = template.Library()


@register.simple_tag
def staff_figures() -> Figures:
    """Return today's figures."""
    return queries.figures(now=clock.now())


@register.filter
def percent(share: float | None) -> str:
    """Return a share as a percentage; a dash where nothing was counted."""
    return "–" if share is None else f"{share * 100:.1f} %"


@register.filter
def milliseconds(value: float | None) -> str:
    """Return a latency; a dash where nothing was measured."""
    return "–" if value is None else f"{value:.1f} ms"
