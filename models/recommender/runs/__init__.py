"""One training from a log to an artifact folder, and what it is told about afterwards."""
