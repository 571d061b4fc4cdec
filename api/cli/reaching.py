"""How a command reaches what it works on: the database on this machine, or the running server over HTTP."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import re
import shutil
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeVar
from urllib.parse import quote, urlsplit
from uuid import uuid4

import msgspec

from api.acts import Wiring
from api.app import wired
from api.cli.serve import DATABASE
from api.cli.speaking import UNREACHABLE, USAGE, Stop
from infra.clock import Institution
from infra.embedded import EmbeddedPostgres, Urls
from infra.master_key import ensure_key_file
from infra.migrate import migrate
from infra.settings import PREFIX, Settings, load

__all__ = ["Remote", "chosen", "database", "in_path", "opened", "remote", "run"]

RUNNING: Final = "running.json"
_SECONDS: Final = 60.0
_TOKEN: Final = re.compile(r"[!-~]+")
T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run the work of a command to its end."""
    return asyncio.run(work)


@contextmanager
def database(settings: Settings) -> Iterator[Urls]:
    """The database that is named; else the one that `biaogan serve` keeps; else our own, for as long as needed."""
    if settings.database_url is not None:
        yield Urls(owner_url=settings.owner_url or "", app_url=settings.database_url)
        return
    kept = _of_the_running(settings)
    if kept is not None:
        yield kept
        return
    with EmbeddedPostgres(settings.state_dir / "postgres") as server:
        urls = asyncio.run(server.prepare(DATABASE))
        asyncio.run(migrate(urls.owner_url))
        yield urls


def _of_the_running(settings: Settings) -> Urls | None:
    """What `biaogan serve` has written down for us, if the process that wrote it lives."""
    path = settings.state_dir / RUNNING
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        os.kill(kept["pid"], 0)
    except (FileNotFoundError, ProcessLookupError):
        return None
    except (ValueError, KeyError, PermissionError):
        raise Stop(
            f"{path} cannot be used; remove it if `biaogan serve` does not run. 该文件无法使用;服务未运行时可删除。"
        ) from None
    return Urls(owner_url="", app_url=kept["database_url"])


@asynccontextmanager
async def opened(settings: Settings, urls: Urls) -> AsyncIterator[Wiring]:
    """The parts of the product on that database."""
    async with wired(urls.app_url, ensure_key_file(settings.key_file), name="cli", pool_size=4) as wiring:
        yield wiring


async def chosen(wiring: Wiring, institution_id: str | None) -> Institution:
    """The institution that is named, or the only one there is."""
    there = await wiring.parts.clock.institutions()
    found = [each for each in there if institution_id in (None, each.institution_id)]
    if len(found) == 1:
        return found[0]
    names = ", ".join(each.institution_id for each in there)
    if not there:
        raise Stop("No institution has been opened; see `biaogan institution open --help`. 尚未开立机构。")
    raise Stop(f"Say which institution with --institution: {names}. 请用 --institution 指明机构。", USAGE)


# --- over HTTP -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Remote:
    """A running server, asked with a token."""

    url: str
    token: str

    def get(self, path: str) -> Any:  # noqa: ANN401 - JSON of any shape.
        """Read something."""
        return self._ask("GET", path, None, {})

    def post(
        self,
        path: str,
        body: object,
        *,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> Any:  # noqa: ANN401 - As above.
        """Ask for something."""
        sent = {"Idempotency-Key": str(uuid4()), "Content-Type": content_type, **(headers or {})}
        data = body if isinstance(body, bytes) else msgspec.json.encode(body)
        return self._ask("POST", path, data, sent)

    def save(self, path: str, into: BinaryIO) -> None:
        """Read a file, some of it at a time."""
        with self._answered("GET", path, None, {}) as answered:
            shutil.copyfileobj(answered, into)

    def _ask(self, method: str, path: str, data: bytes | None, headers: Mapping[str, str]) -> Any:  # noqa: ANN401 - As above.
        with self._answered(method, path, data, headers) as answered:
            return json.loads(answered.read())

    @contextmanager
    def _answered(
        self, method: str, path: str, data: bytes | None, headers: Mapping[str, str]
    ) -> Iterator[http.client.HTTPResponse]:
        """An answer that is being read; whatever goes wrong on the way is a sentence and an exit code."""
        sent = {
            "Authorization": f"Bearer {self.token}",
            "Accept": "application/json",
            "Accept-Language": _language(),
            **headers,
        }
        request = urllib.request.Request(self.url.rstrip("/") + path, data, sent, method=method)  # noqa: S310 - see remote().
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as answered:  # noqa: S310 - See above.
                yield answered
        except urllib.error.HTTPError as refused:
            problem = _problem(refused)
            raise Stop(f"{refused.code} {problem['detail']}", data=problem) from None
        except (urllib.error.URLError, TimeoutError, ConnectionError) as fault:
            reason = getattr(fault, "reason", fault)
            raise Stop(f"{self.url} does not answer ({reason}). 服务没有应答。", UNREACHABLE) from None
        except (http.client.HTTPException, ValueError):
            raise Stop(f"{self.url} answers, but not as Biaogan does. 该地址不是标杆服务。", UNREACHABLE) from None


def _problem(refused: urllib.error.HTTPError) -> dict[str, Any]:
    try:
        problem: dict[str, Any] = json.loads(refused.read())
    except ValueError:
        return {"detail": "The answer is no problem+json; is this Biaogan? 回答不是 problem+json,或非标杆服务。"}
    return {"detail": "", **problem}


def remote(url: str | None, token_file: Path | None) -> Remote:
    """The server to ask and the token to ask with: options first, then BIAOGAN_URL and BIAOGAN_TOKEN."""
    settings = load()
    token = _token(token_file)
    kept = settings.state_dir / RUNNING
    at = url or os.environ.get(f"{PREFIX}URL")
    if at is None and kept.exists():
        at = str(json.loads(kept.read_text(encoding="utf-8")).get("url", ""))
    at = at or f"http://{settings.host}:{settings.port}"
    try:
        parts = urlsplit(at)
        is_address = parts.scheme in {"http", "https"} and bool(parts.hostname) and at.isascii() and at.isprintable()
    except ValueError:
        is_address = False
    if not is_address or " " in at:
        raise Stop(f"{at} is no http address. 不是 http 地址。", USAGE)
    return Remote(at, token)


def _token(token_file: Path | None) -> str:
    try:
        token = token_file.read_text(errors="replace") if token_file else os.environ.get(f"{PREFIX}TOKEN", "")
    except OSError as fault:
        raise Stop(f"{token_file} cannot be read ({fault.strerror}). 无法读取令牌文件。", USAGE) from None
    token = token.strip()
    if not token:
        raise Stop(f"Give a token: --token-file, or {PREFIX}TOKEN. 请提供令牌。", USAGE)
    if not _TOKEN.fullmatch(token):
        raise Stop("That is no token: a token is one word of plain characters. 内容不是令牌。", USAGE)
    return token


def _language() -> str:
    """The language of the person at the terminal, as their locale says it."""
    said = next(filter(None, map(os.environ.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    return "zh" if said.startswith("zh") else "en"


def in_path(word: str) -> str:
    """A word as it stands in a path, whatever was typed."""
    return quote(word, safe="")
