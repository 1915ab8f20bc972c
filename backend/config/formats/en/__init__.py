"""The only language of the staff dashboard."""
