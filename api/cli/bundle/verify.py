#!/usr/bin/env python3
"""Judges a bundle of the record, alone: Python 3.9 or newer and the package cryptography, nothing of the product.

    python3 verify.py [BUNDLE] --key VKEY [--key VKEY ...] [--head FILE ...] [--json]

BUNDLE is the folder this file lies in, unless another is named. VKEY is a public key of the log that you kept elsewhere
(one that comes with the bundle proves nothing). FILE is a checkpoint or a receipt that you kept. Every step runs, none
stops at the first finding. Exit code: 0 nothing was found, 1 something was, 2 it could not be run as it was asked to.

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
import mmap
import os
import re
import sys
import unicodedata
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
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
    "declaration": ("bagit.txt is not that of a BagIt 1.0 bag", "bagit.txt 不是 BagIt 1.0 声明"),
    "manifest": ("{file} line {line} is no digest and path", "{file} 第 {line} 行不是摘要与路径"),
    "absent": ("{file} is missing", "缺少 {file}"),
    "altered": ("{file} is not what its digest says", "{file} 与其摘要不符"),
    "unlisted": ("{file} is listed in no manifest", "{file} 未列入任何清单"),
    "unfit": ("{file} cannot be read as what it must be ({why})", "{file} 无法按应有格式读取({why})"),
    "rules": ("the rules are not those that their digest names", "规则与其摘要不符"),
    "no-checkpoint": ("no signed checkpoint binds this record", "没有签名检查点约束本记录"),
    "note": ("checkpoint {number} does not hold: {why}", "第 {number} 个检查点不成立:{why}"),
    "order": ("a checkpoint of {size} leaves stands after one of {before}", "检查点次序有误:{size} 列于 {before} 之后"),
    "root": ("not what was signed over {size} leaves: changed after {good}", "与规模 {size} 的签名不符:改动在 {good} 之后"),
    "leaves-short": ("{size} leaves were signed, {there} are here", "已签名 {size} 个叶摘要,此处仅 {there} 个"),
    "leaf": ("this line is not the one that was sealed here", "该行并非此位置所封存者"),
    "lost": ("{count} lines from here on were sealed and are missing", "自此起缺失已封存的 {count} 行"),
    "head-note": ("{file} does not hold: {why}", "{file} 不成立:{why}"),
    "truncated": ("{file} is of {size} leaves, here are {there}: cut off", "{file} 规模为 {size},此处仅 {there}:被截断"),
    "forked": ("{file} of {size} leaves is of another history", "{file}(规模 {size})属于另一段历史"),
    "receipt": ("this is not what the receipt {file} proves", "此处并非回执 {file} 所证内容"),
    "cut": ("line {line} is cut off", "第 {line} 行被截断"),
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
    "no-ledger": ("the published {file} is missing", "缺少已发布的 {file}"),
    "book-b": ("{file}: {account} is {published}, the lines make it {found}", "{file}:{account} 列 {published},应为 {found}"),
    "posting": ("{type} cannot be posted ({why})", "{type} 无法过账({why})"),
    "one-hand": ("{type}: {actor} also did what #{other} tells", "{type}:{actor} 同时办理了 #{other} 所记事项"),
    "no-first": ("{type} without what must come before it", "{type} 缺少其前置事项"),
    "authority": ("no appointment {authority} of {actor} holds on {day}", "{actor} 于 {day} 并无有效任命 {authority}"),
}  # fmt: skip
KEYS = (
    "actor_id", "actor_kind", "authority", "cause", "command_id", "correlation_id", "data", "documents", "effective_at",
    "event_id", "line_version", "log", "nonce", "on_behalf_of_id", "position", "reason_code", "reason_document_id",
    "received_at", "recorded_at", "tags", "type",
)  # fmt: skip
FORMAT = "biaogan-bundle/1"
HASH = 32
AT_MOST = 200  # So many findings of a step are told one by one; all are counted.
SKEW = timedelta(seconds=5)  # The clocks of recording and signing may differ by so much.


class Unusable(Exception):
    """What was asked cannot be done."""


class Report:
    """What was found, by step; and what was checked."""

    def __init__(self) -> None:
        self.counts = dict.fromkeys(STEPS, 0)
        self.findings: list[dict[str, Any]] = []
        self.checked: dict[str, int] = {}
        self.unproven: list[dict[str, str]] = []

    def say(self, step: str, code: str, position: int = 0, **figures: Any) -> None:
        """Take in a finding; ``position`` is 0 where it concerns none."""
        self.counts[step] += 1
        if self.counts[step] <= AT_MOST:
            en, zh = (sentence.format(**figures) for sentence in SENTENCES[code])
            self.findings.append({"step": step, "code": code, "position": position, "en": en, "zh": zh})

    def count(self, what: str, number: int = 1) -> None:
        """Note that something was checked."""
        self.checked[what] = self.checked.get(what, 0) + number

    def told(self) -> dict[str, Any]:
        """The report as data."""
        steps = {step: {"en": en, "zh": zh, "findings": self.counts[step]} for step, (en, zh) in STEPS.items()}
        clean = not any(self.counts.values())
        told = {"clean": clean, "checked": self.checked, "steps": steps, "findings": self.findings}
        return {**told, "not_proven": self.unproven}


def printed(told: dict[str, Any]) -> Iterator[str]:
    """The report as lines for a person."""
    yield f"{told['log']}, signed up to {told['signed']}; checked: " + ", ".join(
        f"{number} {name}" for name, number in told["checked"].items()
    )
    for step, found in told["steps"].items():
        verdict = f"{found['findings']} findings · 处问题" if found["findings"] else "ok · 通过"
        yield f"{step:<4} {verdict}  {found['en']} · {found['zh']}"
        for one in (each for each in told["findings"] if each["step"] == step):
            where = f"#{one['position']} " if one["position"] else ""
            yield f"       {where}{one['en']}\n         {one['zh']}"
    yield "not proven · 未予证明"
    yield from (f"       {one['en']}\n         {one['zh']}" for one in told["not_proven"])
    yield "clean · 未发现问题" if told["clean"] else "NOT CLEAN · 发现问题"


def canonical(value: Any) -> str:
    """The canonical JSON of a value."""
    return ENCODER.encode(value)


ENCODER = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"))

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

    def check(self) -> None:
        """V0: every file that is listed is there and as listed, and no other is there."""
        if (self.text("bagit.txt") or "").encode() != DECLARATION:
            self.report.say("V0", "declaration")
        listed = {"tagmanifest-sha256.txt"}
        for manifest in MANIFESTS:
            for digest, path in self._listed(manifest):
                listed.add(path)
                self._compare(digest, path)
        for folder, folders, files in os.walk(self.folder):
            for name in (*files, *(each for each in folders if Path(folder, each).is_symlink())):
                path = Path(folder, name).relative_to(self.folder).as_posix()
                self.report.count("files")
                if path not in listed:
                    self.report.say("V0", "unlisted", file=path)

    def _listed(self, manifest: str) -> Iterator[tuple[str, str]]:
        lines = (self.text(manifest) or "").split("\n")
        if lines.pop():
            self.report.say("V0", "manifest", file=manifest, line=len(lines) + 1)
        seen: set[str] = set()
        for number, line in enumerate(lines, 1):
            found = MANIFEST_LINE.fullmatch(line)
            path = found.group(2) if found else ""
            is_outside = not {"..", ".", ""}.isdisjoint(path.split("/"))
            if found is None or is_outside or path in seen or path.startswith("data/") != MANIFESTS[manifest]:
                self.report.say("V0", "manifest", file=manifest, line=number)
                continue
            seen.add(path)
            yield found.group(1), path

    def _compare(self, digest: str, path: str) -> None:
        file = self.folder / path
        if not file.is_file() or file.is_symlink():
            self.report.say("V0", "absent", file=path)
            return
        there = digest_of(file)
        if there != digest:
            self.report.say("V0", "altered", file=path)
        if path.startswith("data/documents/") and there != file.name:
            self.altered.add(file.name)

    def text(self, path: str) -> str | None:
        """A file as text; that it cannot be read so is a finding."""
        try:
            return (self.folder / path).read_bytes().decode()
        except (OSError, UnicodeDecodeError) as fault:
            self.report.say("V0", "unfit", file=path, why=type(fault).__name__)
            return None

    def about(self, log: str) -> dict[str, Any]:
        """What the bundle says of itself; where that is damaged, what follows from the key."""
        if not (self.folder / "bagit.txt").is_file() and not (self.data / "bundle.json").is_file():
            raise Unusable(f"{self.folder} is no bundle. 不是导出包。")
        text = self.text("data/bundle.json") or ""
        try:
            told: dict[str, Any] = json.loads(text)
            wanted = {"format": str, "log": str, "rules": str, "simulated": bool, "size": int}
            fit = all(type(told[name]) is kind for name, kind in wanted.items()) and text == canonical(told) + "\n"
        except (ValueError, KeyError, TypeError):
            fit = False
        if fit and told["format"] == FORMAT:
            return told
        self.report.say("V0", "unfit", file="data/bundle.json", why="format")
        return {"log": log, "rules": "", "size": None}

    def check_rules(self, digest: str) -> None:
        """V0: the rules are those that their digest names."""
        home = self.data / "rules" / digest
        files = sorted((path.relative_to(home).as_posix(), path) for path in home.rglob("*") if path.is_file())
        lines = "".join(f"{digest_of(path)}  {name}\n" for name, path in files)
        if hashlib.sha256(lines.encode()).hexdigest() != digest:
            self.report.say("V0", "rules")


# --- V1 and V3: checkpoints, and what the auditor kept ---------------------------------------------------------------


class NotSigned(Exception):
    """A text is no note, no checkpoint, or not signed by a key that is trusted."""


class Checkpoint(NamedTuple):
    """Size and root that were signed; when, and in which file, where that is told."""

    size: int
    root: bytes
    origin: str
    signed_at: datetime | None = None
    file: str = ""


class Receipt(NamedTuple):
    """That a leaf stands at a position under a checkpoint (C2SP tlog-proof)."""

    position: int
    path: list[bytes]
    under: Checkpoint


def decoded(text: str, length: int | None = None) -> bytes:
    """The bytes of a text that is their only base64."""
    try:
        found = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        found = b""
    if base64.b64encode(found).decode() != text or len(found) != (len(found) if length is None else length):
        raise NotSigned("something in it is not base64 as it must be written")
    return found


class Key:
    """A public key of a log (Ed25519) as it is handed to whoever verifies: ``name+hash+base64``."""

    def __init__(self, text: str) -> None:
        self.name, _, rest = text.strip().partition("+")
        told, _, encoded = rest.partition("+")
        try:
            public = decoded(encoded, HASH + 1)
        except NotSigned:
            raise Unusable(f"{text} is no key. 不是公钥。") from None
        self.hash = hashlib.sha256(self.name.encode() + b"\n" + public).digest()[:4]
        if public[:1] != b"\x01" or self.hash.hex() != told:
            raise Unusable(f"{text} is no Ed25519 key that its hash names. 公钥与其摘要不符。")
        self._public = Ed25519PublicKey.from_public_bytes(public[1:])

    def signed(self, text: str, signature: bytes) -> bool:
        """Whether this key signed a text."""
        try:
            self._public.verify(signature, text.encode())
        except InvalidSignature:
            return False
        return True


def opened(note: str, log: str, keys: list[Key]) -> Checkpoint:
    """The checkpoint of a log that a signed note holds (C2SP signed-note). Raises NotSigned."""
    head, gap, tail = note.rpartition("\n\n")
    if not gap or not tail.endswith("\n") or re.search(r"[\x00-\x09\x0b-\x1f\x7f]", note):
        raise NotSigned("it is no note, or cut off")
    holds = False
    for line in tail[:-1].split("\n"):
        found = re.fullmatch("\u2014 ([^\\s+]+) ([A-Za-z0-9+/=]+)", line)
        if found is None:
            raise NotSigned("a line that is no signature stands among them")
        signature = decoded(found.group(2))
        for key in keys:
            if (key.name, key.hash) == (found.group(1), signature[:4]):
                if not key.signed(head + "\n", signature[4:]):
                    raise NotSigned(f"the signature of {key.name} does not hold")
                holds = True
    if not holds:
        raise NotSigned("no key that you named signed it")
    origin, size, root, *_ = [*head.split("\n"), "", ""]
    if not re.fullmatch(r"0|[1-9][0-9]{0,17}", size) or "" in head.split("\n"):
        raise NotSigned("it is no checkpoint: origin, size and root are its first lines")
    if origin != log:
        raise NotSigned(f"it is of another log ({origin})")
    return Checkpoint(int(size), decoded(root, HASH), origin)


def instant(text: str) -> datetime:
    """An instant as a line writes it."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)


