"""The one file a bare machine runs: it makes .venv, installs what the lock pins, and starts the product or its tests.

Standard library only. The lines above the check of the version are kept readable for much older Pythons, so that those
answer with a sentence instead of a syntax error.
"""

import os
import sys

if sys.version_info < (3, 11) or os.name != "posix":
    sys.exit(
        "biaogan needs Python 3.11 or newer on Linux or macOS; this is Python %d.%d on %s. "  # noqa: UP031
        "Try for example: python3.11 infra/bootstrap.py demo" % (sys.version_info[0], sys.version_info[1], sys.platform)
    )

import fcntl
import hashlib
import importlib.util
import io
import json
import shlex
import shutil
import subprocess
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv"
PYTHON = ENVIRONMENT / "bin" / "python"
LAUNCHER = ENVIRONMENT / "bin" / "biaogan"
STAMP = ENVIRONMENT / "installed.json"
RUNTIME_LOCK = ROOT / "requirements.lock"
DEVELOPER_LOCK = ROOT / "requirements-dev.lock"
# One process more than there are processors, since many tests wait for others; a file stays in one of them, and the
# files keep their order: by the number of their tests, the few that take minutes would all be begun last.
PYTEST = ("pytest", "-n", str((os.cpu_count() or 1) + 1), "--dist", "loadfile", "--no-loadscope-reorder")
STORE_MAJORS = (16, 15)  # Where found, the suites of the store run again on these; the whole suite runs on the newest.

USAGE = """usage: python3 infra/bootstrap.py demo|serve|test|rules [arguments]

  demo   play the story on a server of its own, show and check what it reached · 演示
         with --keep, go on with the last one · 加 --keep 继续上次演示
  serve  run the product at http://127.0.0.1:8000 until Ctrl-C · 运行服务
  test   style, types and every test; with arguments, pytest alone with these · 全部检验
  rules  play every rule and print those that hold, as sentences to read and to sign · 规则文本
"""


class Stop(Exception):
    """The bootstrap cannot go on; the sentence says why and what to do."""


def say(line: str) -> None:
    """Tell the person at the terminal what goes on; standard output belongs to what is started."""
    print(f"biaogan: {line}", file=sys.stderr, flush=True)


def digest(lock: Path) -> str:
    """Name a lock by what it says."""
    return hashlib.sha256(lock.read_bytes()).hexdigest()


def interpreter() -> str:
    """Return the Python that stands behind a virtual environment, so that .venv can be made anew from within itself."""
    return str(getattr(sys, "_base_executable", sys.executable))


def installed() -> dict[str, object]:
    """Return what the stamp says of the environment; nothing when there is none that works."""
    try:
        stamp = json.loads(STAMP.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}
    works = PYTHON.exists() and stamp.get("python") == sys.version and stamp.get("root") == str(ROOT)
    return dict(stamp) if works else {}


@contextmanager
def alone() -> Iterator[None]:
    """Let one bootstrap at a time touch the environment."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another bootstrap of this folder to finish installing · 等待本目录的另一安装完成")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def ensure(lock: Path) -> None:
    """Make the environment hold what the lock pins, once."""
    with alone():
        stamp = installed()
        locks = stamp.get("locks", [])
        if isinstance(locks, list) and digest(lock) in locks:
            return
        started = time.monotonic()
        if not stamp:
            make_environment()
        install(lock)
        put_project_on_path()
        # The developer's lock holds everything the other one does, at the same versions.
        held = {digest(lock), digest(RUNTIME_LOCK)}
        STAMP.write_text(
            json.dumps({"python": sys.version, "root": str(ROOT), "locks": sorted(held)}), encoding="utf-8"
        )
        say(f"environment ready in {time.monotonic() - started:.0f} s · 环境就绪")


def make_environment() -> None:
    """Make an empty .venv with the running Python."""
    say(f"making {ENVIRONMENT.name} with Python {sys.version.split()[0]} · 建立运行环境")
    if ENVIRONMENT.exists():
        shutil.rmtree(ENVIRONMENT)
    made = subprocess.run(
        [interpreter(), "-m", "venv", "--without-pip", str(ENVIRONMENT)], check=False, capture_output=True, text=True
    )
    if made.returncode != 0:
        raise Stop(f"Python could not make {ENVIRONMENT}: {(made.stderr or made.stdout).strip()} 无法建立运行环境。")
    if importlib.util.find_spec("ensurepip") is not None:
        subprocess.run([str(PYTHON), "-m", "ensurepip", "--default-pip"], check=False, capture_output=True)


def installer() -> list[str]:
    """Return a pip that installs into the environment: its own, or the one beside the running Python."""
    if runs([str(PYTHON), "-m", "pip", "--version"]):
        return [str(PYTHON), "-m", "pip"]
    outer = [interpreter(), "-m", "pip", "--python", str(PYTHON)]
    if runs([*outer, "--version"]):
        return outer
    raise Stop(
        "there is neither ensurepip nor pip 22.3 or newer here. Install one of them (Debian: python3-pip)."
        " 此处没有可用的 pip,请先安装。"
    )


def runs(argv: list[str]) -> bool:
    """Say whether a command works here."""
    return subprocess.run(argv, check=False, capture_output=True).returncode == 0


def install(lock: Path) -> None:
    """Install what a lock pins, checking every file's hash, and show how far it is."""
    total = sum(1 for line in lock.read_text(encoding="utf-8").splitlines() if "==" in line)
    say(
        f"installing up to {total} packages from {lock.name} (once; every file is checked against its hash)"
        " · 安装依赖(仅首次,逐一校验摘要)"
    )
    # Without resolution, since the lock is complete, and without building, since a bare machine has no compiler.
    options = ["--require-hashes", "--no-deps", "--only-binary", ":all:", "--no-input", "--disable-pip-version-check"]
    argv = [*installer(), "install", *options, "--progress-bar", "off", "-r", str(lock)]
    last: deque[str] = deque(maxlen=12)
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip:
        show_progress(pip.stdout or (), total, last)
    if pip.returncode != 0:
        told = "\n  ".join(last)
        raise Stop(
            f"pip could not install {lock.name}; its last words:\n  {told}\n"
            "Is a package index reachable? Run the same command again to go on. 安装未完成,请确认软件源可用后重试。"
        )


