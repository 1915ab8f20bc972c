"""Checks of the project that no ready-made tool does; each runs alone as `python -m tools.checks.<name>`."""
