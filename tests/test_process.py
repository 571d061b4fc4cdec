"""How a process of the product ends that finds no database to begin with: a sentence, an exit code, no trace."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from infra.master_key import ensure_key_file
from infra.processes import PROCESSES, Process
from tests.walks.running import free_port

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("process", PROCESSES, ids=lambda process: process.name)
def test_without_a_database_a_process_says_so_and_ends(process: Process, tmp_path: Path) -> None:
    ensure_key_file(tmp_path / "vault.key")
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith("BIAOGAN_")},
        "BIAOGAN_DATABASE_URL": f"postgresql://biaogan_app@127.0.0.1:{free_port()}/biaogan",
        "BIAOGAN_BROKER_URL": f"redis://127.0.0.1:{free_port()}/0",
        "BIAOGAN_STATE_DIR": str(tmp_path),
    }
    ended = subprocess.run(process.argv(), cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert ended.stderr == "The database does not answer (ConnectionRefusedError). 数据库没有应答。\n"