def show_progress(lines: Iterable[str], total: int, last: deque[str]) -> None:
    """Turn pip's talk into a line now and then, and keep its last words."""
    done = 0
    for line in lines:
        last.append(line.rstrip())
        if line.startswith("Collecting "):
            done += 1
            if done % 10 == 0:
                say(f"  {done} of {total} fetched · 已取 {done}/{total}")
        elif line.startswith("Installing collected"):
            say("  unpacking · 解包")


def put_project_on_path() -> None:
    """Make the project importable and give it its command, without building anything."""
    found = subprocess.run(
        [str(PYTHON), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    # As an escaped literal: older Pythons read .pth files in the locale's encoding, and folders have Chinese names.
    line = f"import sys; sys.path.append({str(ROOT)!a})\n"
    Path(found.stdout.strip(), "biaogan.pth").write_text(line, encoding="ascii")
    # Through sh, because the kernel cuts long interpreter lines and splits them at spaces.
    LAUNCHER.write_text(
        f"""#!/bin/sh\n'''exec' {shlex.quote(str(PYTHON))} "$0" "$@"\n' '''\n"""
        "import sys\n\nfrom api.cli import main\n\nsys.exit(main())\n",
        encoding="utf-8",
    )
    LAUNCHER.chmod(0o755)


def become(*arguments: str) -> NoReturn:
    """Turn into the product's command, so that signals reach it and nothing stands between it and the terminal."""
    sys.stdout.flush()
    os.execv(PYTHON, [str(PYTHON), str(LAUNCHER), *arguments])  # noqa: S606 - there is no shell to want here.


def majors() -> dict[int, str]:
    """Return the PostgreSQL installations here: major and full version."""
    listed = subprocess.run(
        [str(PYTHON), "-m", "infra.binaries"], cwd=ROOT, check=False, capture_output=True, text=True
    )
    if listed.returncode != 0:
        raise Stop(f"PostgreSQL could not be looked for: {listed.stderr.strip()} 无法查找 PostgreSQL。")
    found = (line.split(" ", 2) for line in listed.stdout.splitlines())
    return {int(major): version for major, version, _ in reversed(list(found))}


def step(title: str, *argv: str, **variables: str) -> None:
    """Run one part of the test command, and stop everything when it fails."""
    say(f"--- {title}")
    ended = subprocess.run([str(PYTHON), "-m", *argv], cwd=ROOT, env=os.environ | variables, check=False)
    if ended.returncode != 0:
        raise Stop(
            f"{title} failed (exit {ended.returncode}); what comes after it did not run. 未通过,其后各步未执行。"
        )


def test(arguments: list[str]) -> None:
    """Run everything that must hold before a change is taken."""
    if arguments:
        step("pytest", "pytest", *arguments)
        return
    found = majors()
    if not found:
        raise Stop(
            "no PostgreSQL was found, not even in the wheel that was just installed for this platform."
            " 未找到 PostgreSQL,刚安装的软件包中也没有。"
        )
    newest = max(found)
    step("style", "ruff", "check", ".")
    step("format", "ruff", "format", "--check", ".")
    step("types", "mypy")
    step(
        f"all tests on PostgreSQL {found[newest]}", *PYTEST, "--cov=domain", "--cov-branch",
        BIAOGAN_TEST_POSTGRES=str(newest),
    )  # fmt: skip
    ran = [f"all on {found[newest]}"]
    for major in STORE_MAJORS:
        if major == newest:
            continue
        if major in found:
            title = f"the store's suites on PostgreSQL {found[major]}"
            step(title, *PYTEST, "-m", "store", BIAOGAN_TEST_POSTGRES=str(major))
            ran.append(f"the store's on {found[major]}")
        else:
            ran.append(f"none on {major} (not found here)")
    say(f"tests passed · 检验通过: {', '.join(ran)}")


def main(arguments: list[str]) -> None:
    """Do what was asked for."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that cannot show Chinese shows codes instead of ending the work.
        sys.stdout.reconfigure(errors="backslashreplace")
    command = arguments[0] if arguments else ""
    if command in {"-h", "--help"}:
        print(USAGE, end="")
    elif command in {"demo", "serve"}:
        ensure(RUNTIME_LOCK)
        become(*arguments)
    elif command == "rules":
        ensure(DEVELOPER_LOCK)
        sys.stdout.flush()
        os.chdir(ROOT)
        os.execv(PYTHON, [str(PYTHON), "-m", "tests.prose"])  # noqa: S606 - there is no shell to want here.
    elif command == "test":
        ensure(DEVELOPER_LOCK)
        test(arguments[1:])
    else:
        print(USAGE, end="", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Stop as reason:
        sys.exit(f"biaogan: {reason}")
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as reason:
        sys.exit(f"biaogan: {reason}")
