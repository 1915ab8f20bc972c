"""HTML of the staff dashboard's tables. Everything that comes from a shop is escaped."""

from collections.abc import Iterable, Mapping, Sequence

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

Cell = object

# Tones of stored states and verdicts; what is not named here is still under way.
TONES: Mapping[str, str] = {
    "LIVE": "good",
    "DONE": "good",
    "FAILED": "bad",
    "DEAD": "bad",
    "REJECTED": "bad",
    "CANCELLED": "quiet",
    "RETIRED": "quiet",
    "HELD": "quiet",
    "PROMOTED": "good",
    "SUCCESS": "good",
    "ROLLED_BACK": "bad",
    "ERROR": "bad",
    "SUPERSEDED": "quiet",
    "ABORTED": "quiet",
    "DRAFT": "quiet",
    "AHEAD": "quiet",
    "NOT_ENOUGH": "quiet",
    "FIRST": "good",
    "PASSED": "good",
    "QUIET": "good",
    "NOT_ENOUGH_DATA": "quiet",
    "COOLING_DOWN": "quiet",
    "WAITING": "quiet",
    "SILENT": "bad",
    "FAILING": "bad",
    "SET_ASIDE": "bad",
}


def table(heads: Sequence[str], rows: Iterable[Sequence[Cell]], *, empty: str) -> SafeString:
    """Return a table, or a sentence where there are no rows."""
    # On a phone each row becomes a block of its own, whose cells need their heads beside them.
    body = format_html_join(
        "",
        "<tr>{}</tr>",
        ((format_html_join("", '<td data-head="{}">{}</td>', zip(heads, row, strict=True)),) for row in rows),
    )
    if not body:
        return format_html('<p class="tb-none">{}</p>', empty)
    head = format_html_join("", '<th scope="col">{}</th>', ((name,) for name in heads))
    return format_html(
        '<table class="tb-table"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>', head, body
    )


def facts(rows: Iterable[tuple[str, Cell]], *, empty: str) -> SafeString:
    """Return names with their values, one below the other, or a sentence where there are none."""
    body = format_html_join("", '<tr><th scope="row">{}</th><td>{}</td></tr>', rows)
    if not body:
        return format_html('<p class="tb-none">{}</p>', empty)
    return format_html('<table class="tb-table tb-facts"><tbody>{}</tbody></table>', body)


def folded(summary: str, text: str) -> SafeString:
    """Return a long text that opens on a click."""
    return format_html('<details><summary>{}</summary><pre class="tb-pre">{}</pre></details>', summary, text)


def to_row(model: str, row_id: object, text: object, *, at: str = "") -> SafeString:
    """Return a link to one row's page, as ``to_row("audit_decision", id, "…")``, or to a place on it."""
    address = reverse(f"admin:{model}_change", args=[row_id]) + (f"#{at}" if at else "")
    return format_html('<a href="{}">{}</a>', address, text)


def badge(text: str, tone: str) -> SafeString:
    """Return a short coloured word. The word carries the meaning; the colour repeats it."""
    return format_html('<span class="tb-badge tb-badge--{}">{}</span>', tone, text)


def badge_of(value: str) -> SafeString:
    """Return a stored state or verdict as a badge of its tone."""
    return badge(in_words(value), TONES.get(value, "busy"))


def with_meaning(value: str, meanings: Mapping[str, str]) -> SafeString:
    """Return a state or verdict as a badge, followed by what it means where that is not plain."""
    meaning = meanings.get(value)
    return format_html("{} {}", badge_of(value), meaning) if meaning else badge_of(value)


def figure(value: float | None) -> str:
    """Return a measured number, or a dash where nothing was measured."""
    return "–" if value is None else f"{value:.3f}"


def in_words(value: str) -> str:
    """Return a stored name as people write it, for example "product page" for "product_page"."""
    return value.replace("_", " ").lower()
