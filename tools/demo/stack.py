"""The servers that make the product, with the environment that joins them."""

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from backend.config import engines
from tools.demo.memory import engine_pids
from tools.demo.options import HOLD_BACK_LEAST, ROOT, Options
from tools.demo.processes import Crew
from tools.demo.state import STAFF_USER, Secrets

MLFLOW_SCHEMA = "mlflow"
SHOP = "willow-gifts.myshopify.com"
BIN = Path(sys.executable).parent
# A cold first start compiles Python modules on a slow disk; a start that takes longer is stuck.
START_DEADLINE_SECONDS = 120.0
# Short jobs have a process that no long one can take. Two slots for the rest: a shop's lists are written
# while another one is trained.
WORKERS = {
    "worker": ["-B", "-Q", "control,short,catalog", "--concurrency", "1"],
    "worker-long": ["-Q", "long,train", "--concurrency", "2"],
}
# So long lasts a day of a rollout's plan: four seconds are four hours.
ROLLOUT_DAY_SECONDS = 24
# Far longer than any answer takes.
GRACEFUL_SECONDS = 2


@dataclass(frozen=True)
class Addresses:
    """Where everything answers."""

    devstore: str
    web: str
    ui: str
    mlflow: str

    @property
    def storefront(self) -> str:
        return f"{self.devstore}/"

    @property
    def admin(self) -> str:
        return f"{self.devstore}/{SHOP}/admin/apps/tailorbird"

    @property
    def staff(self) -> str:
        return f"{self.web}/staff/"


def addresses(ports: dict[str, int]) -> Addresses:
    """Return the addresses of services that listen on these ports of this machine."""
    return Addresses(**{service: f"http://127.0.0.1:{port}" for service, port in ports.items()})


def environment(at: Addresses, keys: Secrets, running: engines.Engines, data_dir: Path) -> dict[str, str]:
    """
    Return the settings that every process of the demo shares.

    They are the ones of .env.example: the same servers run in production with other values. Nothing
    of the caller's environment comes along but what any program needs to run at all.
    """
    return {
        **_surroundings(),
        "DEBUG": "false",
        "DATA_DIR": str(data_dir),
        "DATABASE_URL": running.database_url,
        "REDIS_URL": running.redis_url,
        "DJANGO_SECRET_KEY": keys.django_secret_key,
        "ENCRYPTION_KEYS": keys.encryption_keys,
        "LEDGER_SIGNING_KEY": keys.ledger_signing_key,
        "SHOPIFY_API_KEY": keys.api_key,
        "SHOPIFY_API_SECRET": keys.api_secret,
        "SHOPIFY_SHOP_URL": f"{at.devstore}/{{shop}}",
        "SHOPIFY_ADMIN_URL": at.devstore,
        "APP_URL": at.ui,
        "BACKEND_URL": at.web,
        # The demo is for this machine, not for the network it happens to be in.
        "LISTEN_HOST": "127.0.0.1",
        "MLFLOW_TRACKING_URI": at.mlflow,
        "MLFLOW_URL": at.mlflow,
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "APP_BRIDGE_URL": f"{at.devstore}/stand-ins/app-bridge.js",
        "POLARIS_URL": f"{at.devstore}/stand-ins/polaris.js",
        # All of the demo's shoppers come from this machine.
        "EVENTS_PER_MINUTE_ADDRESS": "60000",
        # A day of a rollout is as short as a reader's patience.
        "ROLLOUT_DAY_SECONDS": str(ROLLOUT_DAY_SECONDS),
        # Storefront addresses are asked of this machine, never through a proxy.
        "NO_PROXY": "127.0.0.1,localhost",
    }


def mlflow_store(database_url: str) -> str:
    """Return where MLflow keeps its records: a schema of its own in the product's database."""
    separator = "&" if "?" in database_url else "?"
    # Without a driver named, SQLAlchemy takes one that is not installed here.
    with_driver = database_url.replace("postgresql://", "postgresql+psycopg2://", 1)
    return f"{with_driver}{separator}options={quote(f'-csearch_path={MLFLOW_SCHEMA}')}"


def _surroundings() -> dict[str, str]:
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT", "CUDA_VISIBLE_DEVICES")
    return {name: os.environ[name] for name in kept if name in os.environ}


