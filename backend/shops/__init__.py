"""Tenants: install, tokens, uninstall."""
