"""Session tokens at the API's door."""

from rest_framework.authentication import BaseAuthentication


class SessionTokenAuthentication(BaseAuthentication):
    pass
