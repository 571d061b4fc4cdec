#!/usr/bin/env python3
"""Judges a bundle of the record, alone: Python 3.9 or newer and the package cryptography, nothing of the product.

    python3 verify.py [BUNDLE] --key VKEY [--key VKEY ...] [--head FILE ...] [--json]

BUNDLE is the folder this file lies in, unless another is named. VKEY is a public key of the log that you kept elsewhere
(one that comes with the bundle proves nothing). FILE is a checkpoint or a receipt that you kept. Every step runs.
Exit code: 0 nothing was found, 1 something was, 2 it could not be run as it was asked to.

独立核验导出包:仅需 Python 3.9 及 cryptography。公钥须为另行保存者;可附所存检查点或回执。
退出码:0 无问题,1 有问题,2 用法有误。
"""

from __future__ import annotations

import argparse
import base64
import binascii
import csv
import hashlib
import json
import os
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

STEPS = {
    "V0": ("the bag is complete and what its digests say", "导出包完整且与摘要相符"),
    "V1": ("checkpoints are well formed and signed", "检查点格式正确且签名有效"),
    "V2": ("every line is the one that was sealed, up to every checkpoint", "各行均为封存原件,与各检查点相符"),
    "V3": ("what you kept elsewhere goes on into this record", "另行保存的检查点与回执与本记录相续"),
    "V4": ("lines are canonical, dense, unique and of known types", "各行格式规范、位置连续、编号唯一、类型已知"),
    "V5": ("times go forward and fit the checkpoints", "时间递增并与检查点相符"),
    "V6": ("documents are what their names say", "附件与其摘要相符"),
    "V7": ("a document that is missing was erased by a recorded act", "缺失的附件均有在案销毁记录"),
    "V9": ("closed ledgers, and book B recomputed from the lines", "已结账簿,及由记录重新计算的 B 账套"),
    "V10": ("two persons where two are asked for; authority valid at the time", "职责分离;行为时权限有效"),
}
SENTENCES = {
    "manifest": ("{file} line {line} is no digest and path", "{file} 第 {line} 行不是摘要与路径"),
    "absent": ("{file} is missing", "缺少 {file}"),
    "altered": ("{file} is not what its digest says", "{file} 与其摘要不符"),
    "unlisted": ("{file} is listed in no manifest", "{file} 未列入任何清单"),
    "unfit": ("{file} cannot be read as what it must be ({why})", "{file} 无法按应有格式读取({why})"),
    "rules": ("the rules are not those that their digest names", "规则与其摘要不符"),
    "no-checkpoint": ("no signed checkpoint binds this record", "没有签名检查点约束本记录"),
    "note": ("checkpoint {number} does not hold: {why}", "第 {number} 个检查点不成立:{why}"),
    "root": ("not what was signed up to here: changed after {good}", "与至此的签名不符:改动在 {good} 之后"),
    "leaf": ("this line is not the one that was sealed here", "该行并非此位置所封存者"),
    "lost": ("{count} lines from here on were sealed and are missing", "自此起缺失已封存的 {count} 行"),
    "head-note": ("{file} does not hold: {why}", "{file} 不成立:{why}"),
    "truncated": ("{file} is of {size} leaves, here are {there}", "{file} 规模为 {size},此处仅 {there}"),
    "forked": ("{file} of {size} leaves is of another history", "{file}(规模 {size})属于另一段历史"),
    "receipt": ("this is not what the receipt {file} proves", "此处并非回执 {file} 所证内容"),
    "line": ("line {line}: {why}", "第 {line} 行有误:{why}"),
    "gap": ("position {there} where {wanted} belongs", "应为位置 {wanted},实为 {there}"),
    "size": ("the record is said to end at {size}", "应止于位置 {size}"),
    "other-log": ("belongs to another log ({log})", "属于另一日志({log})"),
    "event-id": ("repeats an event id", "事件编号重复"),
    "command": ("belongs to a command that was over", "所属命令此前已结束"),
    "cause": ("names a cause that comes after it", "所列起因晚于自身"),
    "type": ("is of the unknown type {type}", "类型未知:{type}"),
    "backwards": ("was recorded no later than the one before", "记录时间不晚于前一行"),
    "clock": ("was recorded after it was signed at {signed_at}", "记录时间晚于签名时间 {signed_at}"),
    "signed-back": ("was signed at {signed_at}, earlier than a smaller one", "签名时间 {signed_at} 早于较小的检查点"),
    "document": ("document {document} is not what its name says", "附件 {document} 与其摘要不符"),
    "unexcused": ("document {document} is missing; no erasure names it", "附件 {document} 缺失,无销毁记录列明"),
    "ledger": ("the published {file} is not the one that was closed", "已发布的 {file} 并非结账时的原件"),
    "book-b": ("{account} is {published}, not {found}", "{account} 列 {published},应为 {found}"),
    "content": ("is not what {type} must be ({why})", "内容不符合 {type}({why})"),
    "one-hand": ("{type}: {actor} also did what #{other} tells", "{type}:{actor} 同时办理了 #{other} 所记事项"),
    "no-first": ("{type} without what must come before it", "{type} 缺少其前置事项"),
    "authority": ("no appointment {authority} of {actor} holds on {day}", "{actor} 于 {day} 并无有效任命 {authority}"),
}  # fmt: skip
UNPROVEN = {
    "unsigned": ("the positions after the newest checkpoint: not signed yet", "最新检查点之后各位置:尚无签名"),
    "cut": ("that nothing was cut off, and no other history shown: give --head", "未被截断、无另一历史:请附 --head"),
    "after": ("that nothing was cut off after the newest checkpoint you kept", "所存最新检查点之后未被截断"),
    "all": ("that these are all the lines of the programme", "所列即为该项目全部记录"),
    "keys": ("anything, where all keys are stolen and nobody kept a checkpoint", "密钥尽失且无人留存检查点时,无从证明"),
    "when": ("when checkpoints were signed: the database says so", "检查点签名时刻:仅为数据库所记"),
    "said": ("what documents say: they are here as ciphertext", "附件内容:此处仅为密文"),
    "folded": ("registers (V8), book F, statements (V9): run replay.py", "登记簿、F 账套与报表:由 replay.py 核对"),
}  # fmt: skip
Data = dict[str, Any]
FORMAT, HASH = "biaogan-bundle/1", 32
AT_MOST, SKEW = 200, timedelta(seconds=5)  # Of a step so many findings are told, all counted; clocks differ by so much.


