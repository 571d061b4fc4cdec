"""A client of its own process: keep-alive connections over raw sockets, each sending its next request when answered.

``python -m bench.http_load WHAT PORT CONNECTIONS SECONDS TOKEN RUN`` prints what it measured as JSON.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import sys
import time
from collections.abc import Callable

import uvloop

UNITS = 1000
"""So many units are there to be read."""
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


def command(run: str, token: str) -> Callable[[], bytes]:
    """Register a new unit each time."""
    numbers = itertools.count(1)

    def request() -> bytes:
        name = f"{run}-{next(numbers)}"
        body = json.dumps(
            {
                "unit_id": f"U-{name}",
                "kind": "branch",
                "name_zh": "某支部",
                "name_en": "A branch",
                "valid_on": "2020-05-09",
            }
        ).encode()
        return (
            f"POST /v1/units HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\nIdempotency-Key: {name}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode() + body

    return request


def row(_run: str, token: str) -> Callable[[], bytes]:
    """Read one unit after another by its key."""
    numbers = itertools.cycle(range(UNITS))

    def request() -> bytes:
        path = f"/v1/units/U-seed-{next(numbers)}"
        return f"GET {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\r\n".encode()

    return request


class Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, request: Callable[[], bytes], status: bytes, until: float, latencies: list[float]) -> None:
        self._request, self._status, self._until, self._latencies = request, status, until, latencies
        self._received = b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._send()

    def _send(self) -> None:
        self._began = time.perf_counter()
        self._transport.write(self._request())

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found:
            return
        length = _LENGTH.search(head)
        if length is None or len(body) < int(length[1]):
            return
        if head[9:12] != self._status:
            self._end(RuntimeError(self._received.decode(errors="replace")[:500]))
            return
        now = time.perf_counter()
        self._latencies.append((now - self._began) * 1000)
        self._received = b""
        if now < self._until:
            self._send()
        else:
            self._end(None)

    def _end(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error) if error else self.done.set_result(None)
        self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionResetError("the server hung up"))


async def load(
    request: Callable[[], bytes], status: bytes, port: int, connections: int, seconds: float
) -> dict[str, object]:
    latencies: list[float] = []
    began = time.perf_counter()
    loop = asyncio.get_running_loop()
    made = [
        await loop.create_connection(lambda: Client(request, status, began + seconds, latencies), "127.0.0.1", port)
        for _ in range(connections)
    ]
    await asyncio.gather(*(client.done for _, client in made))
    return {"seconds": time.perf_counter() - began, "latencies": latencies}


def main() -> None:
    what, port, connections, seconds, token, run = sys.argv[1:]
    request, status = (command(run, token), b"201") if what == "command" else (row(run, token), b"200")
    work = load(request, status, int(port), int(connections), float(seconds))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(work)))


if __name__ == "__main__":
    main()
