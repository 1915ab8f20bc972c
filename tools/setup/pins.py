"""Write constraints.txt: the exact version of every package installed in this environment."""

from importlib.metadata import distributions
from pathlib import Path

HEADER = """\
# The exact version of every Python package, those that others bring included.
# What is wanted, and why, stands in pyproject.toml; this file only says which version.
# After a change there: install it, run the tests, then `make pins`.
"""
CONSTRAINTS = Path(__file__).resolve().parents[2] / "constraints.txt"


def pins(installed: dict[str, str]) -> str:
    """
    Return the text of the constraints file for the packages installed.

    A local label of a version ("2.13.0+cpu") names one build of it; it is left out so that
    each machine may take the build that suits it. pip itself is the machine's own affair.
    """
    lines = [
        f"{name}=={version.partition('+')[0]}"
        for name, version in sorted(installed.items(), key=lambda pin: pin[0].lower())
        if name != "pip"
    ]
    return HEADER + "\n".join(lines) + "\n"


if __name__ == "__main__":
    CONSTRAINTS.write_text(pins({found.metadata["Name"]: found.version for found in distributions()}))
