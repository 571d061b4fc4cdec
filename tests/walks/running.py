"""The product as its own processes on a database of the test server: what a walk walks through."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import signal
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import msgspec

from infra.embedded import APP_ROLE, OWNER_ROLE, EmbeddedPostgres
from infra.embedded_broker import EmbeddedValkey
from infra.master_key import ensure_key_file
from infra.processes import named, until_healthy
from infra.settings import Settings
from infra.supervisor import Child, Supervisor

ROOT = Path(__file__).resolve().parents[2]
HEALTHY_SECONDS = 60.0
_numbers = itertools.count(1)


def free_port() -> int:
    """A port that nothing listens at, below those that the system gives to outgoing connections: none takes it away."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@dataclass
class Product:
    """Some processes of the product, each API process at its own address."""

    settings: Settings
    superuser_url: str
    supervisors: dict[str, Supervisor] = field(default_factory=dict)
    urls: list[str] = field(default_factory=list)

    async def start(self, name: str) -> None:
        """Start one more process of the table; a second API gets a port of its own."""
        settings = msgspec.structs.replace(self.settings, port=free_port())
        env = {
            **{key: value for key, value in os.environ.items() if not key.startswith("BIAOGAN_")},
            "BIAOGAN_DATABASE_URL": str(settings.database_url),
            "BIAOGAN_BROKER_URL": str(settings.broker_url),
            "BIAOGAN_PORT": str(settings.port),
            "BIAOGAN_STATE_DIR": str(settings.state_dir),
            "BIAOGAN_KEY_FILE": str(settings.key_file),
            "PYTHONPATH": str(ROOT),
        }
        supervisor = Supervisor([Child(name, named(name).argv(), env)], output=self.log_file)
        supervisor.start()
        self.supervisors[f"{name}-{next(_numbers)}"] = supervisor
        assert await until_healthy(named(name), settings, HEALTHY_SECONDS), self.log_file.read_text()
        if name == "api":
            self.urls.append(f"http://127.0.0.1:{settings.port}")

    def kill(self, name: str) -> None:
        """Kill every process of this name, as a machine does that loses its power; none is started again."""
        for started in [each for each in self.supervisors if each.rpartition("-")[0] == name]:
            supervisor = self.supervisors.pop(started)
            for pid in supervisor.pids.values():
                os.kill(pid, signal.SIGKILL)
            supervisor.stop()

    @property
    def log_file(self) -> Path:
        return self.settings.state_dir / "processes.log"

    def stop(self) -> None:
        for supervisor in self.supervisors.values():
            supervisor.stop()


@asynccontextmanager
async def running(
    server: EmbeddedPostgres, template: str, folder: Path, processes: Iterable[str]
) -> AsyncIterator[Product]:
    """A fresh database, a queue, and these processes on them; everything is stopped and dropped afterwards."""
    name = f"walk_{next(_numbers)}"
    admin = await asyncpg.connect(server.superuser_url())
    broker = EmbeddedValkey(folder / "broker")
    try:
        broker.start()
        await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} OWNER {OWNER_ROLE}")
        await admin.execute(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
        await admin.execute(f"GRANT CONNECT ON DATABASE {name} TO {APP_ROLE}")
        ensure_key_file(folder / "vault.key")
        settings = Settings(
            database_url=server.urls(name).app_url,
            broker_url=broker.url,
            state_dir=folder,
            key_file=folder / "vault.key",
            signer_dir=folder / "signer",
            host="127.0.0.1",
        )
        product = Product(settings, server.superuser_url(name))
        try:
            for process in processes:
                await product.start(process)
            yield product
        finally:
            product.stop()
            await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        broker.stop()
        await admin.close()
