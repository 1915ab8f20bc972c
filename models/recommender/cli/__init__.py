"""The recommender on the command line."""
