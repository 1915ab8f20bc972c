"""How the chain of seals of a ledger stands, on every page that shows rows of it."""

from collections.abc import Collection

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from backend.audit import queries as audit
from backend.audit.values import ChainState, Ledger
from backend.staff.tables import badge

LEDGERS = {Ledger.DECISIONS: "decisions", Ledger.ACTS: "events"}


def told(ledger: Ledger, shop_ids: Collection[int]) -> SafeString:
    """Return how one shop's chain stands; of several shops' what is wrong, and how many were looked at."""
    if len(set(shop_ids)) == 1:
        [state] = [one for one in audit.chain_state(next(iter(shop_ids))) if one.ledger is ledger]
        return _of_one(state)
    return _of_all(ledger)


def _of_one(state: ChainState) -> SafeString:
    name = LEDGERS[state.ledger]
    parts = [format_html("<b>Ledger of {}.</b>", name)]
    if state.finding:
        parts.append(format_html("{} {}", badge("damaged", "bad"), state.finding))
    if state.sealed_at:
        parts.append(
            format_html(
                "Sealed until {} UTC: {} rows.", f"{state.sealed_at:%d %b %Y, %H:%M:%S}", f"{state.rows:,}"
            )
        )
    if state.unsealed.rows:
        since = (
            f", the oldest from {state.unsealed.oldest_at:%H:%M:%S} UTC" if state.unsealed.oldest_at else ""
        )
        parts.append(format_html("Not sealed yet: {}{}.", f"{state.unsealed.rows:,}", since))
    verified = (
        f"Last verified {state.verified_at:%d %b %Y, %H:%M} UTC" if state.verified_at else "Not verified yet"
    )
    parts.append(
        format_html("{}{}.", verified, ", and whole" if state.verified_at and not state.finding else "")
    )
    return _line(parts, is_bad=bool(state.finding))


def _of_all(ledger: Ledger) -> SafeString:
    overview = audit.chains(ledger)
    parts = [format_html("<b>Ledgers of {}.</b>", LEDGERS[ledger])]
    parts += [
        format_html("{} {}: {}", badge("damaged", "bad"), domain, finding)
        for domain, finding in overview.findings
    ]
    if overview.verified_since:
        since = f"{overview.verified_since:%d %b %Y, %H:%M}"
        parts.append(
            format_html("{} of {} verified since {} UTC.", overview.verified, overview.chains, since)
        )
    else:
        parts.append(format_html("{} chains, none verified yet.", overview.chains))
    if not overview.findings and overview.verified:
        parts.append(format_html("{}", "Nothing was found wrong."))
    return _line(parts, is_bad=bool(overview.findings))


def _line(parts: list[SafeString], *, is_bad: bool) -> SafeString:
    kind = " tb-chain--bad" if is_bad else ""
    spans = format_html_join(" ", "<span>{}</span>", ((part,) for part in parts))
    return format_html('<p class="tb-chain{}" role="{}">{}</p>', kind, "alert" if is_bad else "note", spans)
