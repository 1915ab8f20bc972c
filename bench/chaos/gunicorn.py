"""gunicorn's configuration for chaos: the product's, in processes whose clock and models can be made sick."""

from typing import Any

from backend.config import gunicorn as product
from bench.chaos import injection

globals().update({name: value for name, value in vars(product).items() if not name.startswith("_")})


def post_worker_init(worker: Any) -> None:
    """Make the worker able to be sick before it loads anything."""
    injection.install()
    product.post_worker_init(worker)
