"""The headline of the staff dashboard, for its templates."""

from django import template

from backend.core import clock
from backend.staff import queries
from backend.staff.values import Figures

register = template.Library()

# A tenth of a millisecond tells nothing any more from here on.
WHOLE_FROM_MS = 100


@register.simple_tag
def staff_figures() -> Figures:
    """Return today's figures."""
    return queries.figures(now=clock.now())


@register.filter
def percent(share: float | None) -> str:
    """Return a share as a percentage; a dash where nothing was counted."""
    return "–" if share is None else f"{share * 100:.1f}\N{NO-BREAK SPACE}%"


@register.filter
def milliseconds(value: float | None) -> str:
    """Return a latency; a dash where nothing was measured."""
    if value is None:
        return "–"
    return f"{value:.{0 if value >= WHOLE_FROM_MS else 1}f}\N{NO-BREAK SPACE}ms"


@register.filter
def count(number: int) -> str:
    """Return a count with its thousands set apart."""
    return f"{number:,}"
