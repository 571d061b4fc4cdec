from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import os
import tracemalloc
import zipfile
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from infra.content import ALLOWED, ContentProbe, NotAllowed
from infra.documents import LIMIT_BYTES, Documents, EmptyDocument, NoSuchDocument, Received, TooLarge, Truncated
from infra.master_key import MasterKeys
from infra.sealing import HEADER_BYTES, PIECE_BYTES, TAG_BYTES, Damaged, PieceSealer, bound, open_pieces, seal
from infra.staging import Attempt, Staging, Swept
from infra.vault import KeyDestroyed, Vault
from tests.vaulting import OPEN_LOGS, accept, everything, forget

pytestmark = pytest.mark.store

OWNER = "person:0b9d1a1e-8f0e-4a3c-9c1b-2f6f0d8e7a11"
EMPTY = {
    "public.subject_key": "",
    "public.staging": "",
    "public.envelope": "",
    "public.document": "",
    "public.document_chunk": "",
}
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n"
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(64)
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(64)


@pytest_asyncio.fixture
async def logs(superuser: asyncpg.Connection) -> None:
    await superuser.execute(OPEN_LOGS)


@pytest.fixture
def vault(pool: asyncpg.Pool, logs: None) -> Vault:
    return Vault(pool, MasterKeys(os.urandom(32)))


@pytest.fixture
def staging(pool: asyncpg.Pool) -> Staging:
    return Staging(pool)


@pytest.fixture
def documents(pool: asyncpg.Pool, vault: Vault) -> Documents:
    return Documents(pool, vault)


def archive(*names: str, filler: int = 0) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name in names:
            file.writestr(name, b"<x/>" + os.urandom(filler))
    return content.getvalue()


async def pieces_of(content: bytes, size: int = 70_000) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def deposit(
    documents: Documents,
    staging: Staging,
    superuser: asyncpg.Connection,
    content: bytes,
    *,
    log_id: int = 1,
    public: bool = False,
) -> Received:
    """What the front door does, from the first byte to settling."""
    async with staging.attempt(log_id, uuid4()) as attempt:
        received = await documents.receive(attempt, OWNER, "evidence", pieces_of(content), public=public)
        attempt.submitted()
        await accept(superuser, log_id, attempt.command_id, received.document_id)
        attempt.accepted()
    return received


async def left(superuser: asyncpg.Connection) -> dict[str, str]:
    rows = await everything(superuser)
    return {table: rows[table] for table in EMPTY}


