"""The servers that ours is held beside: a bare Django view, FastAPI with torch, MLflow's own."""

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import Any, Final

from backend.features.values import Past
from bench import load
from bench.peers.serving.pasts import write_past
from bench.rollouts.stage import Stage
from bench.serving.asks import Ask
from tools.demo.options import ROOT
from tools.demo.stack import BIN

ENVIRONMENT: Final = ROOT / ".bench" / "serving"
START_SECONDS: Final = 90.0
WORKERS: Final = "2"
CARDS_AT_ONCE: Final = 500
CARD: Final = ("product_id", "handle", "title", "url", "price", "currency")
# What answers is not among them, nor what that needs.
BEHIND: Final = ("worker", "worker-long", "shadow", "mlflow", "ui", "devstore")
# Writes the lists of 20,000 pages after each move of a rollout: minutes that are no part of an answer.
PUBLISHING: Final = ("worker-long",)


@contextmanager
def still(stage: Stage, names: Sequence[str] = BEHIND) -> Iterator[None]:
    """Let processes of the product stand still, so that they take no time from what is measured."""
    _signal(stage, names, signal.SIGSTOP)
    try:
        yield
    finally:
        _signal(stage, names, signal.SIGCONT)


def _signal(stage: Stage, names: Sequence[str], number: signal.Signals) -> None:
    for name in names:
        with suppress(ProcessLookupError):
            os.killpg(stage.stack.crew.pid(name), number)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def start_bare(stage: Stage) -> str:
    """Start the bare view under the product's gunicorn. :returns: its address"""
    command = [str(BIN / "gunicorn"), "-c", "bench/bare_gunicorn.py"]
    return _start(stage, "bare", [*command, "--bind", "127.0.0.1:{port}"], "/proxy/recommendations")


def start_fastapi_torch(stage: Stage, asks: Sequence[Ask]) -> str:
    """Start FastAPI with what it needs: the product's artifact, cards, secret and the customers' pasts."""
    pasts = pasts_of(stage, asks)
    kept = {f"bench:past:{who}": write_past(did.items, did.at, did.events) for who, did in pasts.items()}
    _redis(stage).mset(kept)
    told = stage.stack.options.data_dir / "fastapi_torch.json"
    told.touch(mode=0o600)
    told.write_text(json.dumps(_settings(stage)))
    command = [str(ENVIRONMENT / "bin" / "uvicorn"), "bench.peers.serving.fastapi_torch:app"]
    options = ["--workers", WORKERS, "--no-access-log", "--port", "{port}"]
    return _start(stage, "fastapi-torch", [*command, *options], "/health", {"FASTAPI_TORCH": str(told)})


def start_mlflow(stage: Stage) -> str:
    """Write the blend as a model of MLflow's and serve it."""
    folder = stage.stack.options.data_dir / "mlflow_model"
    python = str(ENVIRONMENT / "bin" / "python")
    if not folder.exists():
        write = [python, "-m", "bench.peers.serving.mlflow_model", str(folder), str(stage.files())]
        subprocess.run(write, cwd=ROOT, check=True, capture_output=True)
    serve = ["-m", "mlflow", "models", "serve", "-m", str(folder), "--env-manager", "local"]
    return _start(stage, "mlflow-model", [python, *serve, "--workers", WORKERS, "--port", "{port}"], "/ping")


def ask_mlflow(connection: load.Connection, body: bytes) -> bytes:
    """Ask MLflow's server."""
    return connection.post("/invocations", body, {"Content-Type": "application/json"})


def mlflow_bodies(stage: Stage, asks: Sequence[Ask]) -> list[bytes]:
    """Return what MLflow's server is asked for pages: it is told the past, for it looks nothing up."""
    pasts = pasts_of(stage, asks)
    return [_body(pasts[ask["logged_in_customer_id"]], ask.get("product")) for ask in asks]


def _body(past: Past, product: str | None) -> bytes:
    row = {name: column.tolist() for name, column in asdict(past).items()}
    return json.dumps({"inputs": [{**row, "product": int(product) if product else None}]}).encode()


def pasts_of(stage: Stage, asks: Sequence[Ask]) -> dict[str, Past]:
    """Return what each known customer among those who ask did, by their id."""
    from backend.features import queries as features
    from backend.shops import services as shops

    customers = {ask["logged_in_customer_id"] for ask in asks}
    found = {}
    for customer in customers:
        key = shops.find_visitor_pseudonym(stage.shop_id, int(customer))
        found[customer] = features.stored_past(stage.shop_id, key or "")
    return found


def _settings(stage: Stage) -> dict[str, Any]:
    from backend.serving import queries

    products = sorted(queries.shelf(stage.shop_id).available)
    cards: list[dict[str, Any]] = []
    for start in range(0, len(products), CARDS_AT_ONCE):
        found = queries.cards(stage.shop_id, products[start : start + CARDS_AT_ONCE]).values()
        cards += [{name: value for name, value in asdict(card).items() if name in CARD} for card in found]
    env = stage.stack.env
    return {
        "secret": stage.stack.keys.api_secret,
        "artifact": str(stage.files()),
        "database_url": env["DATABASE_URL"],
        "redis_url": env["REDIS_URL"],
        "cards": cards,
    }


def _redis(stage: Stage) -> Any:
    import redis

    return redis.Redis.from_url(stage.stack.env["REDIS_URL"])


def _start(
    stage: Stage, name: str, command: list[str], path: str, extra: dict[str, str] | None = None
) -> str:
    port = free_port()
    crew, env = stage.stack.crew, stage.stack.env
    # Scoring takes one core of each worker in the product too.
    given = {
        **env,
        # MLflow starts its server by name.
        "PATH": f"{ENVIRONMENT / 'bin'}:{env['PATH']}",
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
        "PORT": str(port),
        **(extra or {}),
    }
    crew.start(name, [part.format(port=port) for part in command], env=given, cwd=ROOT)
    address = f"http://127.0.0.1:{port}"
    crew.wait_for(name, address + path, deadline_seconds=START_SECONDS, tick=stage.screen.progress)
    return address
