"""The embedded Valkey: closed to others, gone with whoever started it, there again at once with what it was given."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from infra.embedded_broker import PROGRAM_VARIABLE, EmbeddedValkey, find_program
from infra.own_server import EmbeddedError
from tests.conftest import open_folder
from tests.waiting import is_running, until

ROOT = Path(__file__).resolve().parent.parent
IS_ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not IS_ROOT, reason="only root can become another user")

KEEP_RUNNING = """
import signal, sys
from pathlib import Path
from infra.embedded_broker import EmbeddedValkey

signal.signal(signal.SIGINT, signal.default_int_handler)  # A shell's background job ignores it otherwise.
with EmbeddedValkey(Path(sys.argv[1])) as server:
    print(server.pid, flush=True)
    signal.pause()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as name:
        yield Path(name)


def client(server: EmbeddedValkey) -> redis.Redis:
    return redis.Redis.from_url(server.url)


def parent_with_server(folder: Path) -> tuple[subprocess.Popen[str], int]:
    argv = [sys.executable, "-c", KEEP_RUNNING, str(folder / "broker")]
    parent = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    line = parent.stdout.readline()
    assert line.strip().isdecimal(), "the parent did not start its server"
    return parent, int(line)


def test_what_it_was_given_survives_a_restart(folder: Path) -> None:
    with EmbeddedValkey(folder / "broker") as server, client(server) as asking:
        asking.set("kept", "标杆")
        pid = server.pid
    assert pid is not None
    assert not is_running(pid)
    with EmbeddedValkey(folder / "broker") as server, client(server) as asking:
        assert asking.get("kept") == "标杆".encode()


def test_what_it_was_given_survives_being_killed(folder: Path) -> None:
    server = EmbeddedValkey(folder / "broker")
    server.start()
    with client(server) as asking:
        for number in range(1000):
            asking.rpush("kept", number)
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    server.stop()
    with server, client(server) as asking:
        assert asking.llen("kept") == 1000


def test_it_keeps_a_file_of_what_it_was_given_and_drops_nothing_for_want_of_room(broker: EmbeddedValkey) -> None:
    with client(broker) as asking:
        for name, value in {"appendonly": "yes", "maxmemory-policy": "noeviction", "port": "0", "save": ""}.items():
            assert asking.config_get(name) == {name: value}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_it_goes_with_its_parent_and_the_next_start_works_at_once(folder: Path, number: signal.Signals) -> None:
    parent, pid = parent_with_server(folder)
    with parent:
        parent.send_signal(number)
    with EmbeddedValkey(folder / "broker") as server, client(server) as asking:
        assert asking.ping()
        assert not is_running(pid)


def test_killing_the_parent_is_enough_for_the_server_to_end(folder: Path) -> None:
    parent, pid = parent_with_server(folder)
    assert is_running(pid)
    with parent:
        parent.kill()
    until(lambda: not is_running(pid), "the server ends with its parent")


def test_one_folder_has_one_server(folder: Path) -> None:
    with (
        EmbeddedValkey(folder / "broker"),
        pytest.raises(EmbeddedError, match="in use by another running biaogan"),
    ):
        EmbeddedValkey(folder / "broker").start()


def test_a_server_started_twice_is_one_server(folder: Path) -> None:
    with EmbeddedValkey(folder / "broker") as server:
        pid = server.pid
        server.start()
        assert server.pid == pid


def test_nobody_else_may_pass_to_it(broker: EmbeddedValkey) -> None:
    expected = 65534 if IS_ROOT else os.geteuid()
    for path in (broker.socket, broker.socket.parent, broker.data_dir / "data"):
        status = path.stat()
        assert stat.S_IMODE(status.st_mode) == 0o700, path
        assert status.st_uid == expected, path
    for path in (broker.log_file, broker.data_dir / "lock"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


@pytest.mark.parametrize("name", ["标杆院系 2020", "n" * 120], ids=["Chinese and a space", "too long for a socket"])
def test_any_folder_will_do(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    (folder / name).mkdir()
    (folder / name).chmod(0o711)
    with EmbeddedValkey(folder / name / "broker") as server, client(server) as asking:
        assert folder not in server.socket.parents
        assert asking.config_get("dir") == {"dir": str(folder / name / "broker" / "data")}
    server.socket.parent.rmdir()


def test_a_server_that_cannot_start_says_why_and_gives_the_folder_free(folder: Path) -> None:
    with EmbeddedValkey(folder / "broker") as server:
        data = server.data_dir / "data" / "appendonlydir"
    for file in data.glob("*.manifest"):
        file.write_text("no manifest\n")
    with pytest.raises(EmbeddedError, match=r"ended at once \(exit 1\): .*valkey\.log"):
        EmbeddedValkey(folder / "broker").start()
    shutil.rmtree(data)
    with EmbeddedValkey(folder / "broker") as server:
        assert server.pid is not None


def test_a_pid_file_that_names_a_living_stranger_does_not_stop_the_start(folder: Path) -> None:
    with EmbeddedValkey(folder / "broker"):
        pass
    with subprocess.Popen(["sleep", "60"]) as stranger:
        try:
            (folder / "broker" / "data" / "valkey.pid").write_text(f"{stranger.pid}\n")
            with EmbeddedValkey(folder / "broker") as server:
                assert server.pid is not None
            assert is_running(stranger.pid)
        finally:
            stranger.kill()


def test_a_setting_names_the_program(folder: Path) -> None:
    program = folder / "my-valkey"
    program.symlink_to(find_program())
    assert find_program({PROGRAM_VARIABLE: str(program)}) == program
    with pytest.raises(EmbeddedError, match=f"{PROGRAM_VARIABLE}=.*is no program"):
        find_program({PROGRAM_VARIABLE: str(folder / "missing")})


@needs_root
def test_a_folder_closed_to_the_servers_account_is_named(folder: Path) -> None:
    (folder / "closed").mkdir(mode=0o700)
    with pytest.raises(EmbeddedError, match=rf"cannot enter {folder}/closed\. Set BIAOGAN_STATE_DIR"):
        EmbeddedValkey(folder / "closed" / "broker").start()


@needs_root
def test_a_program_closed_to_the_servers_account_is_copied_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIAOGAN_STATE_DIR", str(folder))
    # A wheel in a folder that only root may enter, as an environment under root's home is.
    packages = folder / "closed"
    packages.mkdir(mode=0o700)
    installed = find_program().parents[2]
    for path in (installed, *installed.parent.glob(f"{installed.name}-*.dist-info")):
        (packages / path.name).symlink_to(path)
    script = (
        "import sys; from pathlib import Path; from infra.embedded_broker import EmbeddedValkey, find_program\n"
        f"assert str(find_program()).startswith({str(packages)!r})\n"
        "with EmbeddedValkey(Path(sys.argv[1])) as server: print(Path(f'/proc/{server.pid}/exe').readlink())"
    )
    env = {**os.environ, "PYTHONPATH": f"{packages}:{ROOT}"}
    for _ in range(2):
        argv = [sys.executable, "-c", script, str(folder / "broker")]
        ran = subprocess.run(argv, cwd=ROOT, env=env, check=False, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr
        assert Path(ran.stdout.strip()).is_relative_to(folder / "binaries")
    assert len(list((folder / "binaries").iterdir())) == 1
    assert stat.S_IMODE(packages.stat().st_mode) == 0o700, "no folder was opened for the server's sake"
