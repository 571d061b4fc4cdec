"""schemathesis against the served schema: whatever it sends, the answer is one that the schema announces."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.over_http.serving import Served

SECONDS = 900
"""It asks thousands of questions; how fast they are answered is not asked here."""
pytestmark = [pytest.mark.slow, pytest.mark.timeout(SECONDS + 20)]
EXAMPLES = int(os.environ.get("BIAOGAN_TEST_FUZZ", "5"))
# Right answers to data that only looks right: a key used before, the id of nothing, a rule that says no.
CONFIG = """
[checks]
positive_data_acceptance.expected-statuses = [
  "2xx", "304", "400", "401", "403", "404", "406", "409", "412", "413", "415", "422",
]
missing_required_header.expected-statuses = ["400", "401", "403", "406", "415", "422", "428"]
"""


async def test_schemathesis_finds_nothing(served: Served, tmp_path: Path) -> None:
    token = await served.token(served.office.administrator, ("read", "act"))
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    argv = [
        str(Path(sys.executable).with_name("schemathesis")),
        "--config-file",
        str(tmp_path / "schemathesis.toml"),
        "run",
        f"{served.http.base_url}/v1/openapi.json",
        "--header",
        f"Authorization: Bearer {token}",
        "--max-examples",
        str(EXAMPLES),
        "--seed",
        "1",
        "--no-color",
        "--exclude-operation-id",
        "metrics",
    ]
    ran = await asyncio.to_thread(
        subprocess.run, argv, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=SECONDS
    )
    assert ran.returncode == 0, ran.stdout[-12_000:] + ran.stderr[-3_000:]
