"""The three ways work fails. Every exception of ours is a named child of one of them."""

import errno
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


class LostRace(Unavailable):
    """Someone else moved a row first. What was read is old: read again, and do what is left to do."""

    code: ClassVar[str] = "lost_race"


class Corrupt(Failure):
    """Stored data breaks an invariant. A person must look. HTTP 500; a task stops."""

    code: ClassVar[str] = "corrupt"
    status: ClassVar[int] = 500


class Unreadable(ValueError):
    """Input is not what it should be, in words of ours that quote a number or a kind, never a text."""


def describe(error: BaseException) -> str:
    """
    Say what may be told of an exception wherever its report goes: never its own words.

    Words quote values: a database names the row that it refused, a parser the
    text it could not read. Codes are ours or the system's, and quote nobody;
    so are the words of :class:`Unreadable`.
    """
    if isinstance(error, Unreadable):
        return str(error).rstrip(".")
    # Django wraps the driver's exception, which alone knows what PostgreSQL objected to.
    driver = error if hasattr(error, "diag") else error.__cause__
    diagnosis = getattr(driver, "diag", None)
    codes = [
        getattr(error, "code", None) if isinstance(error, Failure) else None,
        getattr(driver, "pgcode", None) if diagnosis else None,
        getattr(diagnosis, "table_name", None),
        getattr(diagnosis, "column_name", None),
        getattr(diagnosis, "constraint_name", None),
        errno.errorcode.get(error.errno) if isinstance(error, OSError) and error.errno else None,
    ]
    return " ".join([type(error).__name__, *(str(code) for code in codes if code)])
