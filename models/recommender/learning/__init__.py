"""Fitting models to a log: simple ones, a transformer, the blend of all."""