def checkpoints_of(bag: Bag, log: str, keys: list[Key]) -> list[Checkpoint]:
    """V1: every checkpoint of the bundle that holds, in order of size; V5: signed one after another."""
    found: list[Checkpoint] = []
    say, lines = bag.report.say, (bag.text("data/checkpoints.jsonl") or "").split("\n")
    for number, line in enumerate(lines[:-1], 1):
        try:
            told = json.loads(line)
            if set(told) != {"note", "signed_at"} or canonical(told) != line:
                raise NotSigned("it is not in canonical form")
            one = opened(told["note"], log, keys)._replace(signed_at=instant(told["signed_at"]))
        except (ValueError, TypeError, NotSigned) as fault:
            say("V1", "note", number=number, why=fault)
            continue
        if found and one.size <= found[-1].size:
            say("V1", "order", one.size, size=one.size, before=found[-1].size)
            continue
        if found and one.signed_at and found[-1].signed_at and one.signed_at < found[-1].signed_at - SKEW:
            say("V5", "signed-back", one.size, signed_at=told["signed_at"])
        found.append(one)
    if not found or lines[-1]:
        say("V1", "no-checkpoint") if not found else say("V1", "note", number=len(lines), why="it is cut off")
    bag.report.count("checkpoints", len(found))
    return found


