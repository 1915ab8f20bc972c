"""
The frozen list: the simple models that ours is measured by, and how they are tuned.

Nothing here is imported from the product: a better member of ours must not raise, and a worse one must not
lower, what it is measured by. Changed only when a published simple model is found to be stronger.
"""