class Unusable(Exception):
    """What was asked cannot be done."""


class Report:
    """What was found, by step; and what was checked."""

    def __init__(self) -> None:
        self.counts = dict.fromkeys(STEPS, 0)
        self.findings: list[Data] = []
        self.checked: Counter[str] = Counter()

    def say(self, step: str, code: str, position: int = 0, **figures: Any) -> None:
        """Take in a finding; ``position`` is 0 where it concerns none."""
        self.counts[step] += 1
        if self.counts[step] <= AT_MOST:
            en, zh = (sentence.format(**figures) for sentence in SENTENCES[code])
            self.findings.append({"step": step, "code": code, "position": position, "en": en, "zh": zh})


def printed(told: Data) -> Iterator[str]:
    """The report as lines for a person."""
    counted = ", ".join(f"{number} {name}" for name, number in told["checked"].items())
    yield f"{told['log']}, signed up to · 已签名至 {told['signed']}; {counted}"
    for step, found in told["steps"].items():
        verdict = f"{found['findings']} findings · 处问题" if found["findings"] else "ok · 通过"
        yield f"{step:<4} {verdict}  {found['en']} · {found['zh']}"
        for one in (each for each in told["findings"] if each["step"] == step):
            where = f"#{one['position']} " if one["position"] else ""
            yield f"       {where}{one['en']}\n         {one['zh']}"
    yield "not proven · 未予证明"
    yield from (f"       {one['en']}\n         {one['zh']}" for one in told["not_proven"])
    yield "clean · 未发现问题" if told["clean"] else "NOT CLEAN · 发现问题"


encoder: Any = json.encoder  # What JSONEncoder makes anew for every text is made once.
pieces = encoder.c_make_encoder(None, None, encoder.encode_basestring, None, ":", ",", True, False, True)  # noqa: FBT003


def canonical(told: Data) -> str:
    """The only spelling of data."""
    return "".join(pieces(told, 0))


# --- V0: the bag -----------------------------------------------------------------------------------------------------
DECLARATION = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
MANIFEST_LINE = re.compile(r"([0-9a-f]{64})  ([^\x00-\x1f\x7f]+)")
MANIFESTS = {"manifest-sha256.txt": True, "tagmanifest-sha256.txt": False}