def kept(files: list[Path], log: str, keys: list[Key], report: Report) -> tuple[list[Checkpoint], list[Receipt]]:
    """V3: the checkpoints and receipts that the auditor kept, as far as they hold themselves."""
    heads: list[Checkpoint] = []
    receipts: list[Receipt] = []
    for file in files:
        try:
            text = file.read_bytes().decode()
            proof: list[str] = []
            if text.startswith("c2sp.org/tlog-proof@v1\n"):
                before, _, text = text.partition("\n\n")
                proof = before.split("\n")[1:]
            heads.append(opened(text, log, keys)._replace(file=file.name))
            if proof:
                index = re.fullmatch(r"index (0|[1-9][0-9]{0,15})", proof[0])
                position = int(index.group(1)) + 1 if index else 0
                receipts.append(Receipt(position, [decoded(line, HASH) for line in proof[1:]], heads[-1]))
        except (OSError, UnicodeDecodeError) as fault:
            raise Unusable(f"{file} cannot be read ({type(fault).__name__}). 无法读取。") from None
        except NotSigned as fault:
            report.say("V3", "head-note", file=file.name, why=fault)
    report.count("kept elsewhere", len(heads))
    return heads, receipts


# --- V2 and V3: the tree (RFC 6962) ----------------------------------------------------------------------------------


