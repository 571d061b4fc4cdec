"""What was typed and cannot be understood, told in Chinese beside the sentence of the library, which is English."""

from __future__ import annotations

import re
from typing import Final

import click
from click import exceptions

__all__ = ["in_chinese"]

_VALUES: Final = (
    (r".* is not one of (?P<told>.+)\.", "须为 {told} 之一"),
    (r".* is not a valid UUID\.", "须为 UUID"),
    (r".* is not a valid integer( range)?\.", "须为整数"),
    (r".* is not in the range (?P<told>.+)\.", "须在范围 {told} 之内"),
    (r"\w+ .* does not exist\.", "所指文件不存在"),
    (r"\w+ .* is a directory\.", "所指为目录,须为文件"),
    (r"\w+ .* is a file\.", "所指为文件,须为目录"),
    (r"\w+ .* is not (readable|writable)\.", "所指文件无法读写"),
)
"""What the library says of a value, and the same in Chinese."""


def in_chinese(fault: click.ClickException) -> str:
    """The sentence of a fault of usage."""
    match fault:
        case exceptions.NoArgsIsHelpError():
            told = "请给出下列命令之一。"
        case exceptions.NoSuchCommand():
            told = f"没有命令 {fault.command_name}。"
        case exceptions.NoSuchOption():
            told = f"没有选项 {fault.option_name}。"
        case exceptions.MissingParameter():
            told = f"缺少{_kind(fault.param)} {_name(fault.param)}。"
        case exceptions.BadParameter():
            told = f"{_kind(fault.param)} {_name(fault.param)} 的取值不合规则:{_rule(fault.message)}。"
        case exceptions.BadOptionUsage():
            told = f"选项 {fault.option_name} 的用法有误:缺少取值,或不应有取值。"
        case _:
            told = _of_the_line(fault.message)
    return told


def _of_the_line(message: str) -> str:
    extra = re.fullmatch(r"Got unexpected extra arguments? \((?P<given>.*)\)", message)
    return "命令行有误,用法见 --help。" if extra is None else f"多出参数:{extra['given']}。"


def _rule(message: str) -> str:
    for pattern, chinese in _VALUES:
        if match := re.fullmatch(pattern, message, re.DOTALL):
            return chinese.format(**match.groupdict())
    return message


def _kind(parameter: click.Parameter | None) -> str:
    return "选项" if isinstance(parameter, click.Option) else "参数"


def _name(parameter: click.Parameter | None) -> str:
    if parameter is None:
        return ""
    return max(parameter.opts, key=len) if isinstance(parameter, click.Option) else parameter.human_readable_name
