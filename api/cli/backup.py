"""``biaogan backup``, ``restore`` and ``rewrap``: the record in a folder and back, and keys under a new master key."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from api.cli.reaching import database, opened, run
from api.cli.speaking import FOUND, Progress, Stop, answer, as_json, say
from infra.backup import BackupRefused, Manifest, RestoredOtherwise, back_up
from infra.backup import restore as restore_into
from infra.master_key import KeyFileRefused, read_key_file
from infra.settings import load

__all__ = ["backup", "restore", "rewrap"]

_FOLDER = click.Path(path_type=Path, file_okay=False)


def _lines(manifest: Manifest, folder: Path) -> list[str]:
    told = [f"{folder}  {manifest.dump.size_bytes} bytes · 字节"]
    return told + [f"{each.origin}  size {each.size}  root {each.root}" for each in manifest.logs]


@click.command()
@click.argument("folder", type=_FOLDER)
@as_json
def backup(*, folder: Path, as_json: bool) -> None:
    """Write a backup into a new folder, while the product runs. · 备份到新文件夹(可在运行中进行)。

    The master key and the signer's folder are not in it, on purpose: keep copies of both elsewhere.
    """
    settings, progress = load(), Progress("backup · 备份")
    with database(settings) as urls:
        try:
            manifest = run(back_up(urls.app_url, folder.absolute(), progress))
        except BackupRefused as refused:
            raise Stop(str(refused)) from None
        finally:
            progress.end()
    answer(manifest, _lines(manifest, folder), as_json=as_json)
    say(f"not in it, keep them apart: {settings.key_file}, {settings.signer_dir} · 上述密钥不在备份中,请另行保存")


@click.command()
@click.argument("folder", type=_FOLDER)
@as_json
def restore(*, folder: Path, as_json: bool) -> None:
    """Restore a backup into an empty database, and compare every size and root. · 恢复到空数据库并核对。

    Views are built again when the product starts. A signer that signed more than the backup holds refuses it.
    """
    settings, progress = load(), Progress("restore · 恢复")
    with database(settings) as urls:
        if not urls.owner_url:
            raise Stop(
                "Restoring needs the owner's role: stop `biaogan serve`, or set BIAOGAN_OWNER_URL."
                " 恢复须以所有者角色进行:请先停止服务,或设置 BIAOGAN_OWNER_URL。"
            )
        try:
            keys = read_key_file(settings.key_file)
            manifest = run(restore_into(urls.owner_url, urls.app_url, folder.absolute(), keys, progress))
        except (BackupRefused, KeyFileRefused) as refused:
            raise Stop(str(refused)) from None
        except RestoredOtherwise as found:
            raise Stop(str(found), FOUND) from None
        finally:
            progress.end()
    answer(manifest, _lines(manifest, folder), as_json=as_json)


@click.command()
@as_json
def rewrap(*, as_json: bool) -> None:
    """Wrap every key of the vault under the first line of the key file; then the others may go. · 以新主密钥重新封装。

    Backups that are older than that open with the former master key alone: destroy it, and they are worthless.
    """
    settings = load()
    with database(settings) as urls:

        async def work() -> int:
            async with opened(settings, urls) as wiring:
                return await wiring.parts.vault.rewrap()

        count = run(work())
    answer({"rewrapped": count}, [f"{count} keys wrapped anew · 已重新封装 {count} 把密钥"], as_json=as_json)