def node(left: bytes, right: bytes) -> bytes:
    """What two subtrees make."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def leads_to(leaf: bytes, index: int, path: list[bytes], size: int) -> bytes:
    """The root that a path makes of a leaf (RFC 9162, 2.1.3.2), or nothing where the path is of another length."""
    at, last, joined = index, size - 1, leaf
    for each in path:
        if last == 0:
            return b""
        if at & 1 or at == last:
            joined = node(each, joined)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            joined = node(joined, each)
        at, last = at >> 1, last >> 1
    return joined if last == 0 else b""


class Leaves:
    """The leaf hashes of the log as they were sealed, whichever lines the bundle holds."""

    def __init__(self, path: Path, report: Report) -> None:
        self._bytes: Any = b""
        try:
            with path.open("rb") as file:
                if path.stat().st_size:
                    self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except OSError:
            report.say("V0", "absent", file=path.name)
        self.size, rest = divmod(len(self._bytes), HASH)
        if rest:
            report.say("V0", "unfit", file=path.name, why=f"{rest} bytes")
        report.count("leaves", self.size)

    def at(self, position: int) -> bytes:
        """The leaf of a position; nothing where none was sealed."""
        return bytes(self._bytes[(position - 1) * HASH : position * HASH]) if 0 < position <= self.size else b""

    def roots(self, sizes: set[int]) -> dict[int, bytes]:
        """The root at each of these sizes, as far as there are leaves."""
        found = {0: hashlib.sha256(b"").digest()}
        peaks: list[bytes] = []
        sha256, read = hashlib.sha256, self._bytes
        for size in range(1, min(self.size, max(sizes, default=0)) + 1):
            joined = read[(size - 1) * HASH : size * HASH]
            odd = size - 1
            while odd & 1:
                joined = sha256(b"\x01" + peaks.pop() + joined).digest()
                odd >>= 1
            peaks.append(joined)
            if size in sizes:
                for peak in reversed(peaks[:-1]):
                    joined = node(peak, joined)
                found[size] = joined
        return found

    def check(self, signed: list[Checkpoint], heads: list[Checkpoint], receipts: list[Receipt], report: Report) -> int:
        """V2 and V3: the roots at every signed size; gives the largest size of the bundle's own that holds."""
        roots, good = self.roots({each.size for each in (*signed, *heads)}), 0
        for one in signed:
            if one.size not in roots:
                report.say("V2", "leaves-short", self.size + 1, size=one.size, there=self.size)
            elif roots[one.size] != one.root:
                report.say("V2", "root", one.size, size=one.size, good=good)
            else:
                good = one.size
        for head in heads:
            if head.size not in roots:
                report.say("V3", "truncated", self.size + 1, file=head.file, size=head.size, there=self.size)
            elif roots[head.size] != head.root:
                report.say("V3", "forked", head.size, file=head.file, size=head.size)
        for each in receipts:
            index, under = each.position - 1, each.under
            if index < 0 or leads_to(self.at(each.position), index, each.path, under.size) != under.root:
                report.say("V3", "receipt", each.position, file=under.file)
        return good


# --- V10: duties and authority ---------------------------------------------------------------------------------------

