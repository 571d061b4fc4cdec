"""The guide for the first steps, walked as it is written."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from infra.embedded import EmbeddedPostgres
from tests.conftest import open_folder
from tests.walks.running import ROOT, running

GUIDE = ROOT / "docs" / "first-steps.md"
PROGRAM = "import sys; from api.cli import main; sys.exit(main())"


async def run(*argv: str, cwd: Path, env: dict[str, str]) -> str:
    ran = await asyncio.to_thread(
        subprocess.run, argv, cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=120
    )
    assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"
    return str(ran.stdout)


async def test_the_first_steps_lead_to_an_open_window(server: EmbeddedPostgres, template: str) -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    (served,) = re.findall(r"bootstrap\.py serve (.*?)\n…", guide, re.DOTALL)
    (steps,) = re.findall(r"```sh\n(.*?)```", guide, re.DOTALL)
    options = shlex.split(served.replace("\\\n", " "))
    with open_folder() as name:
        folder = Path(name)
        launcher = folder / ".venv" / "bin" / "biaogan"
        launcher.parent.mkdir(parents=True)
        launcher.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -c {shlex.quote(PROGRAM)} "$@"\n')
        launcher.chmod(0o755)
        (folder / "domain").symlink_to(ROOT / "domain")
        async with running(server, template, folder, ("api", "projector", "dispatcher", "scheduler")) as product:
            env = {
                **{key: value for key, value in os.environ.items() if not key.startswith("BIAOGAN_")},
                "BIAOGAN_DATABASE_URL": str(product.settings.database_url),
                "BIAOGAN_KEY_FILE": str(product.settings.key_file),
                "BIAOGAN_STATE_DIR": str(folder),
                "BIAOGAN_URL": product.urls[0],
                "FIRST": str(folder / "administrator.token"),
                "PYTHONPATH": str(ROOT),
            }
            # As serve does on its first start.
            opening = ["institution", "open", "--id", options[options.index("--institution") + 1], *options[2:]]
            opened = await run(str(launcher), *opening, "--administrator", "管理员", "--json", cwd=folder, env=env)
            (folder / "administrator.token").write_text(json.loads(opened)["token"] + "\n")

            said = await run("/bin/sh", "-eu", "-c", steps, cwd=folder, env=env)

            assert '"closed": false' in said
            assert re.search(r"application_closes +clear +6月15日17:00前 → 2020-06-15 17:00 \(published\)", said)
            assert said.rstrip().endswith("0 differences · 处差异")
            assert "simulated: nothing of it ever happened" in said
            (advance,) = re.findall(r"`(biaogan api post /v1/clock/advance .*?)`", guide)
            closing = f"PATH={folder}/.venv/bin:$PATH; {advance} --token-file admin.token"
            await run("/bin/sh", "-eu", "-c", closing, cwd=folder, env=env)
            windows = await run(
                str(launcher), "api", "get", "/v1/windows", "--token-file", "clerk.token", cwd=folder, env=env
            )
            assert '"closed": true' in windows
