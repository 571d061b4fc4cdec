"""How the command line speaks: answers on standard output, all else on standard error, exit codes of one meaning."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import click
import msgspec

__all__ = [
    "BROKEN",
    "FOUND",
    "OK",
    "REFUSED",
    "UNREACHABLE",
    "USAGE",
    "Found",
    "Progress",
    "Stop",
    "answer",
    "as_json",
    "at_server",
    "plain",
    "program",
    "say",
]

OK: Final = 0
FOUND: Final = 1
"""Something was looked for and found wanting: a fault, a difference."""
USAGE: Final = 2
REFUSED: Final = 3
"""The rules, the server or a setting said no."""
UNREACHABLE: Final = 4
BROKEN: Final = 70
"""A fault of the program itself."""

F = TypeVar("F", bound=Callable[..., Any])


class Stop(Exception):
    """Ends a command with a sentence and an exit code."""

    def __init__(self, sentence: str, code: int = REFUSED, data: object = None) -> None:
        super().__init__(sentence)
        self.code = code
        self.data = data


class Found(Stop):
    """Ends a command that has answered: something was found wanting, and the answer says what."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, FOUND)


def as_json(function: F) -> F:
    """The option that every command with an answer has."""
    return click.option("--json", "as_json", is_flag=True, help="Answer as JSON. · 以 JSON 回答。")(function)


def at_server(function: F) -> F:
    """The options of every command that asks the running server: where it is, and with which token."""
    kept = click.Path(path_type=Path, exists=True, dir_okay=False)
    token = click.option("--token-file", type=kept, help="A file with the token; else BIAOGAN_TOKEN. · 令牌文件。")
    return click.option("--url", help="The server; else BIAOGAN_URL. · 服务地址。")(token(function))


def answer(value: object, lines: Sequence[str], *, as_json: bool) -> None:
    """Give the answer, for a program or for a person."""
    if as_json:
        print(msgspec.json.encode(value, enc_hook=str).decode())
    else:
        for line in lines:
            print(line)


def plain(text: str) -> str:
    """What is to be sent in a header, if it can be."""
    if not (text.isascii() and text.isprintable()):
        raise Stop("A header takes plain characters only. 请求头只接受可见 ASCII 字符。", USAGE)
    return text


def program() -> str:
    """How a person starts this program from where they stand: what lies beside the running Python, else by name."""
    beside = Path(sys.executable).with_name("biaogan")
    if not beside.exists():
        return "biaogan"
    near = os.path.relpath(beside)
    return str(beside) if near.startswith("..") else near


def say(line: str) -> None:
    """Tell the person at the terminal something that is not the answer."""
    print(line, file=sys.stderr, flush=True)


class Progress:
    """How far something long has come, on standard error where that is a terminal, and nowhere else."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._shows = sys.stderr.isatty()

    def __call__(self, done: int, of: int) -> None:
        """Show a number of a whole."""
        if self._shows:
            share = f"{100 * done // of} %" if of else f"{done}"
            sys.stderr.write(f"\r{self._what}: {share} ({done}/{of})\033[K")
            sys.stderr.flush()

    def end(self) -> None:
        """Clear the line."""
        if self._shows:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()
