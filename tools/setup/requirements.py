"""
Print the packages of pyproject.toml's groups, one a line, for pip.

pip of Python 3.11 cannot install a project's dependencies without building the project
itself. This application is run from its folder and never built, so its lists are read here.
It runs before anything is installed: standard library only.

    python tools/setup/requirements.py run train
"""

import sys
import tomllib
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"


def requirements(project: Path, groups: list[str]) -> list[str]:
    """
    Return the requirements of the groups, in the file's order.

    :param groups: "run" for the application itself, else a name under optional-dependencies
    :raises KeyError: if pyproject.toml has no such group
    """
    table = tomllib.loads(project.read_text())["project"]
    known = {"run": table["dependencies"], **table["optional-dependencies"]}
    return [requirement for group in groups for requirement in known[group]]


if __name__ == "__main__":
    print("\n".join(requirements(PROJECT, sys.argv[1:])))