def digest_of(path: Path) -> str:
    """The SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for piece in iter(lambda: file.read(1 << 20), b""):
            digest.update(piece)
    return digest.hexdigest()


class Bag:
    """The files of a bundle; which documents were found altered is remembered for the lines that name them."""

    def __init__(self, folder: Path, report: Report) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.report = report
        self.altered: set[str] = set()

    def check(self, rules: str) -> None:
        """V0: every file that is listed is there and as listed, no other is there, and the rules are those named."""
        home = self.data / "rules" / rules
        files = sorted((path.relative_to(home).as_posix(), path) for path in home.rglob("*") if path.is_file())
        told = "".join(f"{digest_of(path)}  {name}\n" for name, path in files)
        if hashlib.sha256(told.encode()).hexdigest() != rules:
            self.report.say("V0", "rules")
        if self.bytes("bagit.txt") != DECLARATION:
            self.report.say("V0", "unfit", file="bagit.txt", why="BagIt 1.0")
        listed = {"tagmanifest-sha256.txt"}
        for manifest in MANIFESTS:
            for digest, path in self._listed(manifest):
                listed.add(path)
                file = self.folder / path
                there = digest_of(file) if file.is_file() and not file.is_symlink() else None
                if there != digest:
                    self.report.say("V0", "altered" if there else "absent", file=path)
                if there and path.startswith("data/documents/") and there != file.name:
                    self.altered.add(file.name)
        for folder, folders, names in os.walk(self.folder):
            for name in (*names, *(each for each in folders if Path(folder, each).is_symlink())):
                path = Path(folder, name).relative_to(self.folder).as_posix()
                self.report.checked["files"] += 1
                if path not in listed:
                    self.report.say("V0", "unlisted", file=path)

    def _listed(self, manifest: str) -> Iterator[tuple[str, str]]:
        seen: set[str] = set()
        for number, line in enumerate(self.lines(manifest), 1):
            found = MANIFEST_LINE.fullmatch(line)
            path = found.group(2) if found else ""
            is_outside = not {"..", ".", ""}.isdisjoint(path.split("/"))
            if found is None or is_outside or path in seen or path.startswith("data/") != MANIFESTS[manifest]:
                self.report.say("V0", "manifest", file=manifest, line=number)
                continue
            seen.add(path)
            yield found.group(1), path

    def bytes(self, path: str) -> bytes:
        """The bytes of a file; that it cannot be read is a finding."""
        try:
            return (self.folder / path).read_bytes()
        except OSError as fault:
            self.report.say("V0", "unfit", file=path, why=type(fault).__name__)
            return b""

    def lines(self, path: str) -> list[str]:
        """The lines of a text; that it does not end in a line feed is a finding."""
        *lines, rest = self.bytes(path).decode(errors="replace").split("\n")
        if rest or not lines:
            self.report.say("V0", "unfit", file=path, why="cut off · 被截断")
        return lines

    def about(self, log: str) -> Data:
        """What the bundle says of itself; where that is damaged, what follows from the key."""
        if not (self.folder / "bagit.txt").is_file() and not (self.data / "bundle.json").is_file():
            raise Unusable(f"{self.folder} is no bundle. 不是导出包。")
        try:
            told: Data = json.loads("".join(self.lines("data/bundle.json")))
            if told["format"] == FORMAT and type(told["log"]) is type(told["rules"]) is str:
                return {"size": None, "programme_id": None, **told}
        except (ValueError, KeyError, TypeError):
            told = {}
        self.report.say("V0", "unfit", file="data/bundle.json", why=FORMAT)
        return {"log": log, "rules": "", "size": None, "programme_id": None}


# --- V1 and V3: checkpoints, and what the auditor kept ---------------------------------------------------------------
class Fault(Exception):
    """A text is not in the form it must have, or not signed by a key that is trusted; the sentence says why."""


class Checkpoint(NamedTuple):
    """Size and root that were signed; when, where that is told; of a receipt, the leaf it proves and its path."""

    size: int
    root: bytes
    signed_at: datetime | None = None
    file: str = ""
    position: int = 0
    path: tuple[bytes, ...] = ()


def decoded(text: str, length: int | None = None) -> bytes:
    """The bytes of a text that is their only base64."""
    try:
        found = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        found = b""
    if base64.b64encode(found).decode() != text or len(found) != (len(found) if length is None else length):
        raise Fault("something in it is not base64 as it must be written")
    return found


class Key:
    """A public key of a log (Ed25519) as it is handed to whoever verifies: ``name+hash+base64``."""

    def __init__(self, text: str) -> None:
        self.name, _, rest = text.strip().partition("+")
        told, _, encoded = rest.partition("+")
        try:
            public = decoded(encoded, HASH + 1)
        except Fault:
            public = b""
        self.hash = hashlib.sha256(self.name.encode() + b"\n" + public).digest()[:4]
        if public[:1] != b"\x01" or self.hash.hex() != told:
            raise Unusable(f"{text} is no Ed25519 key that its hash names. 不是公钥,或与其摘要不符。")
        self.public = Ed25519PublicKey.from_public_bytes(public[1:])


def opened(note: str, log: str, keys: list[Key]) -> Checkpoint:
    """The checkpoint of a log that a signed note holds (C2SP signed-note). Raises Fault."""
    head, gap, tail = note.rpartition("\n\n")
    if not gap or not tail.endswith("\n") or re.search(r"[\x00-\x09\x0b-\x1f\x7f]", note):
        raise Fault("it is no note, or cut off")
    holds = False
    for line in tail[:-1].split("\n"):
        found = re.fullmatch("\u2014 ([^\\s+]+) ([A-Za-z0-9+/=]+)", line)
        if found is None:
            raise Fault("a line that is no signature stands among them")
        signature = decoded(found.group(2))
        for key in (each for each in keys if (each.name, each.hash) == (found.group(1), signature[:4])):
            try:
                key.public.verify(signature[4:], f"{head}\n".encode())
            except InvalidSignature:
                raise Fault(f"the signature of {key.name} does not hold") from None
            holds = True
    if not holds:
        raise Fault("no key that you named signed it")
    origin, size, root, *_ = [*head.split("\n"), "", ""]
    if not re.fullmatch(r"0|[1-9][0-9]{0,17}", size) or "" in head.split("\n"):
        raise Fault("it is no checkpoint: origin, size and root are its first lines")
    if origin != log:
        raise Fault(f"it is of another log ({origin})")
    return Checkpoint(int(size), decoded(root, HASH))


def instant(text: str) -> datetime:
    """An instant as a line writes it."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)


