"""The three ways work fails. Every exception of ours is a named child of one of them."""

from typing import ClassVar


class Failure(Exception):
    """A failure with a code that programs may compare and a sentence for people."""

    code: ClassVar[str] = "failure"
    status: ClassVar[int] = 500
    # Sent with the HTTP answer, where a protocol asks for it.
    headers: ClassVar[dict[str, str]] = {}

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Refused(Failure):
    """The caller asked for something the rules forbid. Fix the request. HTTP 4xx."""

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 400

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class Unavailable(Failure):
    """Something outside is down or slow. Try again later. HTTP 503; a task retries."""

    code: ClassVar[str] = "unavailable"
    status: ClassVar[int] = 503

    def __init__(self, message: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class Corrupt(Failure):
    """Stored data breaks an invariant. A person must look. HTTP 500; a task stops."""

    code: ClassVar[str] = "corrupt"
    status: ClassVar[int] = 500
