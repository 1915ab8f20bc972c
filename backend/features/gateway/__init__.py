"""The doors of features to the outside: the cache, the dataset's files and the snapshots kept of them."""
