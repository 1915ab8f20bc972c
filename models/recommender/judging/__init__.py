"""Whether a model is good enough: beside the version that serves, on new products, in milliseconds."""
