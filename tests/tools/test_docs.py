"""Documents point at files that are there and name commands that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Each top folder may describe itself; what is installed or built beneath them is not ours.
FOLDERS = sorted(ROOT.glob("[a-z]*/README.md"))
DOCUMENTS = sorted(
    {ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md"), *FOLDERS}
    - {ROOT / "node_modules/README.md"}
)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)|<img [^>]*src=\"([^\"]+)\"")
CODE_PATH = re.compile(
    r"`((?:backend|celery_worker|models|devstore|shopify-app|extensions|deploy|tools|checks)/[\w./-]+)`"
)
# Tests name files that they make up.
CODE = ("backend", "bench", "celery_worker", "models", "tools")
FILE_PATH = re.compile(
    r"(?<![\w./:-])((?:backend|bench|celery_worker|checks|docs|extensions|models|shopify-app|tests|tools)"
    r"/[\w./-]+\.(?:graphql|js|json|liquid|md|mjs|py|toml|tsx?))\b"
)
# A link to code with the name of what is meant behind it: [views.py](../x/views.py) `accept`
NAMED = re.compile(r"\]\(([^)\s]+)\) `(\w+)`")
MAKE = re.compile(r"(?:`|^)make ([a-z-]+)", re.MULTILINE)


def links(document):
    found = [first or second for first, second in LINK.findall(document.read_text())]
    return [link.partition("#")[0] for link in found if "://" not in link and not link.startswith("#")]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_and_paths_lead_to_files(document):
    broken = [link for link in links(document) if not (document.parent / link).exists()]
    broken += [path for path in CODE_PATH.findall(document.read_text()) if not (ROOT / path).exists()]

    assert broken == []


def test_files_that_code_names_are_there():
    sources = [path for folder in CODE for path in (ROOT / folder).rglob("*.py")] + [
        ROOT / "shopify.app.toml"
    ]

    broken = [
        (str(source.relative_to(ROOT)), path)
        for source in sources
        for path in FILE_PATH.findall(source.read_text())
        if not (ROOT / path).exists()
    ]

    assert broken == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_functions_that_documents_name_are_where_they_say(document):
    missing = [
        (link, name)
        for link, name in NAMED.findall(document.read_text())
        if not any(
            re.search(rf"\b(def|class|function) {name}\b", code) for code in sources(document.parent / link)
        )
    ]

    assert missing == []


def sources(path):
    """Return the texts of a module, or of all modules of a package."""
    files = path.rglob("*.py") if path.is_dir() else [path]
    return [file.read_text() for file in files]


def test_commands_that_documents_name_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    named = {target for document in DOCUMENTS for target in MAKE.findall(document.read_text())}

    assert {"demo", "test"} <= named <= targets


def test_every_decision_record_has_its_parts_and_is_listed():
    folder = ROOT / "docs" / "decisions"
    records = sorted(folder.glob("[0-9]*.md"))
    listed = (folder / "README.md").read_text()

    for number, record in enumerate(records, start=1):
        text = record.read_text()
        assert text.startswith(f"# {number:03}. "), record.name
        assert re.search(r"^\d{4}-\d\d-\d\d · (accepted|superseded by \d{3})$", text, re.MULTILINE), (
            record.name
        )
        assert [part for part in ("## Context", "## Decision", "## Consequences") if part not in text] == []
        assert f"({record.name})" in listed


COMMANDS = re.compile(r"^```\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_command_replaces_the_app_file(document):
    # Where the linked id is not the file's own, Shopify's CLI drops our scopes, webhooks and proxy.
    for commands in COMMANDS.findall(document.read_text()):
        assert "app config link" not in commands
        assert "--client-id" not in commands


@pytest.mark.parametrize("named", [
    "client_id", "Protected customer data", "read_all_orders", "Node 22", "openssl", "TORCH_INDEX_URL",
    "pg_dump", "pg_restore", "STAFF_ADDRESSES", "TRAINER_MEMORY", "SHOPIFY_API_SECRET_OLD",
])  # fmt: skip
def test_the_guide_for_production_tells_what_stops_a_first_deployment(named):
    assert named in (ROOT / "docs/guides/run-in-production.md").read_text()
