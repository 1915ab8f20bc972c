"""What a look rests on, as lines that people read: each with a name, a unit and no identifiers of ours."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from backend.monitoring.values import Figure

FEW: Final = "too few rows to tell"


def figures(evidence: Mapping[str, Any]) -> list[Figure]:
    """
    Return the figures behind a look, the telling ones first.

    Evidence is kept for good, so what an older or newer release wrote is told too, under its own name.
    """
    known = [figure for name, tell in TELLERS.items() if name in evidence for figure in tell(evidence[name])]
    others = sorted(set(evidence) - set(TELLERS))
    return known + [Figure(_in_words(name), _plain(evidence[name])) for name in others]


def _line(name: str, tell: Callable[[Any], str] = str) -> Callable[[Any], list[Figure]]:
    return lambda value: [Figure(name, tell(value))]


def _count(count: Mapping[str, int]) -> str:
    hits, of = count["hits"], count["of"]
    share = f" ({hits / of:.1%})" if of else ""
    return f"{hits:,} of {of:,}{share}"


def _interval(found: Mapping[str, float] | None) -> str:
    if found is None:
        return FEW
    return f"{found['ratio']:.1%}, with 95% certainty {found['low']:.1%} to {found['high']:.1%}"


def _date(iso: str) -> str:
    moment = datetime.fromisoformat(iso)
    return f"{moment.day} {moment:%b %Y}"


def _moment(iso: str) -> str:
    return f"{_date(iso)}, {datetime.fromisoformat(iso):%H:%M} UTC"


def _parts(parts: Mapping[str, Any]) -> list[Figure]:
    return [figure for name, features in sorted(parts.items()) for figure in _part(name, features)]


def _part(name: str, features: Any) -> list[Figure]:
    if not isinstance(features, list):
        return [Figure(_capital(name), FEW)]
    return [Figure(_capital(one["name"]), _drift(one)) for one in features]


def _drift(one: Mapping[str, Any]) -> str:
    told = [f"changed in {one['windows_drifted']} of {len(one['rows'])} windows", f"PSI {_each(one['psi'])}"]
    if one["ks_distance"]:
        told += [f"KS distance {_each(one['ks_distance'])}", f"corrected p {_each(one['corrected_p'])}"]
    return "; ".join([*told, f"rows {', '.join(f'{rows:,}' for rows in one['rows'])}"])


def _each(values: list[float]) -> str:
    return ", ".join(f"{value:.2g}" for value in values)


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_plain(one) for one in value)
    if isinstance(value, dict):
        return "; ".join(f"{_in_words(name)} {_plain(one)}" for name, one in sorted(value.items()))
    return f"{value:,.4g}" if isinstance(value, float) else str(value)


def _in_words(name: str) -> str:
    return _capital(name.replace("_", " "))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


# In the order in which they are read. Each gives the lines of one piece of evidence.
TELLERS: Final[Mapping[str, Callable[[Any], list[Figure]]]] = {
    "version": _line("Version"),
    "weeks": _line("Weeks compared", lambda days: " and ".join(f"from {_date(day)}" for day in days)),
    "before": _line("Before", _count),
    "now": _line("Now", _count),
    "interval": _line("Now as a share of before", _interval),
    "bar": _line("Bar", lambda share: f"{share:.0%}"),
    "learned_until": _line("Learned from orders until", _moment),
    "parts": _parts,
    "refusal": _line("Why it can't be read"),
    "trained_by_revision": _line("Trained by code revision"),
    "definition": _line("What is measured"),
    "rule": _line("What counts as changed"),
    "test": _line("How it is tested"),
}
