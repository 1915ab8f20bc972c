"""
Write backend/openapi.yaml from the views, or with --check tell whether it is what they say.

Warnings of the generator are errors: an endpoint it cannot describe is one the UI cannot be typed against.
"""

import difflib
import os
import sys
import tempfile
from pathlib import Path

from tools.checks.django import SETTINGS

DOCUMENT = Path(__file__).resolve().parents[2] / "backend" / "openapi.yaml"


def render() -> str:
    """Return the OpenAPI document of the views."""
    os.environ["DJANGO_SETTINGS_MODULE"] = SETTINGS
    import django

    django.setup()
    from django.core.management import call_command

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "openapi.yaml"
        call_command("spectacular", file=str(path), validate=True, fail_on_warn=True)
        return path.read_text()


def main(arguments: list[str]) -> int:
    """Return 1 if the committed document differs."""
    wanted = render()
    if "--check" not in arguments:
        DOCUMENT.write_text(wanted)
        return 0
    committed = DOCUMENT.read_text() if DOCUMENT.exists() else ""
    if committed == wanted:
        return 0
    lines = (committed.splitlines(), wanted.splitlines())
    print("\n".join(difflib.unified_diff(*lines, "committed", "views", lineterm="")))
    print(f"{DOCUMENT.name} is not what the views say. Run: make fix")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
