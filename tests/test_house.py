"""The house, executed: layout, doors, words and rules of the code. Each message names the file and what to do."""

from __future__ import annotations

import ast
import builtins
import inspect
import random
import re
import subprocess
import sys
import types
import typing
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
import pytest

from api.problems import known_refusals
from domain import ids, kernel
from domain.kernel import Command, Event, Refusal, asked_fields, sentences, tags_of, taken_in, titles
from domain.lifecycle import EVENTS
from workers.actors import ACTORS
from workers.automations import AUTOMATIONS, Asks, Does, Produces, Sends, Verifies
from workers.schedule import OPERATIONS, ByNight

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("domain", "projections", "workers", "api", "infra")
CAPABILITIES = {
    *("institution", "person", "permission", "calendar", "document", "programme", "unit", "nomination", "eligibility"),
    *("application", "screening", "review", "selection", "publicity", "funding", "cultivation", "assessment"),
    *("obligation", "designation", "accountability", "evaluation", "privacy", "audit"),
}
FORBIDDEN_NAMES = {"utils", "util", "common", "base", "manager", "service", "services", "helper", "helpers", "handler"}
PURE_STDLIB_BANNED = {
    *("asyncio", "concurrent", "multiprocessing", "os", "pathlib", "random", "secrets", "shutil", "signal", "socket"),
    *("sqlite3", "ssl", "subprocess", "tempfile", "threading", "time", "urllib", "http", "zoneinfo", "logging", "sys"),
}
SHARED = {"events", "policy"}
"""What a capability shows of itself to others."""
OF_OURS = {
    "domain": {"domain"},
    "projections": {"domain", "projections"},
    "infra": {"infra", "domain.kernel", "domain.ids", "projections.kernel"},
    "workers": {"domain", "projections", "infra", "workers"},
    "api": {"domain", "projections", "infra", "api"},
}
THIRD_PARTY = {
    "domain": {"msgspec", "eventsourcing"},
    "projections": {"msgspec"},
    "workers": {"dramatiq", "msgspec", "structlog", "cronsim", "asyncpg", "uvloop"},
    "api": {
        *("litestar", "msgspec", "structlog", "rich_click", "click", "rich", "uvicorn", "uvloop", "asyncpg"),
        *("jsonschema", "prometheus_client", "httpx", "chinese_calendar", "multipart"),
    },
}
CARRIED = {"api/cli/bundle/verify.py": {"cryptography"}, "api/cli/bundle/replay.py": set[str]()}
"""Programs that a bundle takes along: they run without the product, on what is named here."""


def sources(*rooms: str) -> Iterator[Path]:
    for room in rooms:
        yield from sorted((ROOT / room).rglob("*.py"))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Every module a file imports, at its top or inside a function, with the line."""
    return imported(tree(path), path.relative_to(ROOT).parent.parts)


def imported(module: ast.Module, package: tuple[str, ...]) -> Iterator[tuple[str, int]]:
    """Every module that is imported in a package, by whatever spelling: ``from domain.unit import commands`` too."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            source = ".".join((*above, *(node.module or "").split("."))).strip(".")
            inner = [f"{source}.{alias.name}" for alias in node.names if is_module(f"{source}.{alias.name}")]
            yield from ((name, node.lineno) for name in inner or [source])


def is_module(name: str) -> bool:
    """Whether this is a module of ours."""
    path = ROOT.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def where(path: Path) -> str:
    return str(path.relative_to(ROOT))


# --- rooms and doors -------------------------------------------------------------------------------------------------