class Stack:
    """The running product."""

    def __init__(self, options: Options, ports: dict[str, int], keys: Secrets) -> None:
        self.options = options
        self.ports = ports
        self.keys = keys
        self.addresses = addresses(ports)
        self.crew = Crew(options.data_dir)
        self.env: dict[str, str] = {}
        self._engine_pids: list[int] = []

    def start_engines(self) -> None:
        """Start the private PostgreSQL and Valkey."""
        running = engines.ensure(self.options.data_dir)
        self._engine_pids = engine_pids(self.options.data_dir)
        self.env = environment(self.addresses, self.keys, running, self.options.data_dir)

    def start_devstore(self, orders: Path | None) -> None:
        """Start the local Shopify, its shop filled from a file or with the built-in one."""
        # Visitors come from where consent is asked for, and have not answered yet.
        asks = {"DEVSTORE_CONTROL": "1", "DEVSTORE_CONSENT": "unanswered"}
        asks["DEVSTORE_SHOP"] = self.options.shop
        asks["DEVSTORE_HOLD_BACK_DAYS"] = str(self.options.hold_back_days)
        asks["DEVSTORE_HOLD_BACK_LEAST"] = str(HOLD_BACK_LEAST)
        extra = asks | ({"DEVSTORE_ORDERS": str(orders)} if orders else {})
        reload = ["--watch-path=devstore"] if self.options.reload else []
        self._start("devstore", ["node", *reload, "devstore/bin/devstore.mjs"], extra)

    def prepare(self) -> None:
        """Bring tables up to date and make sure that the staff account is there."""
        extra = {
            "STAFF_USER": STAFF_USER,
            "STAFF_PASSWORD": self.keys.staff_password,
            "STAFF_SECRET": self.keys.staff_secret,
            "MLFLOW_SCHEMA": MLFLOW_SCHEMA,
        }
        command = [sys.executable, "-m", "tools.demo.prepare"]
        self.crew.run("prepare", command, env=self.env | extra, cwd=ROOT)

    def start_app(self) -> None:
        """Start the web process, the workers, one of them with the timetable, the shadow and the UI."""
        self._start("web", self.web_command())
        for name, arguments in WORKERS.items():
            self._start(name, self.worker_command(name, arguments))
        # Behind everything else: what it can't look at within a minute it leaves.
        self._start("shadow", ["nice", "-n", "10", sys.executable, "-m", "backend.config.shadow"])
        self._start("ui", self._ui_command())

    def start_mlflow(self) -> None:
        """
        Start MLflow's server, to which training speaks, so that every run has an address to open.

        It takes longest to start and is wanted last, so it stands back behind everything else.
        """
        self._start("mlflow", ["nice", "-n", "10", *self._mlflow_command()])

    def web_command(self, config: str = "backend/config/gunicorn.py") -> list[str]:
        """
        Return how gunicorn is started.

        :param config: its configuration; another one than the product's is for comparison
        """
        bind = f"127.0.0.1:{self.ports['web']}"
        reload = ["--reload"] if self.options.reload else []
        # A browser keeps its connection open; whoever presses Ctrl-C does not wait for that.
        graceful = ["--graceful-timeout", str(GRACEFUL_SECONDS)]
        return [str(BIN / "gunicorn"), "-c", config, "--bind", bind, *graceful, *reload]

    def worker_command(
        self, name: str, arguments: Sequence[str], app: str = "celery_worker.app"
    ) -> list[str]:
        """
        Return how a worker is started.

        :param app: its Celery application; another one than the product's is for comparison
        """
        celery = [str(BIN / "celery"), "-A", app, "worker"]
        return [*celery, *arguments, "--hostname", f"{name}@%h", "--loglevel", "INFO"]

    def _ui_command(self) -> list[str]:
        if self.options.reload:
            return ["npm", "run", "dev", "-w", "shopify-app", "--", "--port", str(self.ports["ui"])]
        return ["node", "shopify-app/server.js"]

    def _mlflow_command(self) -> list[str]:
        return [
            str(BIN / "mlflow"), "server", "--workers", "1",
            "--host", "127.0.0.1", "--port", str(self.ports["mlflow"]),
            "--backend-store-uri", mlflow_store(self.env["DATABASE_URL"]),
            "--artifacts-destination", str(self.options.data_dir / "mlflow-artifacts"),
        ]  # fmt: skip

    def wait(self, name: str, tick: Callable[[], None]) -> None:
        """
        Wait until a service is healthy.

        :raises ChildFailed: if it or another one ends, or it takes too long
        """
        paths = {"devstore": "/", "web": "/health/ready", "ui": "/health", "mlflow": "/health"}
        url = getattr(self.addresses, name) + paths[name]
        self.crew.wait_for(name, url, deadline_seconds=START_DEADLINE_SECONDS, tick=tick)

    def stop(self) -> None:
        """Stop the processes, then the engines they used."""
        self.crew.stop()
        engines.stop(self.options.data_dir)

    def pids(self) -> list[int]:
        """Return the ids of all top processes: this one, its children and the engines."""
        return [os.getpid(), *self.crew.pids(), *self._engine_pids]

    def _start(self, name: str, command: list[str], extra: dict[str, str] | None = None) -> None:
        port = {"PORT": str(self.ports[name])} if name in self.ports else {}
        self.crew.start(name, command, env=self.env | port | (extra or {}), cwd=ROOT)
