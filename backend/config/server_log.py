"""The log of gunicorn: a JSON line a request, and what fails outside Django, neither with anybody's words."""

import datetime as dt
import json
import logging
import sys
from contextlib import suppress
from typing import Any

from gunicorn.glogging import Logger  # type: ignore[import-untyped]

from backend.core.logging import ExcInfo, format_exception


class _WithoutWords(logging.Formatter):
    """Writes an exception as every other log of ours does."""

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the standard library's name
        exc_info: ExcInfo = ei
        return format_exception(exc_info)


class JsonLogger(Logger):  # type: ignore[misc]
    """Query strings carry signatures and ids of shoppers, addresses name their networks: both stay out."""

    def setup(self, cfg: Any) -> None:
        """Set up the handlers, and let those of errors quote no exception."""
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(_WithoutWords(self.error_fmt, self.datefmt))

    def exception(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Write a failure without its arguments: gunicorn hands over the method and the whole address."""
        super().exception(msg, *("-" for _ in args), **kwargs)

    def warning(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Write a warning, without the request that can't be read and who sent it, which gunicorn quotes."""
        told, quotes, _ = msg.partition(" from ip=")
        kind = sys.exc_info()[0]
        super().warning(f"{told}: {kind.__name__}" if quotes and kind else told, *args, **kwargs)

    def access(self, resp: Any, req: Any, environ: dict[str, Any], request_time: dt.timedelta) -> None:
        """Write the line of one request."""
        headers = dict(resp.headers)
        line = {
            "event": "request",
            "method": environ.get("REQUEST_METHOD"),
            "path": environ.get("PATH_INFO"),
            # gunicorn's own answer to a request that it can't read has no code beside the line.
            "status": int(str(resp.status).split()[0]),
            "bytes": getattr(resp, "sent", None),
            "milliseconds": round(request_time.total_seconds() * 1000, 2),
            "request_id": headers.get("X-Request-Id"),
            "timestamp": dt.datetime.now(tz=dt.UTC).isoformat(),  # noqa: TID251 - a log line's own time
        }
        # gunicorn would take a full disk for a broken connection and close that, whoever waits on it.
        with suppress(OSError):
            sys.stdout.write(json.dumps(line) + "\n")
            sys.stdout.flush()