def faulty_doors(room: str, path: Path, module: str) -> str | None:
    """Why a room may not import a module, or None if it may."""
    top, _, _ = module.partition(".")
    if top in ROOMS or top in {"tests", "bench"}:
        allowed = OF_OURS[room]
        if not any(module == door or module.startswith(f"{door}.") for door in allowed):
            return f"{room} may import of ours only {sorted(allowed)}"
        if room == "domain":
            return faulty_domain_door(path, module)
        if room == "projections" and module.count(".") > 1 and module.rpartition(".")[2] not in SHARED:
            return "a view reads events and policies, never commands"
        return None
    if top in sys.stdlib_module_names:
        if room in {"domain", "projections"} and top in PURE_STDLIB_BANNED:
            return f"{room} is pure: no I/O, threads, randomness or clocks"
        return None
    if top == "eventsourcing" and path.name != "kernel.py":
        return "only domain/kernel.py imports the event-sourcing library"
    if room in THIRD_PARTY and top not in THIRD_PARTY[room] | CARRIED.get(where(path), set()):
        return f"{room} may import of others only {sorted(THIRD_PARTY[room])}"
    return None


def faulty_domain_door(path: Path, module: str) -> str | None:
    parts = module.split(".")
    if module in {"domain.kernel", "domain.ids"} or path.parent.name == "domain":
        return None
    capability, inner = (*parts, "", "")[1:3]
    if path.name == "events.py":
        return "events import only the kernel, so that imports never circle"
    if inner not in SHARED and capability != path.parent.name:
        return "of another capability only events and policy are imported: rules never call rules"
    return None


@pytest.mark.parametrize("room", ROOMS)
def test_doors_open_one_way(room: str) -> None:
    faults = [
        f"{where(path)}:{line} imports {module}: {fault}"
        for path in sources(room)
        for module, line in imports(path)
        if (fault := faulty_doors(room, path, module))
    ]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("program", CARRIED)
def test_a_program_that_is_carried_imports_nothing_that_is_not_carried_with_it(program: str) -> None:
    found = {module.partition(".")[0] for module, _ in imports(ROOT / program)}
    ours = {"projections"} if program.endswith("replay.py") else set()  # The rules lie in the bundle.
    assert found - set(sys.stdlib_module_names) - ours == CARRIED[program]


@pytest.mark.parametrize(
    ("file", "statement"),
    [
        ("domain/unit/commands.py", "import infra.clock"),
        ("domain/unit/commands.py", "from infra import clock"),
        ("domain/unit/commands.py", "from domain.person.commands import Appoint"),
        ("domain/unit/commands.py", "from domain.person import commands"),
        ("domain/unit/commands.py", "from domain import person"),
        ("domain/unit/commands.py", "from ..person import commands"),
        ("domain/unit/policy.py", "from domain.application.window import OpenApplicationWindow"),
        ("domain/unit/events.py", "from domain.person.events import Role"),
        ("domain/unit/events.py", "from domain.person import events"),
        ("domain/unit/policy.py", "import time"),
        ("domain/unit/policy.py", "from os import path"),
        ("domain/unit/policy.py", "from eventsourcing.domain import event"),
        ("projections/roster.py", "from domain.unit.commands import MoveUnit"),
        ("projections/roster.py", "from domain.unit import commands"),
        ("projections/roster.py", "from domain.application.materials import check_form"),
        ("projections/roster.py", "import asyncpg"),
        ("infra/views.py", "from domain.unit.events import UnitMoved"),
        ("infra/views.py", "from domain import unit"),
        ("infra/views.py", "from projections import VIEWS"),
        ("infra/views.py", "from projections import roster"),
        ("api/unit.py", "from workers.schedule import SCHEDULE"),
        ("api/unit.py", "from tests import spec"),
        ("workers/schedule.py", "from api.app import application"),
        ("workers/schedule.py", "import litestar"),
    ],
)
def test_a_closed_door_is_seen_closed(file: str, statement: str) -> None:
    found = list(imported(ast.parse(statement), Path(file).parent.parts))
    assert found
    assert all(faulty_doors(file.partition("/")[0], ROOT / file, module) for module, _ in found), found


