"""How the server speaks HTTP: uvicorn as it is, but that even what is no HTTP at all is refused with a problem."""

from __future__ import annotations

from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.problems import NotHttp, problem
from infra.log import request_id

__all__ = ["served"]

_LINE: Final = b"HTTP/1.1 400 Bad Request\r\n"


class Protocol(HttpToolsProtocol):
    """One connection."""

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - The parser's words are not ours.
        """Refuse what cannot be read as a request; in English, since no header of it can be trusted."""
        identity = request_id(None)
        _, headers, body = problem(NotHttp(), "en", identity)
        fields = {**headers, "Content-Length": str(len(body)), "X-Request-Id": identity, "Connection": "close"}
        head = "".join(f"{name.lower()}: {value}\r\n" for name, value in fields.items())
        self.transport.write(b"".join((_LINE, head.encode("latin-1"), b"\r\n", body)))
        self.transport.close()


def served(application: Any, **settings: Any) -> uvicorn.Config:  # noqa: ANN401 - Passed on as it is.
    """How an application is served, wherever it listens."""
    return uvicorn.Config(
        application,
        http=Protocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        # Nobody else's word is taken for where a request comes from.
        proxy_headers=False,
        **settings,
    )
