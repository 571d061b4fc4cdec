"""``biaogan demo``: plays the first third of a real programme on a product of its own, and checks what it reached.

The product is started as ``biaogan serve`` starts it; all that the story does goes over HTTP, with a token per person.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import Final, TextIO

import msgspec

from api.cli.demo import backstage, cast, papers, story
from api.cli.demo.checks import faults
from api.cli.demo.player import Journal, Player, StoryBroken
from api.cli.demo.wire import Unreachable, Wire
from api.cli.serve import CANNOT_START, Product, product
from infra.log import configure
from infra.places import make_folders
from infra.settings import Settings, load

__all__ = ["demo"]

_FAILED: Final = 1
_INTERRUPTED: Final = 130


@dataclass(frozen=True, slots=True)
class Stage:
    """Where one demonstration keeps its data, and whether that is gone on with."""

    folder: Path
    kept: bool
    last: Path | None


def demo(*, keep: bool = False, as_json: bool = False, output: Path | None = None) -> int:
    """Play, check and write ``demo-output/``; the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A terminal that cannot show Chinese shows codes instead of ending the story.
            stream.reconfigure(errors="backslashreplace")

    def say(line: str) -> None:
        print(line, file=sys.stderr if as_json else sys.stdout, flush=True)

    try:
        settings = load()
        stage = _stage(settings.state_dir / "demo", keep=keep)
        outcome = _play(settings, stage, (output or Path.cwd() / "demo-output"), say)
    except KeyboardInterrupt:
        print("\nbiaogan demo: stopped; go on with --keep · 已停止,可用 --keep 继续", file=sys.stderr)
        return _INTERRUPTED
    except (StoryBroken, Unreachable, *CANNOT_START) as fault:
        print(f"biaogan demo: {fault}", file=sys.stderr)
        return _FAILED
    if as_json:
        print(json.dumps(outcome, ensure_ascii=False, indent=2))
    return 0


def _stage(home: Path, *, keep: bool) -> Stage:
    """A new folder for this demonstration, or the one before."""
    numbers = sorted(int(path.name) for path in home.glob("*") if path.name.isdecimal())
    last = home / str(numbers[-1]) if numbers else None
    if keep and last is not None:
        return Stage(last, kept=True, last=None)
    return Stage(home / str(numbers[-1] + 1 if numbers else 1), kept=False, last=last)


def _play(settings: Settings, stage: Stage, output: Path, say: Callable[[str], None]) -> dict[str, object]:
    if stage.last is not None:
        say(f"a fresh start; the last one lies in {stage.last} (--keep goes on with it) · 重新开始,上次数据仍在该处")
    say(f"going on with {stage.folder} · 继续上次演示" if stage.kept else f"data in {stage.folder} · 数据目录")
    # A demonstration never touches a database that was named for serious use.
    own = msgspec.structs.replace(
        settings,
        state_dir=stage.folder,
        key_file=stage.folder / "vault.key",
        database_url=None,
        owner_url=None,
    )
    # The embedded server may run under another account, which must pass through; nobody else can look inside.
    make_folders(stage.folder, 0o711)
    with (stage.folder / "demo.log").open("a", encoding="utf-8") as log, product(_quiet(own, log), say) as running:
        journal = Journal(stage.folder / "journal.jsonl")
        with closing(Wire(running.url, stage.folder / "http.jsonl")) as wire:
            player = Player(wire=wire, journal=journal, tend=running.tend, say=say)
            return _perform(running, player, output)


def _quiet(settings: Settings, log: TextIO) -> Settings:
    """Send this process's own log to a file: the terminal is for the story."""
    configure("demo", settings.log_level, log)
    return settings


def _perform(running: Product, player: Player, output: Path) -> dict[str, object]:
    administrator = cast.person_id(cast.ADMINISTRATOR.code)
    log_id = asyncio.run(
        backstage.open_simulated(
            running.settings, cast.INSTITUTION, cast.STARTS_AT, administrator, cast.ADMINISTRATOR.name
        )
    )
    token = asyncio.run(backstage.first_token(running.settings, log_id, administrator))
    player.let_in(cast.ADMINISTRATOR.code, f"{cast.ADMINISTRATOR.en} · {cast.ADMINISTRATOR.zh}", token)
    player.say(f"{running.url} · {cast.INSTITUTION['name_en']} {cast.INSTITUTION['name_zh']} · {cast.STARTS_AT}")
    story.play(player)
    reached = papers.Reached.gather(player, story.PROGRAMME)
    papers.show(player, reached)
    folder = papers.write(player, reached, output)
    exported = asyncio.run(
        backstage.export(running.settings, log_id, cast.INSTITUTION["institution_id"], folder / "events.jsonl")
    )
    differences = asyncio.run(backstage.differences(running.settings, log_id))
    papers.show_root(player, exported, differences, folder)
    found = faults(player, reached, exported, differences)
    if found:
        raise StoryBroken(f"{len(found)} checks failed; the first: {found[0]}")
    player.say(f"\nEverything was reached as it should be; {folder} holds the papers. · 各项核对无误,材料见该目录。")
    return {
        "url": running.url,
        "output": str(folder),
        "state": str(running.settings.state_dir),
        "events": exported.root.size,
        "root": exported.root.digest().hex(),
        "requests": player.wire.sent,
        "refusals": len(player.trials),
        "differences": len(differences),
    }
