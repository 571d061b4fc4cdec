"""The bundle: complete, the same whoever judges it, there whole or not at all, and judged without the product."""

from __future__ import annotations

import ast
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path

import bagit
import pytest
import pytest_asyncio

from api.cli.bundle.export import NothingOfIt
from api.cli.bundle.replay import replay
from api.cli.bundle.verify import Duties, Fault, Report, Unusable, canonical, parsed
from infra.bundle import Bag, BagThere, BagUnwritable
from infra.embedded import EmbeddedPostgres
from tests.bundles import closed, database_like, exported, filled, found, judged, rebagged, reruled, vkey
from tests.call import CALL
from tests.conftest import Database
from tests.test_funding_story import STORY, played
from tests.waiting import until

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = "import sys; from api.cli import main; sys.exit(main())"


@pytest_asyncio.fixture(scope="module")
async def house(
    server: EmbeddedPostgres, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Database, Path]]:
    """A database with the money of the story in it, and the folder with its key file and its bundle."""
    folder = tmp_path_factory.mktemp("house")
    async with database_like(server, template) as database:
        await filled(database, folder / "vault.key", closed(STORY.past))
        await exported(database, folder / "vault.key", folder / "bundle")
        yield database, folder


@pytest.fixture
def bundle(house: tuple[Database, Path], tmp_path: Path) -> Path:
    """A copy of the bundle, to tamper with."""
    return Path(shutil.copytree(house[1] / "bundle", tmp_path / "bundle"))


# --- an honest house -------------------------------------------------------------------------------------------------


def test_a_bundle_of_an_honest_house_is_clean_by_both_programs(house: tuple[Database, Path]) -> None:
    report = judged(house[1] / "bundle")
    assert report["clean"], report["findings"]
    assert report["signed"] == report["size"] == report["checked"]["lines"] == report["checked"]["leaves"]
    assert (report["checked"]["ledger files"], report["checked"]["documents named"]) == (3, 2)
    folded = replay(house[1] / "bundle")
    assert folded["clean"], folded["findings"]
    assert folded["checked"]["files"] > 60


async def test_a_programme_is_exported_with_what_it_rests_on_and_judged_against_the_whole_tree(
    house: tuple[Database, Path], tmp_path: Path
) -> None:
    database, folder = house
    told = await exported(database, folder / "vault.key", tmp_path / "bundle", CALL)
    assert told.scope == "programme"
    assert told.lines < told.size == told.leaves
    report, folded = judged(tmp_path / "bundle"), replay(tmp_path / "bundle")
    assert report["clean"], report["findings"]
    assert folded["clean"], folded["findings"]
    assert any("all the lines of the programme" in one["en"] for one in report["not_proven"])
    with pytest.raises(NothingOfIt):
        await exported(database, folder / "vault.key", tmp_path / "none", "NO-SUCH")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("seed", [3, 17])
async def test_the_books_of_a_generated_programme_are_reproduced_by_both_programs(
    server: EmbeddedPostgres, template: str, tmp_path: Path, seed: int
) -> None:
    past = closed(played(random.Random(seed)), ("year",))
    async with database_like(server, template) as database:
        await filled(database, tmp_path / "vault.key", past)
        await exported(database, tmp_path / "vault.key", tmp_path / "bundle")
    report, folded = judged(tmp_path / "bundle"), replay(tmp_path / "bundle")
    assert report["clean"], report["findings"]
    assert folded["clean"], folded["findings"]
    assert report["checked"]["ledger files"] == 2
    assert all(judge["ledgers"] == 2 * judge["ran"] for judge in folded["added_up_by"].values())


def test_a_fen_that_is_planted_is_found_by_other_peoples_accounting_too(bundle: Path) -> None:
    """beancount comes with the developers' packages; hledger judges where the machine has it."""
    table = bundle / "data" / "published" / "ledgers" / CALL / "cycle-2022-09-30" / "trial_balance.csv"
    table.write_bytes(table.read_bytes().replace(b"B100,budget,2020,,,,,,5500000", b"B100,budget,2020,,,,,,5500001"))
    folded = replay(rebagged(bundle))
    judges = {name for name, told in folded["added_up_by"].items() if told["ran"]}
    assert "bean-check" in judges
    assert all(told["ledgers"] == 3 * told["ran"] for told in folded["added_up_by"].values())
    said = {one["code"]: one["position"] for one in folded["findings"]}
    assert set(said) == {"differs", "judge"}
    assert len(set(said.values())) == 1
    named = {one["en"].partition(" ")[0] for one in folded["findings"] if one["code"] == "judge"}
    assert named == judges


