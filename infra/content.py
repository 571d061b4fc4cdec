"""What a stream of bytes really is: judged by its content, never by its name; only what is listed here is taken in.

puremagic names formats by their first bytes. Office files are ZIP archives and look alike there, so they are told apart
by the names inside, read from the archive's directory at its end; an archive that is none of them, or that carries
macros, is refused. What is UTF-8 without control characters is text; which kind of text is the sender's word, since
nothing can prove it and nothing depends on it: texts are handed out as attachments only.
"""

from __future__ import annotations

import codecs
import io
import re
import zipfile
from typing import Final

import puremagic

__all__ = ["ALLOWED", "ContentProbe", "NotAllowed"]

_OFFICE: Final = {
    "word/document.xml": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xl/workbook.xml": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ppt/presentation.xml": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}
_PLAIN: Final = "text/plain"
_TEXTS: Final = (_PLAIN, "text/markdown", "text/csv", "application/json")
_BINARIES: Final = ("application/pdf", "image/png", "image/jpeg")
ALLOWED: Final[tuple[str, ...]] = (*_BINARIES, *_OFFICE.values(), *_TEXTS)

_ZIP: Final = "application/zip"
_ZIP_MAGIC: Final = b"PK\x03\x04"
_PDF_MAGIC: Final = b"%PDF"
_UNKNOWN: Final = "application/octet-stream"
_HEAD_BYTES: Final = 4096
# The directory of an office file has well under a hundred bytes for each of its few hundred entries.
_TAIL_BYTES: Final = 256 * 1024
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_MACROS: Final = "vbaproject.bin"


class NotAllowed(Exception):
    """The content is of a kind that is not taken in."""

    def __init__(self, media_type: str) -> None:
        super().__init__(f"Content of the kind {media_type} is not taken in.")
        self.media_type = media_type


class ContentProbe:
    """Looks at a stream as it passes, keeps its two ends only, and says at its end what it was."""

    def __init__(self, declared: str | None = None) -> None:
        self._declared = (declared or "").partition(";")[0].strip().lower()
        self._head = bytearray()
        self._tail = bytearray()
        self._binary: str | None = None
        self._is_judged = False
        self._text = codecs.getincrementaldecoder("utf-8")("strict")

    def feed(self, piece: bytes) -> None:
        """Take in the next bytes; refuses as soon as it can be known that they lead nowhere."""
        if not self._is_judged:
            self._head += piece[: _HEAD_BYTES - len(self._head)]
            if len(self._head) == _HEAD_BYTES:
                self._judge_head()
                piece = bytes(self._pending(piece))
            else:
                self._tail += piece
                return
        self._pass(piece)

    def _pending(self, piece: bytes) -> bytearray:
        whole = self._tail + piece
        self._tail = bytearray()
        return whole

    def media_type(self) -> str:
        """Name what has passed, or refuse it."""
        if not self._is_judged:
            self._judge_head()
            self._pass(bytes(self._pending(b"")))
        if self._binary == _ZIP:
            return self._judge_archive()
        if self._binary is not None:
            return self._binary
        self._check_text(b"", final=True)
        return self._declared if self._declared in _TEXTS else _PLAIN

    def _judge_head(self) -> None:
        self._is_judged = True
        head = bytes(self._head)
        if head.startswith(_ZIP_MAGIC):
            self._binary = _ZIP
            return
        # Of all that is taken in, only a PDF may begin like a text; the names of magic are many to look through.
        is_text = _looks_like_text(head)
        named = [] if is_text and _PDF_MAGIC not in head else _named_by_magic(head)
        self._binary = next((kind for kind in named if kind in _BINARIES), None)
        if self._binary is None and not is_text:
            raise NotAllowed(named[0] if named else _UNKNOWN)

    def _pass(self, piece: bytes) -> None:
        if self._binary == _ZIP:
            self._tail += piece
            del self._tail[:-_TAIL_BYTES]
        elif self._binary is None:
            self._check_text(piece, final=False)

    def _check_text(self, piece: bytes, *, final: bool) -> None:
        try:
            text = self._text.decode(piece, final)
        except UnicodeDecodeError as fault:
            raise NotAllowed(_UNKNOWN) from fault
        if _CONTROL.search(text):
            raise NotAllowed(_UNKNOWN)

    def _judge_archive(self) -> str:
        try:
            with zipfile.ZipFile(io.BytesIO(self._tail)) as archive:
                names = archive.namelist()
        except (zipfile.BadZipFile, ValueError, OSError) as fault:
            raise NotAllowed(_ZIP) from fault
        kinds = [kind for name, kind in _OFFICE.items() if name in names]
        if len(kinds) != 1 or "[Content_Types].xml" not in names or any(_MACROS in name.lower() for name in names):
            raise NotAllowed(_ZIP)
        return kinds[0]


def _named_by_magic(head: bytes) -> list[str]:
    try:
        return [match.mime_type for match in puremagic.magic_string(head) if match.mime_type]
    except puremagic.PureError:
        return []


def _looks_like_text(head: bytes) -> bool:
    # The head may end in the middle of a character, so it is decoded as a beginning.
    try:
        return not _CONTROL.search(codecs.getincrementaldecoder("utf-8")("strict").decode(head))
    except UnicodeDecodeError:
        return False
