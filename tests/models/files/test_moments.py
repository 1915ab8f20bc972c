from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from models.recommender.files.interactions import read_interactions
from models.recommender.values import DatasetInvalid

NOW = int(datetime(2026, 6, 1, tzinfo=UTC).timestamp()) * 1_000_000
SECONDS = 1_777_631_400  # 2026-05-01 10:30
SCALES = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}


def refusal(folder: Path, moments: list[object]) -> str:
    """Return what is said of a log with these moments, one a row."""
    path = folder / "orders.csv"
    rows = "".join(f"u{row % 3},i{row % 4},{moment}\n" for row, moment in enumerate(moments))
    path.write_text("user,item,timestamp\n" + rows, encoding="utf-8")
    with pytest.raises(DatasetInvalid) as refused:
        read_interactions(path, now=NOW)
    return str(refused.value)


@pytest.mark.parametrize("usual", SCALES)
@pytest.mark.parametrize("odd", SCALES)
@pytest.mark.parametrize("place", [0, 5, 9])
def test_one_row_in_another_unit_is_refused(usual: str, odd: str, place: int, tmp_path: Path) -> None:
    if usual == odd:
        return
    moments: list[object] = [(SECONDS - day * 86_400) * SCALES[usual] for day in range(10)]
    moments[place] = SECONDS * SCALES[odd]

    told = refusal(tmp_path, moments)

    assert told == (
        f"orders.csv row {place + 2}, column timestamp: {moments[place]:.15g} does not count {usual} since "
        f"1970, as most rows do."
    )


@pytest.mark.parametrize(
    ("case", "moments", "message"),
    [
        (
            "half in seconds, half in milliseconds",
            [SECONDS, SECONDS * 1000, SECONDS, SECONDS * 1000],
            (
                "row 2, column timestamp: 1777631400 does not count milliseconds since 1970, as most rows do "
                "(2 rows are like this)."
            ),
        ),
        (
            "a day among minutes, both in digits",
            [202605011030, 202605011031, 20260501],
            "row 4, column timestamp: 20260501 does not count minutes written YYYYMMDDHHMM, as most rows do.",
        ),
        (
            "a minute that no hour has",
            [202605011030, 202605011075],
            (
                "row 3, column timestamp: '202605011075' is not a moment (ISO 8601, or seconds or "
                "milliseconds since 1970)."
            ),
        ),
        (
            "digits of a short year, which milliseconds of 1978 could be",
            [260501103000, 260502103000],
            (
                "row 2, column timestamp: 1978-04-04T01:25:03.000000 is before 1980, older than any log "
                "(2 rows are like this)."
            ),
        ),
        (
            "digits of a short year, which seconds could be",
            [1503040350, 1503050412, 1504282359],
            "row 2, column timestamp: 1503040350 may count seconds since 1970 or be written YYMMDDHHMM.",
        ),
        (
            "days of a spreadsheet",
            [45720, 45721],
            (
                "row 2, column timestamp: 45720 is the least of the column: too small for a moment, while "
                "positions begin at 0 or 1."
            ),
        ),
        (
            "months in digits",
            [202504, 202503],
            (
                "row 3, column timestamp: 202503 is the least of the column: too small for a moment, while "
                "positions begin at 0 or 1."
            ),
        ),
        (
            "no moment, as zero says it in ISO 8601",
            ["2026-05-01", "1970-01-01 00:00:00"],
            "row 3, column timestamp: 1970-01-01T00:00:00.000000 is before 1980, older than any log.",
        ),
    ],
)
def test_a_guess_that_is_not_true_of_every_row_is_refused(
    case: str, moments: list[object], message: str, tmp_path: Path
) -> None:
    assert refusal(tmp_path, moments) == f"orders.csv {message}", case


def test_the_moments_of_guests_decide_nothing(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    guests = "".join(f",mug,{SECONDS * 1000}\n" for _ in range(5))
    path.write_text(f"user,item,timestamp\nada,mug,{SECONDS}\n{guests}", encoding="utf-8")

    log = read_interactions(path, now=NOW)

    assert log.at.tolist() == [SECONDS * 1_000_000]


def test_seconds_that_read_as_a_written_date_here_and_there_are_seconds(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    moments = [1_503_040_350, 1_503_050_412, 1_503_099_999]
    rows = "".join(f"ada,mug,{moment}\n" for moment in moments)
    path.write_text("user,item,timestamp\n" + rows, encoding="utf-8")

    log = read_interactions(path, now=NOW)

    assert (log.at // 1_000_000).tolist() == moments
    assert np.all(np.diff(log.at) > 0)
