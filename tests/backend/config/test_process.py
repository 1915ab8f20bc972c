"""The web process: the short way for storefronts, the long one for staff, and what start-up refuses."""

import os
import socket
import subprocess
import sys
import time
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from tests.tools.origin import free_port

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    "path", ["/webhooks", "/proxy/recommendations", "/events", "/api/shop", "/auth/install"]
)
def test_requests_of_shops_pass_no_session_and_get_no_cookie(client: Client, path: str, db: None) -> None:
    answer = client.get(path)

    assert answer.cookies == {}
    assert "Vary" not in answer.headers or "Cookie" not in answer.headers["Vary"]
    assert not hasattr(answer.wsgi_request, "session")
    assert answer.headers["X-Request-Id"]


@pytest.mark.parametrize(
    ("given", "kept"), [("abcdef12", True), ("short", False), ("x\ny" * 10, False), ("é" * 9, False)]
)
def test_a_harmless_request_id_is_kept(client: Client, given: str, kept: bool) -> None:
    answer = client.get("/auth/install", headers={"X-Request-Id": given})

    assert (answer.headers["X-Request-Id"] == given) is kept


def test_staff_pages_are_framed_by_nobody_and_run_only_our_scripts(client: Client, db: None) -> None:
    answer = client.get("/staff/login/")

    assert answer.status_code == 200
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert "script" not in answer.headers["Content-Security-Policy"]
    assert answer.cookies["csrftoken"]["path"] == "/staff"


@pytest.mark.django_db
def test_a_staff_login_without_its_csrf_token_is_refused() -> None:
    User.objects.create_superuser("owner", password="a-long-password")
    strict = Client(enforce_csrf_checks=True)
    form = {"username": "owner", "password": "a-long-password"}

    assert strict.post("/staff/login/", form).status_code == 403
    token = strict.get("/staff/login/").cookies["csrftoken"].value
    answer = strict.post(
        "/staff/login/", form | {"csrfmiddlewaretoken": token}, headers={"Origin": "https://app.example.com"}
    )

    assert answer.status_code == 302
    assert (answer.cookies["tailorbird_staff"]["httponly"], answer.cookies["tailorbird_staff"]["path"]) == (
        True,
        "/staff",
    )


@pytest.mark.django_db
def test_staff_see_shops_without_their_keys(admin_client: Client) -> None:
    from tests.backend.history import a_shop

    shop = a_shop()

    listed = admin_client.get("/staff/shops/shop/")
    page = admin_client.get(f"/staff/shops/shop/{shop.id}/change/")

    assert shop.domain in listed.content.decode()
    assert shop.pseudonym_key is not None
    assert shop.pseudonym_key not in page.content.decode()
    assert admin_client.post(f"/staff/shops/shop/{shop.id}/change/", {"name": "x"}).status_code == 403
    assert admin_client.get("/staff/shops/shop/add/").status_code == 403


@pytest.mark.parametrize(
    ("missing", "sentence"),
    [
        ("DJANGO_SECRET_KEY", "DJANGO_SECRET_KEY is not set"),
        ("ENCRYPTION_KEYS", "ENCRYPTION_KEYS is not set"),
        ("LEDGER_SIGNING_KEY", "LEDGER_SIGNING_KEY is not set"),
        ("SHOPIFY_API_SECRET", "SHOPIFY_API_SECRET is not set"),
    ],
)
def test_production_does_not_start_without_its_secrets(tmp_path: Path, missing: str, sentence: str) -> None:
    environment = {
        "DATA_DIR": str(tmp_path),
        "DJANGO_SECRET_KEY": "k",
        "ENCRYPTION_KEYS": "x",
        "LEDGER_SIGNING_KEY": "x",
        "SHOPIFY_API_KEY": "k",
        "SHOPIFY_API_SECRET": "s",
    }
    del environment[missing]

    done = start(environment)

    assert done.returncode != 0
    assert sentence in done.stderr
    assert not (tmp_path / "secrets.json").exists()


def test_a_development_machine_makes_its_secrets_once(tmp_path: Path) -> None:
    environment = {"DATA_DIR": str(tmp_path), "DEBUG": "true"}

    first, second = (
        start(environment, "print(env.DJANGO_SECRET_KEY, env.ENCRYPTION_KEYS)") for _ in range(2)
    )

    assert first.returncode == 0, first.stderr
    assert first.stdout == second.stdout
    assert (tmp_path / "secrets.json").stat().st_mode & 0o077 == 0


