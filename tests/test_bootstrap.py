from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import open_folder
from tests.waiting import until

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements.lock", "requirements-dev.lock")
IS_ROOT = os.geteuid() == 0

pytestmark = pytest.mark.slow

# A project of one command, to see what it is called with and by which Python.
COMMAND = """
import sys
import pinned
def main():
    print("called with", sys.argv[1:], "by", sys.prefix, pinned.__name__, flush=True)
    if sys.argv[1:] == ["serve", "wait"]:
        sys.stdin.read()
    return 7 if sys.argv[-1] == "fail" else 0
"""


def wheel(folder: Path, name: str) -> str:
    """Build the smallest wheel there is, and return the line that pins it."""
    path = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    files = {
        f"{name}.py": "",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = []
    with zipfile.ZipFile(path, "w") as archive:
        for inside, text in files.items():
            archive.writestr(inside, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            rows.append(f"{inside},sha256={digest},{len(text)}")
        archive.writestr(f"{info}/RECORD", "\n".join([*rows, f"{info}/RECORD,,\n"]))
    return f"{name}==1.0 --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


class Checkout:
    """A folder like a fresh clone, whose lock pins one wheel of its own, on a machine without a network."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "check out 标杆"
        self.wheels = folder / "wheels"
        self.home = folder / "home"
        for path in (self.root / "infra", self.root / "api", self.wheels, self.home):
            path.mkdir(parents=True)
        shutil.copy(ROOT / "infra" / "bootstrap.py", self.root / "infra")
        shutil.copy(ROOT / "pyproject.toml", self.root)
        (self.root / "api" / "__init__.py").touch()
        (self.root / "api" / "cli.py").write_text(COMMAND)
        line = wheel(self.wheels, "pinned")
        for lock in LOCKS:
            (self.root / lock).write_text(line)

    def env(self, **more: str) -> dict[str, str]:
        env = {"PATH": os.defpath, "HOME": str(self.home), "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.wheels)}
        return env | more

    def argv(self, *arguments: str) -> list[str]:
        return [sys.executable, str(self.root / "infra" / "bootstrap.py"), *arguments]

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.argv(*arguments), cwd=self.home, env=self.env(**variables), check=False, capture_output=True, text=True
        )


@pytest.fixture
def checkout() -> Iterator[Checkout]:
    with open_folder() as name:
        yield Checkout(Path(name))


def test_it_makes_the_environment_once_and_becomes_the_command(checkout: Checkout) -> None:
    first = checkout.run("demo", "--keep")
    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith("called with ['demo', '--keep'] by ")
    assert str(checkout.root / ".venv") in first.stdout
    assert "making .venv" in first.stderr
    assert "installing up to 1 packages" in first.stderr
    second = checkout.run("serve", "fail")
    assert (second.returncode, second.stderr) == (7, ""), (
        "nothing is installed again, and the exit code is the command's"
    )


def test_the_rules_are_printed_by_what_plays_them_and_nothing_stands_between(checkout: Checkout) -> None:
    (checkout.root / "tests").mkdir()
    (checkout.root / "tests" / "prose.py").write_text('import sys\nprint("as played")\nsys.exit(5)\n')
    told = checkout.run("rules")
    assert (told.returncode, told.stdout) == (5, "as played\n"), told.stderr
    assert "requirements-dev.lock" in told.stderr, "playing them takes what a developer has"


def test_the_command_also_stands_in_the_environment(checkout: Checkout) -> None:
    checkout.run("demo")
    called = subprocess.run(
        [checkout.root / ".venv" / "bin" / "biaogan", "x"], check=False, capture_output=True, text=True
    )
    assert called.stdout.startswith("called with ['x']"), called.stderr


def test_it_works_where_ensurepip_is_missing(checkout: Checkout) -> None:
    hidden = checkout.home / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text("import sys; sys.modules['ensurepip'] = None\n")
    done = checkout.run("demo", PYTHONPATH=str(hidden))
    assert done.returncode == 0, done.stderr
    assert not (checkout.root / ".venv" / "bin" / "pip").exists(), "it was the outer pip that installed"


@pytest.mark.parametrize("home", ["", "/nonexistent"])
def test_it_needs_no_home(checkout: Checkout, home: str) -> None:
    assert checkout.run("demo", HOME=home).returncode == 0


def test_a_changed_lock_is_installed_and_a_changed_python_starts_anew(checkout: Checkout) -> None:
    checkout.run("demo")
    lock = checkout.root / LOCKS[0]
    lock.write_text(lock.read_text() + wheel(checkout.wheels, "second"))
    changed = checkout.run("demo")
    assert "installing up to 2 packages" in changed.stderr
    assert "making .venv" not in changed.stderr
    stamp = checkout.root / ".venv" / "installed.json"
    stamp.write_text(stamp.read_text().replace('"python": "', '"python": "2.7 '))
    assert "making .venv" in checkout.run("demo").stderr


def test_the_developers_lock_holds_the_products_too(checkout: Checkout) -> None:
    checkout.run("test", "--version")
    assert checkout.run("demo").stderr == ""


def test_a_file_with_another_hash_is_refused_with_a_sentence(checkout: Checkout) -> None:
    lock = checkout.root / LOCKS[0]
    lock.write_text(re.sub(r"sha256:..", "sha256:00", lock.read_text()))
    refused = checkout.run("demo")
    assert refused.returncode == 1
    assert "pip could not install requirements.lock" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert refused.stdout == ""


def test_without_an_index_it_says_so_and_the_next_try_goes_on(checkout: Checkout) -> None:
    refused = checkout.run("demo", PIP_FIND_LINKS="")
    assert refused.returncode == 1
    assert "Is a package index reachable?" in refused.stderr
    assert checkout.run("demo").returncode == 0


@pytest.mark.parametrize("arguments", [[], ["install"]])
def test_a_wrong_word_gets_the_usage(checkout: Checkout, arguments: list[str]) -> None:
    answered = checkout.run(*arguments)
    assert (answered.returncode, answered.stdout) == (2, "")
    assert answered.stderr.startswith("usage: ")
    assert not (checkout.root / ".venv").exists()


def test_an_old_python_gets_a_sentence() -> None:
    # The check must come before anything an old Python cannot run; it is executed here with a pretended version.
    source = (ROOT / "infra" / "bootstrap.py").read_text(encoding="utf-8")
    pretended = source.replace("import sys\n", "import sys\nsys.version_info = (3, 9, 2)\n", 1)
    answered = subprocess.run([sys.executable, "-c", pretended], check=False, capture_output=True, text=True)
    assert answered.returncode == 1
    assert answered.stderr.startswith("biaogan needs Python 3.11 or newer")
    assert len(answered.stderr.splitlines()) == 1


def test_a_failing_step_stops_the_tests_and_gives_an_exit_code(checkout: Checkout) -> None:
    stopped = checkout.run("test", "-q")
    assert stopped.returncode == 1
    assert "pytest failed (exit 1); what comes after it did not run" in stopped.stderr, "this lock brings no pytest"


def test_signals_reach_the_command_itself(checkout: Checkout) -> None:
    checkout.run("demo")
    running = subprocess.Popen(
        checkout.argv("serve", "wait"), env=checkout.env(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with running:
        assert running.stdout is not None
        assert running.stdout.readline().startswith("called with ['serve', 'wait']")
        running.send_signal(signal.SIGTERM)
        until(lambda: running.poll() is not None, "the command ends")
    assert running.returncode == -signal.SIGTERM, "the process that was started is the command, not something above it"


@pytest.mark.skipif(not IS_ROOT, reason="only root can become another user")
def test_an_ordinary_user_can_do_it_too(checkout: Checkout) -> None:
    for path in [checkout.home.parent, *checkout.home.parent.rglob("*")]:
        os.chown(path, 65534, 65534)
    # Our own Python may lie where an ordinary user cannot enter; the system's never does.
    python = shutil.which("python3", path=os.defpath)
    if python is None or not is_new_enough(python):
        pytest.skip("the system brings no Python 3.11 that every user may run")
    done = subprocess.run(
        [python, *checkout.argv("demo")[1:]], cwd="/", env=checkout.env(HOME="/nonexistent"), check=False,
        capture_output=True, text=True, user=65534, group=65534, extra_groups=[],
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("called with ['demo']")


def test_help_is_shown_on_a_terminal_that_cannot_show_chinese(checkout: Checkout) -> None:
    shown = checkout.run("--help", PYTHONIOENCODING="ascii")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "\\u6f14\\u793a" in shown.stdout


def is_new_enough(python: str) -> bool:
    asked = "import sys; sys.exit(sys.version_info < (3, 11))"
    return subprocess.run([python, "-c", asked], check=False).returncode == 0


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_pins_every_file_and_names_no_address(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    pinned = re.findall(
        r"^([a-z0-9._-]+(?:\[[^\]]+\])?)==\S+.*((?:\\\n\s+--hash=sha256:[0-9a-f]{64}.*)+)", text, re.MULTILINE
    )
    lines = [line for line in text.splitlines() if line and not line.startswith(("#", " "))]
    assert len(pinned) == len(lines) > 30, "every requirement is pinned and hashed"
    assert not re.search(r"://|find-links|index-url|@ |file:", text)


def test_the_locks_agree_and_hold_what_the_project_asks_for() -> None:
    versions = [dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", (ROOT / name).read_text(), re.MULTILINE)) for name in LOCKS]
    products, developers = versions
    assert products.items() <= developers.items()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    asked = project["project"]["dependencies"] + project["project"]["optional-dependencies"]["embedded"]
    assert {plain(line) for line in asked} <= set(products)
    assert {plain(line) for line in project["dependency-groups"]["dev"]} <= set(developers)


def plain(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match is not None
    return match[0].lower()


def test_make_and_the_script_of_ci_are_other_spellings() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for word in ("demo", "test", "serve", "rules"):
        assert f"{word}:\n\tpython3 infra/bootstrap.py {word}\n" in makefile
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert "make test" in script.read_text(encoding="utf-8")
