"""The command line as a person and a program use it: answers, exit codes, sentences, and no trace of a trace."""

from __future__ import annotations

import ast
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import click
import pytest

from api.cli import biaogan, main
from api.cli.calendar import proposal
from tests.conftest import Database, open_folder
from tests.waiting import is_running, until

PROGRAM = "import sys; from api.cli import main; sys.exit(main())"
ROOT = Path(__file__).resolve().parent.parent
PRESET = ROOT / "domain" / "programme" / "presets" / "benchmark-2020.json"
OPENING = ("institution", "open", "--name-zh", "示例大学", "--name-en", "Example", "--administrator", "欧阳锋")


@dataclass(frozen=True)
class Shell:
    """A terminal in which the program is installed, and its database is named."""

    env: dict[str, str]

    def run(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", PROGRAM, *arguments],
            env={**self.env, **env},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def answer(self, *arguments: str) -> Any:
        ran = self.run(*arguments, "--json")
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)


@pytest.fixture
def shell(database: Database, tmp_path: Path) -> Shell:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return Shell(
        {
            **kept,
            "BIAOGAN_DATABASE_URL": database.app_url,
            "BIAOGAN_OWNER_URL": database.owner_url,
            "BIAOGAN_STATE_DIR": str(tmp_path),
        }
    )


def test_an_institution_is_opened_once_and_lets_its_administrator_in(shell: Shell) -> None:
    opened = shell.answer(*OPENING, "--id", "UNI")
    assert opened["token"].startswith("bg_")
    listed = shell.answer("token", "list")
    assert [(line["person_id"], line["once"]) for line in listed] == [(opened["administrator_id"], True)]
    again = shell.run(*OPENING, "--id", "UNI", "--json")
    assert again.returncode == 3
    assert json.loads(again.stdout)["problem"]["type"] == "institution-already-open"
    assert "欧阳锋" not in again.stdout + again.stderr


@pytest.mark.parametrize("person", ["zz", "00000000-0000-4000-8000-000000000000"])
def test_a_token_is_for_somebody_who_is_on_record(shell: Shell, person: str) -> None:
    shell.answer(*OPENING, "--id", "UNI")
    refused = shell.run("token", "create", "--person", person, "--json")
    assert refused.returncode == 3
    assert json.loads(refused.stdout)["problem"]["type"] == "person-unknown"
    assert "尚未登记" in refused.stderr
    assert len(shell.answer("token", "list")) == 1


def test_what_is_not_understood_is_told_as_json_where_that_is_asked_for(shell: Shell) -> None:
    for arguments in (("token", "create"), ("events", "check", "no-such-file"), ("programme", "nonsense")):
        ran = shell.run(*arguments, "--json")
        assert ran.returncode == 2
        assert json.loads(ran.stdout)["exit_code"] == 2
        assert ran.stderr.strip()


def test_an_option_that_cannot_be_is_named_in_both_languages(shell: Shell) -> None:
    ran = shell.run(*OPENING, "--id", "UNI", "--administrator-id", "zz")
    assert ran.returncode == 2
    assert "--administrator-id: Expected" in ran.stderr
    assert "应为符合正则式" in ran.stderr
    assert "$." not in ran.stderr


