"""``biaogan audit``: signed checkpoints and receipts, bundles, and their checks that need no server."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import rich_click as click

from api.cli.bundle import replay, verify
from api.cli.bundle.export import Exported, NothingOfIt
from api.cli.bundle.export import export as write_bundle
from api.cli.reaching import chosen, database, opened, run
from api.cli.rotation import announced_key, rotate_key
from api.cli.speaking import FOUND, USAGE, Found, Progress, Stop, answer, as_json
from infra.bundle import BagThere, BagUnwritable
from infra.checkpoints import Checkpoints, Signed
from infra.note import NoteRefused, Verifier
from infra.receipt import Receipt, ReceiptRefused
from infra.settings import load
from infra.views import Behind, NotBuilt

__all__ = ["audit"]

_institution = click.option("--institution", "institution_id", help="Which, where there are several. · 机构编号。")
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)

_SIMULATED: Final = "simulated: nothing of it ever happened · 演练,并非真实"


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

    The line is looked for in an export by its position, or is all that the file holds. Where it announces a new key,
    that key is printed: it is as good as the one you checked with.
    """
    try:
        verifier = Verifier.parse(vkey)
        found = Receipt.parse(file.read_text(encoding="utf-8"))
        line = _line(line_file, found.position)
        checkpoint = found.proves(line, verifier)
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
        "announces": announced_key(line),
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


@audit.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--programme", "programme_id", help="Only this programme, with the proof of each line. · 仅导出某项目。")
@_institution
@as_json
def export(*, folder: Path, programme_id: str | None, institution_id: str | None, as_json: bool) -> None:
    """Write the bundle for an auditor: record, proofs, documents, rules, what was published. · 导出审计包。

    FOLDER is a bag (BagIt); it is there whole or not at all.
    """
    settings, target = load(), folder.absolute()
    with database(settings) as urls:
        progress = Progress("export")

        async def work() -> Exported:
            async with opened(settings, urls) as wiring:
                found = await chosen(wiring, institution_id)
                return await write_bundle(wiring, found, target, progress, programme_id)

        try:
            told = run(work())
        except (BagThere, BagUnwritable, NothingOfIt) as refused:
            raise Stop(str(refused), USAGE) from None
        except (Behind, NotBuilt) as fault:
            raise Stop(
                f"{fault} Start `biaogan serve`, or `biaogan projections rebuild`. 视图尚未跟上,请启动服务或重建视图。"
            ) from None
        finally:
            progress.end()
    counted = f"{told.lines} lines, {told.checkpoints} checkpoints, {told.documents} documents, {told.published} files"
    lines = [f"{told.folder}: {counted}", f"signed up to · 已签名至 {told.signed} / {told.size}"]
    lines += [f"missing · 缺失: {document_id}" for document_id in told.missing]
    answer(told, [*lines, *((_SIMULATED,) if told.simulated else ())], as_json=as_json)


@audit.command("verify")
@click.argument("bundle", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--key", "vkeys", multiple=True, required=True, help="The log's key, kept elsewhere. · 另行保存的公钥。")
@click.option(
    "--head", "heads", multiple=True, type=_FILE, help="A checkpoint or receipt you kept. · 所存检查点或回执。"
)
@as_json
def verify_(*, bundle: Path, vkeys: tuple[str, ...], heads: tuple[Path, ...], as_json: bool) -> None:
    """Judge a bundle without any server: verify.py and replay.py, one report. · 离线核验审计包。"""
    try:
        judged = verify.verify(bundle, list(vkeys), list(heads))
        folded = replay.replay(bundle)
    except (verify.Unusable, replay.Unusable) as refused:
        raise Stop(str(refused), USAGE) from None
    lines = [*verify.printed(judged), "", *replay.printed(folded)]
    clean = judged["clean"] and folded["clean"]
    told: dict[str, Any] = {"clean": clean, "verify": judged, "replay": folded}
    answer(told, lines, as_json=as_json)
    if not clean:
        found = len(judged["findings"]) + len(folded["findings"])
        raise Found(f"{bundle}: {found} findings. 共 {found} 处问题。")


audit.add_command(rotate_key)