def start(environment: dict[str, str], then: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", f"from backend.config import env\n{then}"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_settings_start_no_servers(tmp_path: Path) -> None:
    done = start(
        {"DATA_DIR": str(tmp_path), "DEBUG": "true"},
        "from backend.config import engines, settings; print(engines.status(settings.DATA_DIR))",
    )

    assert done.stdout == "{'postgres': False, 'valkey': False}\n", done.stderr


def test_the_web_process_never_meets_the_learning_libraries(tmp_path: Path) -> None:
    done = start(
        {"DATA_DIR": str(tmp_path), "DEBUG": "true"},
        "import sys\n"
        "from backend.config import wsgi\n"
        "from django.urls import get_resolver\n"
        # Views are imported with the first look at the addresses, which is the first request's.
        "found = len(get_resolver().url_patterns)\n"
        "heavy = {'torch', 'mlflow', 'pandas', 'scipy', 'pyarrow', 'celery_worker'}\n"
        "print(found > 3, 'backend.serving.views' in sys.modules, sorted(heavy & set(sys.modules)))",
    )

    assert done.stdout == "True True []\n", done.stderr


# Access log


def test_the_access_log_has_no_query_string(capsys: pytest.CaptureFixture[str]) -> None:
    import datetime as dt
    import json
    from types import SimpleNamespace

    from gunicorn.config import Config

    from backend.config.server_log import JsonLogger

    logger = JsonLogger(Config())
    answer = SimpleNamespace(status="200 OK", sent=12, headers=[("X-Request-Id", "abcdef12")])
    environment = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/proxy/recommendations",
        "QUERY_STRING": "signature=secret",
        "RAW_URI": "/proxy/recommendations?signature=secret",
    }

    logger.access(answer, None, environment, dt.timedelta(milliseconds=4.5))

    printed = capsys.readouterr().out
    line = json.loads(printed)
    assert "secret" not in printed
    assert (line["path"], line["status"], line["milliseconds"], line["request_id"]) == (
        "/proxy/recommendations",
        200,
        4.5,
        "abcdef12",
    )


QUIET = """
def application(environ, start_response):
    start_response("200 OK", [("Content-Length", "2")])
    return [b"hi"]
"""


def test_a_full_disk_under_the_access_log_ends_no_connection(tmp_path: Path) -> None:
    (tmp_path / "quiet.py").write_text(QUIET)
    port = free_port()
    command = [
        sys.executable, "-m", "gunicorn", "--chdir", str(tmp_path), "--bind", f"127.0.0.1:{port}",
        "--worker-class", "gthread", "--logger-class", "backend.config.server_log.JsonLogger",
        "--access-logfile", "-", "--error-logfile", str(tmp_path / "log"), "--no-control-socket",
        "quiet:application",
    ]  # fmt: skip
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with (
        Path("/dev/full").open("wb") as full,
        subprocess.Popen(command, cwd=ROOT, env=env, stdout=full) as process,
    ):
        try:
            connected(port).close()
            with closing(HTTPConnection("127.0.0.1", port, timeout=10)) as client:
                for _ in range(2):
                    client.request("GET", "/")
                    assert client.getresponse().read() == b"hi"
        finally:
            process.terminate()
            process.wait(timeout=30)


BROKEN = """
def application(environ, start_response):
    raise ValueError("Ada Lovelace")
"""


@pytest.mark.parametrize(
    ("request_line", "status", "told"),
    [
        ("GET /proxy/recommendations?logged_in_customer_id=7785017850123 HTTP/1.1", 500, "ValueError"),
        ("GET /proxy/recommendations?logged_in_customer_id=7785017850123", 400, "Invalid request: Invalid"),
    ],
)
def test_what_fails_outside_django_is_logged_without_words(
    tmp_path: Path, request_line: str, status: int, told: str
) -> None:
    (tmp_path / "broken.py").write_text(BROKEN)
    port = free_port()
    command = [
        sys.executable, "-m", "gunicorn", "--chdir", str(tmp_path), "--bind", f"127.0.0.1:{port}",
        "--logger-class", "backend.config.server_log.JsonLogger", "--error-logfile", str(tmp_path / "log"),
        "--no-control-socket", "broken:application",
    ]  # fmt: skip
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL) as process:
        try:
            with connected(port) as client:
                client.sendall(f"{request_line}\r\nHost: localhost\r\n\r\n".encode())
                assert client.recv(100).startswith(f"HTTP/1.1 {status}".encode())
        finally:
            process.terminate()
            process.wait(timeout=30)

    written = (tmp_path / "log").read_text()
    assert told in written
    assert [word for word in ("7785017850123", "Ada", "ip=127") if word in written] == []


def connected(port: int) -> socket.socket:
    end = time.monotonic() + 30
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=10)
        except ConnectionRefusedError:
            assert time.monotonic() < end, "gunicorn did not start"
            time.sleep(0.1)


@pytest.mark.django_db(transaction=True)
def test_the_shadow_process_looks_until_it_is_ended(tmp_path: Path) -> None:
    database = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}")
    settings = {"DJANGO_SETTINGS_MODULE": "backend.config.settings", "DATABASE_URL": database.geturl()}
    environment = os.environ | settings | {"DATA_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "backend.config.shadow"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE) as process:
        looked_at = tmp_path / "shadow-looked-at"
        ends = time.monotonic() + 60
        while not looked_at.exists() and process.poll() is None and time.monotonic() < ends:
            time.sleep(0.1)
        process.terminate()
        _, errors = process.communicate(timeout=20)

    assert (process.returncode, errors) == (0, b"")
    assert looked_at.exists()
