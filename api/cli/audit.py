"""``biaogan audit``: signed checkpoints and receipts, and the check of a receipt that needs no server."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from api.cli.reaching import chosen, database, opened, run
from api.cli.speaking import FOUND, USAGE, Stop, answer, as_json
from infra.checkpoints import Checkpoints, Signed
from infra.note import NoteRefused, Verifier
from infra.receipt import Receipt, ReceiptRefused
from infra.settings import load

__all__ = ["audit"]

_institution = click.option("--institution", "institution_id", help="Which, where there are several. · 机构编号。")
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.group()
def audit() -> None:
    """What an auditor holds us to. · 供审计核验。"""


@audit.command()
@_institution
@as_json
def checkpoint(*, institution_id: str | None, as_json: bool) -> None:
    """Print the newest signed checkpoint and the keys it is verified with. · 打印最新签名检查点及验证公钥。"""
    settings = load()
    with database(settings) as urls:

        async def work() -> tuple[list[Signed], list[tuple[str, bool]]]:
            async with opened(settings, urls) as wiring:
                log_id = (await chosen(wiring, institution_id)).log_id
                checkpoints = Checkpoints(wiring.parts.pool, wiring.parts.stores)
                return await checkpoints.newest(log_id), await checkpoints.verifiers(log_id)

        found, keys = run(work())
    if not found:
        raise Stop("No checkpoint has been signed yet. 尚无签名检查点。", FOUND)
    told = {
        "size": found[0].size,
        "signed_at": found[0].signed_at,
        "note": found[0].note,
        "vkeys": [k for k, _ in keys],
    }
    lines = [found[0].note.rstrip("\n"), "", *(f"key {vkey}{'' if present else ' (former)'}" for vkey, present in keys)]
    answer(told, lines, as_json=as_json)


@audit.command()
@click.argument("position", type=click.IntRange(1))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), required=True, help="File. · 输出文件。"
)
@_institution
@as_json
def receipt(*, position: int, output: Path, institution_id: str | None, as_json: bool) -> None:
    """Write the receipt of a position: that it stands in the signed log. · 输出某位置的回执。"""
    settings = load()
    with database(settings) as urls:

        async def work() -> Receipt | None:
            async with opened(settings, urls) as wiring:
                log_id = (await chosen(wiring, institution_id)).log_id
                checkpoints = Checkpoints(wiring.parts.pool, wiring.parts.stores)
                signed = await checkpoints.covering(log_id, position)
                if signed is None:
                    return None
                path = await checkpoints.tree(log_id).inclusion(position - 1, signed.size)
                return Receipt(position - 1, tuple(path), signed.note)

        found = run(work())
    if found is None:
        raise Stop(f"No signed checkpoint covers position {position}. 尚无检查点涵盖该位置。", FOUND)
    try:
        output.write_text(str(found), encoding="utf-8")
    except OSError as fault:
        raise Stop(f"{output} cannot be written ({fault.strerror}). 无法写入该文件。", USAGE) from None
    answer({"position": position, "file": str(output)}, [str(output)], as_json=as_json)


@audit.command("check-receipt")
@click.argument("file", type=_FILE)
@click.option("--line", "line_file", type=_FILE, required=True, help="An export with the line. · 含该行的导出文件。")
@click.option("--key", "vkey", required=True, help="The log's key, kept elsewhere. · 另行保存的日志公钥。")
@as_json
def check_receipt(*, file: Path, line_file: Path, vkey: str, as_json: bool) -> None:
    """Check a receipt without any server. · 离线校验回执。

    The line is looked for in an export by its position, or is all that the file holds.
    """
    try:
        verifier = Verifier.parse(vkey)
        found = Receipt.parse(file.read_text(encoding="utf-8"))
        checkpoint = found.proves(_line(line_file, found.position), verifier)
    except NoteRefused as refused:
        raise Stop(f"--key: {refused}. 公钥无效。", USAGE) from None
    except (ReceiptRefused, UnicodeDecodeError) as refused:
        raise Stop(f"{file}: {refused}. 回执不成立。", FOUND) from None
    told = {
        "log": checkpoint.origin,
        "position": found.position,
        "size": checkpoint.size,
        "root": checkpoint.root.hex(),
        "says": list(checkpoint.extension),
    }
    answer(told, [f"{key} {value}" for key, value in told.items() if value], as_json=as_json)


def _line(file: Path, position: int) -> bytes:
    with file.open("rb") as lines:
        read = [lines.readline(), lines.readline()]
        if not read[1]:
            return read[0].removesuffix(b"\n")
        lines.seek(0)
        for number, raw in enumerate(lines, 1):
            if number == position:
                return raw.removesuffix(b"\n")
    raise ReceiptRefused(f"the export has no line {position}")
