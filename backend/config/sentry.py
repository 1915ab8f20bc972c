"""
Error reports that say where our code broke, and nothing of whom it was working for.

An allow-list, not a search for what looks private: a name or an order's number
looks like any other word. A report is built anew from types, codes, places in
the code and our own ids; what is not named here does not leave.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from backend.core.errors import describe
from backend.core.logging import causes

# Facts about the process and the moment, written by the SDK itself.
_PLAIN: Final = (
    "event_id",
    "timestamp",
    "level",
    "platform",
    "logger",
    "release",
    "environment",
    "server_name",
    "sdk",
    "modules",
)
_CONTEXTS: Final = {
    "runtime": ("name", "version", "build"),
    "trace": ("trace_id", "span_id", "parent_span_id", "op", "origin", "status"),
}
# Source lines stay here: the file, the function and the line's number find them.
_FRAME: Final = ("filename", "module", "function", "lineno", "in_app")
_MECHANISM: Final = ("type", "handled", "exception_id", "parent_id", "is_exception_group")
_BREADCRUMB: Final = ("timestamp", "type", "category", "level", "message")
# Of a log line of ours: which work it was, by ids that are ours or name a shop, never a person or an order.
_LOG_LINE: Final = (
    "event",
    "code",
    "job",
    "job_id",
    "request_id",
    "shop_id",
    "delivery_id",
    "topic",
    "run_id",
    "import_id",
    "version",
    # The log's own rendering, which holds no words of exceptions either.
    "exception",
)
# Where a transaction's name comes from the code and not from an address that somebody asked for.
_NAMED_IN_CODE: Final = frozenset({"route", "component", "task"})


def start_sentry(dsn: str, **options: Any) -> None:
    """
    Start reporting errors to a Sentry server; without an address do nothing.

    :param options: of the SDK, beside those that keep people out
    """
    if not dsn:
        return
    import sentry_sdk

    sentry_sdk.init(
        dsn=dsn,
        include_local_variables=False,
        include_source_context=False,
        max_request_body_size="never",
        before_send=allowed,
        before_breadcrumb=_allowed_breadcrumb,
        # Nothing but errors is reported.
        before_send_transaction=lambda _event, _hint: None,
        auto_session_tracking=False,
        enable_logs=False,
        enable_metrics=False,
        # Shopify has no use for the ids of our traces.
        trace_propagation_targets=[],
        **options,
    )


def allowed(event: Any, hint: dict[str, Any]) -> Any:
    """Return a report that holds what may leave of one, and nothing else."""
    # Files travel beside the report, where its fields are not looked at.
    hint.pop("attachments", None)
    report = _only(event, _PLAIN)
    contexts = event.get("contexts") or {}
    report["contexts"] = {name: _only(contexts.get(name), names) for name, names in _CONTEXTS.items()}
    report["exception"] = {"values": _exceptions(event, hint)}
    report["breadcrumbs"] = {"values": [_only(crumb, _BREADCRUMB) for crumb in _values(event, "breadcrumbs")]}
    report["request"] = _only(event.get("request"), ("method",))
    report["tags"] = _only(event.get("tags"), ("celery_task_id",))
    if (event.get("transaction_info") or {}).get("source") in _NAMED_IN_CODE:
        report["transaction"] = event["transaction"]
    if "log_record" in hint:
        report["logentry"] = {"message": _event_name(hint["log_record"])}
        report["extra"] = _log_line(hint["log_record"])
    return {name: value for name, value in report.items() if value not in ({}, {"values": []})}


def _allowed_breadcrumb(crumb: Any, hint: Mapping[str, Any]) -> Any:
    """Keep that something was logged, asked or called, not with which words, addresses, keys or values."""
    kept = _only(crumb, [name for name in _BREADCRUMB if name != "message"])
    if "log_record" in hint:
        kept["message"] = _event_name(hint["log_record"])
    return kept


def _exceptions(event: Any, hint: Mapping[str, Any]) -> list[dict[str, Any]]:
    raised = (hint.get("exc_info") or (None, None))[1]
    told = {type(each).__name__: describe(each) for each in (causes(raised) if raised else [])}
    return [_exception(value, told) for value in _values(event, "exception")]


def _exception(value: Mapping[str, Any], told: Mapping[str, str]) -> dict[str, Any]:
    frames = (value.get("stacktrace") or {}).get("frames") or []
    return {
        **_only(value, ("type", "module", "thread_id")),
        # In place of the exception's words.
        "value": told.get(str(value.get("type")), ""),
        "mechanism": _only(value.get("mechanism"), _MECHANISM),
        "stacktrace": {"frames": [_only(frame, _FRAME) for frame in frames]},
    }


def _event_name(record: Any) -> str:
    """Return the event of a line of ours; a library's line by the place that wrote it."""
    if isinstance(record.msg, dict):
        return str(record.msg.get("event", ""))
    return f"{record.name}: {record.module}:{record.lineno}"


def _log_line(record: Any) -> dict[str, Any]:
    return _only(record.msg, _LOG_LINE) if isinstance(record.msg, dict) else {}


def _values(event: Any, name: str) -> list[Any]:
    found = event.get(name) or []
    return list(found.get("values") or []) if isinstance(found, dict) else list(found)


def _only(source: Any, names: Iterable[str]) -> dict[str, Any]:
    return {name: source[name] for name in names if isinstance(source, Mapping) and name in source}
