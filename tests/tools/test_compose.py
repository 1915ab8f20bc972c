import json
import re
import shutil

import pytest
import yaml

from backend.config import env
from backend.events.rules import MOST_BYTES
from tools.checks import compose

SETTING = re.compile(r'_env\.\w+\(\s*"([A-Z_]+)"|_(?:secret|credential)\("([A-Z_]+)"\)')
NODE_SETTING = re.compile(
    r"\benv\.([A-Z][A-Z_]+)|required\((?:env, )?['\"]([A-Z_]+)|readChoice\(env, '([A-Z_]+)"
)
HEALTHY = "{ condition: service_healthy }"


@pytest.fixture
def schema():
    return json.loads(compose.SCHEMA.read_text())


@pytest.fixture
def project(tmp_path):
    """A copy of what the check reads, to break."""
    for name in ("docker-compose.yml", ".env.example"):
        shutil.copy(compose.ROOT / name, tmp_path)
    shutil.copytree(compose.ROOT / "deploy", tmp_path / "deploy")
    return tmp_path


def change(project, old, new, name="docker-compose.yml"):
    path = project / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_the_committed_files_hold(project, schema):
    assert compose.findings(project, schema) == []


@pytest.mark.parametrize(("old", "new", "finding"), [
    ("image: postgres:18.1-bookworm", "image: postgres:latest", "image postgres:latest names no version"),
    ("shm_size: 256mb", "shm_sise: 256mb", "'shm_sise' does not match"),
    ("${SENTRY_DSN:-}", "${SENTRY_ADDRESS:-}", "uses SENTRY_ADDRESS, unexplained in .env.example"),
    ("VALKEY_PASSWORD: ${VALKEY_PASSWORD:?set VALKEY_PASSWORD in .env}", "VALKEY_PASSWORD: hunter2",
     "Service valkey: VALKEY_PASSWORD is written down"),
    ("dockerfile: deploy/Dockerfile.ui", "dockerfile: deploy/Dockerfile.gone", "Dockerfile.gone is missing"),
    ("    logging: *logs\n    mem_limit: 512m\n", "    mem_limit: 512m\n",
     "Service ui: its log grows for ever"),
    ("    mem_limit: 256m\n", "", "Service edge may take all memory of the host"),
    (f"      web: {HEALTHY}\n      ui:", f"      wep: {HEALTHY}\n      ui:",
     "Service edge depends on wep, which is not there"),
])  # fmt: skip
def test_a_mistake_in_the_compose_file_is_found(project, schema, old, new, finding):
    change(project, old, new)

    assert any(finding in found for found in compose.findings(project, schema))


@pytest.mark.parametrize(("old", "new", "finding"), [
    ("USER node", "USER root", "Dockerfile.ui runs as root"),
    ("node:24.11-bookworm-slim", "node", "base image node names no version"),
])  # fmt: skip
def test_a_mistake_in_an_image_is_found(project, schema, old, new, finding):
    change(project, old, new, "deploy/Dockerfile.ui")

    assert any(finding in found for found in compose.findings(project, schema))


def settings_read_by(path, pattern):
    return {name for groups in pattern.findall(path.read_text()) for name in groups if name}


def test_every_setting_that_any_process_reads_is_explained():
    root = compose.ROOT
    read = (
        settings_read_by(root / "backend/config/env.py", SETTING)
        | settings_read_by(root / "shopify-app/server/env.js", NODE_SETTING)
        | settings_read_by(root / "devstore/config.mjs", NODE_SETTING)
    )
    explained = compose.explained_variables((root / ".env.example").read_text())

    # HOST is how `shopify app dev` hands over its tunnel: the tool sets it, nobody else does.
    assert read - {"HOST"} - explained == set()
    assert {"SHOPIFY_API_SECRET", "ENCRYPTION_KEYS", "DEVSTORE_CONTROL", "POLARIS_URL"} <= read


def test_every_explained_setting_is_read_by_something():
    root = compose.ROOT
    explained = compose.explained_variables((root / ".env.example").read_text())
    readers = (
        "backend/config/env.py",
        "shopify-app/server/env.js",
        "shopify-app/server.js",
        "devstore/config.mjs",
        "docker-compose.yml",
    )
    text = "\n".join((root / reader).read_text() for reader in readers)

    assert {name for name in explained if name not in text} == set()


def test_every_backend_constant_has_a_name_in_the_example():
    constants = {name for name in vars(env) if re.fullmatch("[A-Z][A-Z_]*", name) and name != "ROOT"}

    assert constants <= compose.explained_variables((compose.ROOT / ".env.example").read_text())


def test_the_edge_and_the_ui_server_send_the_same_paths_to_django():
    caddyfile = (compose.ROOT / "deploy/Caddyfile").read_text()
    forwarder = (compose.ROOT / "shopify-app/server/forward.js").read_text()

    paths = re.search(r"@django path (.+)", caddyfile).group(1).split()
    prefixes = json.loads(re.search(r"FORWARDED_PREFIXES = (\[.+?\])", forwarder).group(1))
    assert set(paths) == {*prefixes, *(f"{prefix}/*" for prefix in prefixes)}


def test_the_edge_reaches_both_programs_where_they_listen():
    caddyfile = (compose.ROOT / "deploy/Caddyfile").read_text()
    services = yaml.safe_load((compose.ROOT / "docker-compose.yml").read_text())["services"]

    assert f"reverse_proxy web:{services['web']['environment']['PORT']} " in caddyfile
    assert f"reverse_proxy ui:{services['ui']['environment']['PORT']}" in caddyfile


def test_the_edge_reads_a_body_within_a_time_before_it_takes_a_thread_of_django():
    caddyfile = (compose.ROOT / "deploy/Caddyfile").read_text()

    [before_django] = re.findall(r"reverse_proxy web:\d+ \{[^}]*request_buffers (\d+)KB", caddyfile)
    assert int(before_django) * 1024 >= MOST_BYTES
    assert re.search(r"timeouts \{[^}]*read_header \d+s[^}]*read_body \d+s", caddyfile)