# --- in and out -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "size",
    [1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 2 * PIECE_BYTES, 2 * PIECE_BYTES + 5],
)
async def test_a_text_comes_back_byte_for_byte(
    documents: Documents, staging: Staging, superuser: asyncpg.Connection, size: int
) -> None:
    content = ("申报材料 abc\n" * (size // 8 + 1)).encode()[:size].decode(errors="ignore").encode().ljust(size, b".")
    neighbour = await deposit(documents, staging, superuser, b"neighbour", log_id=2)
    received = await deposit(documents, staging, superuser, content)
    assert await documents.read(1, received.document_id) == content
    assert (received.size, received.media_type, received.plaintext_digest) == (size, "text/plain", None)
    described = await documents.describe(1, received.document_id)
    assert (described.size, described.media_type, described.kind) == (size, "text/plain", "evidence")
    assert await documents.read(2, neighbour.document_id) == b"neighbour"
    with pytest.raises(NoSuchDocument):
        await documents.read(2, received.document_id)


async def test_the_id_is_the_digest_of_the_ciphertext(
    documents: Documents, staging: Staging, superuser: asyncpg.Connection
) -> None:
    received = await deposit(documents, staging, superuser, os.urandom(300_000).hex().encode())
    ciphertext = b"".join([piece async for piece in documents.ciphertext(1, received.document_id)])
    assert hashlib.sha256(ciphertext).hexdigest() == received.document_id


async def test_the_same_text_twice_has_two_ids_and_only_a_public_one_has_a_digest(
    documents: Documents, staging: Staging, superuser: asyncpg.Connection
) -> None:
    secret = await deposit(documents, staging, superuser, b"same text")
    published = await deposit(documents, staging, superuser, b"same text", public=True)
    assert secret.document_id != published.document_id
    assert secret.plaintext_digest is None
    assert published.plaintext_digest == hashlib.sha256(b"same text").hexdigest()


async def test_a_short_text_is_received_whole(
    documents: Documents, staging: Staging, superuser: asyncpg.Connection
) -> None:
    async with staging.attempt(1, uuid4()) as attempt:
        received = await documents.receive_bytes(attempt, OWNER, "form", b'{"q":"a"}', media_type="application/json")
        await accept(superuser, 1, attempt.command_id, received.document_id)
        attempt.accepted()
    assert received.media_type == "application/json"
    assert await documents.read(1, received.document_id) == b'{"q":"a"}'


async def test_twenty_megabytes_pass_in_and_out_through_little_memory(
    documents: Documents, staging: Staging, superuser: asyncpg.Connection
) -> None:
    block = PDF.ljust(1 << 20, b"x")

    async def upload() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield block

    tracemalloc.start()
    async with staging.attempt(1, uuid4()) as attempt:
        received = await documents.receive(attempt, OWNER, "evidence", upload(), announced_size=LIMIT_BYTES)
        await accept(superuser, 1, attempt.command_id, received.document_id)
        attempt.accepted()
    digest = hashlib.sha256()
    async for piece in documents.stream(1, received.document_id):
        digest.update(piece)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert received.size == LIMIT_BYTES
    assert digest.digest() == hashlib.sha256(block * 20).digest()
    assert peak < 6 << 20


# --- what is not taken in leaves nothing ------------------------------------------------------------------------------


async def refused(documents: Documents, staging: Staging, content: AsyncIterator[bytes], **options: int) -> None:
    async with staging.attempt(1, uuid4()) as attempt:
        await documents.receive(attempt, OWNER, "evidence", content, **options)  # type: ignore[arg-type]


async def test_too_large_is_refused_and_leaves_nothing(
    documents: Documents, staging: Staging, superuser: asyncpg.Connection
) -> None:
    with pytest.raises(TooLarge) as unannounced:
        await refused(documents, staging, pieces_of(b"x" * 600_001), limit=600_000)
    with pytest.raises(TooLarge):
        await refused(documents, staging, pieces_of(b"x"), limit=600_000, announced_size=600_001)
    assert unannounced.value.limit == 600_000
    assert await left(superuser) == EMPTY
    await refused(documents, staging, pieces_of(b"x" * 600_000), limit=600_000)


async def test_empty_cut_off_and_foreign_content_leave_nothing(
    documents: Documents, staging: Staging, superuser: asyncpg.Connection
) -> None:
    with pytest.raises(EmptyDocument):
        await refused(documents, staging, pieces_of(b""))
    with pytest.raises(Truncated):
        await refused(documents, staging, pieces_of(b"x" * 300_000), announced_size=300_001)
    with pytest.raises(NotAllowed):
        await refused(documents, staging, pieces_of(b"MZ\x90\x00" + bytes(300_000)))
    with pytest.raises(NotAllowed):
        await refused(documents, staging, pieces_of(b"x" * 600_000 + b"\xff"))
    assert await left(superuser) == EMPTY


@pytest.mark.parametrize("fault", [ConnectionResetError, asyncio.CancelledError])
async def test_a_client_that_goes_away_leaves_nothing(
    documents: Documents, staging: Staging, superuser: asyncpg.Connection, fault: type[BaseException]
) -> None:
    async def breaking() -> AsyncIterator[bytes]:
        yield b"x" * 600_000
        assert (await left(superuser))["public.document_chunk"]
        raise fault

    with pytest.raises(fault):
        await refused(documents, staging, breaking())
    assert await left(superuser) == EMPTY


async def test_a_broken_upload_goes_at_once_also_beside_a_living_attempt(
    documents: Documents, staging: Staging, superuser: asyncpg.Connection
) -> None:
    command_id = uuid4()
    async with staging.attempt(1, command_id) as living:
        received = await documents.receive(living, OWNER, "evidence", pieces_of(b"text"))
        before = await left(superuser)
        with pytest.raises(NotAllowed):
            async with staging.attempt(1, command_id) as broken:
                await documents.receive(broken, OWNER, "evidence", pieces_of(b"x" * 600_000 + b"\xff"))
        after = await left(superuser)
        await accept(superuser, 1, command_id, received.document_id)
        living.accepted()
    assert {**after, "public.staging": ""} == {**before, "public.staging": ""}
    assert await documents.read(1, received.document_id) == b"text"


async def test_a_refused_command_takes_its_document_with_it(
    documents: Documents, staging: Staging, superuser: asyncpg.Connection
) -> None:
    async with staging.attempt(1, uuid4()) as attempt:
        received = await documents.receive(attempt, OWNER, "evidence", pieces_of(b"refused"))
        attempt.submitted()
        with pytest.raises(NoSuchDocument):
            await documents.read(1, received.document_id)
        attempt.refused()
    assert await left(superuser) == EMPTY


# --- crash points -----------------------------------------------------------------------------------------------------


async def test_an_upload_that_died_with_its_process_is_swept(
    documents: Documents, staging: Staging, superuser: asyncpg.Connection
) -> None:
    await documents._begin(Attempt(1, uuid4()), OWNER, "evidence", None)
    await documents.receive(Attempt(1, uuid4()), OWNER, "evidence", pieces_of(b"whole, but never submitted"))
    assert await staging.sweep() == Swept(kept=0, removed=0)
    assert await staging.sweep(timedelta(0)) == Swept(kept=0, removed=2)
    assert await left(superuser) == EMPTY


async def test_an_append_without_settling_loses_no_document(
    documents: Documents, staging: Staging, superuser: asyncpg.Connection
) -> None:
    command_id = uuid4()
    received = await documents.receive(Attempt(1, command_id), OWNER, "evidence", pieces_of(b"accepted"))
    await accept(superuser, 1, command_id, received.document_id)
    assert await documents.read(1, received.document_id) == b"accepted"
    assert await staging.sweep(timedelta(0)) == Swept(kept=1, removed=0)
    assert await documents.read(1, received.document_id) == b"accepted"


async def test_the_same_upload_sent_again_is_the_same_document(
    documents: Documents, staging: Staging, superuser: asyncpg.Connection, pool: asyncpg.Pool
) -> None:
    command_id = uuid4()
    dead = await documents.receive(Attempt(1, command_id), OWNER, "evidence", pieces_of(b"text"))
    async with staging.attempt(1, command_id) as attempt:
        again = await documents.receive(attempt, OWNER, "evidence", pieces_of(b"text"))
        await accept(superuser, 1, command_id, again.document_id)
        attempt.accepted()
    async with staging.attempt(1, command_id) as attempt:
        later = await documents.receive(attempt, OWNER, "evidence", pieces_of(b"text"))
        other = await documents.receive(attempt, OWNER, "evidence", pieces_of(b"other text"))
        attempt.refused()
    # The attempt that died is still entered, so what the last one left goes with the sweep.
    assert await staging.sweep(timedelta(0)) == Swept(kept=0, removed=1)
    assert dead.document_id == again.document_id == later.document_id != other.document_id
    assert await pool.fetchval("SELECT count(*) FROM document") == 1
    assert await documents.read(1, again.document_id) == b"text"


async def test_an_upload_beside_its_accepted_twin_ends_in_peace(
    documents: Documents, staging: Staging, superuser: asyncpg.Connection, pool: asyncpg.Pool
) -> None:
    command_id = uuid4()

    async def slow() -> AsyncIterator[bytes]:
        yield b"te"
        async with staging.attempt(1, command_id) as quick:
            received = await documents.receive(quick, OWNER, "evidence", pieces_of(b"text"))
            await accept(superuser, 1, command_id, received.document_id)
            quick.accepted()
        yield b"xt"

    async with staging.attempt(1, command_id) as attempt:
        received = await documents.receive(attempt, OWNER, "evidence", slow())
        attempt.accepted()
    assert await documents.read(1, received.document_id) == b"text"
    assert await pool.fetchval("SELECT count(*) FROM document") == 1
    assert (await left(superuser))["public.staging"] == ""


# --- secrecy and tampering --------------------------------------------------------------------------------------------


async def test_nothing_plain_lies_in_any_table(
    documents: Documents, staging: Staging, superuser: asyncpg.Connection
) -> None:
    marker = "标记-marker-7f3a"
    received = await deposit(documents, staging, superuser, f"before {marker} after".encode())
    dump = "\n".join((await everything(superuser)).values())
    assert received.document_id in dump
    digest = hashlib.sha256(f"before {marker} after".encode()).hexdigest()
    encoded = [base64.b64encode(marker.encode()[skip:])[:-4].decode() for skip in range(3)]
    for form in (marker, marker.encode().hex(), digest, *encoded):
        assert form.lower() not in dump.lower()


async def test_of_an_erased_document_its_id_and_description_are_left_and_not_one_byte(
    documents: Documents, staging: Staging, superuser: asyncpg.Connection
) -> None:
    received = await deposit(documents, staging, superuser, b"to be forgotten")
    described = await documents.describe(1, received.document_id)
    await forget(superuser, 1, OWNER)
    with pytest.raises(KeyDestroyed):
        await documents.read(1, received.document_id)
    with pytest.raises(KeyDestroyed):
        await refused(documents, staging, pieces_of(b"more"))
    with pytest.raises(Truncated):
        await anext(documents.ciphertext(1, received.document_id))
    assert await documents.describe(1, received.document_id) == described
    assert await superuser.fetchval("SELECT count(*) FROM document_chunk") == 0


SWAP = """
UPDATE document_chunk SET seq = CASE seq WHEN 1 THEN 12 ELSE 11 END WHERE seq IN (1, 2);
UPDATE document_chunk SET seq = seq - 10 WHERE seq > 10
"""


@pytest.mark.parametrize(
    ("attack", "fault"),
    [
        ("UPDATE document_chunk SET bytes = set_byte(bytes, 7, get_byte(bytes, 7) # 1) WHERE seq = 0", Damaged),
        ("UPDATE document_chunk SET bytes = set_byte(bytes, 7, get_byte(bytes, 7) # 1) WHERE seq = 2", Damaged),
        (SWAP, Damaged),
        ("DELETE FROM document_chunk WHERE seq = 3", Truncated),
        ("DELETE FROM document_chunk WHERE seq = 3; UPDATE document SET pieces = 2", Truncated),
        ("UPDATE document_chunk SET bytes = substring(bytes FOR 100) WHERE seq = 3", Damaged),
        ("UPDATE document SET media_type = 'image/png'", Damaged),
        ("UPDATE document SET kind = 'notice'", Damaged),
    ],
)  # fmt: skip
async def test_whatever_is_done_to_a_stored_document_is_noticed(
    documents: Documents, staging: Staging, superuser: asyncpg.Connection, attack: str, fault: type[Exception]
) -> None:
    received = await deposit(documents, staging, superuser, b"x" * (2 * PIECE_BYTES + 5_000))
    assert len(await documents.read(1, received.document_id)) == 2 * PIECE_BYTES + 5_000
    await superuser.execute("ALTER TABLE document DISABLE TRIGGER USER")
    await superuser.execute(attack)
    with pytest.raises(fault):
        await documents.read(1, received.document_id)


async def test_another_document_s_ciphertext_under_this_id_is_noticed(
    documents: Documents, staging: Staging, superuser: asyncpg.Connection
) -> None:
    shown = await deposit(documents, staging, superuser, b"the true text")
    other = await deposit(documents, staging, superuser, b"an other text")
    await superuser.execute("ALTER TABLE document DISABLE TRIGGER USER")
    await superuser.execute("UPDATE document SET document_id = NULL, media_type = NULL, size = NULL, pieces = NULL, "
                            "sealed_key = NULL, position = NULL WHERE document_id = $1", shown.document_id)  # fmt: skip
    await superuser.execute(
        "UPDATE document SET document_id = $1 WHERE document_id = $2", shown.document_id, other.document_id
    )
    with pytest.raises(Damaged):
        await documents.read(1, shown.document_id)


async def test_not_even_who_holds_the_keys_can_give_an_id_another_ciphertext(
    documents: Documents, staging: Staging, superuser: asyncpg.Connection, vault: Vault
) -> None:
    received = await deposit(documents, staging, superuser, b"text")
    key, described = os.urandom(32), await documents.describe(1, received.document_id)
    forger = PieceSealer(key, bound("document piece", 1, OWNER, "evidence"))
    place = bound("document key", 1, received.document_id, OWNER, "evidence", described.media_type, described.size)
    forged = seal(await vault.key(1, OWNER), key + hashlib.sha256(b"text").digest(), place)
    await superuser.execute("ALTER TABLE document DISABLE TRIGGER USER")
    await superuser.execute("UPDATE document SET sealed_key = $1", forged)
    for seq, piece in enumerate((forger.header, forger.seal(b"text", last=True))):
        await superuser.execute("UPDATE document_chunk SET bytes = $1 WHERE seq = $2", piece, seq)
    with pytest.raises(Damaged, match="not what its id says"):
        await documents.read(1, received.document_id)


async def test_the_application_itself_cannot_touch_a_piece(
    documents: Documents, staging: Staging, superuser: asyncpg.Connection, pool: asyncpg.Pool
) -> None:
    await deposit(documents, staging, superuser, b"text")
    for statement in (
        "UPDATE document_chunk SET bytes = 'x'",
        "DELETE FROM document_chunk",
        "TRUNCATE document CASCADE",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pool.execute(statement)
    for statement in ("DELETE FROM document", "UPDATE document SET sealed_key = 'x'"):
        with pytest.raises(asyncpg.PostgresError, match="The record names this row"):
            await pool.execute(statement)


# --- chunked sealing, as pure functions -------------------------------------------------------------------------------

KEY = bytes(range(32))
PLACE = bound("document piece", 1, OWNER, "evidence")
SMALL = 8


def sealed(content: bytes) -> list[bytes]:
    sealer = PieceSealer(KEY, PLACE, SMALL)
    starts = range(0, len(content), SMALL)
    return [sealer.header, *(sealer.seal(content[at : at + SMALL], last=at == starts[-1]) for at in starts)]


def split(ciphertext: bytes) -> list[bytes]:
    """Cut an exported ciphertext at the places where pieces begin."""
    body = ciphertext[HEADER_BYTES:]
    size = SMALL + TAG_BYTES
    return [ciphertext[:HEADER_BYTES], *(body[at : at + size] for at in range(0, len(body), size))]


def opened(pieces: list[bytes]) -> bytes:
    return b"".join(open_pieces(KEY, PLACE, pieces, SMALL))


contents = st.binary(min_size=1, max_size=60)


@given(contents)
def test_sealed_pieces_open_to_what_was_sealed(content: bytes) -> None:
    pieces = sealed(content)
    assert opened(pieces) == content
    assert split(b"".join(pieces)) == pieces


@given(contents, st.data())
def test_every_truncation_is_noticed(content: bytes, data: st.DataObject) -> None:
    ciphertext = b"".join(sealed(content))
    kept = data.draw(st.integers(0, len(ciphertext) - 1))
    with pytest.raises((Truncated, Damaged)):
        opened(split(ciphertext[:kept]))


@given(st.binary(min_size=SMALL + 1, max_size=60), st.data())
def test_every_cut_between_two_pieces_is_named_a_truncation(content: bytes, data: st.DataObject) -> None:
    pieces = sealed(content)
    with pytest.raises(Truncated):
        opened(pieces[: data.draw(st.integers(0, len(pieces) - 1))])


@given(contents, st.data())
def test_every_flipped_bit_is_noticed(content: bytes, data: st.DataObject) -> None:
    ciphertext = bytearray(b"".join(sealed(content)))
    ciphertext[data.draw(st.integers(0, len(ciphertext) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(Damaged):
        opened(split(bytes(ciphertext)))


@given(st.binary(min_size=SMALL + 1, max_size=60), st.data())
def test_every_swap_repetition_and_omission_of_pieces_is_noticed(content: bytes, data: st.DataObject) -> None:
    pieces = sealed(content)
    order = data.draw(st.lists(st.integers(0, len(pieces) - 1), max_size=len(pieces) + 2))
    if order != list(range(len(pieces))):
        with pytest.raises((Truncated, Damaged)):
            opened([pieces[number] for number in order])


@given(contents, st.binary(min_size=1, max_size=40))
def test_nothing_can_be_added_at_the_end(content: bytes, more: bytes) -> None:
    with pytest.raises(Damaged):
        opened(split(b"".join(sealed(content)) + more))


def test_another_key_and_another_place_are_noticed_at_the_header() -> None:
    pieces = sealed(b"text")
    for key, place in ((bytes(32), PLACE), (KEY, bound("document piece", 2, OWNER, "evidence"))):
        with pytest.raises(Damaged, match="header"):
            list(open_pieces(key, place, pieces, SMALL))


# --- what a content is ------------------------------------------------------------------------------------------------


def probed(content: bytes, declared: str | None = None, size: int = 1_000) -> str:
    probe = ContentProbe(declared)
    for start in range(0, len(content), size):
        probe.feed(content[start : start + size])
    return probe.media_type()


OFFICE = "application/vnd.openxmlformats-officedocument."
DOCX = archive("[Content_Types].xml", "word/document.xml", filler=50_000)
XLSX = archive("[Content_Types].xml", "xl/workbook.xml")
PPTX = archive(
    "[Content_Types].xml", "ppt/presentation.xml", *(f"ppt/media/image{n}.png" for n in range(500)), filler=700
)


@pytest.mark.parametrize("size", [1, 7, 4_096, 1 << 20])
@pytest.mark.parametrize(
    ("content", "declared", "media_type"),
    [
        (PDF, None, "application/pdf"),
        (PDF + bytes(5_000), "text/plain", "application/pdf"),
        (PNG, "application/octet-stream", "image/png"),
        (JPEG, None, "image/jpeg"),
        (DOCX, "application/zip", OFFICE + "wordprocessingml.document"),
        (XLSX, None, OFFICE + "spreadsheetml.sheet"),
        (PPTX, None, OFFICE + "presentationml.presentation"),
        ("姓名,单位\n李四,三院\n".encode() * 400, "text/csv; charset=utf-8", "text/csv"),
        (b'{"a": 1}', "application/json", "application/json"),
        (b"# Title", "text/markdown", "text/markdown"),
        (b"BM is how this text begins", "image/bmp", "text/plain"),
        ("﻿带有标记".encode(), None, "text/plain"),
        (("x" * 4_095 + "中文").encode(), None, "text/plain"),
    ],
    ids=lambda value: None if isinstance(value, bytes) else value,
)
def test_content_is_known_by_itself(content: bytes, declared: str | None, media_type: str, size: int) -> None:
    assert probed(content, declared, size) == media_type
    assert media_type in ALLOWED


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"MZ\x90\x00" + bytes(100), "application/vnd.microsoft.portable-executable"),
        (b"\x7fELF\x02\x01\x01" + bytes(100), None),
        (archive("notes.txt"), "application/zip"),
        (archive("[Content_Types].xml", "word/document.xml", "word/vbaProject.bin"), "application/zip"),
        (archive("[Content_Types].xml", "word/document.xml", "xl/workbook.xml"), "application/zip"),
        (archive("word/document.xml"), "application/zip"),
        (DOCX[:-30], "application/zip"),
        (b"PK\x03\x04", "application/zip"),
        ("国标编码的文字".encode("gbk"), None),
        (b"text with a \x00 in it", None),
        (b"x" * 9_000 + b"\x1b[2J", None),
        (b"x" * 9_000 + "中".encode()[:2], None),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "application/msword"),
        (b"GIF89a" + bytes(100), "image/gif"),
    ],
)
def test_content_that_is_not_on_the_list_is_refused(content: bytes, media_type: str | None) -> None:
    with pytest.raises(NotAllowed) as refusal:
        probed(content, "text/plain")
    assert media_type is None or refusal.value.media_type == media_type