SECOND_PERSON = {
    "funding.payment_approved.v1": ("funding.payment_requested.v1", "payment_id"),
    "publicity.approved.v1": ("publicity.prepared.v1", "publicity_id"),
    "publicity.objection_upheld.v1": ("publicity.objection_investigated.v1", "objection_id"),
    "publicity.objection_dismissed.v1": ("publicity.objection_investigated.v1", "objection_id"),
    "cultivation.task_book_signed.v1": ("cultivation.task_book_filed.v1", "application_id"),
    "accountability.measure_decided.v1": ("accountability.finding_recorded.v1", "finding_id"),
}  # What one person does after another did something, about the same matter.
FIRST_PERSON = dict(SECOND_PERSON.values())
OPENED, APPOINTED, ENDED = "institution.opened.v1", "person.appointed.v1", "person.appointment_ended.v1"
ABOUT_DUTIES = {APPOINTED, ENDED, *FIRST_PERSON, *SECOND_PERSON}


class Duties:
    """Who did what before, and which appointments there are."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._firsts: dict[tuple[str, str], tuple[int, str]] = {}
        self._appointments: dict[str, tuple[str, str, str]] = {}
        self._days: dict[str, str] = {}
        self.zone: Any = timezone.utc

    def day(self, told: str) -> str:
        """The institution's day of an instant; its clock differs from UTC by whole minutes."""
        found = self._days.get(told[:16])
        if found is None:
            if len(self._days) > 10_000:
                self._days.clear()
            found = self._days[told[:16]] = instant(told).astimezone(self.zone).date().isoformat()
        return found

    def authority(self, body: dict[str, Any]) -> None:
        """An act rests on an appointment of the actor that holds on its day; that by a panel's code, on the code."""
        authority, actor = body["authority"], body["actor_id"]
        if (authority == actor and "/" in actor) or (authority == "founding" and not self._appointments):
            return
        person, first, last = self._appointments.get(authority, ("", "", ""))
        day = self.day(body["received_at"])
        if person != actor or not first <= day or (last and day > last):
            self._report.say("V10", "authority", body["position"], authority=authority, actor=actor, day=day)

    def take(self, kind: str, position: int, actor: str, data: dict[str, Any]) -> None:
        """Take in an appointment, an act that another rests on, or that other one."""
        if kind in (APPOINTED, ENDED):
            person, first, _ = self._appointments.get(data["appointment_id"], ("", "", ""))
            if kind == APPOINTED:
                person, first = data["person_id"], data["first_day"]
            self._appointments[data["appointment_id"]] = (person, first, data["last_day"] or "")
        if kind in FIRST_PERSON:
            self._firsts[kind, data[FIRST_PERSON[kind]]] = (position, actor)
        if kind in SECOND_PERSON:
            first_kind, field = SECOND_PERSON[kind]
            other, by = self._firsts.get((first_kind, data[field]), (0, ""))
            if not other:
                self._report.say("V10", "no-first", position, type=kind)
            elif by == actor:
                self._report.say("V10", "one-hand", position, type=kind, actor=actor, other=other)


# --- V9: book B ------------------------------------------------------------------------------------------------------

POOLED = ("budget", "dues")
CREDIT = ("B100", "B110", "B120", "B130")
CODES = {
    "unallocated": "B200", "allocated": "B210", "committed": "B220", "in_transit": "B225", "paid_out": "B230",
    "accounted_for": "B235", "frozen": "B240", "back": "B250",
}  # fmt: skip
PAIRS = {
    "appropriation_recorded": "B200<B100", "appropriation_adjusted": "B200<B130", "unallocated_carried": "B260<B200 B200+<B110+",
    "unallocated_returned": "back:unallocated<B200", "unallocated_lapsed": "back:unallocated<B200",
    "higher_award_recorded": "unallocated<B100", "matching_pledged": "unallocated<B120", "matching_received": "",
    "allocated": "allocated<unallocated", "committed": "committed<allocated", "payment_requested": "in_transit<committed",
    "payment_posted": "paid_out<in_transit", "payment_failed": "committed<in_transit", "payment_expired": "committed<in_transit",
    "expenditure_accounted": "accounted_for<paid_out", "expenditure_disallowed": "paid_out<accounted_for",
    "returned": "back<paid_out", "recovery_received": "back<paid_out", "recovery_ordered": "",
    "frozen": "frozen:stage<stage", "released": "stage<frozen:stage", "authority_returned": "back<stage",
    "carried_forward": "B260<stage stage+<B110+", "lapsed": "back<allocated",
}  # fmt: skip
"""What each fact posts in book B, debit < credit, in the words of ``account``; ``pairs`` knows what else it hangs on."""
CLOSED = "funding.period_closed.v1"
MONEY = {CLOSED, "funding.entry_reversed.v1", *(f"funding.{name}.v1" for name in PAIRS)}
COLUMNS = ("account", "source", "year", "application_id", "category", "payment_id", "origin", "recovery_id")
Account = tuple


