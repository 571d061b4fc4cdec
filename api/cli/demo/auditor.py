"""The end of a demonstration: an auditor takes the bundle away, and judges it where nothing of the product is.

A fresh Python environment is made that holds a handful of public packages; in it the two programs of the bundle run.
Then a fen is added to a copy of the record, and what the programs say of that is shown.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from api.cli.bundle.export import Exported, export
from api.cli.demo import backstage
from api.cli.demo.player import Player, StoryBroken
from infra.settings import Settings

__all__ = ["Judged", "judge"]

_PACKAGES: Final = ("cryptography", "cffi", "_cffi_backend", "msgspec", "eventsourcing", "typing_extensions")
_OURS: Final = (
    "import importlib.util as u; print([r for r in ('domain', 'projections', 'api', 'infra') if u.find_spec(r)])"
)
_TAMPERED: Final = b'"amount_fen":'


@dataclass(frozen=True, slots=True)
class Judged:
    """What the two programs said of the bundle, and what of a copy in which one amount was changed."""

    folder: Path
    verified: dict[str, Any]
    replayed: dict[str, Any]
    position: int
    found: dict[str, Any]


def judge(p: Player, settings: Settings, log_id: int, folder: Path, vkey: str) -> Judged:
    """Export, judge elsewhere, tamper, judge again; what does not come out as it must stops the demonstration."""
    target, head = folder / "bundle", folder / "checkpoint.txt"
    shutil.rmtree(target, ignore_errors=True)
    exported = asyncio.run(_exported(settings, log_id, target))
    with tempfile.TemporaryDirectory() as elsewhere:
        python = _environment(Path(elsewhere))
        named = ("--key", vkey, "--head", str(head), "--json")
        verified = _run(python, target / "verify.py", *named)
        replayed = _run(python, target / "replay.py", "--json")
        copy = Path(shutil.copytree(target, Path(elsewhere) / "copy"))
        position = _tamper(copy / "data" / "log.jsonl")
        found = _run(python, target / "verify.py", str(copy), *named)
    judged = Judged(target, verified, replayed, position, found)
    _show(p, exported, judged)
    for fault in _faults(judged):
        raise StoryBroken(fault)
    return judged


async def _exported(settings: Settings, log_id: int, target: Path) -> Exported:
    async with backstage.reached(settings) as wiring:
        return await export(wiring, await wiring.parts.clock.institution(log_id), target, lambda _done, _of: None)


def _environment(folder: Path) -> Path:
    """A Python with the packages that the two programs name, and nothing of the product; its interpreter."""
    venv.EnvBuilder(symlinks=True).create(folder / "python")
    (packages,) = (folder / "python" / "lib").glob("python*/site-packages")
    for place in map(Path, sys.path):
        for found in (each for name in _PACKAGES for each in place.glob(f"{name}*") if not each.name.endswith("-info")):
            if not (packages / found.name).exists():
                (packages / found.name).symlink_to(found.resolve())
    python = folder / "python" / "bin" / "python"
    ours = subprocess.run([python, "-I", "-c", _OURS], capture_output=True, text=True, check=True, cwd=folder)
    if ours.stdout.strip() != "[]":
        raise StoryBroken(f"the auditor's Python finds something of the product: {ours.stdout.strip()}")
    return python


def _run(python: Path, program: Path, *arguments: str) -> dict[str, Any]:
    argv = [str(python), "-I", str(program), *arguments]
    ran = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=python.parent, encoding="utf-8")
    try:
        return {**json.loads(ran.stdout), "exit_code": ran.returncode}
    except ValueError:
        raise StoryBroken(f"{program.name} did not answer: {ran.stderr.strip()[-300:]}") from None


def _tamper(log: Path) -> int:
    """Add a fen to the last amount of the record; gives its position."""
    lines = log.read_bytes().splitlines(keepends=True)
    at = max(number for number, line in enumerate(lines) if _TAMPERED in line)
    before, told, after = lines[at].rpartition(_TAMPERED)
    digits = after[: len(after) - len(after.lstrip(b"0123456789"))]
    lines[at] = before + told + str(int(digits) + 1).encode() + after[len(digits) :]
    log.write_bytes(b"".join(lines))
    return at + 1


def _show(p: Player, exported: Exported, judged: Judged) -> None:
    counted = f"{exported.lines} lines · 行, {exported.checkpoints} checkpoints · 检查点"
    p.say(f"\nBundle for the auditor · 审计包: {judged.folder}\n    {counted}, {exported.documents} documents · 附件")
    p.say("    judged by an environment of its own, without the product · 于不含本产品的独立环境中核验:")
    for name, report in (("verify.py", judged.verified), ("replay.py", judged.replayed)):
        for step, told in report["steps"].items():
            said = f"{told['findings']} findings · 处问题" if told["findings"] else "ok · 通过"
            p.say(f"    {name}  {step:<4} {said}  {told['en']}\n                    {told['zh']}")
    p.say(f"    a fen is added at position {judged.position} of a copy · 在副本的位置 {judged.position} 加一分:")
    for one in judged.found["findings"]:
        where = f"#{one['position']} " if one["position"] else ""
        p.say(f"    {one['step']:<4} {where}{one['en']}\n         {one['zh']}")


def _faults(judged: Judged) -> Iterator[str]:
    for name, report in (("verify.py", judged.verified), ("replay.py", judged.replayed)):
        if report["exit_code"] != 0:
            yield f"{name} finds something in an honest bundle: {report['findings'][:1]}"
    named = [(one["step"], one["position"]) for one in judged.found["findings"]]
    if judged.found["exit_code"] != 1 or ("V2", judged.position) not in named:
        yield f"verify.py does not name position {judged.position} of a record that was changed"
