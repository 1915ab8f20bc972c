#!/usr/bin/env python
"""Django's command line."""

import sys

from django.core.management import execute_from_command_line

from backend.config import launch

# These read code only; starting servers for them would be a surprise.
WITHOUT_ENGINES = {"check", "spectacular", "collectstatic", "help", "--help", "--version", "version"}

if __name__ == "__main__":
    if not WITHOUT_ENGINES & set(sys.argv[1:2]):
        launch.prepare()
    else:
        launch.name_settings()
    execute_from_command_line(sys.argv)
