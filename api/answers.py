"""An answer on its way out: bytes or a stream, packed where the caller takes it packed.

Routes stand with the framework as plain ASGI applications, and answer with these: its own request and response objects,
made anew for every request, cost more than all that an answer is made of.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from litestar.response.streaming import ASGIStreamingResponse

from api.doorstep import Receive, Scope, Send

__all__ = ["JSON", "Response", "Stream"]

JSON: Final = "application/json"
_WORTH_PACKING: Final = 1000
_LEVEL: Final = 6
_GZIP: Final = 31
"""A window of the greatest size, in the frame of a gzip file."""
_EMPTY: Final = frozenset({204, 304})


@dataclass(slots=True)
class Response:
    """An answer that is there as a whole."""

    content: bytes
    status_code: int = 200
    headers: Mapping[str, str] | None = None
    media_type: str = JSON

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Send it."""
        content, headers = self.content, self.headers or {}
        if len(content) >= _WORTH_PACKING and _takes_packed(scope):
            content, headers = gzip.compress(content, _LEVEL, mtime=0), _packed(headers)
        if self.status_code not in _EMPTY:
            headers = {**headers, "Content-Type": _content_type(self.media_type), "Content-Length": str(len(content))}
        lines = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": self.status_code, "headers": lines})
        await send({"type": "http.response.body", "body": content})


@dataclass(slots=True)
class Stream:
    """An answer that is made while it is sent, and no further once the caller has gone."""

    chunks: AsyncIterator[bytes]
    media_type: str
    headers: Mapping[str, str] = field(default_factory=dict)
    packs: bool = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        chunks, headers = self.chunks, self.headers
        if self.packs and _takes_packed(scope):
            chunks, headers = _pack(chunks), _packed(headers)
        streaming: Any = ASGIStreamingResponse(
            iterator=chunks, headers={**headers, "Content-Type": _content_type(self.media_type)}
        )
        await streaming(scope, receive, send)


def _takes_packed(scope: Scope) -> bool:
    return any(name == b"accept-encoding" and b"gzip" in value for name, value in scope["headers"])


def _packed(headers: Mapping[str, str]) -> Mapping[str, str]:
    varies = headers.get("Vary")
    return {
        **headers,
        "Content-Encoding": "gzip",
        "Vary": f"{varies}, Accept-Encoding" if varies else "Accept-Encoding",
    }


async def _pack(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    packer = zlib.compressobj(_LEVEL, wbits=_GZIP)
    async for chunk in chunks:
        if packed := packer.compress(chunk):
            yield packed
    yield packer.flush()


def _content_type(media_type: str) -> str:
    return f"{media_type}; charset=utf-8" if media_type.startswith("text/") and ";" not in media_type else media_type