def test_what_is_imported_stands_at_the_top_of_a_file_and_never_in_a_string() -> None:
    """A module that is found by its name at run time passes no door; the catalogue's printer reads docstrings so."""
    by_name = {"import_module", "__import__", "find_spec"}
    faults = [
        f"{where(path)}:{node.lineno} imports by name"
        for path in sources(*ROOMS)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and by_name & {getattr(node.func, "id", ""), getattr(node.func, "attr", "")}
    ]
    exempt = ("infra/bootstrap.py", "infra/binaries.py", "infra/embedded_broker.py", "api/event_catalogue.py")
    assert not [fault for fault in faults if not fault.startswith(exempt)], faults


def test_every_folder_of_the_domain_is_a_capability_with_its_story_and_its_files() -> None:
    for folder in sorted(p for p in (ROOT / "domain").iterdir() if p.is_dir() and p.name != "__pycache__"):
        assert folder.name in CAPABILITIES, f"domain/{folder.name} is no capability: nothing technical is in the list"
        assert ast.get_docstring(tree(folder / "__init__.py")), f"domain/{folder.name}/__init__.py tells its story"
        assert (folder / "events.py").exists(), f"domain/{folder.name}/events.py is missing"
        assert (folder / "commands.py").exists(), f"domain/{folder.name}/commands.py is missing"


def test_a_capability_has_its_name_in_every_room() -> None:
    """What can be asked is asked over HTTP and proved by a spec, each in the file of that name."""
    for folder in sorted(p for p in (ROOT / "domain").iterdir() if (p / "commands.py").exists()):
        for there in (ROOT / "api" / f"{folder.name}.py", ROOT / "tests" / f"test_{folder.name}.py"):
            assert there.exists() or there.with_suffix("").is_dir(), f"{where(there)} is missing"


def test_the_top_level_is_as_the_owner_fixed_it() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    there = {line.split("/")[0] for line in listed.splitlines()}
    fixed = {"pyproject.toml", "docker-compose.yml", *ROOMS, "tests"}
    beside = {
        *("README.md", "Makefile", "docs", "bench", ".ci", "LICENSE", ".gitignore", ".gitattributes"),
        *("requirements.lock", "requirements-dev.lock"),
    }
    assert there <= fixed | beside, there - fixed - beside
    assert fixed <= there, fixed - there


def test_names_are_business_nouns() -> None:
    bad = [
        where(p)
        for p in sources(*ROOMS, "tests", "bench")
        if p.stem in FORBIDDEN_NAMES or p.parent.name in FORBIDDEN_NAMES
    ]
    assert not bad, bad


# --- one door to the record, one clock -------------------------------------------------------------------------------


INSIDE_THE_LOG = {"infra/record.py", "infra/event_store.py", "infra/writer.py", "infra/overlay.py"}
HANDS_IT_TO_THE_LOG = re.compile(
    r"(?<!broker)\.enqueue\(|\b(?:from|select) append\("
    r"|\b(?:into|update|delete from) (?:public\.)?(?:event|event_tag|command)\b",
    re.IGNORECASE,
)


def writes_the_record(text: str) -> bool:
    """Whether a file makes what the log takes, hands anything to it, or writes to its tables."""
    makes = any(
        alias.name in {"Proposal", "Writer"}
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("infra.")
        for alias in node.names
    )
    return makes or HANDS_IT_TO_THE_LOG.search(text) is not None


def test_only_the_front_door_appends() -> None:
    users = {where(path) for path in sources(*ROOMS) if writes_the_record(path.read_text(encoding="utf-8"))}
    assert users - INSIDE_THE_LOG == {"infra/front_door.py"}, users


@pytest.mark.parametrize(
    "line",
    [
        "from infra.record import Fact, Proposal as What",
        "from infra.writer import Writer",
        "store.enqueue(what)",
        'pool.execute("select append($1)")',
        'pool.execute("INSERT INTO event (log_id) VALUES (1)")',
        'pool.execute("update public.command set receipt = null")',
        'pool.execute("DELETE FROM event_tag")',
    ],
)
def test_a_second_door_is_seen(line: str) -> None:
    assert writes_the_record(line)