def checkpoints_of(bag: Bag, log: str, keys: list[Key]) -> list[Checkpoint]:
    """V1: every checkpoint of the bundle that holds, in order of size; V5: signed one after another."""
    found: list[Checkpoint] = []
    for number, line in enumerate(bag.lines("data/checkpoints.jsonl"), 1):
        try:
            told = json.loads(line)
            if set(told) != {"note", "signed_at"} or canonical(told) != line:
                raise Fault("it is not in canonical form")
            one = opened(told["note"], log, keys)._replace(signed_at=instant(told["signed_at"]))
            if found and one.size <= found[-1].size:
                raise Fault(f"it stands after one of {found[-1].size} leaves")
        except (ValueError, TypeError, Fault) as fault:
            bag.report.say("V1", "note", number=number, why=fault)
            continue
        if found and one.signed_at and found[-1].signed_at and one.signed_at < found[-1].signed_at - SKEW:
            bag.report.say("V5", "signed-back", one.size, signed_at=told["signed_at"])
        found.append(one)
    if not found:
        bag.report.say("V1", "no-checkpoint")
    bag.report.checked["checkpoints"] = len(found)
    return found


def kept(files: list[Path], log: str, keys: list[Key], report: Report) -> list[Checkpoint]:
    """V3: the checkpoints and receipts (C2SP tlog-proof) that the auditor kept, as far as they hold themselves."""
    heads: list[Checkpoint] = []
    for file in files:
        try:
            text, proof = file.read_bytes().decode(), [""]
            if text.startswith("c2sp.org/tlog-proof@v1\nindex "):
                before, _, text = text.partition("\n\n")
                proof = before[len("c2sp.org/tlog-proof@v1\nindex ") :].split("\n")
            path, position = tuple(decoded(line, HASH) for line in proof[1:]), int(proof[0] or -1) + 1
            heads.append(opened(text, log, keys)._replace(file=file.name, position=position, path=path))
        except Fault as fault:
            report.say("V3", "head-note", file=file.name, why=fault)
        except (OSError, ValueError) as fault:
            raise Unusable(f"{file} cannot be read ({type(fault).__name__}). 无法读取。") from None
    report.checked["kept elsewhere"] = len(heads)
    return heads


# --- V2 and V3: the tree (RFC 6962) ----------------------------------------------------------------------------------
def leads_to(leaf: bytes, index: int, path: tuple[bytes, ...], size: int) -> bytes:
    """The root that a path makes of a leaf (RFC 9162, 2.1.3.2), or nothing where the path is of another length."""
    at, last, joined = index, size - 1, leaf
    for each in path:
        if last == 0:
            return b""
        is_right = at & 1 or at == last
        joined = hashlib.sha256(b"\x01" + (each + joined if is_right else joined + each)).digest()
        while is_right and at and not at & 1:
            at, last = at >> 1, last >> 1
        at, last = at >> 1, last >> 1
    return joined if last == 0 else b""


