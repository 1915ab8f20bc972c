"""Simple models: their fits, and the search for their parameters."""