def test_nothing_but_the_clock_asks_what_time_it_is() -> None:
    pattern = re.compile(r"datetime\.now\(|date\.today\(|utcnow\(|time\.time\(")
    users = {where(p) for p in sources(*ROOMS) if pattern.search(p.read_text(encoding="utf-8"))}
    assert users <= {"infra/clock.py", "infra/bootstrap.py"}, users


def test_no_get_decides_or_writes() -> None:
    """A route decorated with get calls neither the front door nor anything that stages, seals or records events."""
    faults = []
    for path in sources("api"):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and any(
                _is_get(d) for d in node.decorator_list
            ):
                called = {
                    c.func.attr for c in ast.walk(node) if isinstance(c, ast.Call) and isinstance(c.func, ast.Attribute)
                }
                if called & {"ask", "enqueue", "stage", "receive"}:
                    faults.append(f"{where(path)}:{node.lineno} {node.name} calls {called}")
    assert not faults, faults


def _is_get(decorator: ast.expr) -> bool:
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    return isinstance(target, ast.Name) and target.id == "get"


def test_nothing_of_the_product_scans_for_what_there_is() -> None:
    """Wiring is a page. Only the list of problem pages is gathered from what the imported modules define."""
    pattern = re.compile(r"__subclasses__|\bpkgutil\b|entry_points\(|\.glob\(.*\.py")
    users = {where(p) for p in sources(*ROOMS) if pattern.search(p.read_text(encoding="utf-8"))}
    assert users <= {"api/problems.py"}, users


# --- smells ----------------------------------------------------------------------------------------------------------


def test_no_error_is_swallowed() -> None:
    faults = [
        f"{where(path)}:{node.lineno}"
        for path in sources(*ROOMS)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"}))
        and all(isinstance(step, ast.Pass | ast.Continue) for step in node.body)
    ]
    assert not faults, faults


def test_no_import_hides_inside_a_function_of_the_pure_rooms() -> None:
    faults = [
        f"{where(path)}:{inner.lineno}"
        for path in sources("domain", "projections")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    ]
    assert not faults, faults


def test_no_rule_is_an_assertion() -> None:
    faults = [
        f"{where(path)}:{node.lineno}"
        for path in sources("domain", "projections")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Assert)
    ]
    assert not faults, f"a rule is a refusal: {faults}"


def test_no_float_stands_in_the_pure_rooms() -> None:
    faults = [
        f"{where(path)}:{node.lineno}"
        for path in sources("domain", "projections")
        for node in ast.walk(tree(path))
        if (isinstance(node, ast.Constant) and isinstance(node.value, float))
        or (isinstance(node, ast.Name) and node.id == "float")
    ]
    assert not faults, faults


def test_tests_do_not_sleep_patch_or_retry() -> None:
    pattern = re.compile(r"\btime\.sleep\(|mocker\.patch|mock\.patch|flaky|pytest\.mark\.xfail|\brerun")
    # Waiting for a process of another kind is polling, with a deadline, in one place.
    exempt = {Path(__file__), ROOT / "tests" / "waiting.py"}
    faults = [where(p) for p in sources("tests") if p not in exempt and pattern.search(p.read_text(encoding="utf-8"))]
    assert not faults, faults


def test_project_files_name_no_machine_address_or_secret() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    # Written so that the pattern does not name what it looks for.
    paths = r"(?<![\w.])/(?:wor[k]|far[m])/[a-z]|/roo[t]/"
    pattern = re.compile(rf"{paths}|https?://\S*(?:pythonhoste[d]|npmj[s]|/simpl[e]/)")
    faults = []
    for name in filter(None, listed.split("\0")):
        path = ROOT / name
        if path.suffix in {".js", ".css", ".png"} or not path.is_file() or path == Path(__file__):
            continue
        faults += [
            f"{name}: {hit.group()}" for hit in pattern.finditer(path.read_text(encoding="utf-8", errors="replace"))
        ]
    assert not faults, faults


# --- events ----------------------------------------------------------------------------------------------------------


