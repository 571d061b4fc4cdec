"""Signed notes and checkpoints: the published example, strict reading, and every bit that is changed."""

from __future__ import annotations

import base64
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.note import Checkpoint, NoteRefused, Signer, Verifier, opened, signed

# The example of Go's golang.org/x/mod/sumdb/note, which this must read as it stands and write as it stands.
EXAMPLE_KEY = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
EXAMPLE_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
EXAMPLE_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
EXAMPLE = (
    EXAMPLE_TEXT
    + "\n\u2014 PeterNeumann "
    + "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
SIGNER = Signer.fresh("biaogan.example/log")
TEXT = "biaogan.example/log\n3\n" + base64.b64encode(bytes(32)).decode() + "\n"
NOTE = signed(TEXT, [SIGNER])


def test_the_published_example_is_written_and_read_to_the_letter() -> None:
    signer = Signer.parse(EXAMPLE_KEY)
    assert signer.secret() == EXAMPLE_KEY
    assert str(signer.verifier) == EXAMPLE_VKEY
    assert Verifier.parse(EXAMPLE_VKEY) == signer.verifier
    assert signed(EXAMPLE_TEXT, [signer]) == EXAMPLE
    assert opened(EXAMPLE, [signer.verifier]) == (EXAMPLE_TEXT, (signer.verifier,))


def test_a_private_key_is_not_printed() -> None:
    assert SIGNER.secret().rpartition("+")[2] not in repr(SIGNER)


def test_an_overlap_is_signed_by_both_keys_and_opened_by_either() -> None:
    other = Signer.fresh("biaogan.example/log")
    note = signed(TEXT, [SIGNER, other])
    both = (SIGNER.verifier, other.verifier)
    assert opened(note, both) == (TEXT, both)
    assert opened(note, both[1:]) == (TEXT, both[1:])


def test_whom_nobody_knows_signed_nothing() -> None:
    with pytest.raises(NoteRefused, match="no known key"):
        opened(NOTE, [Signer.fresh(SIGNER.name).verifier])
    with pytest.raises(NoteRefused, match="no known key"):
        opened(NOTE, [Verifier("another/name", SIGNER.verifier.public)])


@given(st.integers(0, len(NOTE.encode()) - 1), st.integers(0, 7))
@settings(max_examples=400, deadline=None)
def test_a_note_with_any_bit_changed_is_refused(at: int, bit: int) -> None:
    data = bytearray(NOTE.encode())
    data[at] ^= 1 << bit
    try:
        changed = bytes(data).decode()
    except UnicodeDecodeError:
        return
    with pytest.raises(NoteRefused):
        opened(changed, [SIGNER.verifier])


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n",
        TEXT,
        TEXT + "\n",
        NOTE.removesuffix("\n"),
        NOTE + "\n",
        NOTE.replace("\n\n", "\n"),
        NOTE + "no signature\n",
        NOTE + "\u2014 name\n",
        NOTE + "\u2014 name AAAA\n",
        NOTE.replace("\u2014 ", "- "),
        "\t" + NOTE,
        NOTE.replace("\n", "\r\n"),
        "x" * 1_000_001 + "\n" + NOTE,
    ],
)
def test_what_is_not_exactly_a_note_is_none(note: str) -> None:
    with pytest.raises(NoteRefused):
        opened(note, [SIGNER.verifier])


@pytest.mark.parametrize("text", ["", "no end", "two ends\n\n", "a\tb\n", "a\r\n"])
def test_what_cannot_be_a_text_is_not_signed(text: str) -> None:
    with pytest.raises(NoteRefused):
        signed(text, [SIGNER])


@pytest.mark.parametrize(
    "key",
    [
        "",
        "PeterNeumann",
        EXAMPLE_VKEY.replace("c74f20a3", "c74f20a4"),
        EXAMPLE_VKEY.replace("PeterNeumann", "Peter Neumann"),
        EXAMPLE_VKEY.replace("+AR", "+AQ"),
        EXAMPLE_VKEY[:-4],
        EXAMPLE_VKEY.replace("TW", "T!"),
    ],
)
def test_a_key_that_is_not_what_it_says_is_refused(key: str) -> None:
    with pytest.raises(NoteRefused):
        Verifier.parse(key)
    with pytest.raises(NoteRefused) as refused:
        Signer.parse(key)
    assert not key or key not in str(refused.value)


def test_a_private_key_under_a_wrong_hash_or_of_another_kind_is_refused() -> None:
    for wrong in (EXAMPLE_KEY.replace("c74f20a3", "c74f20a4"), EXAMPLE_KEY[:-4], EXAMPLE_KEY.replace("+AY", "+BY")):
        with pytest.raises(NoteRefused):
            Signer.parse(wrong)


# --- checkpoints -----------------------------------------------------------------------------------------------------


@given(st.integers(0, 2**62), st.binary(min_size=32, max_size=32), st.lists(st.text("ab:+ ", min_size=1), max_size=3))
def test_a_checkpoint_is_read_as_it_was_written(size: int, root: bytes, extension: list[str]) -> None:
    written = Checkpoint("origin/log", size, root, tuple(extension))
    assert Checkpoint.parse(written.text()) == written


ROOT64 = base64.b64encode(bytes(32)).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "origin\n3\n",
        f"origin\n3\n{ROOT64}",
        f"origin\n03\n{ROOT64}\n",
        f"origin\n-3\n{ROOT64}\n",
        f"origin\n+3\n{ROOT64}\n",
        f"origin\n\u0663\n{ROOT64}\n",
        f"origin\n3\n{ROOT64[:-4]}\n",
        f"origin\n3\n{ROOT64[:-2]}\n",
        f"origin\n3\n{ROOT64[:-2]}B=\n",
        f"\n3\n{ROOT64}\n",
        f"origin\n3\n{ROOT64}\n\n",
        f"origin\n{10**19}\n{ROOT64}\n",
    ],
)
def test_what_is_not_exactly_a_checkpoint_is_none(text: str) -> None:
    with pytest.raises(NoteRefused):
        Checkpoint.parse(text)


def test_a_checkpoint_has_no_line_that_would_be_read_as_two() -> None:
    with pytest.raises(NoteRefused):
        Checkpoint("origin\n4", 3, bytes(32)).text()
    with pytest.raises(NoteRefused):
        Checkpoint("origin", 3, bytes(32), ("",)).text()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not on this machine")
def test_openssl_verifies_the_signature(tmp_path: Path) -> None:
    signature = base64.b64decode(NOTE.rstrip("\n").rpartition(" ")[2])[4:]
    key = Ed25519PublicKey.from_public_bytes(SIGNER.verifier.public)
    (tmp_path / "key.pem").write_bytes(
        key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    (tmp_path / "text").write_text(TEXT, encoding="utf-8")
    (tmp_path / "signature").write_bytes(signature)
    verify = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "key.pem", "-rawin", "-in", "text", "-sigfile"]
    found = subprocess.run([*verify, "signature"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
