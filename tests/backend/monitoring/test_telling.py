"""What a look rests on, as people read it."""

from typing import Any

import pytest

from backend.monitoring.rules.telling import figures

DRIFTED = {
    "name": "orders in 28 days",
    "rows": [1540, 512, 530],
    "psi": [0.1, 0.25, 0.3],
    "ks_distance": [0.11, 0.13, 0.15],
    "corrected_p": [0.003, 1e-05, 2.1e-07],
    "windows_drifted": 2,
}
CATEGORIES = {
    "name": "items sold",
    "rows": [812],
    "psi": [0.2612],
    "ks_distance": [],
    "corrected_p": [],
    "windows_drifted": 1,
}


@pytest.mark.parametrize(
    ("evidence", "lines"),
    [
        ({}, []),
        (
            {
                "test": "one-sided",
                "bar": 0.97,
                "interval": {"ratio": 0.6987, "low": 0.58, "high": 0.84},
                "now": {"hits": 214, "of": 10_190},
                "before": {"hits": 301, "of": 10_012},
                "weeks": ["2026-11-02", "2026-11-09"],
            },
            [
                ("Weeks compared", "from 2 Nov 2026 and from 9 Nov 2026"),
                ("Before", "301 of 10,012 (3.0%)"),
                ("Now", "214 of 10,190 (2.1%)"),
                ("Now as a share of before", "69.9%, with 95% certainty 58.0% to 84.0%"),
                ("Bar", "97%"),
                ("How it is tested", "one-sided"),
            ],
        ),
        (
            {"interval": None, "now": {"hits": 0, "of": 0}},
            [("Now", "0 of 0"), ("Now as a share of before", "too few rows to tell")],
        ),
        (
            {
                "learned_until": "2026-11-21T10:05:00+00:00",
                "parts": {"scores": "insufficient", "items": [CATEGORIES], "customers": [DRIFTED]},
            },
            [
                ("Learned from orders until", "21 Nov 2026, 10:05 UTC"),
                (
                    "Orders in 28 days",
                    (
                        "changed in 2 of 3 windows; PSI 0.1, 0.25, 0.3; KS distance 0.11, 0.13, 0.15; "
                        "corrected p 0.003, 1e-05, 2.1e-07; rows 1,540, 512, 530"
                    ),
                ),
                ("Items sold", "changed in 1 of 1 windows; PSI 0.26; rows 812"),
                ("Scores", "too few rows to tell"),
            ],
        ),
        (
            {"of_another_release": {"rows": [1, 2], "share": 0.12345}, "version": 7},
            [("Version", "7"), ("Of another release", "Rows 1, 2; Share 0.1235")],
        ),
    ],
)
def test_evidence_is_told_in_words_with_units(evidence: dict[str, Any], lines: list[tuple[str, str]]) -> None:
    assert [(figure.name, figure.value) for figure in figures(evidence)] == lines