def pairs(name: str, of: dict[str, Any]) -> str:
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


def account(of: dict[str, Any], word: str) -> Account:
    """A code or a stage, after ``:`` where it came from, before ``+`` in the year it is carried to.

    What is unallocated of a pooled source belongs to no case; a claim on the stage ``stage`` is one on that of the fact.
    """
    name, _, origin = word.rstrip("+").partition(":")
    origin = of["stage"] if origin == "stage" else origin
    if name == "stage":
        name, origin = of["stage"], of.get("origin")
    code = CODES.get(name, name)
    case = None if name == "unallocated" and of["source"] in POOLED else of.get("application_id")
    year = of["to_year"] if word.endswith("+") else of["year"]
    category = of["category"] if code == "B235" else None
    payment = of["payment_id"] if code == "B225" else None
    return (code, of["source"], year, case, category, payment, origin or None, None)


def postings(name: str, of: dict[str, Any]) -> Iterator[tuple[Account, Account, int]]:
    """What a fact posts in book B: debit, credit and amount."""
    if name == "entry_reversed":
        for entry in of["entries"]:
            if entry["debit"]["code"].startswith("B"):
                sides = (entry["debit"], entry["credit"])
                debit, credit = (tuple(side.get(each) for each in ("code", *COLUMNS[1:])) for side in sides)
                yield debit, credit, entry["amount_fen"]
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
        self._sums: dict[str, dict[str, dict[Account, int]]] = {}

    def take(self, kind: str, position: int, day: str, data: dict[str, Any]) -> None:
        """Take in a fact about money, or hold a close against what was taken in before it."""
        try:
            if kind == CLOSED:
                self._compare(position, data)
                return
            sums = self._sums.setdefault(data["programme_id"], {}).setdefault(day, {})
            for debit, credit, fen in postings(kind[8:-3], data):
                sums[debit] = sums.get(debit, 0) + fen
                sums[credit] = sums.get(credit, 0) - fen
        except (KeyError, TypeError, AttributeError) as fault:
            self._report.say("V9", "posting", position, type=kind, why=f"{type(fault).__name__} {fault}")

    def _compare(self, position: int, data: dict[str, Any]) -> None:
        name = f"ledgers/{data['programme_id']}/{data['last_day']}/trial_balance.csv"
        file = self._bag.data / "published" / name
        self._report.count("closes")
        if not file.is_file():
            self._report.say("V9", "no-ledger", position, file=name)
            return
        if digest_of(file) != data["trial_balance_digest"]:
            self._report.say("V9", "ledger", position, file=name)
        found: dict[tuple[str, ...], int] = {}
        for day, sums in self._sums.get(data["programme_id"], {}).items():
            for each, fen in sums.items() if day <= data["last_day"] else ():
                cells = tuple("" if part is None else str(part) for part in each)
                found[cells] = found.get(cells, 0) + (-fen if each[0] in CREDIT else fen)
        told: dict[tuple[str, ...], int] = {}
        try:
            with file.open(encoding="utf-8", newline="") as table:
                for row in csv.DictReader(table):
                    if row["account"].startswith("B"):
                        told[tuple(row[column] for column in COLUMNS)] = int(row["amount_fen"])
        except (ValueError, KeyError, TypeError, AttributeError, csv.Error) as fault:
            self._report.say("V0", "unfit", file=name, why=type(fault).__name__)
        for cells in sorted({*found, *told}):
            ours, theirs = found.get(cells, 0), told.get(cells, 0)
            if ours != theirs:
                path = "/".join(filter(None, cells))
                self._report.say("V9", "book-b", position, file=name, account=path, published=theirs, found=ours)


# --- V2, V4, V5, V6, V7: the lines -----------------------------------------------------------------------------------

ID, TIME = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"
SHAPES = re.compile(rf"(?:{ID}\|){{3}}(?:{TIME}\|){{3}}[A-Za-z0-9+/]{{21}}[AQgw]==", re.ASCII)
SHAPED = ("command_id", "correlation_id", "event_id", "effective_at", "received_at", "recorded_at", "nonce")
TEXTS = ("actor_id", "actor_kind", "authority", "log", "type")
OPTIONAL = ("on_behalf_of_id", "reason_code", "reason_document_id")
LONG_NUMBER = re.compile(rb"[0-9]{16}")
LARGEST = 2**53 - 1


