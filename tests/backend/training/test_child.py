"""The process that trains and speaks to MLflow."""

import io
import json
import os
import sys
from typing import Any

import pytest

from backend.training import child


@pytest.mark.parametrize("order", ["mark", "forget", "train", "look_back"])
def test_whatever_it_does_it_yields_to_those_who_answer_shoppers_first(
    order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[Any] = []

    def do(*_: Any) -> Any:
        done.append("done")
        return {}

    class Tracker:
        forget = do

    monkeypatch.setattr(os, "nice", done.append)
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps({"do": order, "tracking": {}}) + "\n"))
    monkeypatch.setattr(child, "_own_stdout", io.StringIO)
    monkeypatch.setattr(child, "_die_with_the_worker", lambda: None)
    monkeypatch.setattr(child, "_tracker", lambda _: Tracker())
    for work in ("_mark", "_train", "_look_back"):
        monkeypatch.setattr(child, work, do)

    child.main()

    assert done == [child.NICENESS, "done"]
