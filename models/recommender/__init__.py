"""Recommendations from purchase sequences. Others use ``models.recommender.api`` only."""