def fields_of(struct: type[msgspec.Struct]) -> dict[str, Any]:
    hints = typing.get_type_hints(struct, include_extras=True)
    return {name: hints[name] for name in struct.__struct_fields__}


def written_events(module: ast.Module) -> set[str]:
    """The event classes of a file: what derives from Event, but for what only others of the file derive from."""
    derived, based_on = {"Event"}, set[str]()
    for node in module.body:
        if isinstance(node, ast.ClassDef):
            above = {base.id for base in node.bases if isinstance(base, ast.Name)} & derived
            if above:
                derived.add(node.name)
                based_on |= above
    return derived - based_on


def test_every_event_class_stands_in_the_table_of_contents_once() -> None:
    written = {
        f"domain.{path.parent.name}.events.{name}"
        for path in sorted((ROOT / "domain").glob("*/events.py"))
        for name in written_events(tree(path)) - {"Event"}
    }
    listed = [f"{event.__module__}.{event.__name__}" for event in EVENTS]
    assert len(listed) == len(set(listed))
    assert set(listed) == written


@pytest.mark.parametrize("event", EVENTS, ids=lambda e: e.TOPIC)
def test_an_event_is_frozen_named_by_hand_and_documented_in_both_languages(event: type[Event]) -> None:
    capability = event.__module__.split(".")[1]
    assert re.fullmatch(rf"{capability}\.[a-z]+(_[a-z]+)*\.v[1-9]\d*", event.TOPIC), event.TOPIC
    assert "TOPIC" in vars(event)
    assert event.__struct_config__.frozen
    assert event.__struct_config__.forbid_unknown_fields
    assert all(sentences(event))
    for name, annotation in fields_of(event).items():
        entry = titles(annotation)
        assert entry, f"{event.__name__}.{name} names no audience"
        assert all(entry), f"{event.__name__}.{name} lacks a title"


@pytest.mark.parametrize("event", EVENTS, ids=lambda e: e.TOPIC)
def test_an_event_is_specific_and_in_the_past(event: type[Event]) -> None:
    """One word in the past tense says what happened; that something changed, or has a status, says nothing."""
    words = re.findall(r"[A-Z][a-z]+", event.__name__)
    ending = "ed|awn|iven|olen|oken|osen|itten|ozen"
    past = rf"[a-z]+({ending})|begun|fell|held|made|met|paid|sent|set|split|struck|taken|upheld|won"
    assert any(re.fullmatch(past, word.lower()) for word in words), f"{event.__name__} is not in the past"
    assert words[-1] not in {"Changed", "Modified", "Updated"}, f"{event.__name__} does not say what happened"
    assert not {"Status", "State", "Data", "Record"} & set(words), f"{event.__name__} is named for a column"


def ids_in(annotation: Any) -> bool:
    """Whether every text or number below an annotation is a typed id."""
    if annotation in ids.TAG_KINDS:
        return True
    arguments = [a for a in typing.get_args(annotation) if a not in {Ellipsis, types.NoneType}]
    if typing.get_origin(annotation) is typing.Annotated:
        return ids_in(arguments[0])
    return bool(arguments) and all(ids_in(a) for a in arguments)


def untyped_ids(struct: type[msgspec.Struct]) -> Iterator[str]:
    """The fields of a struct, and of those inside it, that are called an id and have not the type of one."""
    for name, annotation in fields_of(struct).items():
        if re.search(r"_ids?$", name) and not ids_in(annotation):
            yield f"{struct.__name__}.{name}"
        for part in structs_in(annotation):
            yield from untyped_ids(part)


def structs_in(annotation: Any) -> Iterator[type[msgspec.Struct]]:
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from structs_in(argument)


@pytest.mark.parametrize("event", EVENTS, ids=lambda e: e.TOPIC)
def test_what_is_called_an_id_has_the_type_that_tags(event: type[Event]) -> None:
    assert not list(untyped_ids(event))


