"""gunicorn's configuration for the bare view: the product's figures and logger, none of its hooks."""

from backend.config import gunicorn as product
from backend.config.server_log import JsonLogger

globals().update({name: value for name, value in vars(product).items() if isinstance(value, int | str)})
logger_class = JsonLogger
wsgi_app = "bench.bare:application"
