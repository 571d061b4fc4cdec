"""The demonstration's end of the wire: an HTTP client of the standard library that notes every request it sends."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

__all__ = ["Answer", "Unreachable", "Wire"]

_SECONDS: Final = 90.0
_TRIES: Final = 40
_PAUSE_SECONDS: Final = 0.25
_BUSY: Final = 503


class Unreachable(Exception):
    """The running server does not answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def body(self) -> Any:  # noqa: ANN401 - JSON of any shape.
        """The answer as JSON."""
        return json.loads(self.content)


class Wire:
    """Sends requests to one server, one at a time; each gets a line in a file, without its secrets and its texts.

    The line says what was asked, what came back, and how long it took.
    """

    def __init__(self, url: str, log: Path) -> None:
        self._authority = urlsplit(url).netloc
        self._connection = http.client.HTTPConnection(self._authority, timeout=_SECONDS)
        self.log = log
        self.sent = len(log.read_text(encoding="utf-8").splitlines()) if log.exists() else 0

    def ask(
        self,
        method: str,
        path: str,
        *,
        token: str | None,
        who: str,
        step: str = "",
        body: object = None,
        content: tuple[str, bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request, without a token as anybody. A body goes as JSON, a content with its media type."""
        named = {"Accept": "application/json", **(headers or {})}
        if token is not None:
            named["Authorization"] = f"Bearer {token}"
        data = b""
        if content is not None:
            named["Content-Type"], data = content
        elif body is not None:
            named["Content-Type"], data = "application/json", json.dumps(body, ensure_ascii=False).encode()
        for _ in range(_TRIES):
            began = time.perf_counter()
            answer = self._send(method, path, data, named)
            took_ms = round((time.perf_counter() - began) * 1000)
            self._note({"step": step, "as": who, "method": method, "path": path}, named, answer, took_ms)
            if answer.status != _BUSY:
                return answer
            # The server says that it has not caught up yet, and that the same request may be sent again.
            time.sleep(_PAUSE_SECONDS)
        raise Unreachable(f"{method} {path} has been answered with {_BUSY} {_TRIES} times.")

    def _send(self, method: str, path: str, data: bytes, headers: Mapping[str, str]) -> Answer:
        try:
            return self._exchange(method, path, data, headers)
        except (http.client.HTTPException, ConnectionError):
            # An idle connection may have been closed by the server; a request with its key may always be sent again.
            self._connection.close()
        try:
            return self._exchange(method, path, data, headers)
        except (http.client.HTTPException, OSError) as error:
            raise Unreachable(f"{self._authority} does not answer: {type(error).__name__}.") from error

    def _exchange(self, method: str, path: str, data: bytes, headers: Mapping[str, str]) -> Answer:
        self._connection.request(method, path, data or None, dict(headers))
        response = self._connection.getresponse()
        return Answer(response.status, dict(response.getheaders()), response.read())

    def _note(self, request: Mapping[str, str], headers: Mapping[str, str], answer: Answer, took_ms: int) -> None:
        self.sent += 1
        line: dict[str, object] = {"n": self.sent, **request}
        for name in ("Idempotency-Key", "If-Match", "Effective-On", "Reason"):
            if name in headers:
                line[name.lower().replace("-", "_")] = headers[name]
        line["status"], line["took_ms"] = answer.status, took_ms
        if answer.headers.get("Content-Type", "").startswith("application/problem"):
            line["problem"] = answer.body["type"]
        with self.log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()