def test_a_program_that_is_not_installed_is_said_not_to_have_run(bundle: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bin"
    bare.mkdir()
    (bare / "python").symlink_to(Path(sys.executable).resolve())
    env = {"PATH": str(bare), "PYTHONPATH": sysconfig.get_path("platlib")}
    argv = [str(bare / "python"), str(bundle / "replay.py")]
    ran = subprocess.run(argv, capture_output=True, text=True, check=False, env=env)
    assert ran.returncode == 0, ran.stderr
    for program in ("bean-check", "hledger"):
        assert f"{program}: not run: it is not installed here · 未运行:本机未安装" in ran.stdout


# --- by people who do not have the product ---------------------------------------------------------------------------


def alone(program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program of a bundle where nothing of the product can be found."""
    argv = [sys.executable, "-P", str(program), *arguments]
    env = {"PATH": os.environ["PATH"]}
    return subprocess.run(argv, capture_output=True, text=True, check=False, cwd=program.parent, env=env)


def test_both_programs_run_from_the_bundle_itself(bundle: Path) -> None:
    ran = alone(bundle / "verify.py", "--key", vkey(), "--json")
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["clean"] is True
    ran = alone(bundle / "replay.py")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "clean · 未发现问题" in ran.stdout
    assert alone(bundle / "verify.py").returncode == 2
    assert alone(bundle / "verify.py", "--key", "UNI+00000000+AQ==").returncode == 2
    assert alone(bundle / "verify.py", str(bundle / "data"), "--key", vkey()).returncode == 2
    assert alone(bundle / "replay.py", str(bundle / "data")).returncode == 2


def test_verify_is_one_file_that_an_older_python_reads() -> None:
    source = (ROOT / "api" / "cli" / "bundle" / "verify.py").read_text(encoding="utf-8")
    assert source.count("\n") < 800
    ast.parse(source, feature_version=(3, 9))


def older_pythons() -> Iterator[str]:
    for minor in range(9, 14):
        for name in (f"python3.{minor}", *map(str, Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python3"))):
            found_at = shutil.which(name)
            has = [found_at, "-c", "import cryptography"]
            if found_at and subprocess.run(has, capture_output=True, check=False).returncode == 0:  # type: ignore[arg-type]
                yield found_at
                break


def test_verify_runs_on_every_python_from_3_9_on_that_is_here(bundle: Path) -> None:
    pythons = list(older_pythons())
    if not pythons:
        pytest.skip("no other Python with cryptography is on this machine")
    for python in pythons:
        argv = [python, "-P" if "3.9" not in python else "-B", str(bundle / "verify.py"), "--key", vkey()]
        ran = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, (python, ran.stdout, ran.stderr)


def test_the_rules_may_open_no_connection_and_write_no_file(bundle: Path) -> None:
    def reach_out(home: Path) -> None:
        with (home / "projections" / "published.py").open("a", encoding="utf-8") as rules:
            rules.write("import socket\nsocket.create_connection(('127.0.0.1', 9))\n")

    folded = replay(reruled(bundle, reach_out))
    assert ("V8", "broke", 0) in found(folded)
    assert "may not do this: socket" in str(folded["findings"])


# --- there whole or not at all ---------------------------------------------------------------------------------------


def test_a_bag_that_is_left_early_is_none_and_what_is_there_is_not_touched(tmp_path: Path) -> None:
    with pytest.raises(FileExistsError), Bag(tmp_path / "bag") as bag:  # noqa: PT012 - What is written first is to go.
        bag.write("data/one", b"1")
        bag.write("data/one", b"2")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "bag").mkdir()
    with pytest.raises(BagThere), Bag(tmp_path / "bag"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["bag"]


def test_a_bag_that_cannot_be_written_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for target, why in ((tmp_path / "none" / "bag", "No such file"), (tmp_path / "file" / "bag", "Not a directory")):
        with pytest.raises(BagUnwritable, match=why), Bag(target):
            pass
    full = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
    full += "import sys; from pathlib import Path; from infra.bundle import Bag\nwith Bag(Path(sys.argv[1])) as bag:\n"
    full += "    for number in range(int(sys.argv[2])): bag.write(f'data/{number}', b' ' * int(sys.argv[3]))\n"
    full += "    bag.finish({})\n"
    for files, size in ((1, 200_000), (5_000, 0)):  # A file that does not fit, and a manifest that does not.
        argv = [sys.executable, "-c", full, str(tmp_path / "bag"), str(files), str(size)]
        ran = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
        assert ran.returncode == 1
        assert "BagUnwritable: " in ran.stderr.splitlines()[-1]
        assert "(File too large); nothing is left of it" in ran.stderr
        assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.slow
def test_an_export_that_is_killed_leaves_nothing_that_looks_like_a_bundle_and_the_next_one_sweeps_it(
    tmp_path: Path,
) -> None:
    begun = "import sys; from pathlib import Path; from infra.bundle import Bag\nwith Bag(Path(sys.argv[1])) as b:\n"
    begun += "    b.write('data/one', b'1'); b.write('bag-info.txt', b''); sys.stdin.read()\n"
    argv = [sys.executable, "-c", begun, str(tmp_path / "bag")]
    with subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE) as process:
        until(lambda: bool(list(tmp_path.glob(".bag.*/bag-info.txt"))), "the bag is begun")
        process.send_signal(signal.SIGKILL)
    (left,) = tmp_path.iterdir()
    assert left.name.endswith(".partial")
    assert not (left / "bagit.txt").exists()
    with pytest.raises(Unusable):
        judged(left)
    with Bag(tmp_path / "bag") as bag:
        bag.write("data/one", b"1")
        bag.finish({})
    assert [path.name for path in tmp_path.iterdir()] == ["bag"]
    assert bagit.Bag(str(tmp_path / "bag")).is_valid()


# --- on the command line ---------------------------------------------------------------------------------------------


def test_the_command_line_makes_one_report_and_answers_by_exit_code(
    house: tuple[Database, Path], bundle: Path, tmp_path: Path
) -> None:
    database, folder = house
    env = {
        "PATH": os.environ["PATH"], "BIAOGAN_DATABASE_URL": database.app_url, "BIAOGAN_STATE_DIR": str(tmp_path),
        "BIAOGAN_KEY_FILE": str(folder / "vault.key"),
    }  # fmt: skip

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-c", PROGRAM, "audit", *arguments]
        return subprocess.run(argv, env=env, cwd=ROOT, capture_output=True, text=True, check=False)

    written = run("export", str(tmp_path / "taken"), "--json")
    assert written.returncode == 0, written.stderr
    assert json.loads(written.stdout)["missing"] == []
    assert run("export", str(tmp_path / "taken")).returncode == 2
    nowhere = run("export", str(tmp_path / "none" / "bag"), "--json")
    assert nowhere.returncode == json.loads(nowhere.stdout)["exit_code"] == 2
    assert "cannot be written (No such file or directory)" in json.loads(nowhere.stdout)["error"]
    env["BIAOGAN_DATABASE_URL"] = "postgresql://nobody@127.0.0.1:1/none"
    away = run("export", str(tmp_path / "away"))
    assert away.returncode == 4, away.stderr
    assert "The database does not answer" in away.stderr
    assert not (tmp_path / "away").exists()
    assert run("verify", str(tmp_path / "taken"), "--key", vkey()).returncode == 0
    with (bundle / "data" / "log.jsonl").open("ab") as log:
        log.write(b"{}\n")
    told = run("verify", str(bundle), "--key", vkey(), "--json")
    assert told.returncode == 1
    assert json.loads(told.stdout)["clean"] is False


# --- every single byte -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small(house: tuple[Database, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle as its first lines would have made it, every kind of file in it and each short.

    Of programs, rules, registers and types there are so many that judging it once for every byte takes no hours.
    """
    folder = Path(shutil.copytree(house[1] / "bundle", tmp_path_factory.mktemp("small") / "bundle"))
    data = folder / "data"
    size = json.loads((data / "checkpoints.jsonl").read_text().splitlines()[0])["note"].split("\n")[1]
    keep = {"log.jsonl": int(size), "checkpoints.jsonl": 1}
    for name, lines in keep.items():
        (data / name).write_bytes(b"".join((data / name).read_bytes().splitlines(keepends=True)[:lines]))
    (data / "leaves.bin").write_bytes((data / "leaves.bin").read_bytes()[: int(size) * 32])
    (rules,) = (data / "rules").iterdir()
    shutil.rmtree(rules)
    rules.mkdir()
    for program in (rules / "one.py", folder / "verify.py", folder / "replay.py"):
        program.write_bytes(b"1\n")
    kinds = sorted({json.loads(line)["type"] for line in (data / "log.jsonl").read_bytes().splitlines()})
    (data / "event-catalogue.md").write_text("".join(f"### `{kind}`\n" for kind in kinds))
    for path in (data / "published").rglob("*.csv"):
        if path.name != "institution.csv":
            path.unlink()
    told = json.loads((data / "bundle.json").read_text())
    text = json.dumps({**told, "size": int(size)}, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    (data / "bundle.json").write_text(f"{text}\n", encoding="utf-8")
    reruled(folder, lambda _: None)
    assert judged(folder)["clean"], judged(folder)["findings"]
    return folder


def flips(bundle: Path, path: Path, places: Iterable[int]) -> Iterator[tuple[str, int]]:
    """Flip a bit of each of these bytes of a file, one after another; those of which nothing was found."""
    content = path.read_bytes()
    for place in places:
        path.write_bytes(content[:place] + bytes([content[place] ^ 1 << place % 8]) + content[place + 1 :])
        if judged(bundle)["clean"]:
            yield path.relative_to(bundle).as_posix(), place
    path.write_bytes(content)


def test_a_bit_that_is_flipped_anywhere_in_a_long_file_is_found(bundle: Path) -> None:
    chance, unseen = random.Random(5), []
    (rules,) = (bundle / "data" / "rules").iterdir()
    long = (
        "verify.py",
        "replay.py",
        "data/event-catalogue.md",
        "data/log.jsonl",
        "data/published/registers/organisation.csv",
    )
    for path in (*(bundle / name for name in long), rules / "domain" / "kernel.py"):
        length = path.stat().st_size
        unseen += list(flips(bundle, path, (0, chance.randrange(length), length - 1)))
    assert unseen == []


@pytest.mark.slow
def test_no_byte_of_a_small_bundle_is_uncovered(small: Path) -> None:
    """Every byte of every file, one after another: a bit of it is flipped, and something is found."""
    files = sorted(path for path in small.rglob("*") if path.is_file())
    assert {path.suffix for path in files} >= {".jsonl", ".bin", ".json", ".txt", ".md", ".csv", ".py", ""}
    unseen = [each for path in files for each in flips(small, path, range(path.stat().st_size))]
    assert unseen == []
    assert judged(small)["clean"]


def test_a_moment_that_is_none_is_named_and_stops_nothing(bundle: Path) -> None:
    log = bundle / "data" / "log.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    told = json.loads(lines[-1])["recorded_at"]
    lines[-1] = lines[-1].replace(told.encode(), f"{told[:8]}39{told[10:]}".encode())
    log.write_bytes(b"".join(lines))
    report = judged(rebagged(bundle))
    assert {("V4", "content", len(lines)), ("V2", "leaf", len(lines))} <= found(report)


def test_a_bundle_whose_manifests_were_written_anew_is_still_judged_by_its_lines(bundle: Path) -> None:
    log = bundle / "data" / "log.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    (bundle / "data" / "log.jsonl").write_bytes(
        b"".join(lines).replace(b'"amount_fen":2500000,', b'"amount_fen":2500001,', 1)
    )
    report = judged(rebagged(bundle))
    position = next(n for n, line in enumerate(lines, 1) if b'"amount_fen":2500000,' in line)
    assert ("V2", "leaf", position) in found(report)
    assert not report["steps"]["V0"]["findings"]


def spelled(**said: object) -> str:
    """A line of version 1 that says this, too."""
    command, moment = "00000000-0000-4000-8000-000000000001", "2022-09-30T00:00:00.000000Z"
    ids = dict.fromkeys(("command_id", "correlation_id", "event_id"), command)
    times = dict.fromkeys(("effective_at", "received_at", "recorded_at"), moment)
    empty = dict.fromkeys(("cause", "on_behalf_of_id", "reason_code", "reason_document_id"))
    texts = {"actor_id": "p", "actor_kind": "person", "authority": "a", "log": "UNI", "nonce": f"{'A' * 22}=="}
    rest = {"data": {}, "documents": [], "line_version": 1, "position": 7, "tags": [], "type": "unit.admitted.v1"}
    whole = {**ids, **times, **empty, **texts, **rest, **said}
    return json.dumps(whole, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def test_every_text_of_a_line_has_one_spelling() -> None:
    for code in (*range(0x80), 0x2028, 0x4E2D, 0x1F600):
        text = f"<{chr(code)}>"
        said = {"actor_id": text, "authority": text, "log": text, "tags": ["a", text], "data": {text: [text]}}
        line = spelled(**{**said, "tags": sorted(["a", text])})
        position, _, _, _, log, _, (actor, authority, *_, data) = parsed(line.encode())
        assert (position, log, actor, authority, data) == (7, text, text, text, {text: [text]})
        units = chr(code).encode("utf-16-be").hex(" ", 2).upper().split()
        other = "<" + "".join(f"\\u{unit}" for unit in units) + ">"
        before, *after = line.split(spelling := canonical({"": text})[5:-2])
        assert len(after) == 6
        for place in range(len(after)) if other != spelling else ():  # Of some, this is the only one.
            changed = spelling.join((before, *after[:place])) + other + spelling.join(after[place:])
            with pytest.raises(Fault):
                parsed(changed.encode())


@pytest.mark.parametrize(
    "line",
    [
        spelled(position=0), spelled(position=True), spelled(cause="1"), spelled(data=[]), spelled(data={"a": 2**53}),
        spelled(data={"a": -(2**53)}), spelled(data={"a": 1.0}), spelled(data={"a": float("nan")}),
        spelled(tags=["b", "a"]), spelled(tags=["a", "a"]), spelled(tags=['b"', 'a"']), spelled(tags=[1]),
        spelled(documents=["0"]), spelled(line_version=2), spelled(more=1), spelled(nonce=f"{'A' * 21}B=="),
        spelled(event_id="0"), spelled(recorded_at="2022-09-30T00:00:00Z"), spelled(data={"a": "e\u0301"}),
        spelled()[:-1], f"{spelled()} ", spelled(data={"a": {"b": 1}}).replace('"b":1', '"b":1,"b":1'),
        spelled(data={"a": 1}).replace('"a":1', '"a":-0'), spelled(data={"a": 1}).replace('"a":1', '"a": 1'),
        spelled(data={"a": 1, "b": 2}).replace('"a":1,"b":2', '"b":2,"a":1'), spelled().replace("{}", "{},{}"),
    ],
)  # fmt: skip
def test_what_is_no_line_of_version_1_is_refused(line: str) -> None:
    with pytest.raises(Fault):
        parsed(line.encode())


def test_an_auditor_acts_under_the_engagement_that_runs_on_that_day() -> None:
    """The tag of an engagement is an authority of its auditor's, from its first day to its last."""
    auditor, other = "00000000-0000-0000-0000-00000000000c", "00000000-0000-0000-0000-00000000000d"
    report = Report()
    duties = Duties(report)
    term = {"engagement_id": "E-1", "person_id": auditor, "first_day": "2022-09-01", "last_day": "2022-09-30"}
    duties.take("audit.engagement_opened.v1", 7, other, term)
    in_time, too_late = "2022-09-30T23:59:00.000000Z", "2022-10-01T00:00:00.000000Z"
    duties.authority(8, auditor, "engagement:E-1", "c", in_time)
    assert report.findings == []
    duties.authority(9, auditor, "engagement:E-1", "c", too_late)
    duties.authority(10, other, "engagement:E-1", "c", in_time)
    duties.authority(11, auditor, "engagement:E-2", "c", in_time)
    assert [finding["code"] for finding in report.findings] == ["authority"] * 3
    assert [finding["position"] for finding in report.findings] == [9, 10, 11]
