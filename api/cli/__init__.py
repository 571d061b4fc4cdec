"""``biaogan``: starts the product, opens institutions, and looks after the record from the machine it runs on.

Answers go to standard output, everything else to standard error. Exit codes: 0 done, 1 something was found wanting,
2 not understood, 3 refused, 4 no answer, 70 a fault of the program itself.
"""

from __future__ import annotations

import asyncio
import os
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Final

import click as plain_click
import rich_click as click
from click.shell_completion import get_completion_class

from api.cli.asking import api
from api.cli.audit import audit
from api.cli.backup import backup, restore, rewrap
from api.cli.calendar import calendar
from api.cli.demo import demo as play_demo
from api.cli.events import events
from api.cli.institution import institution
from api.cli.ledger import ledger
from api.cli.outbox import outbox
from api.cli.programme import programme
from api.cli.projections import projections, replay
from api.cli.serve import CANNOT_START
from api.cli.serving import serve
from api.cli.speaking import BROKEN, REFUSED, UNREACHABLE, USAGE, Found, Stop, answer, as_json, say
from api.cli.token import token
from api.cli.usage import in_chinese
from api.pages import version
from api.problems import sentence, translated
from domain.kernel import Refusal
from infra.assembly import AWAY, NOT_LET_IN
from infra.event_store import RecordNotOurs
from infra.front_door import Raced
from infra.log import outline
from infra.master_key import ensure_key_file
from infra.migrate import migrate as apply_migrations
from infra.record import Overloaded
from infra.settings import load
from infra.vault import MasterKeyMissing

__all__ = ["main"]

_INTERRUPTED: Final = 130
_SENTENCES: Final = (RecordNotOurs, MasterKeyMissing)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version(), prog_name="biaogan", help="Show the version and exit. · 版本。")
def biaogan() -> None:
    """The whole life of a programme that selects and cultivates model units, as a record nobody can change.

    标杆单位培育创建项目全程记录。
    """


@biaogan.command()
@click.option("--keep", is_flag=True, help="Go on with the last demonstration. · 继续上次演示。")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the papers go; else ./demo-output. · 输出目录。",
)
@as_json
def demo(*, keep: bool, output: Path | None, as_json: bool) -> None:
    """Play a real programme on a server of its own, and check what it reached; all of it is simulated. · 演示。"""
    code = play_demo(keep=keep, as_json=as_json, output=output)
    if code:
        sys.exit(code)


@biaogan.command()
@as_json
def migrate(*, as_json: bool) -> None:
    """Bring the database of BIAOGAN_OWNER_URL up to date, and make the key file where there is none. · 数据库迁移。"""
    settings = load()
    if settings.owner_url is None:
        raise Stop(
            "BIAOGAN_OWNER_URL is not set; an embedded database is migrated by `biaogan serve`."
            " 未设置 BIAOGAN_OWNER_URL;内嵌数据库由 serve 迁移。"
        )
    applied = asyncio.run(apply_migrations(settings.owner_url, say))
    # Every process needs the key and none should have to wait for another to make it.
    ensure_key_file(settings.key_file)
    answer({"applied": applied}, [f"{len(applied)} migrations applied · 已应用迁移 {len(applied)} 项"], as_json=as_json)


@biaogan.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@as_json
def completion(*, shell: str, as_json: bool) -> None:
    """Print the completion script of a shell: source it in your profile. · 打印命令补全脚本。"""
    found = get_completion_class(shell)
    if found is None:
        raise Stop(f"There is no completion for {shell}. 没有该命令行的补全。", USAGE)
    script = found(biaogan, {}, "biaogan", "_BIAOGAN_COMPLETE").source()
    answer({"shell": shell, "script": script}, (script,), as_json=as_json)


_COMMANDS: Final = (
    *(serve, api, institution, token, calendar, programme, ledger, events, audit, outbox, replay, projections),
    *(backup, restore, rewrap),
)
for _command in _COMMANDS:
    biaogan.add_command(_command)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; every way it can fail is a sentence and an exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A terminal that cannot show Chinese shows codes instead of ending the work.
            stream.reconfigure(errors="backslashreplace")
    given = sys.argv[1:] if arguments is None else arguments
    in_json = "--json" in given
    try:
        biaogan.main(args=given, prog_name="biaogan", standalone_mode=False)
    except plain_click.exceptions.Exit as ended:
        return ended.exit_code
    except plain_click.ClickException as fault:
        chinese = in_chinese(fault)
        if in_json:
            answer({"error": f"{fault.format_message()} {chinese}", "exit_code": USAGE}, (), as_json=True)
        fault.show()
        say(f"biaogan: {chinese}")
        return USAGE
    except (KeyboardInterrupt, plain_click.Abort):
        say("biaogan: stopped · 已停止")
        return _INTERRUPTED
    except SystemExit as ended:
        return int(ended.code or 0)
    except Exception as error:  # noqa: BLE001 - The last resort of a command line: a sentence instead of a trace.
        return _told(error, in_json=in_json)
    return 0


def _told(error: Exception, *, in_json: bool) -> int:
    """Say what went wrong in one sentence, and answer by exit code."""
    code, sentence, data = _meaning(error)
    if in_json and not isinstance(error, Found):
        answer({"error": sentence, "exit_code": code, **({"problem": data} if data else {})}, (), as_json=True)
    say(f"biaogan: {sentence}")
    return code


def _meaning(error: Exception) -> tuple[int, str, object]:
    if isinstance(error, Stop):
        return error.code, str(error), error.data
    if isinstance(error, Raced | Overloaded):
        error = translated(error)
    if isinstance(error, Refusal):
        told = {"type": error.kind, "because": error.because}
        return REFUSED, f"{sentence(error, 'en')} {sentence(error, 'zh')}", told
    if isinstance(error, (*CANNOT_START, *_SENTENCES)):
        return REFUSED, str(error), None
    if isinstance(error, NOT_LET_IN):
        return REFUSED, "The database does not let the role of BIAOGAN_DATABASE_URL in. 数据库不允许该角色登录。", None
    if isinstance(error, AWAY):
        return UNREACHABLE, f"The database does not answer ({type(error).__name__}). 数据库没有应答。", None
    return BROKEN, _fault(error), None


def _fault(error: Exception) -> str:
    """Kind and place of what nobody has foreseen; its whole outline where that is asked for."""
    places = outline(error)
    if os.environ.get("BIAOGAN_LOG_LEVEL") == "DEBUG":
        say(repr(places))
    frames = places[0]["at"]
    where = frames[-1] if isinstance(frames, list) and frames else "an unknown place"
    return f"A fault of the program: {places[0]['kind']} at {where}. 程序故障。"
