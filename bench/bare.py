"""The least that Django can do: one view, no middleware, no database."""

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

# As long as a typical answer with eight products.
BODY = b"{" + b" " * 3_000 + b"}"


def bare(request: HttpRequest) -> HttpResponse:
    """Answer the same bytes always."""
    # Without a length the answer would be sent in chunks, which costs a little and is not what ours does.
    return HttpResponse(BODY, content_type="application/json", headers={"Content-Length": str(len(BODY))})


urlpatterns = [path("proxy/recommendations", bare)]

if not settings.configured:
    settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["127.0.0.1"], MIDDLEWARE=[], USE_TZ=True)
application = get_wsgi_application()