def test_an_untyped_id_is_seen_wherever_it_hides() -> None:
    part = msgspec.defstruct("Part", [("unit_id", str), ("document_ids", tuple[str, ...])])
    whole = msgspec.defstruct("Whole", [("unit_id", ids.UnitId | None), ("parts", tuple[part, ...])])  # type: ignore[valid-type]
    assert list(untyped_ids(whole)) == ["Part.unit_id", "Part.document_ids"]


PLAIN = {date, datetime, int, bool, types.NoneType}
# Annotations of annotations are flat at run time, so a coded text is known by the rule it carries.
CODED_TEXT = [typing.get_args(text)[1] for text in (kernel.Code, kernel.OfficialName, kernel.Quotation, kernel.Digest)]
NAMED_EXCEPTIONS = {("InstitutionOpened", "time_zone"), ("DocumentDeposited", "media_type")}


def prose_in(annotation: Any) -> str | None:
    """Why an annotation could carry prose or a name, or None if it cannot."""
    if annotation in PLAIN or annotation in ids.TAG_KINDS:
        return None
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return None
    if origin is typing.Annotated:
        coded = arguments[0] is str and any(rule in CODED_TEXT for rule in arguments[1:])
        return None if coded else prose_in(arguments[0])
    if origin in (types.UnionType, typing.Union, tuple):
        inner = [prose_in(a) for a in arguments if a is not Ellipsis]
        return next((fault for fault in inner if fault), None)
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return next((f"{n}: {f}" for n, a in fields_of(annotation).items() if (f := prose_in(a))), None)
    return f"{annotation} may hold prose, a name or a float"


@pytest.mark.parametrize("event", EVENTS, ids=lambda e: e.TOPIC)
def test_an_event_holds_no_prose_and_no_personal_data(event: type[Event]) -> None:
    faults = [
        f"{event.__name__}.{name}: {fault}"
        for name, annotation in fields_of(event).items()
        if (event.__name__, name) not in NAMED_EXCEPTIONS and (fault := prose_in(annotation))
    ]
    assert not faults, faults


@pytest.mark.parametrize("annotation", [str, float, dict[str, str], tuple[str, ...], str | None])
def test_prose_is_seen_where_it_could_stand(annotation: Any) -> None:
    assert prose_in(annotation)


