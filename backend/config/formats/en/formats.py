"""Moments that nobody can misread: support compares them with a shop's own clock."""

DATE_FORMAT = "j M Y"
DATETIME_FORMAT = r"j M Y, H:i \U\T\C"
