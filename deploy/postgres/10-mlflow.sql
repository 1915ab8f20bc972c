-- MLflow keeps its records beside ours, in a database of its own.
CREATE DATABASE mlflow OWNER tailorbird;