class Filler:
    """Fills any annotation of an event at random, and remembers each id it has made."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.tags: set[str] = set()

    def value(self, annotation: Any) -> Any:
        if annotation in ids.TAG_KINDS:
            made: Any = (
                self.random.randrange(2000, 2100)
                if annotation is ids.CalendarYear
                else f"x{self.random.getrandbits(60):x}"
            )
            self.tags.add(ids.tag(annotation, made))
            return made
        origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
        if origin is typing.Annotated:
            hexadecimal = typing.get_args(kernel.Digest)[1] in arguments[1:]
            return f"{self.random.getrandbits(256):064x}" if hexadecimal else self.value(arguments[0])
        if origin is typing.Literal:
            return self.random.choice(arguments)
        if origin in (types.UnionType, typing.Union):
            return self.value(self.random.choice(arguments))
        if origin is tuple:
            return tuple(self.value(arguments[0]) for _ in range(self.random.randrange(3)))
        if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
            return annotation(**{name: self.value(a) for name, a in fields_of(annotation).items()})
        return {
            str: f"t{self.random.getrandbits(40):x}",
            int: self.random.randrange(1 << 40),
            bool: True,
            date: date(2020, 1, 1) + timedelta(days=self.random.randrange(900)),
            datetime: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=self.random.randrange(10**7)),
            types.NoneType: None,
        }[annotation]


@pytest.mark.parametrize("event", EVENTS, ids=lambda e: e.TOPIC)
def test_every_id_in_an_event_tags_it(event: type[Event]) -> None:
    for seed in range(25):
        filler = Filler(seed)
        body = filler.value(event)
        assert set(tags_of(body)) == filler.tags
        assert kernel.Catalogue(EVENTS).decode(event.TOPIC, kernel.encode(body)) == body


# --- commands and refusals -------------------------------------------------------------------------------------------


def commands() -> tuple[type[Command], ...]:
    found: list[type[Command]] = []
    for path in sorted((ROOT / "domain").glob("*/commands.py")):
        found += import_module(f"domain.{path.parent.name}.commands").COMMANDS
    return tuple(found)


def refusals() -> list[type[Refusal]]:
    commands()
    found, todo = [], [Refusal]
    while todo:
        kind = todo.pop()
        todo += kind.__subclasses__()
        if kind is not Refusal and kind.__module__.startswith("domain."):
            found.append(kind)
    return found


def test_commands_read_top_to_bottom_and_speak_both_languages() -> None:
    for command in commands():
        assert all(sentences(command)), command.__name__
        assert "execute" in {name for base in command.__mro__ for name in vars(base) if base is not Command}, command
        for field in asked_fields(command):
            assert field.metadata["en"], f"{command.__name__}.{field.name}"
            assert field.metadata["zh"], f"{command.__name__}.{field.name}"
        assert taken_in(command), f"{command.__name__} knows nothing of the past"


# Asked, known, boundary, before, decided; what a command says of itself stands before its boundary, what only
# ``execute`` needs comes after it.
PLACES = {
    "constant": 0,
    "asked": 1,
    "known": 2,
    "property": 3,
    "consistency_boundary": 4,
    "_": 5,
    "execute": 6,
    "other": 7,
}


def place_of(statement: ast.stmt) -> str | None:
    """Which part of a command a statement of its class is; None for its docstring."""
    match statement:
        case ast.AnnAssign(value=ast.Call(func=ast.Name(id="asked" | "known" as part))):
            return part
        case ast.AnnAssign() | ast.Assign():
            return "constant"
        case ast.FunctionDef(name="consistency_boundary" | "_" | "execute" as part):
            return part
        case ast.FunctionDef(decorator_list=[ast.Name(id="property")]):
            return "property"
        case ast.FunctionDef():
            return "other"
    return None


def out_of_order(module: ast.Module, names: set[str]) -> list[str]:
    """Classes of these names whose parts do not come in the order in which a command is read."""
    faults = []
    for node in module.body:
        if isinstance(node, ast.ClassDef) and node.name in names:
            parts = [part for statement in node.body if (part := place_of(statement)) is not None]
            if sorted(parts, key=PLACES.__getitem__) != parts:
                faults.append(f"{node.name}: {parts}")
    return faults


def test_a_command_reads_top_to_bottom() -> None:
    every = {base for command in commands() for base in command.__mro__ if base.__module__.startswith("domain.")}
    names = {base.__name__ for base in every - {Command}}
    faults = [fault for path in sources("domain") for fault in out_of_order(tree(path), names)]
    assert not faults, "\n".join(faults)


def test_a_command_that_decides_before_it_knows_is_seen() -> None:
    upside_down = """
class Command:
    def execute(self): ...
    known_thing: int = known()
