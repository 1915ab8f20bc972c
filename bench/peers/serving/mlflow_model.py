"""
The blend behind MLflow's own server: ``python -m bench.peers.serving.mlflow_model FOLDER ARTIFACT``.

It writes the model; ``mlflow models serve -m FOLDER --env-manager local`` serves it. Who asks brings the past
along: this server knows no shop, no signature and no ledger.
"""

import sys
import time
from pathlib import Path
from typing import Any

import mlflow

from models.recommender import api

ASKED = 28


class Blend(mlflow.pyfunc.PythonModel):  # type: ignore[misc, name-defined]  # MLflow is not typed
    """Answers rows of ``items``, ``at`` and ``events`` of one past, and ``product``, the page's or None."""

    def load_context(self, context: Any) -> None:
        """Load the artifact."""
        self.scorer = api.load(Path(context.artifacts["artifact"]))

    def predict(self, context: Any, model_input: list[dict[str, Any]]) -> list[list[int]]:
        """Return the product ids of each row, best first."""
        return [self._ranked(row) for row in model_input]

    def _ranked(self, row: dict[str, Any]) -> list[int]:
        import numpy as np

        past = api.Past(row["items"], np.array(row["at"], np.int64), np.array(row["events"], np.int8))
        found = self.scorer.score(past, now=time.time_ns() // 1000, context=row["product"], k=ASKED)
        return [one.item for one in found]


if __name__ == "__main__":
    mlflow.pyfunc.save_model(sys.argv[1], python_model=Blend(), artifacts={"artifact": sys.argv[2]})
