"""``biaogan token``: tokens of an institution, for whoever keeps the machine."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

import rich_click as click

from api.callers import SCOPES
from api.cli.reaching import chosen, database, opened, remote, run
from api.cli.speaking import FOUND, UNREACHABLE, Stop, answer, as_json, at_server, plain
from api.permission import refuse_stranger
from infra.places import private_file
from infra.settings import load
from infra.tokens import Created, Token

__all__ = ["token"]

_DAYS: Final = 90
_OUTPUT: Final = "A file that only you can read; else standard output. · 输出文件,仅本人可读。"
_institution = click.option("--institution", "institution_id", help="Which, where there are several. · 机构编号。")


@click.group()
def token() -> None:
    """Tokens: only their hashes are stored. · 令牌。"""


@token.command()
@click.option("--person", "person_id", required=True, help="Pseudonym of its holder. · 持有人化名编号。")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(list(SCOPES)),
    help="May be repeated; read and act if none. · 范围,可重复。",
)
@click.option(
    "--days", default=_DAYS, show_default=True, type=click.IntRange(1, 3650), help="Until it expires. · 有效天数。"
)
@click.option("--once", is_flag=True, help="Works once, to be exchanged. · 一次性,须换取。")
@_institution
@as_json
def create(
    *,
    person_id: str,
    scopes: tuple[str, ...],
    days: int,
    once: bool,
    institution_id: str | None,
    as_json: bool,
) -> None:
    """Create a token; its secret is shown now and never again. · 创建令牌。"""
    settings = load()
    with database(settings) as urls:

        async def work() -> Created:
            async with opened(settings, urls) as wiring:
                log_id = (await chosen(wiring, institution_id)).log_id
                await refuse_stranger(wiring, log_id, person_id)
                return await wiring.parts.tokens.create(
                    log_id, person_id, scopes or ("read", "act"), lifetime=timedelta(days=days), once=once
                )

        made = run(work())
    answer({"token_id": made.token_id, "token": made.secret}, (made.secret,), as_json=as_json)


@token.command()
@at_server
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help=_OUTPUT)
@click.option("--key", help="That of an exchange whose answer was lost. · 回答遗失的那次换取所用的键。")
@as_json
def exchange(*, token_file: Path | None, url: str | None, output: Path | None, key: str | None, as_json: bool) -> None:
    """Exchange a token that works once for an ordinary one, at the running server. · 换取正式令牌。

    Where no answer came, nobody knows the new token: exchange again with the key that is told then.
    """
    server, key = remote(url, token_file), plain(key or str(uuid4()))
    try:
        made = server.post("/v1/tokens/exchange", b"", headers={"Idempotency-Key": key})
    except Stop as fault:
        if fault.code != UNREACHABLE:
            raise
        told = f"{fault} Exchange again with --key {key}. 请加 --key {key} 再次换取。"
        raise Stop(told, UNREACHABLE, {"key": key}) from None
    if output is None:
        answer(made, (made["token"],), as_json=as_json)
        return
    output.unlink(missing_ok=True)
    with private_file(output) as file:
        file.write(f"{made['token']}\n".encode())
    answer({"token_id": made["token_id"], "file": str(output)}, (f"{output}",), as_json=as_json)


@token.command("list")
@click.option("--person", "person_id", help="Only of this person. · 仅该人员。")
@_institution
@as_json
def list_(*, person_id: str | None, institution_id: str | None, as_json: bool) -> None:
    """List tokens, without their secrets. · 列出令牌。"""
    settings = load()
    with database(settings) as urls:

        async def work() -> tuple[Token, ...]:
            async with opened(settings, urls) as wiring:
                log_id = (await chosen(wiring, institution_id)).log_id
                return await wiring.parts.tokens.list(log_id, person_id)

        found = run(work())
    lines = [f"{t.token_id}  {t.person_id}  {','.join(t.scopes):24}  {_state(t)}" for t in found]
    answer(found, lines, as_json=as_json)


def _state(found: Token) -> str:
    if found.revoked_at is not None:
        return f"revoked · 已撤销 {found.revoked_at:%Y-%m-%d}"
    if found.once and found.used_at is not None:
        return f"spent · 已换取 {found.used_at:%Y-%m-%d}"
    until = "for ever · 长期" if found.expires_at is None else f"until · 至 {found.expires_at:%Y-%m-%d}"
    unused = "" if found.once or found.used_at else ", never used · 未曾使用"
    return f"{'once · 一次性, ' if found.once else ''}{until}{unused}"


@token.command()
@click.argument("token_id", type=click.UUID)
@_institution
@as_json
def revoke(*, token_id: UUID, institution_id: str | None, as_json: bool) -> None:
    """Revoke a token for ever. · 撤销令牌。"""
    settings = load()
    with database(settings) as urls:

        async def work() -> bool:
            async with opened(settings, urls) as wiring:
                return await wiring.parts.tokens.revoke((await chosen(wiring, institution_id)).log_id, token_id)

        if not run(work()):
            raise Stop(f"There is no token {token_id} to revoke. 没有可撤销的此令牌。", FOUND)
    answer({"token_id": token_id, "revoked": True}, (f"{token_id} is revoked. 已撤销。",), as_json=as_json)