"""
    assert out_of_order(ast.parse(upside_down), {"Command"}) == ["Command: ['execute', 'known']"]


def prose_raised(module: ast.Module) -> Iterator[tuple[str, int]]:
    """What is raised with a sentence instead of figures: a text with a space, wherever it stands in the call."""
    for node in ast.walk(module):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            texts = [c.value for c in ast.walk(node.exc) if isinstance(c, ast.Constant) and isinstance(c.value, str)]
            if any(" " in text.strip(", ") for text in texts):
                yield ast.unparse(node.exc.func), node.lineno


def test_a_refusal_carries_figures_and_never_prose() -> None:
    faults = [
        f"{where(path)}:{line} raises {name} with a sentence, which belongs into a docstring, in both languages"
        for path in sources("domain")
        if path.parent.name != "domain"
        for name, line in prose_raised(tree(path))
    ]
    assert not faults, "\n".join(faults)


def test_a_refusal_never_names_a_class() -> None:
    """A person is told what a command is called, in their language: ``called(command)``."""
    kinds = {kind.__name__ for kind in known_refusals()}
    faults = [
        f"{where(path)}:{node.lineno}"
        for room in ("domain", "infra", "api")
        for path in sources(room)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in kinds
        if any(isinstance(part, ast.Attribute) and part.attr == "__name__" for part in ast.walk(node))
    ]
    assert not faults, faults


def test_no_rule_is_a_plain_error() -> None:
    """What a rule says no by has a name: only what nobody can ask for is an error of Python."""
    plain = {name for name, value in vars(builtins).items() if inspect.isclass(value) and issubclass(value, Exception)}
    faults = [
        f"{where(path)}:{node.lineno}"
        for path in sources("domain")
        if path.parent.name != "domain"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Raise) and node.exc is not None
        if (node.exc.func if isinstance(node.exc, ast.Call) else node.exc).__dict__.get("id") in plain
    ]
    assert not faults, faults


def test_every_refusal_is_a_sentence_with_the_same_figures_in_both_languages() -> None:
    for refusal in refusals():
        english, chinese = sentences(refusal)
        assert english.endswith("."), refusal
        assert chinese.endswith("。"), refusal
        assert not re.search(r"[一-鿿]", english), refusal


def test_command_and_event_names_are_unique_across_capabilities() -> None:
    names = [command.__name__ for command in commands()] + [event.__name__ for event in EVENTS]
    assert len(names) == len(set(names))


def test_every_command_is_in_the_permission_table_and_only_commands_are() -> None:
    policy = import_module("domain.permission.policy")
    assert {row.command for row in policy.TABLE} == {command.__name__ for command in commands()}


def test_an_automation_is_a_sentence_and_asks_for_nothing_that_it_may_not() -> None:
    """``when_x_do_y``, named once, in two languages; its command is one that the service identity may ask for."""
    names = [automation.name for automation in AUTOMATIONS]
    assert len(names) == len(set(names))
    policy = import_module("domain.permission.policy")
    by_night = {operation.automation for operation in OPERATIONS if isinstance(operation, ByNight)}
    for automation in AUTOMATIONS:
        assert re.fullmatch(r"when(_[a-z]+)+", automation.name), automation.name
        assert automation.en.startswith("When "), automation.name
        assert re.search(r"[一-鿿]", automation.zh), automation.name
        assert automation.when in EVENTS or automation.name in by_night, automation.name
        if isinstance(automation.then, Asks):
            holders = {row.role for row in policy.act_of(automation.then.command).permissions}
            assert "service" in holders, f"{automation.name}: {automation.then.command.__name__}"


def test_actors_are_one_table_and_speak_both_languages() -> None:
    assert len({actor.name for actor in ACTORS}) == len(ACTORS)
    assert {actor.carries_out for actor in ACTORS} == {Asks, Does, Sends, Produces, Verifies}
    for actor in ACTORS:
        assert actor.en, actor.name
        assert re.search(r"[一-鿿]", actor.zh), actor.name
    pattern = re.compile(r"dramatiq\.actor\(|@actor\b")
    users = {where(path) for path in sources(*ROOMS) if pattern.search(path.read_text(encoding="utf-8"))}
    assert users == {"workers/actors.py"}, users


def test_nothing_registers_itself_by_being_imported() -> None:
    """Wiring is a page: a command module defines COMMANDS by hand, and every command in it stands there."""
    for path in sorted((ROOT / "domain").glob("*/commands.py")):
        module = import_module(f"domain.{path.parent.name}.commands")
        written = {
            value
            for value in vars(module).values()
            if inspect.isclass(value)
            and issubclass(value, Command)
            and value.__module__.startswith(f"domain.{path.parent.name}.")
        }
        concrete = {c for c in written if "execute" in vars(c)}
        assert concrete == set(module.COMMANDS), f"{where(path)}: {concrete ^ set(module.COMMANDS)}"
