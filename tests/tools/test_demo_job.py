"""The main job at the doors of an app that is set up in a wrong or in an unusual state."""

import io
import json
from contextlib import contextmanager

import pytest

from tests.tools.origin import QuietHandler, serving
from tools.demo import job
from tools.demo.doors import Merchant, Shopper, Staff
from tools.demo.job import TRY_AGAIN_AT, Job, StepFailed
from tools.demo.screen import Screen
from tools.demo.stack import SHOP, Addresses

STEPS = ("import_products", "import_orders", "train", "publish")
PAGES = {
    "/control/state": json.dumps({"shops": [{"domain": SHOP, "install": {"scopes": []}}]}),
    f"/{SHOP}/admin/apps/tailorbird": '<iframe src="/?embedded=1"></iframe>',
    "/": "<!doctype html><html><body>Tailorbird</body></html>",
    "/api/shop": json.dumps({"name": "Willow Gifts", "domain": SHOP}),
    f"/{SHOP}/admin/session-token": json.dumps({"token": "t"}),
}


class App(QuietHandler):
    """
    An app one of whose steps goes through some states, one at each look.

    :cvar after_asking: the states that follow once somebody asks for the work again
    """

    step = "train"
    states: list[str]
    after_asking: list[str]
    asked: list[str]
    status = 202

    def do_GET(self):
        path = self.path.partition("?")[0]
        body = json.dumps({"steps": self._steps()}) if path == "/api/setup" else PAGES.get(path)
        self.answer(200 if body else 404, (body or "Not Found").encode())

    def do_POST(self):
        if self.path in TRY_AGAIN_AT.values():
            self.asked.append(self.path)
            self.states[:] = self.after_asking
            self.answer(self.status, b"{}")
            return
        self.do_GET()

    def _steps(self):
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return [
            {"id": step, "state": state if step == self.step else "DONE", "detail": f"{step}: {state}",
             "done": None, "total": None, "unit": ""}
            for step in STEPS
        ]  # fmt: skip


@contextmanager
def a_job(monkeypatch, **app):
    monkeypatch.setattr(job, "POLL_SECONDS", 0.01)
    handler = type("Handler", (App,), {"asked": [], "after_asking": ["DONE"], **app})
    with serving(handler) as origin:
        at = Addresses(origin, origin, origin, origin)
        staff = Staff(at, user="staff", password="secret", secret="JBSWY3DPEHPK3PXP")
        yield Job(Merchant(at), Shopper(at), staff, Screen(io.StringIO()), lambda: None), handler.asked


@pytest.mark.parametrize(("step", "path"), TRY_AGAIN_AT.items())
@pytest.mark.parametrize("status", [202, 409])
def test_a_step_that_an_earlier_demo_left_failed_is_tried_again(monkeypatch, step, path, status):
    states = ["DONE"] * STEPS.index(step) + ["FAILED"]
    then = ["RUNNING", "RUNNING", "DONE"]
    with a_job(monkeypatch, step=step, states=states, after_asking=then, status=status) as (walk, asked):
        setup = walk.bring_live([])

    assert asked == [path]
    assert {found["state"] for found in setup["steps"]} == {"DONE"}


def test_a_step_that_fails_again_ends_the_demo_with_its_reason(monkeypatch):
    states = ["DONE", "DONE", "FAILED"]
    with (
        a_job(monkeypatch, states=states, after_asking=["RUNNING", "FAILED"]) as (walk, asked),
        pytest.raises(StepFailed, match="train: FAILED"),
    ):
        walk.bring_live([])

    assert asked == ["/api/training"]


def test_a_step_that_fails_on_the_way_is_not_begun_anew(monkeypatch):
    states = ["DONE", "DONE", "RUNNING", "FAILED"]
    with a_job(monkeypatch, states=states) as (walk, asked), pytest.raises(StepFailed, match="train: FAILED"):
        walk.bring_live([])

    assert asked == []
