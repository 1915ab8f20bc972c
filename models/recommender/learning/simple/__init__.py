"""
Simple models, one a module, and the search for their parameters.

Each fit takes a log cut at a moment and gives what serves, so what is evaluated is what a shopper sees.
"""
