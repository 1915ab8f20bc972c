"""Where people can look at a training run."""

from typing import Any

import pytest

from backend.training import gateway


@pytest.mark.parametrize(
    ("case", "address", "tracked", "expected"),
    [
        (
            "a browser's way to MLflow",
            "https://ml.example",
            {"run_id": "abc"},
            "https://ml.example/#/runs/abc",
        ),
        ("an MLflow that only servers reach", "", {"run_id": "abc"}, ""),
        ("MLflow was down", "https://ml.example", {}, ""),
    ],
)
def test_a_run_has_an_address_only_where_a_browser_can_open_it(
    settings: Any, case: str, address: str, tracked: dict[str, Any], expected: str
) -> None:
    settings.MLFLOW_TRACKING_URI = "http://mlflow:5000"
    settings.MLFLOW_URL = address

    assert gateway.run_url(tracked) == expected, case
