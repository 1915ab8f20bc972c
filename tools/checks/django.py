"""
Run a Django command that needs no server.

    python -m tools.checks.django makemigrations --check
"""

import os
import sys
import warnings

SETTINGS = "tools.checks.settings"


def main(arguments: list[str]) -> None:
    """Run the command."""
    os.environ["DJANGO_SETTINGS_MODULE"] = SETTINGS
    from django.core.management import execute_from_command_line

    # makemigrations says that it could not look at the database's history. There is none to look at.
    warnings.filterwarnings("ignore", message="Got an error checking a consistent migration history")
    execute_from_command_line(["django", *arguments])


if __name__ == "__main__":
    main(sys.argv[1:])
