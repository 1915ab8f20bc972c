"""Other people's implementations of what the product computes, in an environment of their own."""
