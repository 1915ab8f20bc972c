"""The web process's entry point for gunicorn."""

from django.core.wsgi import get_wsgi_application

from backend.config import launch
from backend.config.limits import Process

launch.become(Process.WEB)
launch.name_settings()

application = get_wsgi_application()
