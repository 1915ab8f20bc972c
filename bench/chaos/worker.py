"""The product's Celery application in processes whose clock can be made to jump."""

from bench.chaos import injection
from celery_worker.app import app

__all__ = ["app"]

injection.install()
