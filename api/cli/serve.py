"""The whole product on one machine: database and broker (our own where none is named), migrations, and every process.

``biaogan serve`` keeps it running until it is told to stop; the demonstration plays its story on one of its own.
"""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

import asyncpg
import msgspec

from infra.binaries import BinariesNotFound
from infra.embedded import EmbeddedError, EmbeddedPostgres, Urls
from infra.embedded_broker import EmbeddedValkey
from infra.master_key import KeyFileRefused, ensure_key_file
from infra.migrate import MigrationRefused, migrate
from infra.places import PlaceRefused
from infra.processes import PROCESSES, Process, is_healthy
from infra.settings import PREFIX, Settings, SettingsRefused
from infra.supervisor import Child, Supervisor

__all__ = ["CANNOT_START", "Product", "StartRefused", "listening", "log_file", "product"]

ROOT: Final = Path(__file__).resolve().parents[2]
DATABASE: Final = "biaogan"
_PORTS_TRIED: Final = 100
_BACKLOG: Final = 2048
_HEALTHY_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.05
_CONNECT_SECONDS: Final = 10.0

Say = Callable[[str], None]


class StartRefused(Exception):
    """The product cannot start; the sentence says why and what to do."""


CANNOT_START: Final = (
    StartRefused,
    SettingsRefused,
    EmbeddedError,
    BinariesNotFound,
    KeyFileRefused,
    MigrationRefused,
    PlaceRefused,
)
"""What keeps the product from starting, each with one sentence for a person."""


@dataclass(frozen=True, kw_only=True)
class Product:
    """The product while it runs."""

    url: str
    settings: Settings
    log_file: Path
    supervisor: Supervisor

    def tend(self) -> None:
        """Look after the processes once; raises StartRefused where one cannot be kept running."""
        if not self.supervisor.tend():
            raise StartRefused(
                f"A process ends again and again; its last words are in {self.log_file}. 有进程反复退出,详见该日志。"
            )


def log_file(settings: Settings) -> Path:
    """Where every process of an installation writes what it does."""
    return settings.state_dir / "processes.log"


@contextmanager
def product(settings: Settings, say: Say) -> Iterator[Product]:
    """Start everything, hand it over when it is healthy, and stop it in order. Only the main thread may."""
    with _stopped_by_signal(), _database(settings, say) as urls, _broker(settings, say) as broker_url:
        if urls.owner_url:
            say("bringing the database up to date · 数据库迁移")
            asyncio.run(migrate(urls.owner_url))
        else:
            asyncio.run(_refuse_unmigrated(urls.app_url))
        ensure_key_file(settings.key_file)
        with listening(settings, say) as held:
            running = msgspec.structs.replace(
                settings,
                database_url=urls.app_url,
                owner_url=None,
                broker_url=broker_url,
                port=held.getsockname()[1],
            )
            written = log_file(settings)
            env = _environment(running)
            say(f"starting {', '.join(process.name for process in PROCESSES)} · 启动各进程")
            children = [_child(process, env, held.fileno()) for process in PROCESSES]
            with Supervisor(children, output=written) as supervisor:
                started = Product(
                    url=f"http://{_shown(running.host)}:{running.port}",
                    settings=running,
                    log_file=written,
                    supervisor=supervisor,
                )
                _until_healthy(started)
                yield started
    say("stopped · 已停止")


async def _refuse_unmigrated(app_url: str) -> None:
    """Without the owner's address nothing can be made here; a database that holds no record is refused at once."""
    try:
        connection = await asyncpg.connect(app_url, timeout=_CONNECT_SECONDS)
    except (OSError, asyncpg.PostgresError) as fault:
        raise StartRefused(
            f"The database of {PREFIX}DATABASE_URL does not answer ({type(fault).__name__}). 数据库没有应答。"
        ) from None
    try:
        if await connection.fetchval("SELECT to_regclass('public.log') IS NULL"):
            raise StartRefused(
                f"That database holds no record yet: set {PREFIX}OWNER_URL, or run `biaogan migrate`."
                f" 该数据库尚无记录:请设置 {PREFIX}OWNER_URL,或运行 `biaogan migrate`。"
            )
    finally:
        await connection.close()


