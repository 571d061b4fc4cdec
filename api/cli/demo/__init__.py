"""``biaogan demo``: plays a real programme on a product of its own, and checks what it reached.

The product is started as ``biaogan serve`` starts it; all that the story does goes over HTTP, with a token per person.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

import msgspec

from api.cli.demo import auditor, backstage, cast, ledgers, papers, story
from api.cli.demo.checks import faults
from api.cli.demo.player import Journal, Player, StoryBroken
from api.cli.demo.wire import Unreachable, Wire
from api.cli.serve import Product, StartRefused, product
from api.cli.speaking import FOUND, UNREACHABLE, Stop, program
from infra.log import configure
from infra.places import make_own_folders, private_file
from infra.settings import Settings, load

__all__ = ["demo"]

_INTERRUPTED: Final = 130


@dataclass(frozen=True, slots=True)
class Stage:
    """Where one demonstration keeps its data, and whether that is gone on with."""

    folder: Path
    kept: bool
    last: Path | None


def demo(*, keep: bool = False, as_json: bool = False, output: Path | None = None) -> int:
    """Play, check and write ``demo-output/``; the exit code."""

    def say(line: str) -> None:
        print(line, file=sys.stderr if as_json else sys.stdout, flush=True)

    try:
        settings = load()
        papers_go_to = _writable(output or Path.cwd() / "demo-output")
        stage = _stage(settings.state_dir / "demo", keep=keep)
        outcome = _play(settings, stage, papers_go_to, say, keep=keep)
    except KeyboardInterrupt:
        print(f"\nstopped; to go on: {program()} demo --keep · 已停止,可用 --keep 继续", file=sys.stderr)
        return _INTERRUPTED
    except Unreachable as fault:
        raise Stop(str(fault), UNREACHABLE) from None
    except StoryBroken as fault:
        raise Stop(str(fault), FOUND) from None
    if as_json:
        print(json.dumps(outcome, ensure_ascii=False, indent=2))
    return 0


def _stage(home: Path, *, keep: bool) -> Stage:
    """A new folder for this demonstration, or the one before."""
    make_own_folders(home)
    numbers = sorted(int(path.name) for path in home.iterdir() if path.name.isdecimal())
    last = home / str(numbers[-1]) if numbers else None
    if keep and last is not None:
        return Stage(last, kept=True, last=None)
    # Whoever makes the folder has it: two that start at once never play on one stage.
    number = numbers[-1] if numbers else 0
    while True:
        number += 1
        folder = home / str(number)
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            continue
        folder.chmod(home.stat().st_mode)
        return Stage(folder, kept=False, last=last)


def _writable(folder: Path) -> Path:
    """The folder for the papers, which must be there before a story is played for it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=folder):
            return folder
    except OSError as fault:
        raise StartRefused(
            f"Nothing can be written to {folder} ({fault.strerror}); name another folder with --output."
            " 无法写入该文件夹,请用 --output 另行指定。"
        ) from None


def _play(
    settings: Settings, stage: Stage, output: Path, say: Callable[[str], None], *, keep: bool
) -> dict[str, object]:
    if stage.last is not None:
        say(f"a fresh start; the last one lies in {stage.last} · 重新开始,上次数据仍在该处")
        say(f"to go on with the last one instead: {program()} demo --keep · 如需继续上次演示,用 --keep")
    elif keep and not stage.kept:
        say("there is no demonstration to go on with, so this is a fresh start · 没有可继续的演示,重新开始")
    say(f"going on with {stage.folder} · 继续上次演示" if stage.kept else f"data in {stage.folder} · 数据目录")
    # A demonstration never touches a database that was named for serious use.
    own = msgspec.structs.replace(
        settings,
        state_dir=stage.folder,
        key_file=stage.folder / "vault.key",
        signer_dir=stage.folder / "signer",
        database_url=None,
        owner_url=None,
    )
    with _log(own), product(own, say) as running:
        journal = Journal(stage.folder / "journal.jsonl")
        with closing(Wire(running.url, stage.folder / "http.jsonl")) as wire:
            player = Player(wire=wire, journal=journal, tend=running.tend, say=say)
            return _perform(running, player, output)


@contextmanager
def _log(settings: Settings) -> Iterator[None]:
    """Send this process's own log to a file: the terminal is for the story."""
    with TextIOWrapper(private_file(settings.state_dir / "demo.log"), encoding="utf-8") as log:
        configure("demo", settings.log_level, log)
        yield


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
    player.say("simulated: nothing of it ever happened · 演练,并非真实")
    story.play(player)
    reached = papers.Reached.gather(player, story.PROGRAMME)
    books = ledgers.Ledgers.gather(player)
    papers.show(player, reached)
    folder = papers.write(player, reached, output)
    books.write(folder / "ledgers")
    judgements, rejected = ledgers.judged(folder / "ledgers")
    books.show(player, judgements)
    exported = asyncio.run(
        backstage.export(running.settings, log_id, cast.INSTITUTION["institution_id"], folder / "events.jsonl")
    )
    differences = asyncio.run(backstage.differences(running.settings, log_id))
    papers.show_root(player, reached, exported, differences, folder)
    found = [*faults(player, reached, exported, differences), *books.faults(), *rejected]
    if found:
        raise StoryBroken(f"{len(found)} checks failed; the first: {found[0]}")
    vkey = reached.checkpoint["verifiers"][0]["vkey"]
    judged = auditor.judge(player, running.settings, log_id, folder, vkey)
    player.say(f"\nEverything was reached as it should be; {folder} holds the papers. · 各项核对无误,材料见该目录。")
    return {
        "url": running.url,
        "output": str(folder),
        "state": str(running.settings.state_dir),
        "events": exported.root.size,
        "root": exported.root.digest().hex(),
        "requests": player.wire.sent,
        "refusals": len(player.trials),
        "ledgers": len(books.files),
        "differences": len(differences),
        "bundle": str(judged.folder),
        "tampered_position": judged.position,
    }