def test_what_answers_but_is_no_server_of_ours_is_told_so(shell: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:

        def greet() -> None:
            connection, _ = other.accept()
            with connection:
                connection.sendall(b"SSH-2.0-nobody\r\n")

        threading.Thread(target=greet).start()
        at = f"http://127.0.0.1:{other.getsockname()[1]}"
        ran = shell.run("programme", "show", "P", BIAOGAN_TOKEN="t", BIAOGAN_URL=at)
    assert ran.returncode == 4
    assert "not as Biaogan does" in ran.stderr


def test_a_file_that_cannot_be_a_definition_is_told_so(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "definition.json"
    for text, told in (
        ("[" * 100_000, "nested too deeply"),
        ('{"a": 1, "a": 2}', "the key a stands twice"),
        ('{"a": NaN}', "NaN is no number"),
        ('{"a": "\\ud800"}', "surrogates not allowed"),
    ):
        file.write_text(text)
        for options in ((), ("--json",)):
            ran = shell.run("programme", "validate", str(file), *options)
            assert ran.returncode == 1, ran.stderr
            assert told in ran.stderr
    file.write_bytes(b"\xef\xbb\xbf" + PRESET.read_bytes())
    assert shell.answer("programme", "validate", str(file)) == {"findings": []}


def test_tokens_are_made_listed_and_revoked(shell: Shell) -> None:
    opened = shell.answer(*OPENING, "--id", "UNI", "--simulated-from", "2020-05-09T16:36:00+08:00")
    made = shell.answer("token", "create", "--person", opened["administrator_id"], "--scope", "read", "--days", "2")
    listing = shell.run("token", "list")
    assert made["token_id"] in listing.stdout
    assert made["token"] not in listing.stdout
    assert shell.answer("token", "revoke", made["token_id"]) == {"token_id": made["token_id"], "revoked": True}
    again = shell.run("token", "revoke", made["token_id"])
    assert again.returncode == 1
    assert "revoked" in shell.run("token", "list").stdout


def test_the_record_is_exported_rooted_and_checked_without_a_server(shell: Shell, tmp_path: Path) -> None:
    shell.answer(*OPENING, "--id", "UNI")
    root = shell.answer("events", "root")
    assert (root["log"], root["size"], root["simulated"]) == ("UNI", 9, False)
    assert shell.run("events", "root").stdout.splitlines() == ["UNI", "9", root["root"]]
    export = tmp_path / "events.jsonl"
    written = shell.run("events", "export", "-o", str(export))
    assert (written.returncode, written.stdout) == (0, "")
    assert root["root"] in written.stderr
    assert shell.run("events", "export").stdout.encode() == export.read_bytes()
    assert shell.answer("events", "export", "-o", str(export)) == {"file": str(export), **root}
    checked = shell.run("events", "check", str(export), "--json", BIAOGAN_DATABASE_URL="", BIAOGAN_OWNER_URL="")
    assert json.loads(checked.stdout) == {**root, "findings": []}
    lines = export.read_bytes().splitlines(keepends=True)
    export.write_bytes(b"".join([lines[1], lines[0], *lines[2:]]))
    swapped = shell.run("events", "check", str(export), "--json")
    assert swapped.returncode == 1
    assert json.loads(swapped.stdout)["root"] != root["root"]
    assert swapped.stderr.startswith("biaogan: ")


def test_a_rehearsal_is_known_for_one_wherever_its_record_leaves_the_house(shell: Shell, tmp_path: Path) -> None:
    shell.answer(*OPENING, "--id", "REHEARSAL", "--simulated-from", "2020-05-09T16:36:00+08:00")
    export = tmp_path / "events.jsonl"
    assert shell.answer("events", "root")["simulated"]
    assert "演练,并非真实" in shell.run("events", "root").stdout.splitlines()[3]
    assert "演练,并非真实" in shell.run("events", "export", "-o", str(export)).stderr
    assert shell.answer("events", "export", "-o", str(export))["simulated"]
    assert shell.answer("events", "check", str(export))["simulated"], "it is in the lines themselves"
    assert "演练,并非真实" in shell.run("events", "check", str(export)).stdout


async def test_the_dead_are_listed_shown_and_taken_up_again_with_a_reason(
    shell: Shell, superuser: asyncpg.Connection
) -> None:
    shell.answer(*OPENING, "--id", "UNI")
    done, dead = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
    await superuser.execute(
        "INSERT INTO outbox (log_id, position, automation, about, key, state, attempts, ended_at, recorded, fault)"
        " VALUES"
        " (1, 3, 'when_it_rains_close_windows', 3, $1, 'done', 1, now(), 4, NULL),"
        " (1, 5, 'when_it_rains_close_windows', 2, $2, 'dead', 7, now(), NULL, 'TimeoutError')",
        done,
        dead,
    )
    assert [(row["key"], row["state"]) for row in shell.answer("outbox", "list")] == [(dead, "dead"), (done, "done")]
    assert [row["key"] for row in shell.answer("outbox", "list", "--state", "dead")] == [dead]
    assert shell.run("outbox", "list").stdout.splitlines() == [
        f"{dead}  when_it_rains_close_windows  #5 for #2  dead after 7 attempts · 尝试 7 次后失败: TimeoutError",
        f"{done}  when_it_rains_close_windows  #3  done, recorded at · 已办结,记录于 #4",
    ]
    assert shell.run("outbox", "retry", dead).returncode == 2, "not without a reason"
    assert shell.run("outbox", "retry", dead, "--reason", "Li said so").returncode == 2, "and not in prose"
    assert shell.answer("outbox", "retry", dead, "--reason", "roof_mended") == {"key": dead, "state": "pending"}
    shown = shell.answer("outbox", "show", dead)
    assert (shown["row"]["state"], shown["row"]["attempts"]) == ("pending", 0)
    assert [each["reason_code"] for each in shown["retries"]] == ["roof_mended"]
    assert "taken up again" in shell.run("outbox", "show", dead).stdout
    for key in (dead, done):
        refused = shell.run("outbox", "retry", key, "--reason", "again")
        assert (refused.returncode, refused.stderr) == (1, f"biaogan: There is no dead row {key}. 没有此失败事项。\n")
    assert shell.run("outbox", "show", done.replace("1", "9")).returncode == 1


async def test_views_are_built_verified_and_a_difference_is_named(shell: Shell, superuser: asyncpg.Connection) -> None:
    administrator_id = shell.answer(*OPENING, "--id", "UNI")["administrator_id"]
    assert shell.run("projections", "status").returncode == 1
    switched = shell.answer("projections", "rebuild")["switched"]
    assert "roster" in switched
    assert shell.answer("projections", "rebuild", "roster")["switched"] == ["roster"]
    assert shell.run("projections", "status").returncode == 0
    answered = shell.answer("replay", "verify")
    assert answered["differences"] == []
    (pace,) = [each for each in answered["paces"] if each["view"] == "person"]
    assert pace["events"] > 0 < pace["events_per_second"]
    assert {each["view"] for each in answered["paces"] if each["events_per_second"] is None} > {"payment"}
    (relation,) = [
        row["relation"] for row in await superuser.fetch("select relation from view.live where name = 'person'")
    ]
    await superuser.execute(f"update view.{relation} set service = 'import' where service is null")
    verified = shell.run("replay", "verify", "--json")
    assert verified.returncode == 1
    (difference,) = json.loads(verified.stdout)["differences"]
    assert (difference["view"], difference["kind"], difference["column"]) == ("person", "changed", "service")
    assert difference["key"] == [administrator_id]
    printed = shell.run("replay", "verify").stdout
    assert administrator_id in printed, "a person reads the row's name too"
    assert re.search(r"^person +\d+ events · 事件 +[\d,]+ /s$", printed, re.MULTILINE)
    unknown = shell.run("projections", "rebuild", "nonsense")
    assert (unknown.returncode, unknown.stdout) == (2, "")


TAMPERING = {
    "edited": "UPDATE event SET actor_id = 'somebody else' WHERE position = 3",
    "deleted": "DELETE FROM event WHERE position = 3",
    "cut": "DELETE FROM event WHERE position > 7",
    "swapped": "UPDATE event SET position = 109 - position WHERE position IN (4, 5)",
}


@pytest.mark.parametrize("how", TAMPERING)
async def test_the_root_that_was_printed_is_no_longer_that_of_a_record_which_was_tampered_with(
    shell: Shell, superuser: asyncpg.Connection, how: str
) -> None:
    shell.answer(*OPENING, "--id", "UNI")
    printed = shell.answer("events", "root")
    await superuser.execute("ALTER TABLE event DISABLE TRIGGER append_only")
    await superuser.execute(TAMPERING[how])
    await superuser.execute("UPDATE event SET position = position - 100 WHERE position > 100")
    assert shell.answer("events", "root")["root"] != printed["root"]


def test_which_institution_is_asked_for_where_there_are_several(shell: Shell) -> None:
    for name in ("ONE", "TWO"):
        shell.answer(*OPENING, "--id", name)
    unsure = shell.run("events", "root")
    assert unsure.returncode == 2
    assert "ONE, TWO" in unsure.stderr
    assert shell.answer("events", "root", "--institution", "TWO")["log"] == "TWO"


def test_the_published_working_days_are_proposed(shell: Shell) -> None:
    proposed = shell.answer("calendar", "load", "2020")
    assert {"2020-06-25", "2020-06-26"} <= set(proposed["days_off"])
    assert "2020-06-28" in proposed["days_worked"]
    assert len(proposal(2020)["days_off"]) == len(proposed["days_off"])
    unknown = shell.run("calendar", "load", "2100")
    assert (unknown.returncode, unknown.stdout) == (3, "")


def test_a_definition_is_checked_with_every_finding_at_once(shell: Shell, tmp_path: Path) -> None:
    assert shell.answer("programme", "validate", str(PRESET)) == {"findings": []}
    definition = json.loads(PRESET.read_text(encoding="utf-8"))
    definition["tracks"][0]["form"] = "nonsense"
    definition["terms"].append(definition["terms"][0])
    named = tmp_path / "named.json"
    named.write_text(json.dumps(definition, ensure_ascii=False), encoding="utf-8")
    found = shell.run("programme", "validate", str(named), "--json")
    assert found.returncode == 1
    findings = json.loads(found.stdout)["findings"]
    assert {"form-defined", "codes-once"} <= {finding["rule"] for finding in findings}
    assert all(finding["path"].startswith("/") for finding in findings)
    del definition["name_zh"]
    definition["office_unit_id"] = 5
    named.write_text(json.dumps(definition, ensure_ascii=False), encoding="utf-8")
    shape = json.loads(shell.run("programme", "validate", str(named), "--json").stdout)["findings"]
    assert {finding["rule"] for finding in shape} == {"shape-required", "shape-type"}
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    assert shell.run("programme", "validate", str(broken)).returncode == 1


@pytest.mark.parametrize(
    ("arguments", "env", "code"),
    [
        (("nonsense",), {}, 2),
        (("token", "create"), {}, 2),
        (("events", "root"), {"BIAOGAN_DATABASE_URL": "mysql://x"}, 3),
        (("events", "root"), {"BIAOGAN_DATABASE_URL": "postgresql://x@127.0.0.1:1/x"}, 4),
        (("events", "root"), {}, 3),
        (("events", "check", "no-such-file"), {}, 2),
        (("migrate",), {"BIAOGAN_OWNER_URL": ""}, 3),
        (("programme", "show", "P"), {}, 2),
        (("programme", "show", "P"), {"BIAOGAN_TOKEN": "t", "BIAOGAN_URL": "http://127.0.0.1:1"}, 4),
        (("programme", "show", "P"), {"BIAOGAN_TOKEN": "t", "BIAOGAN_URL": "ftp://127.0.0.1"}, 2),
        (("programme", "show", "P"), {"BIAOGAN_TOKEN": "t", "BIAOGAN_URL": "http://["}, 2),
        (("programme", "show", "P"), {"BIAOGAN_TOKEN": "t", "BIAOGAN_URL": "http://"}, 2),
        (("programme", "show", "P"), {"BIAOGAN_TOKEN": "t u"}, 2),
        (("programme", "show", "P"), {"BIAOGAN_TOKEN": "令牌"}, 2),
        (("programme", "show", "P", "--token-file", sys.executable), {}, 2),
        (("programme", "show", "支部 1"), {"BIAOGAN_TOKEN": "t", "BIAOGAN_URL": "http://127.0.0.1:1"}, 4),
        (("programme", "load", str(PRESET), "--id", "P"), {}, 2),
        (("api", "get", "v1/units"), {"BIAOGAN_TOKEN": "t"}, 2),
        (("api", "get", "/v1/单位"), {"BIAOGAN_TOKEN": "t"}, 2),
        (("api", "post", "/v1/units", "{}", "--reason", "迟交"), {"BIAOGAN_TOKEN": "t"}, 2),
        (("api", "post", "/v1/units"), {"BIAOGAN_TOKEN": "t", "BIAOGAN_URL": "http://127.0.0.1:1"}, 4),
        (("events", "export", "-o", "/dev/null/x"), {}, 2),
        (("demo", "--output", "/dev/null/x"), {}, 3),
        (("demo", "--output", "papers"), {"BIAOGAN_STATE_DIR": "/dev/null/x"}, 3),
        (("serve",), {"BIAOGAN_DATABASE_URL": "", "BIAOGAN_OWNER_URL": "", "BIAOGAN_STATE_DIR": "/dev/null/x"}, 3),
        ((*OPENING, "--id", "a b"), {}, 2),
        ((*OPENING, "--id", "UNI", "--time-zone", "Mars/Base"), {}, 2),
        ((*OPENING, "--id", "UNI", "--simulated-from", "yesterday"), {}, 2),
    ],
)
def test_every_way_to_fail_is_a_sentence_and_a_code(
    shell: Shell, arguments: tuple[str, ...], env: dict[str, str], code: int
) -> None:
    ran = shell.run(*arguments, **env)
    assert (ran.returncode, ran.stdout) == (code, ""), ran.stderr
    assert re.search(r"[\u4e00-\u9fff]", ran.stderr.splitlines()[-1]), "told in Chinese too"
    assert "Traceback" not in ran.stderr
    assert "欧阳锋" not in ran.stderr


@pytest.mark.parametrize(
    ("arguments", "chinese"),
    [
        (("nonsense",), "没有命令 nonsense。"),
        (("token", "nonsense"), "没有命令 nonsense。"),
        (("token", "create"), "缺少选项 --person。"),
        (("token", "revoke"), "缺少参数 TOKEN_ID。"),
        (("token", "create", "--person", "x", "--days", "0"), "选项 --days 的取值不合规则:须在范围 1<=x<=3650 之内。"),
        (("token", "create", "--person", "x", "--days", "many"), "选项 --days 的取值不合规则:须为整数。"),
        (("completion", "tcsh"), "参数 SHELL 的取值不合规则:须为 'bash', 'zsh', 'fish' 之一。"),
        (("token", "create", "--person"), "选项 --person 的用法有误:缺少取值,或不应有取值。"),
        (("token", "revoke", "x"), "参数 TOKEN_ID 的取值不合规则:须为 UUID。"),
        (("events", "root", "--nope"), "没有选项 --nope。"),
        (("events", "check", "no-such-file"), "参数 FILE 的取值不合规则:所指文件不存在。"),
        (("events", "check", "/"), "参数 FILE 的取值不合规则:所指为目录,须为文件。"),
        (("demo", "--output", sys.executable), "选项 --output 的取值不合规则:所指为文件,须为目录。"),
        (("events", "root", "more", "words"), "多出参数:more words。"),
        (("events", "root", "--json=1"), "选项 --json 的用法有误:缺少取值,或不应有取值。"),
        (("events", "export", "--json"), "请以 -o 指定文件。"),
    ],
)
def test_what_is_not_understood_is_told_in_chinese_too(
    arguments: tuple[str, ...], chinese: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments]) == 2
    assert capsys.readouterr().err.splitlines()[-1].endswith(chinese)
    assert main([arguments[0], "--json", *arguments[1:]]) == 2
    told = json.loads(capsys.readouterr().out)
    assert (told["exit_code"], bool(re.search(r"[\u4e00-\u9fff]", told["error"]))) == (2, True)


SENTENCES = {
    *("Stop", "StartRefused", "SettingsRefused", "EmbeddedError", "BinariesNotFound", "KeyFileRefused"),
    *("MigrationRefused", "PlaceRefused", "RecordNotOurs", "MasterKeyMissing"),
}
"""What ends a command, or keeps the product from starting, with a sentence for a person."""


def test_whatever_ends_a_command_says_so_in_both_languages() -> None:
    told, mute = 0, []
    for room in ("api", "infra", "workers"):
        for path in sorted((ROOT / room).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or not node.args:
                    continue
                sentence = node.args[0]
                if node.func.id in SENTENCES and isinstance(sentence, ast.Constant | ast.JoinedStr):
                    told += 1
                    if not re.search(r"[\u4e00-\u9fff]|in_chinese|problem\[|lines_of", ast.unparse(sentence)):
                        mute.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert told > 60
    assert not mute, mute


def test_every_command_answers_as_json_where_that_is_asked_for() -> None:
    without = [
        words
        for words, command in commands(biaogan)
        if not isinstance(command, click.Group) and not any("--json" in option.opts for option in command.params)
    ]
    assert without == []


def commands(group: click.Group, words: str = "biaogan") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        yield f"{words} {name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{words} {name}")


def test_every_command_and_every_option_says_what_it_does_in_both_languages() -> None:
    found = list(commands(biaogan))
    assert len(found) > 25
    chinese = re.compile(r"[\u4e00-\u9fff]")
    mute = [words for words, command in found if not chinese.search((command.help or "").partition("\n\n")[0])]
    options = [
        f"{words} {option.opts[0]}"
        for words, command in found
        for option in command.params
        if isinstance(option, click.Option) and not chinese.search(option.help or "")
    ]
    assert (mute, options) == ([], [])


def test_migrations_are_applied_once(shell: Shell) -> None:
    assert shell.answer("migrate") == {"applied": []}


def test_the_shell_completes_commands(shell: Shell) -> None:
    assert "_BIAOGAN_COMPLETE=bash_complete" in shell.run("completion", "bash").stdout
    completed = shell.run(_BIAOGAN_COMPLETE="bash_complete", COMP_WORDS="biaogan pro", COMP_CWORD="1").stdout
    assert completed.split() == ["plain,programme", "plain,projections"]


def test_the_schemas_and_the_completion_are_printed_as_they_are_and_as_json(shell: Shell) -> None:
    assert json.loads(shell.run("api", "openapi").stdout) == shell.answer("api", "openapi")
    assert shell.answer("api", "openapi")["openapi"] == "3.1.0"
    assert json.loads(shell.run("programme", "schema").stdout) == shell.answer("programme", "schema")
    script = shell.answer("completion", "bash")
    assert script == {"shell": "bash", "script": shell.run("completion", "bash").stdout.removesuffix("\n")}


@pytest.mark.slow
def test_serve_opens_an_institution_lets_its_administrator_in_and_ends_in_order() -> None:
    with open_folder() as folder:
        state = Path(folder) / "state"
        env = {name: value for name, value in os.environ.items() if not name.startswith("BIAOGAN_")}
        env |= {"BIAOGAN_STATE_DIR": str(state), "BIAOGAN_PORT": "18800"}
        words, given, receipt = Path(folder) / "words", Path(folder) / "given", Path(folder) / "10.tlog-proof"
        with words.open("wb") as said, given.open("wb") as answer:
            serving = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, "serve", "--json"], cwd=ROOT, env=env, stderr=said, stdout=answer
            )
        try:
            until(lambda: "Ctrl-C" in words.read_text(encoding="utf-8"), "serve is up", 180)
            url = re.search(r"http://[0-9.]+:\d+", words.read_text(encoding="utf-8"))
            assert url is not None
            token_file = state / "administrator.token"
            assert stat.S_IMODE(token_file.stat().st_mode) == 0o600
            # What is told on the terminal is what a person does next.
            assert f"token exchange --token-file {token_file}" in words.read_text(encoding="utf-8")
            kept = Path(folder) / "admin.token"
            exchange = ("token", "exchange", "--token-file", str(token_file), "-o", str(kept))
            # An answer that is lost is asked for again under its key.
            lost = Shell(env).answer(*exchange, "--key", "mine")
            again = Shell(env).answer(*exchange, "--key", "mine")
            assert (again["file"], again["token_id"]) == (str(kept), lost["token_id"])
            assert stat.S_IMODE(kept.stat().st_mode) == 0o600
            assert Shell(env).run(*exchange).returncode == 3
            secret = kept.read_text().strip()
            shell = Shell({**env, "BIAOGAN_TOKEN": secret, "BIAOGAN_URL": url[0]})
            assert shell.answer("calendar", "load", "2020", "--file")["version"] == 10
            assert shell.answer("replay", "verify")["differences"] == []
            beside = shell.answer("events", "root")
            assert (beside["log"], beside["size"]) == ("main", 10)
            until(lambda: shell.run("audit", "receipt", "10", "-o", str(receipt)).returncode == 0, "it is signed", 60)
            key = shell.answer("audit", "checkpoint")["vkeys"][0]
        finally:
            serving.send_signal(signal.SIGTERM)
            code = serving.wait(60)
        assert code == 0
        assert not is_running(serving.pid)
        assert "stopped" in words.read_text(encoding="utf-8").splitlines()[-1]
        assert json.loads(given.read_text(encoding="utf-8"))["url"] == url[0]
        log = state / "processes.log"
        assert stat.S_IMODE(log.stat().st_mode) == 0o600
        lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
        assert {"serve", "api", "scheduler"} <= {line["process"] for line in lines}
        assert not (state / "running.json").exists()
        offline = Shell(env)
        assert offline.answer("events", "root")["root"] == beside["root"]
        _a_receipt_is_checked(offline, receipt, key)


def _a_receipt_is_checked(shell: Shell, receipt: Path, key: str) -> None:
    """Without a server, with the key that was kept; a line, a receipt or a key that is not the right one is named."""
    export = receipt.with_name("events.jsonl")
    assert shell.run("events", "export", "-o", str(export)).returncode == 0
    check = ("audit", "check-receipt", str(receipt), "--line", str(export), "--key")
    told = shell.answer(*check, key)
    assert (told["log"], told["position"]) == ("main", 10)
    lines = export.read_bytes().splitlines(keepends=True)
    export.write_bytes(lines[9])
    assert shell.answer(*check, key) == told
    for shown, proof, said in (
        (lines[8], receipt.read_text(), "does not stand at position 10"),
        (b"".join(lines[:5]), receipt.read_text(), "no line 10"),
        (lines[9], receipt.read_text().replace("index 9", "index nine"), "no receipt"),
    ):
        export.write_bytes(shown)
        receipt.write_text(proof)
        refused = shell.run(*check, key)
        assert (refused.returncode, said in refused.stderr) == (1, True), refused.stderr
    assert shell.run(*check, "no key").returncode == 2
