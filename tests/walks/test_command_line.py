"""The command line against a running server: a call is checked, loaded with its text as published, and shown."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.walks.desk import Desk
from tests.walks.running import ROOT, Product

pytestmark = pytest.mark.slow
PROGRAM = "import sys; from api.cli import main; sys.exit(main())"
PRESETS = ROOT / "domain" / "programme" / "presets"


@pytest.fixture
def definition(tmp_path: Path) -> Path:
    """The real call, for an office that this institution has."""
    told = json.loads((PRESETS / "benchmark-2020.json").read_text(encoding="utf-8"))
    path = tmp_path / "call.json"
    path.write_text(json.dumps({**told, "office_unit_id": "OFFICE"}, ensure_ascii=False), encoding="utf-8")
    return path


@pytest.fixture
def faulty(definition: Path) -> Path:
    """The same call, with every term named twice."""
    told = json.loads(definition.read_text(encoding="utf-8"))
    path = definition.with_name("faulty.json")
    path.write_text(json.dumps({**told, "terms": told["terms"] * 2}), encoding="utf-8")
    return path


def run(product: Product, house: Desk, who: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    env = {
        "PATH": os.environ["PATH"],
        "BIAOGAN_URL": house.urls[0],
        "BIAOGAN_TOKEN": house.tokens[who],
        "BIAOGAN_STATE_DIR": str(product.settings.state_dir),
    }
    argv = [sys.executable, "-c", PROGRAM, "programme", *map(str, arguments)]
    return subprocess.run(argv, env=env, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


async def test_a_call_is_loaded_with_its_text_and_shown_with_its_damage(
    product: Product, house: Desk, definition: Path
) -> None:
    notice = PRESETS / "benchmark-2020.zh.txt"
    loaded = run(product, house, "clerk", "load", definition, "--id", "REAL", "--notice", notice, "--json")
    assert loaded.returncode == 0, loaded.stderr
    receipt: dict[str, Any] = json.loads(loaded.stdout)
    assert receipt["events"][0]["type"] == "programme.announced.v1"
    row = await house.read("clerk", "/v1/programmes/REAL", min_position=receipt["version"])
    text = await house.send("clerk", "GET", f"/v1/documents/{row['notice_document_id']}")
    assert text.content == notice.read_bytes()

    shown = run(product, house, "clerk", "show", "REAL")
    assert shown.returncode == 0, shown.stderr
    terms = {line.split()[0]: line.split()[1:] for line in shown.stdout.splitlines()[1:]}
    assert terms["application_closes"] == ["damaged", "5前", "→", "–", "(open)"]
    assert terms["publicity_days"][:2] == ["not_stated", "–"]
    assert (
        json.loads(run(product, house, "clerk", "show", "REAL", "--json").stdout)["programme"]["programme_id"] == "REAL"
    )


async def test_what_is_not_to_be_announced_is_said_with_its_reason_and_its_exit_code(
    product: Product, house: Desk, definition: Path, faulty: Path
) -> None:
    notice = PRESETS / "benchmark-2020.zh.txt"
    for who, arguments, code, told in (
        ("hand", ("load", definition, "--id", "REAL", "--notice", notice), 3, "403"),
        ("clerk", ("load", definition, "--id", "REAL"), 2, "--notice"),
        ("clerk", ("load", definition, "--id", "REAL", "--notice-document", "0" * 64), 3, "404"),
        ("clerk", ("show", "NOWHERE"), 3, "404"),
    ):
        ran = run(product, house, who, *arguments)
        assert (ran.returncode, ran.stdout) == (code, ""), ran.stdout
        assert told in ran.stderr
    ran = run(product, house, "clerk", "load", faulty, "--id", "REAL", "--notice", notice)
    assert ran.returncode == 1
    assert "findings" in ran.stderr
    assert (await house.read("clerk", "/v1/programmes"))["items"][0]["programme_id"] != "REAL"
