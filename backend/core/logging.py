"""
One JSON line an event, with the shop, job and request ids that were bound on the way.

An exception is logged by its type, its codes and where it was raised, never
by its words: PostgreSQL quotes the row that it refuses, a parser its text.
"""

import logging
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from types import TracebackType
from typing import Any

import structlog

from .errors import describe

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]

# Libraries that write a line for every call; their warnings are enough.
QUIET = ("httpx", "httpcore", "celery.worker.strategy", "celery.app.trace", "matplotlib", "urllib3")


def format_exception(exc_info: ExcInfo) -> str:
    """Write an exception and its causes, the first cause first, without the words of any."""
    return "\n".join(_raised(error) for error in reversed(causes(exc_info[1])))


def causes(error: BaseException) -> list[BaseException]:
    """Return an exception and what it came from, newest first."""
    chain: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in chain:
        chain.append(current)
        implicit = None if current.__suppress_context__ else current.__context__
        current = current.__cause__ or implicit
    return chain


def _raised(error: BaseException) -> str:
    # Without the lines of source: a place finds them, and what a console runs is somebody's words too.
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]
    return "\n".join([*places, describe(error)])


class WithoutWords(logging.Filter):
    """Put the type and codes of an exception where a library's log line would quote it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every line pass, its arguments changed where they are or repeat an exception."""
        if isinstance(record.args, Mapping):
            record.args = {name: self._told(name, value, record) for name, value in record.args.items()}
        elif record.args:
            record.args = tuple(self._told("", value, record) for value in record.args)
        return True

    def _told(self, name: str, value: object, record: logging.LogRecord) -> object:
        # Celery hands over the words alone, with the job's arguments beside them.
        if record.name.startswith("celery") and name in {"exc", "args", "kwargs", "traceback"}:
            raised = record.exc_info[1] if record.exc_info else None
            return describe(raised) if raised and name == "exc" else "-"
        return _without_words(value)


def _without_words(value: object) -> object:
    """Return a value with a description in place of each exception, at any depth."""
    if isinstance(value, BaseException):
        return describe(value)
    if isinstance(value, Mapping):
        return {name: _without_words(each) for name, each in value.items()}
    # Not a named tuple, which takes its parts one by one.
    if isinstance(value, list | tuple | set) and not hasattr(value, "_fields"):
        return type(value)(_without_words(each) for each in value)
    return value


def _describe_exceptions(_logger: object, _method: str, line: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Do so in a line of ours, but for what its own processor writes out."""
    kept = {name: line[name] for name in ("exc_info", "_record") if name in line}
    return {name: _without_words(value) for name, value in line.items() if name not in kept} | kept


_shared: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    _describe_exceptions,
    structlog.processors.StackInfoRenderer(),
    structlog.processors.ExceptionRenderer(format_exception),
]


def configure(level: str) -> None:
    """Send structlog and the standard library's logging to stderr as JSON lines."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    handler.addFilter(WithoutWords())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
