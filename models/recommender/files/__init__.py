"""Reading logs from disk: the dataset folder of the feature export, and files of any other origin."""