class Fault(Exception):
    """A line is not in the form of a line; the sentence says why."""


def refuse(text: str) -> Any:
    """No float, and no whole number from 2^53 on, stands in a line."""
    raise Fault(f"{text[:20]} is no whole number below 2^53")


def whole(text: str) -> int:
    """A whole number that every program reads alike."""
    return int(text) if len(text) <= 17 and abs(int(text)) <= LARGEST else int(refuse(text))


QUICK = json.JSONDecoder(parse_float=refuse, parse_constant=refuse).decode
CAREFUL = json.JSONDecoder(parse_float=refuse, parse_constant=refuse, parse_int=whole).decode


def parsed(line: bytes) -> dict[str, Any]:
    """V4: a line as data. Raises Fault where its bytes are not the only ones that say so, or its form is another's."""
    try:
        text = line.decode()
        body: dict[str, Any] = CAREFUL(text) if LONG_NUMBER.search(line) else QUICK(text)
        # Another order, a key that stands twice, another escape or a space: its canonical form has other bytes.
        is_canonical = canonical(body) == text
    except (ValueError, RecursionError) as fault:
        raise Fault(f"no JSON ({type(fault).__name__})") from None
    if not is_canonical or not (text.isascii() or unicodedata.is_normalized("NFC", text)):
        raise Fault("not in canonical form")
    if not isinstance(body, dict) or tuple(body) != KEYS or not fits(body):
        raise Fault("not the keys and forms of a line of version 1")
    return body


def fits(body: dict[str, Any]) -> bool:
    """Whether the values of a line have the forms that they must have."""
    try:
        documents, cause, position = body["documents"], body["cause"], body["position"]
        return (
            SHAPES.fullmatch("|".join([body[name] for name in SHAPED])) is not None
            and type(body["line_version"]) is int and body["line_version"] == 1
            and type(position) is int and position > 0
            and (cause is None or (type(cause) is int and cause > 0))
            and type(body["data"]) is dict
            and all(type(body[name]) is str for name in TEXTS)
            and all(body[name] is None or type(body[name]) is str for name in OPTIONAL)
            and all(type(each) is list and each == sorted(set(each)) for each in (body["tags"], documents))
            and (not body["tags"] or type("".join(body["tags"])) is str)
            and (not documents or re.fullmatch("(?:[0-9a-f]{64})+", "".join(documents)) is not None)
        )  # fmt: skip
    except TypeError:
        return False


class Lines:
    """One walk over the lines, in order."""

    def __init__(self, bag: Bag, about: dict[str, Any], leaves: Leaves, signed: list[Checkpoint]) -> None:
        self._bag, self._report, self._leaves, self._about = bag, bag.report, leaves, about
        self._dense = about.get("programme_id") is None
        self._types = set(re.findall(r"(?m)^### `([^`]+)`", bag.text("data/event-catalogue.md") or ""))
        self._signed_at = {each.size: each.signed_at for each in signed}
        self._duties = Duties(bag.report)
        self.book: BookB | None = BookB(bag)
        self._ids: set[int] = set()
        self._commands: set[int] = set()
        self._command = -1
        self._recorded_at = ""
        self._missing: list[tuple[int, str]] = []
        self.last = 0

    def walk(self, path: Path) -> None:
        """Judge every line."""
        sha256, at, number = hashlib.sha256, self._leaves.at, 0
        try:
            with path.open("rb") as file:
                for number, raw in enumerate(file, 1):
                    line = raw[:-1] if raw[-1:] == b"\n" else raw
                    if line is raw:
                        self._report.say("V4", "cut", self.last + 1, line=number)
                    leaf = sha256(b"\x00" + line).digest()
                    try:
                        body = parsed(line)
                        position = body["position"]
                        self._judge(body, position)
                    except Fault as fault:
                        position = self.last = self.last + 1
                        self._report.say("V4", "line", position, line=number, why=fault)
                    if leaf != at(position) and position <= self._leaves.size:
                        self._report.say("V2", "leaf", position)
        except OSError as fault:
            self._report.say("V0", "unfit", file=path.name, why=type(fault).__name__)
        self._report.count("lines", number)
        if self._dense and self.last < self._leaves.size:
            self._report.say("V2", "lost", self.last + 1, count=self._leaves.size - self.last)
        if self._dense and self._about["size"] not in (None, self.last):
            self._report.say("V4", "size", self.last, size=self._about["size"])
        for position, document in self._missing:
            self._report.say("V7", "unexcused", position, document=document)

    def _judge(self, body: dict[str, Any], position: int) -> None:
        kind, say, wanted = body["type"], self._report.say, self.last + 1
        self.last = position
        if position != wanted and (self._dense or position < wanted):
            say("V4", "gap", position, there=position, wanted=wanted)
        if body["log"] != self._about["log"]:
            say("V4", "other-log", position, log=body["log"])
        if kind not in self._types:
            say("V4", "type", position, type=kind)
        self._judge_order(body, position)
        for document in body["documents"]:
            self._judge_document(document, position)
        try:
            if kind == OPENED:
                self._duties.zone = ZoneInfo(body["data"]["time_zone"])
            self._duties.authority(body)
            if kind in ABOUT_DUTIES:
                self._duties.take(kind, position, body["actor_id"], body["data"])
            if kind in MONEY and self.book is not None:
                self.book.take(kind, position, self._duties.day(body["effective_at"]), body["data"])
        except (KeyError, TypeError, ValueError, OSError) as fault:
            raise Fault(f"{kind}: {type(fault).__name__} {fault}") from None

    def _judge_order(self, body: dict[str, Any], position: int) -> None:
        """V4: ids are unique, a command's events stand together, causes come before; V5: time goes forward."""
        say, recorded_at = self._report.say, body["recorded_at"]
        event_id, command = (int(body[name].replace("-", ""), 16) for name in ("event_id", "command_id"))
        if event_id in self._ids:
            say("V4", "event-id", position)
        self._ids.add(event_id)
        if command != self._command and command in self._commands:
            say("V4", "command", position)
        self._command = command
        self._commands.add(command)
        if body["cause"] is not None and body["cause"] >= position:
            say("V4", "cause", position)
        if recorded_at <= self._recorded_at:
            say("V5", "backwards", position)
        self._recorded_at = recorded_at
        signed_at = self._signed_at.get(position)
        if signed_at is not None and instant(recorded_at) > signed_at + SKEW:
            say("V5", "clock", position, signed_at=signed_at.isoformat())

    def _judge_document(self, document: str, position: int) -> None:
        """V6: what a line names is there, and what its name says."""
        self._report.count("documents named")
        if document in self._bag.altered:
            self._report.say("V6", "document", position, document=document)
        elif not (self._bag.data / "documents" / document[:2] / document).is_file():
            self._missing.append((position, document))