@contextmanager
def _stopped_by_signal() -> Iterator[None]:
    """Let a polite request to end unwind everything, as Ctrl-C does."""

    def stop(_number: int, _frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _database(settings: Settings, say: Say) -> Iterator[Urls]:
    """The database that is named, or one of our own in the state folder."""
    if settings.database_url is not None:
        say("using the database of BIAOGAN_DATABASE_URL · 使用外部数据库")
        yield Urls(owner_url=settings.owner_url or "", app_url=settings.database_url)
        return
    with EmbeddedPostgres(settings.state_dir / "postgres") as server:
        say(f"PostgreSQL {server.binaries.version} runs, closed to others · 内嵌数据库已启动")
        yield asyncio.run(server.prepare(DATABASE))


@contextmanager
def _broker(settings: Settings, say: Say) -> Iterator[str]:
    """The broker that is named, or one of our own in the state folder."""
    if settings.broker_url is not None:
        say("using the broker of BIAOGAN_BROKER_URL · 使用外部消息队列")
        yield settings.broker_url
        return
    with EmbeddedValkey(settings.state_dir / "broker") as server:
        say("Valkey runs, closed to others · 内嵌消息队列已启动")
        yield server.url


def _environment(settings: Settings) -> Mapping[str, str]:
    """What the processes are told: the settings as variables, and where the program lies."""
    values = {
        f"{PREFIX}{name.upper()}": str(value)
        for name, value in msgspec.structs.asdict(settings).items()
        if value is not None
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    return {**inherited, **values, "PYTHONPATH": path}


def _child(process: Process, env: Mapping[str, str], address: int) -> Child:
    if process.health != "http":
        return Child(process.name, process.argv(), env)
    return Child(process.name, [*process.argv(), "--fd", str(address)], env, holds=(address,))


def listening(settings: Settings, say: Say) -> socket.socket:
    """A socket that listens at the port that was asked for, or the next free one.

    We hold it for as long as we run, and the API takes it over: a port that was only looked at could be somebody
    else's by the time it is used, and the answers would be another installation's.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    for port in range(settings.port, min(settings.port + _PORTS_TRIED, 65_536)):
        held = socket.socket(family, socket.SOCK_STREAM)
        try:
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            held.bind((settings.host, port))
            held.listen(_BACKLOG)
        except OSError as fault:
            held.close()
            if fault.errno == errno.EADDRINUSE:
                continue
            raise StartRefused(
                f"Nothing can listen at {settings.host}, port {port} ({fault.strerror});"
                f" set {PREFIX}HOST or {PREFIX}PORT."
                f" 无法在该地址与端口监听,请设置 {PREFIX}HOST 或 {PREFIX}PORT。"
            ) from None
        if port != settings.port:
            say(f"port {settings.port} is taken, so this is {port} · 端口已占用,改用 {port}")
        return held
    raise StartRefused(f"No port from {settings.port} on is free; set {PREFIX}PORT. 端口均被占用,请另行设置。")


def _shown(host: str) -> str:
    """The host as a person's browser takes it."""
    plain = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - translated, not listened on.
    return f"[{plain}]" if ":" in plain else plain


def _until_healthy(started: Product) -> None:
    deadline = time.monotonic() + _HEALTHY_SECONDS
    for process in PROCESSES:
        while not asyncio.run(is_healthy(process, started.settings)):
            started.tend()
            if time.monotonic() > deadline:
                raise StartRefused(
                    f"{process.name} is not healthy yet; its words are in {started.log_file}. 进程尚未就绪,详见该日志。"
                )
            time.sleep(_LOOK_SECONDS)
