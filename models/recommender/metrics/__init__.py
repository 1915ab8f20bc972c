"""Figures of ranked lists, with their intervals."""
