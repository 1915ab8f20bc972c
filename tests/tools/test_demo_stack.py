import os
from pathlib import Path

import pytest

from backend.config.engines import Engines
from tools.demo import __main__ as demo
from tools.demo import options, stack, state
from tools.demo.reload import Reloader
from tools.demo.state import Secrets

PORTS = {"devstore": 1, "web": 2, "ui": 3, "mlflow": 4}
KEYS = Secrets("django", "fernet", "ed25519", "key", "secret", "password", "JBSWY3DPEHPK3PXP")
ENGINES = Engines("postgresql://postgres@/tailorbird?host=/somewhere/run", "redis://:p@127.0.0.1:5/0")


def test_mlflow_keeps_its_records_in_a_schema_of_the_same_database():
    assert stack.mlflow_store(ENGINES.database_url) == (
        "postgresql+psycopg2://postgres@/tailorbird?host=/somewhere/run&options=-csearch_path%3Dmlflow"
    )
    assert stack.mlflow_store("postgresql://u:p@host/db").endswith("/db?options=-csearch_path%3Dmlflow")


def test_processes_get_settings_that_are_explained_and_nothing_of_the_callers_own(monkeypatch):
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "somebody.elses")
    monkeypatch.setenv("DATABASE_URL", "postgresql://production/database")

    env = stack.environment(stack.addresses(PORTS), KEYS, ENGINES, Path("/data"))

    assert env["DATABASE_URL"] == ENGINES.database_url
    assert env["SHOPIFY_SHOP_URL"] == "http://127.0.0.1:1/{shop}"
    assert (env["MLFLOW_TRACKING_URI"], env["MLFLOW_URL"]) == ("http://127.0.0.1:4", "http://127.0.0.1:4")
    assert (env["BACKEND_URL"], env["APP_URL"]) == ("http://127.0.0.1:2", "http://127.0.0.1:3")
    assert env["LISTEN_HOST"] == "127.0.0.1"
    assert "DJANGO_SETTINGS_MODULE" not in env


def test_the_command_line_says_what_to_do():
    asked = options.parse(["--exit", "--orders", "some.csv.gz", "--data-dir", ".data/x", "--first-port", "0"])

    assert (asked.stay, asked.run_job, asked.first_port) == (False, True, 0)
    assert asked.orders == Path("some.csv.gz").resolve()
    assert asked.data_dir == options.ROOT / ".data/x"


def test_an_order_file_that_is_not_there_is_said_so_whatever_the_shop_holds(tmp_path, capfd):
    state.remember_orders(tmp_path, None)
    asked = options.parse(["--orders", str(tmp_path / "gone.csv"), "--data-dir", str(tmp_path)])

    with pytest.raises(SystemExit) as ended:
        demo._orders_to_fill_from(asked)

    assert ended.value.code == 2
    assert f"There is no file {tmp_path / 'gone.csv'}." in capfd.readouterr().err


def test_the_workers_start_anew_only_when_their_code_changed(tmp_path):
    module = tmp_path / "backend" / "a.py"
    module.parent.mkdir()
    module.write_text("")
    restarted = []
    crew = type("Crew", (), {"restart": lambda self, name: restarted.append(name)})()
    reloader = Reloader(crew, tmp_path)

    reloader.restart_if_changed()
    later = module.stat().st_mtime + 5
    os.utime(module, (later, later))
    reloader.restart_if_changed()
    reloader.restart_if_changed()

    assert restarted == ["worker", "worker-long", "shadow"]
