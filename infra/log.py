"""Logs are JSON lines on standard error: what happened, where, for which request; never the content it happened to."""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
import uuid
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import AbstractContextManager, suppress
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, Final, TextIO

import asyncpg
import msgspec
import structlog

# Libraries whose lines carry addresses and counts; from all others only the first words of the template are kept,
# because arguments and further lines show values (asyncio prints a failed task with its exception's text).
_TRUSTED_LIBRARIES = ("uvicorn.error",)
_BEFORE_VALUES = re.compile(r"[^\n<(%{]*")
_OFFERED_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_DEEPEST_CAUSE = 5
_BESIDE: Final[ContextVar[Mapping[str, object]]] = ContextVar("beside", default=MappingProxyType({}))
"""What stands beside every line of the work under way."""


class _Lines:
    """Writes lines to a stream; like the library's own handlers it lets no closed pipe or full disk stop the work."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, line: str) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(line + "\n")
            self._stream.flush()

    debug = info = warning = error = critical = write


def configure(process: str, level: str = "INFO", stream: TextIO | None = None) -> None:
    """Send structlog's and every library's lines of this process to one stream, as JSON."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        _said_by(process),
        _without_content,
    ]
    lines = _Lines(stream or sys.stderr)
    # Our own lines do not pass through the library's loggers, whose records cost more than all else about a line.
    structlog.configure(
        processors=[*shared, _rendered],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: lines,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_only_template, *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _rendered,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.captureWarnings(capture=True)
    # Its lines are whole URLs, with what people searched for; the API writes its own line, by route.
    logging.getLogger("uvicorn.access").disabled = True


def logger(**names: object) -> structlog.typing.FilteringBoundLogger:
    """Return a logger that puts these names beside every line."""
    bound: structlog.typing.FilteringBoundLogger = structlog.get_logger(**names)
    return bound


def request_id(offered: str | None) -> str:
    """Return the caller's id of a request if it is a plain word, else a new one."""
    return offered if offered is not None and _OFFERED_REQUEST_ID.fullmatch(offered) else str(uuid.uuid4())


def during(**names: object) -> AbstractContextManager[None]:
    """Put these names beside every line written inside, in whatever task or function: request, position, command."""
    return _Beside(names)


class _Beside:
    __slots__ = ("_names", "_token")

    def __init__(self, names: Mapping[str, object]) -> None:
        self._names = names

    def __enter__(self) -> None:
        self._token = _BESIDE.set({**_BESIDE.get(), **self._names})

    def __exit__(self, *_: object) -> None:
        _BESIDE.reset(self._token)


def _said_by(process: str) -> structlog.typing.Processor:
    def said(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:  # noqa: ANN401
        return {**_BESIDE.get(), **line, "process": process}

    return said


def _rendered(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> str:  # noqa: ANN401
    try:
        return msgspec.json.encode(line, enc_hook=repr).decode()
    except UnicodeEncodeError:
        # A file's name may hold what is no text; written as an escape it stops nobody.
        return json.dumps(line, default=repr)


def _only_template(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:  # noqa: ANN401
    record: logging.LogRecord = line["_record"]
    line["logger"] = record.name
    if record.name not in _TRUSTED_LIBRARIES:
        words = _BEFORE_VALUES.match(str(record.msg))
        line["event"] = words[0].strip() if words else ""
    return line


def _without_content(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:  # noqa: ANN401
    given = line.pop("exc_info", None)
    if given is True:
        given = sys.exc_info()
    error = given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        line["error"] = outline(error)
    return line


def leaves(fault: BaseException) -> Iterator[BaseException]:
    """The faults in a group, however deep."""
    if isinstance(fault, BaseExceptionGroup):
        for each in fault.exceptions:
            yield from leaves(each)
    else:
        yield fault


def outline(error: BaseException) -> list[dict[str, object]]:
    """Describe an exception and its causes by kind and place; their messages may repeat what people wrote."""
    described: list[dict[str, object]] = []
    link: BaseException | None = error
    while link is not None and len(described) < _DEEPEST_CAUSE:
        frames = traceback.extract_tb(link.__traceback__)
        entry: dict[str, object] = {
            "kind": f"{type(link).__module__}.{type(link).__qualname__}",
            "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
        }
        if isinstance(link, asyncpg.PostgresError):
            entry["sqlstate"] = link.sqlstate
        if isinstance(link, OSError):
            entry["errno"] = link.errno
        described.append(entry)
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return described