# --- all of it -------------------------------------------------------------------------------------------------------


def verify(folder: Path, vkeys: list[str], files: list[Path], *, books: bool = True) -> dict[str, Any]:
    """Judge a bundle; the report as data. Raises Unusable where it is none, or a key or a file cannot be used."""
    report, keys = Report(), [Key(text) for text in vkeys]
    bag = Bag(folder, report)
    about = bag.about(keys[0].name)
    bag.check()
    bag.check_rules(about["rules"])
    signed = checkpoints_of(bag, about["log"], keys)
    heads, receipts = kept(files, about["log"], keys, report)
    leaves = Leaves(bag.data / "leaves.bin", report)
    good = leaves.check(signed, heads, receipts, report)
    lines = Lines(bag, about, leaves, signed)
    if not books:
        lines.book = None
    lines.walk(bag.data / "log.jsonl")
    report.unproven = [{"en": en, "zh": zh} for en, zh in unproven(about, good, lines.last, len(heads))]
    return {"bundle": str(folder), "log": about["log"], "size": lines.last, "signed": good, **report.told()}


def unproven(about: dict[str, Any], good: int, last: int, heads: int) -> Iterator[tuple[str, str]]:
    """What nobody can conclude from this report."""
    if last > good:
        yield (
            f"positions {good + 1} to {last}: no checkpoint here is signed over them",
            f"位置 {good + 1} 至 {last}:尚无签名",
        )
    if heads:
        yield "that nothing was cut off after the newest checkpoint you kept", "所存最新检查点之后未被截断"
    else:
        yield "that nothing was cut off and no other history shown: give --head", "未被截断、无另一历史:请附 --head"
    if about.get("programme_id") is not None:
        yield "that these are all the lines of the programme", "所列即为该项目全部记录"
    yield (
        "anything, where all keys are stolen and nobody outside kept a checkpoint",
        "密钥尽失且外部无人留存检查点时,无从证明",
    )
    yield "when checkpoints were signed: the database says so", "检查点签名时刻:仅为数据库所记"
    yield "what documents say: they are here as ciphertext", "附件内容:此处仅为密文"
    yield (
        "registers and rosters (V8), book F and statements (V9): replay.py folds them",
        "名册、登记簿、F 账套与报表:由 replay.py 核对",
    )


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
    lines = [json.dumps(told, ensure_ascii=False, indent=1)] if asked.json else list(printed(told))
    sys.stdout.buffer.write("".join(f"{line}\n" for line in lines).encode())
    return 0 if told["clean"] else 1


if __name__ == "__main__":
    sys.exit(main())