class Leaves:
    """The leaf hashes of the log as they were sealed, whichever lines the bundle holds."""

    def __init__(self, bag: Bag) -> None:
        self._bytes = bag.bytes("data/leaves.bin")
        self.size, rest = divmod(len(self._bytes), HASH)
        if rest:
            bag.report.say("V0", "unfit", file="data/leaves.bin", why=f"{rest} bytes")
        bag.report.checked["leaves"] = self.size

    def at(self, position: int) -> bytes:
        """The leaf of a position; nothing where none was sealed."""
        return self._bytes[(position - 1) * HASH : position * HASH] if position > 0 else b""

    def roots(self, sizes: set[int]) -> dict[int, bytes]:
        """The root at each of these sizes, as far as there are leaves: from a whole subtree for every bit of it."""
        sha256, levels = hashlib.sha256, [self._bytes]
        while (pairs_below := len(levels[-1]) // (2 * HASH)) > 0:
            below, ends = levels[-1], range(0, pairs_below * 2 * HASH, 2 * HASH)
            levels.append(b"".join([sha256(b"\x01" + below[at : at + 2 * HASH]).digest() for at in ends]))
        found = {}
        for size in (each for each in sizes if each <= self.size):
            joined = b""
            for height in (each for each in range(size.bit_length()) if size >> each & 1):
                number = (size >> height) - 1
                subtree = levels[height][number * HASH : (number + 1) * HASH]
                joined = sha256(b"\x01" + subtree + joined).digest() if joined else subtree
            found[size] = joined or sha256(b"").digest()
        return found

    def check(self, signed: list[Checkpoint], heads: list[Checkpoint], report: Report) -> int:
        """V2 and V3: the roots at every signed size; gives the largest size of the bundle's own that holds."""
        roots, good = self.roots({each.size for each in (*signed, *heads)}), 0
        for one in signed:
            if one.size not in roots:
                report.say("V2", "truncated", self.size + 1, file="checkpoints.jsonl", size=one.size, there=self.size)
            elif roots[one.size] != one.root:
                report.say("V2", "root", one.size, good=good)
            else:
                good = one.size
        for head in heads:
            if head.size not in roots:
                report.say("V3", "truncated", self.size + 1, file=head.file, size=head.size, there=self.size)
            elif roots[head.size] != head.root:
                report.say("V3", "forked", head.size, file=head.file, size=head.size)
            index = head.position - 1
            if head.position and leads_to(self.at(head.position), index, head.path, head.size) != head.root:
                report.say("V3", "receipt", head.position, file=head.file)
        return good


# --- V10: duties and authority ---------------------------------------------------------------------------------------
SECOND_PERSON = {
    "funding.payment_approved.v1": ("funding.payment_requested.v1", "payment_id"),
    "publicity.approved.v1": ("publicity.prepared.v1", "publicity_id"),
    "publicity.objection_upheld.v1": ("publicity.objection_investigated.v1", "objection_id"),
    "publicity.objection_dismissed.v1": ("publicity.objection_investigated.v1", "objection_id"),
    "cultivation.task_book_signed.v1": ("cultivation.task_book_filed.v1", "application_id"),
    "accountability.measure_decided.v1": ("accountability.finding_recorded.v1", "finding_id"),
    "privacy.person_erased.v1": ("privacy.erasure_proposed.v1", "erasure_id"),
    "privacy.objector_erased.v1": ("privacy.objector_erasure_proposed.v1", "erasure_id"),
}  # What one person does after another did something, about the same matter.
FIRST_PERSON = dict(SECOND_PERSON.values())
OPENED, APPOINTED, ENDED = "institution.opened.v1", "person.appointed.v1", "person.appointment_ended.v1"
ENGAGED, DISENGAGED = "audit.engagement_opened.v1", "audit.engagement_ended.v1"  # An auditor acts under its tag.
FOUNDING = "founding"  # What the first command of a log rests on; nobody can be appointed before.
ABOUT_DUTIES = {APPOINTED, ENDED, ENGAGED, DISENGAGED, *FIRST_PERSON, *SECOND_PERSON}


@lru_cache(10_000)
def day_of(minute: str, zone: Any) -> str:
    """The day of a minute (of UTC) in a time zone, whose clock differs from UTC by whole minutes."""
    return instant(f"{minute}:00.000000Z").astimezone(zone).date().isoformat()


class Duties:
    """Who did what before, and which appointments there are."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._firsts: dict[str, dict[str, tuple[int, str]]] = {kind: {} for kind in FIRST_PERSON}
        self._appointments: dict[str, tuple[str, str, str]] = {}
        self.zone: Any = timezone.utc
        self.founding = ""

    def authority(self, position: int, actor: str, authority: str, command: str, received_at: str) -> None:
        """An act rests on an appointment or engagement of the actor that holds that day; that by a code, on it."""
        if (authority == actor and "/" in actor) or (authority == FOUNDING and command == self.founding):
            return
        person, first, last = self._appointments.get(authority, ("", "", ""))
        day = day_of(received_at[:16], self.zone)
        if person != actor or not first <= day or (last and day > last):
            self._report.say("V10", "authority", position, authority=authority, actor=actor, day=day)

    def take(self, kind: str, position: int, actor: str, data: Data) -> None:
        """Take in an appointment, an act that another rests on, or that other one."""
        if kind in (APPOINTED, ENDED):
            person, first, _ = self._appointments.get(data["appointment_id"], ("", "", ""))
            if kind == APPOINTED:
                person, first = data["person_id"], data["first_day"]
            self._appointments[data["appointment_id"]] = (person, first, data["last_day"] or "")
        if kind == ENGAGED:
            term = data["person_id"], data["first_day"], data["last_day"]
            self._appointments[f"engagement:{data['engagement_id']}"] = term
        if kind == DISENGAGED:
            self._appointments.pop(f"engagement:{data['engagement_id']}", None)  # Nothing is done under it any more.
        if kind in FIRST_PERSON:
            self._firsts[kind][data[FIRST_PERSON[kind]]] = (position, sys.intern(actor))
        if kind in SECOND_PERSON:
            first_kind, field = SECOND_PERSON[kind]
            other, by = self._firsts[first_kind].get(data[field], (0, ""))
            if not other:
                self._report.say("V10", "no-first", position, type=kind)
            elif by == actor:
                self._report.say("V10", "one-hand", position, type=kind, actor=actor, other=other)


# --- V9: book B ------------------------------------------------------------------------------------------------------
POOLED, CREDIT = ("budget", "dues"), ("B100", "B110", "B120", "B130")
CODES = {
    "unallocated": "B200", "allocated": "B210", "committed": "B220", "in_transit": "B225", "paid_out": "B230",
    "accounted_for": "B235", "frozen": "B240", "back": "B250",
}  # fmt: skip
PAIRS = {
    "appropriation_recorded": "B200<B100", "appropriation_adjusted": "B200<B130",
    "unallocated_carried": "B260<B200 B200+<B110+",
    "unallocated_returned": "back:unallocated<B200", "unallocated_lapsed": "back:unallocated<B200",
    "higher_award_recorded": "unallocated<B100", "matching_pledged": "unallocated<B120", "matching_received": "",
    "allocated": "allocated<unallocated", "committed": "committed<allocated", "frozen": "frozen:stage<stage",
    "payment_requested": "in_transit<committed", "payment_posted": "paid_out<in_transit",
    "payment_failed": "committed<in_transit", "payment_expired": "committed<in_transit",
    "expenditure_accounted": "accounted_for<paid_out", "expenditure_disallowed": "paid_out<accounted_for",
    "returned": "back<paid_out", "recovery_received": "back<paid_out", "recovery_ordered": "",
    "released": "stage<frozen:stage", "authority_returned": "back<stage",
    "carried_forward": "B260<stage stage+<B110+", "lapsed": "back<allocated",
}  # fmt: skip
"""What each fact posts in book B, debit < credit, in words of ``account``; ``pairs`` knows what hangs on its fields."""
CLOSED, PUBLISHED = "funding.period_closed.v1", "funding.ledger_published.v1"
MONEY = {CLOSED, PUBLISHED, "funding.entry_reversed.v1", *(f"funding.{name}.v1" for name in PAIRS)}
COLUMNS = ("account", "source", "year", "application_id", "category", "payment_id", "origin", "recovery_id")


def pairs(name: str, of: Data) -> str:
    """The pairs of a fact, where they hang on what it says."""
    if name == "appropriation_adjusted" and not of["raised"]:
        return "B130<B200"
    if name == "payment_posted" and of["money_flow"] != "advance":
        return "accounted_for<in_transit"
    if name == "recovery_ordered" and of["stage"] == "accounted_for":
        return "paid_out<accounted_for"
    if name == "authority_returned" and (of["origin"] or of["stage"]) == "unallocated":
        return "back:unallocated<stage"
    if name == "lapsed" and of["stage"] != "allocated":
        return {"unallocated": "back:unallocated<stage", "committed": "allocated<stage back<allocated"}[of["stage"]]
    return PAIRS[name]


def account(of: Data, word: str) -> tuple[Any, ...]:
    """A code or a stage (``stage``: that of the fact), after ``:`` where it came from, with ``+`` in the next year."""
    name, _, origin = word.rstrip("+").partition(":")
    origin = of["stage"] if origin == "stage" else origin
    if name == "stage":
        name, origin = of["stage"], of.get("origin") or ""
    code = CODES.get(name, name)
    case = None if name == "unallocated" and of["source"] in POOLED else of.get("application_id")
    year = of["to_year"] if word.endswith("+") else of["year"]
    category = of["category"] if code == "B235" else None
    payment = of["payment_id"] if code == "B225" else None
    return (code, of["source"], year, case, category, payment, origin or None, None)


def postings(name: str, of: Data) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...], int]]:
    """What a fact posts in book B: debit, credit and amount."""
    if name == "entry_reversed":
        for entry in of["entries"]:
            if entry["debit"]["code"].startswith("B"):
                names, sides = ("code", *COLUMNS[1:]), (entry["debit"], entry["credit"])
                yield *(tuple(side.get(name) for name in names) for side in sides), entry["amount_fen"]
        return
    for pair in pairs(name, of).split():
        debit_word, _, credit_word = pair.partition("<")
        yield account(of, debit_word), account(of, credit_word), of["amount_fen"]
    if name == "payment_posted" and of["unpaid_fen"]:
        yield account(of, "committed"), account(of, "in_transit"), of["unpaid_fen"]


class BookB:
    """What every fact posts, summed by programme and by the day from which it counts."""

    def __init__(self, bag: Bag) -> None:
        self._bag, self._report = bag, bag.report
        self._sums: dict[str, dict[str, dict[tuple[Any, ...], int]]] = {}

    def take(self, kind: str, position: int, day: str, data: Data) -> None:
        """Take in a fact about money, or hold a close against what was taken in before it."""
        try:
            if kind == CLOSED:
                self._compare(position, data)
                return
            if kind == PUBLISHED:
                for each in data["files"]:
                    self._published(position, data, each["name"], each["digest"])
                return
            sums = self._sums.setdefault(data["programme_id"], {}).setdefault(day, {})
            for debit, credit, fen in postings(kind[8:-3], data):
                for each, change in ((debit, fen), (credit, -fen)):
                    sums[each] = sums.get(each, 0) + change
                    if not sums[each]:
                        del sums[each]  # What is settled takes no memory.
        except (KeyError, TypeError, AttributeError, ValueError, csv.Error) as fault:
            self._report.say("V9", "content", position, type=kind, why=f"{type(fault).__name__} {fault}")

    def _published(self, position: int, data: Data, name: str, digest: str) -> Path:
        path = f"ledgers/{data['programme_id']}/{data['period']}-{data['last_day']}/{name}.csv"
        file = self._bag.data / "published" / path
        self._report.checked["ledger files"] += 1
        if not file.is_file() or digest_of(file) != digest:
            self._report.say("V9", "ledger" if file.is_file() else "absent", position, file=path)
        return file

    def _compare(self, position: int, data: Data) -> None:
        file = self._published(position, data, "trial_balance", data["trial_balance_digest"])
        if not file.is_file():
            return
        found: dict[tuple[str, ...], int] = {}
        for day, sums in self._sums.get(data["programme_id"], {}).items():
            for each, fen in sums.items() if day <= data["last_day"] else ():
                cells = tuple("" if part is None else str(part) for part in each)
                found[cells] = found.get(cells, 0) + (-fen if each[0] in CREDIT else fen)
        with file.open(encoding="utf-8", newline="") as table:
            rows = [row for row in csv.DictReader(table) if row["account"].startswith("B")]
        told = {tuple(row[column] for column in COLUMNS): int(row["amount_fen"]) for row in rows}
        for cells in sorted({*found, *told}):
            ours, theirs = found.get(cells, 0), told.get(cells, 0)
            if ours != theirs:
                path = "/".join(filter(None, cells))
                self._report.say("V9", "book-b", position, account=path, published=theirs, found=ours)


# --- V2, V4, V5, V6, V7: the lines -----------------------------------------------------------------------------------
WHOLE, DIGEST, MAYBE = "[1-9][0-9]{0,14}", '"[0-9a-f]{64}"', '(?:null|"TEXT")'
UUID, TIME = "-".join(f"[0-9a-f]{{{n}}}" for n in (8, 4, 4, 4, 12)), r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"
LINE = (
    rf'\{{"actor_id":"(TEXT)","actor_kind":"TEXT","authority":"(TEXT)","cause":(null|{WHOLE}),"command_id":"({UUID})",'
    rf'"correlation_id":"{UUID}","data":(\{{.*\}}),"documents":\[((?:{DIGEST}(?:,{DIGEST})*)?)\],'
    rf'"effective_at":"({TIME})","event_id":"({UUID})","line_version":1,"log":"(TEXT)",'
    rf'"nonce":"[A-Za-z0-9+/]{{21}}[AQgw]==","on_behalf_of_id":{MAYBE},"position":({WHOLE}),"reason_code":{MAYBE},'
    rf'"reason_document_id":{MAYBE},"received_at":"({TIME})","recorded_at":"({TIME})",'
    r'"tags":\[((?:"TEXT"(?:,"TEXT")*)?)\],"type":"(TEXT)"\}'
)  # A line of version 1 in its only spelling; what is asked of it is in brackets, and data is judged by itself.
PLAIN, ESCAPE = r'[^"\\\x00-\x1f]*', r'\\(?:["\\bfnrt]|u00(?:0[0-7bef]|1[0-9a-f]))'
plain_line, line_with_escapes = (
    re.compile(LINE.replace("TEXT", text), re.ASCII).fullmatch for text in (PLAIN, f"{PLAIN}(?:{ESCAPE}{PLAIN})*")
)
ERASED = {"privacy.person_erased.v1": "document_ids", "privacy.objector_erased.v1": "statement_document_ids"}
POSITION = re.compile(rb'"position":([1-9][0-9]{0,14}),"reason_code"')


def whole(text: str) -> int:
    """A number that every program reads alike: whole, and below 2^53."""
    if not -(2**53) < (number := int(text)) < 2**53:
        raise Fault(f"{text[:20]} is no whole number below 2^53")
    return number


decoder: Any = json.JSONDecoder(parse_float=whole, parse_constant=whole, parse_int=whole)
decode, decode_first = decoder.decode, decoder.scan_once


def parsed(line: bytes) -> tuple[Any, ...]:
    """V4: what a line says, as ``Lines`` asks for it. Raises Fault where it has another form, or a second spelling."""
    try:
        text = line.decode()
        found = (line_with_escapes if "\\" in text else plain_line)(text)
        if found is None:
            raise Fault("not the keys, types and forms of a line of version 1, in their only spelling")
        actor, authority, cause, command, body, documents, effective_at, *rest = found.groups()
        event_id, log, position, received_at, recorded_at, tags, kind = rest
        data, _ = decode_first(body, 0)
        # Another order, a key that stands twice, another escape or a space: its canonical form has other bytes.
        is_canonical = canonical(data) == body
        if "\\" in text:
            actor, authority, log, kind = (decode(f'"{each}"') for each in (actor, authority, log, kind))
            named = decode(f"[{tags}]")
        else:
            named = tags[1:-1].split('","')
    except (ValueError, RecursionError, StopIteration) as fault:
        raise Fault(f"no JSON ({fault})") from None
    if not is_canonical or not (text.isascii() or unicodedata.is_normalized("NFC", text)):
        raise Fault("not in canonical form")
    if named != sorted(set(named)):
        raise Fault("its tags are no sorted set")
    attached = documents[1:-1].split('","') if documents else []
    says = actor, authority, effective_at, received_at, recorded_at, attached, data
    return int(position), cause != "null" and int(cause), command, event_id, log, kind, says


class Lines:
    """One walk over the lines, in order."""

    def __init__(self, bag: Bag, about: Data, leaves: Leaves, signed: list[Checkpoint], book: BookB | None) -> None:
        self._bag, self._report, self._leaves, self._about = bag, bag.report, leaves, about
        self._log, self._dense = about["log"], about["programme_id"] is None
        self._types = {line.split("`")[1] for line in bag.lines("data/event-catalogue.md") if line.startswith("### `")}
        self._signed_at = {each.size: each.signed_at for each in signed}
        self._duties, self._book = Duties(bag.report), book
        self._ids, self._commands, self._excused = set[int](), set[int](), set[str]()
        self._command, self._recorded_at, self._number, self.last = -1, "", 0, 0
        self._missing: list[tuple[int, str]] = []

    def walk(self, path: Path) -> None:
        """Judge every line."""
        try:
            with path.open("rb") as file:
                for self._number, raw in enumerate(file, 1):
                    self._take(raw)
        except OSError as fault:
            self._report.say("V0", "unfit", file=path.name, why=type(fault).__name__)
        self._report.checked["lines"] = self._number
        if self._dense and self.last < self._leaves.size:
            self._report.say("V2", "lost", self.last + 1, count=self._leaves.size - self.last)
        if self._dense and self._about["size"] not in (None, self.last):
            self._report.say("V4", "size", self.last, size=self._about["size"])
        for position, document in self._missing:
            if document not in self._excused:
                self._report.say("V7", "unexcused", position, document=document)

    def _take(self, raw: bytes) -> None:
        line = raw[:-1]
        try:
            if raw[-1:] != b"\n":
                raise Fault("cut off · 被截断")
            told = parsed(line)
        except Fault as fault:
            found = POSITION.search(line)
            position = self.last = int(found.group(1)) if found else self.last + 1
            self._report.say("V4", "line", position, line=self._number, why=fault)
        else:
            position = told[0]
            self._judge(*told)
        if position <= self._leaves.size and hashlib.sha256(b"\x00" + line).digest() != self._leaves.at(position):
            self._report.say("V2", "leaf", position)

    def _judge(self, position: int, cause: int, command: str, event_id: str, log: str, kind: str, says: Any) -> None:  # noqa: PLR0917
        say, wanted, self.last = self._report.say, self.last + 1, position
        if position != wanted and (self._dense or position < wanted):
            say("V4", "gap", wanted, there=position, wanted=wanted)
        if log != self._log:
            say("V4", "other-log", position, log=log)
        if kind not in self._types:
            say("V4", "type", position, type=kind)
        event, begun = int(event_id.replace("-", ""), 16), int(command.replace("-", ""), 16)
        if event in self._ids:
            say("V4", "event-id", position)
        if begun != self._command and begun in self._commands:
            say("V4", "command", position)
        self._command = begun
        self._ids.add(event)
        self._commands.add(begun)
        if cause >= position:
            say("V4", "cause", position)
        try:
            self._fold(position, command, kind, *says)
        except (KeyError, TypeError, ValueError, OSError) as fault:
            say("V4", "content", position, type=kind, why=f"{type(fault).__name__} {fault}")

    def _fold(self, position: int, command: str, kind: str, *says: Any) -> None:
        """V5, V6, V7, V9, V10: what the lines before say about this one, and what this one says about those after."""
        actor, authority, effective_at, received_at, recorded_at, documents, data = says
        say, duties = self._report.say, self._duties
        for document in documents:
            self._report.checked["documents named"] += 1
            if document in self._bag.altered:
                say("V6", "document", position, document=document)
            elif not (self._bag.data / "documents" / document[:2] / document).is_file():
                self._missing.append((position, document))
        if recorded_at <= self._recorded_at:
            say("V5", "backwards", position)
        self._recorded_at = recorded_at
        if (signed_at := self._signed_at.get(position)) is not None and instant(recorded_at) > signed_at + SKEW:
            say("V5", "clock", position, signed_at=signed_at.isoformat())
        if kind == OPENED:
            duties.zone, duties.founding = ZoneInfo(data["time_zone"]), command
        duties.authority(position, actor, authority, command, received_at)
        if kind in ABOUT_DUTIES:
            duties.take(kind, position, actor, data)
        if kind in ERASED and data["proposed_by"] != actor:
            self._excused.update(data[ERASED[kind]])
        if kind in MONEY and self._book is not None:
            self._book.take(kind, position, day_of(effective_at[:16], duties.zone), data)


def verify(folder: Path, vkeys: list[str], files: list[Path], *, books: bool = True) -> Data:
    """Judge a bundle; the report as data. Raises Unusable where it is none, or a key or a file cannot be used."""
    report, keys = Report(), [Key(text) for text in vkeys]
    bag = Bag(folder, report)
    about = bag.about(keys[0].name)
    bag.check(about["rules"])
    signed = checkpoints_of(bag, about["log"], keys)
    heads = kept(files, about["log"], keys, report)
    leaves = Leaves(bag)
    good = leaves.check(signed, heads, report)
    lines = Lines(bag, about, leaves, signed, BookB(bag) if books else None)
    lines.walk(bag.data / "log.jsonl")
    hold = {"unsigned": lines.last > good, "cut": not heads, "after": bool(heads), "all": about["programme_id"]}
    steps = {step: {"en": en, "zh": zh, "findings": report.counts[step]} for step, (en, zh) in STEPS.items()}
    return {
        "bundle": str(folder), "log": about["log"], "size": lines.last, "signed": good, "checked": dict(report.checked),
        "clean": not any(report.counts.values()), "steps": steps, "findings": report.findings,
        "not_proven": [{"en": en, "zh": zh} for name, (en, zh) in UNPROVEN.items() if hold.get(name, True)],
    }  # fmt: skip


def main(argv: list[str] | None = None) -> int:
    """Run from the command line; the exit code."""
    parser = argparse.ArgumentParser(description="Judge a bundle of the record. · 独立核验导出包。")
    parser.add_argument("bundle", nargs="?", type=Path, default=Path(__file__).resolve().parent)
    parser.add_argument("--key", action="append", required=True, metavar="VKEY", help="kept elsewhere · 另行保存的公钥")
    parser.add_argument("--head", action="append", default=[], type=Path, help="checkpoint or receipt · 检查点或回执")
    parser.add_argument("--json", action="store_true", help="answer as JSON · 以 JSON 回答")
    asked = parser.parse_args(argv)
    try:
        told = verify(asked.bundle, asked.key, asked.head)
    except Unusable as fault:
        sys.stderr.write(f"{fault}\n")
        return 2
    shown = json.dumps(told, ensure_ascii=False, indent=1) if asked.json else "\n".join(printed(told))
    sys.stdout.buffer.write(f"{shown}\n".encode())
    return 0 if told["clean"] else 1


if __name__ == "__main__":
    sys.exit(main())
